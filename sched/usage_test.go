package sched

import "testing"

func TestStopwatch(t *testing.T) {
	var s stopwatch
	want := func(now, sum uint64) {
		t.Helper()
		if got := s.read(now); got != sum {
			t.Errorf("at %d: %d, not %d", now, got, sum)
		}
	}
	want(1000, 0)
	s.start(1000)
	want(1000, 0)
	want(1500, 500)
	want(900, 0) // a clock that is behind
	s.start(1600)
	want(1600, 600) // it ran already
	s.stop(2000)
	want(9000, 1000)
	s.stop(3000)
	want(9000, 1000)
	s.start(10000)
	want(10001, 1000) // it counts in steps of two
	want(10010, 1010)
}
