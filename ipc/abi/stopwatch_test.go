package abi

import "testing"

func TestStopwatch(t *testing.T) {
	var s Stopwatch
	want := func(now, sum uint64, runs bool) {
		t.Helper()
		if got := s.Load().At(now); got != sum || s.Load().Runs() != runs {
			t.Errorf("at %d: %d, not %d", now, got, sum)
		}
	}
	want(1000, 0, false)
	s.Start(1000)
	want(1000, 0, true)
	want(1501, 501, true)
	want(900, 0, true) // a clock that is behind
	s.Stop(2000)
	want(9000, 1000, false)
	s.Start(10000)
	want(10001, 1001, true)
	var shown Stopwatch
	shown.Show(s.Load())
	if shown.At(10010) != 1010 {
		t.Error("another word")
	}
	s.Stop(10003)
	want(20000, 1003, false)
}
