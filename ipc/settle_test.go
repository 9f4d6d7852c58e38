package ipc_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go42/ipc"
)

// lastsKernel has one object whose last handle has gone, and after it others without end.
type lastsKernel struct {
	ipc.Kernel
	next atomic.Uint64
}

func (k *lastsKernel) NextLast(uint64) (object uint64, ok bool) {
	n := k.next.Add(1)
	return n, n%2 == 1
}

// Who asks what others have given up waits for one that takes its time to hear of it,
// and not for those that keep coming.
func TestSettleLasts(t *testing.T) {
	k := &lastsKernel{}
	begun := make(chan bool)
	var told, stop atomic.Bool
	s := &ipc.Server{Kernel: k, Last: func(o uint64) {
		if o == 1 {
			close(begun)
			time.Sleep(300 * time.Millisecond)
			told.Store(true)
		}
		time.Sleep(time.Millisecond)
	}}
	var wg sync.WaitGroup
	wg.Go(s.PullLasts)
	<-begun
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				s.PullLasts()
			}
		})
	}
	s.SettleLasts()
	if !told.Load() {
		t.Error("it has not been told of what was given up before")
	}
	s.SettleLasts()
	stop.Store(true)
	wg.Wait()
}
