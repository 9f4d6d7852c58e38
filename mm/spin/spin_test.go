package spin

import (
	"sync"
	"testing"
)

func TestLock(t *testing.T) {
	if debug {
		t.Skip("held locks are noted by CPU, not by goroutine")
	}
	var l Lock
	l.Init(FCM)
	n := 0
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10000 {
				l.Acquire()
				n++
				l.Release()
			}
		})
	}
	wg.Wait()
	if n != 40000 {
		t.Fatal(n)
	}
}
