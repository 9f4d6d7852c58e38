package fs

import (
	"sync/atomic"

	"go42/sched/user"
)

// A handle that a reply has granted belongs to nobody until it is written down
// in a File. If another thread forked at that moment, the child would have a
// slot that nothing names, and for instance a pipe would never end. So a call
// that may bring handles is made between grantEnter and grantLeave, and a fork
// waits until nobody is there. Emptying a slot and forgetting its number go
// together in the same way.
//
// No lock is held at grantEnter: fork takes them after it has waited. (The
// mount table's handles are guarded by mountMu instead.)
var (
	grantsOpen int32  // atomic: threads between enter and leave
	forking    uint32 // atomic: a fork waits or goes on
	grantSeq   user.Seq
	forkMu     mutex // one fork at a time
)

func grantEnter() {
	for {
		if atomic.LoadUint32(&forking) == 0 {
			atomic.AddInt32(&grantsOpen, 1)
			if atomic.LoadUint32(&forking) == 0 {
				return
			}
			grantLeave()
		}
		awaitGrant(func() bool { return atomic.LoadUint32(&forking) == 0 })
	}
}

func grantLeave() {
	if atomic.AddInt32(&grantsOpen, -1) == 0 && atomic.LoadUint32(&forking) != 0 {
		grantSeq.Bump()
	}
}

// awaitGrant blocks until done, which is asked again when grantSeq moves.
func awaitGrant(done func() bool) {
	for {
		t := user.Current()
		t.BeginWatch()
		t.Watch(&grantSeq)
		if done() {
			return
		}
		t.WaitWatched(0, false)
	}
}

// closeGrants keeps everybody out for a fork; openGrants ends that.
func closeGrants() {
	forkMu.Lock()
	atomic.StoreUint32(&forking, 1)
	if atomic.LoadInt32(&grantsOpen) != 0 {
		awaitGrant(func() bool { return atomic.LoadInt32(&grantsOpen) == 0 })
	}
}

func openGrants() {
	atomic.StoreUint32(&forking, 0)
	grantSeq.Bump()
	forkMu.Unlock()
}
