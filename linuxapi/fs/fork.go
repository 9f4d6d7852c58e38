package fs

import (
	"sync/atomic"

	"go42/linuxapi/errno"
	"go42/linuxapi/hook"
	"go42/sched/user"
)

// fork. The child's copy of this package's memory is a snapshot in which other
// threads of the parent may have been anywhere but inside the locks below.
// Handles need no work: the kernel's handle set is inherited.

// forkLocks are all locks of the package, in lock order.
var forkLocks = [...]*mutex{&fsMu, &mountMu, &epollMu, &tableMu, &poolMu, &eventMu, &timerMu, &signalfdMu}

func forkPrepare(which hook.Sharing) errno.Errno {
	srv, e := shareForFork(which)
	if e != errno.OK {
		return e
	}
	closeGrants()
	// One that is made from now on waits (newEvent, newTimer).
	if srv != 0 {
		if st := shareAll(srv, which); st < 0 && !unshared(st) {
			openGrants()
			return errno.ENOMEM
		}
	}
	for _, m := range forkLocks {
		m.Lock()
	}
	return errno.OK
}

func forkParent() {
	for i := len(forkLocks) - 1; i >= 0; i-- {
		forkLocks[i].Unlock()
	}
	openGrants()
}

// forkChild makes the copy the child's: only the forking thread is left, and
// it is in no call of this package. References of other threads' calls are
// taken back by counting anew.
func forkChild() {
	for _, m := range forkLocks {
		m.Reset()
	}
	localSeq, grantSeq, lookSeq = user.Seq{}, user.Seq{}, user.Seq{}
	lookWaiters = 0
	forkMu.Reset()
	forking, grantsOpen = 0, 0
	atomic.StoreUint32(&hasLocks, 0)
	bufs.reset()
	bounces.reset()
	for i := int32(1); i <= filesUsed; i++ {
		if files[i].kind != kindNone {
			files[i].refs = 0
			files[i].posMu.Reset()
			files[i].hint = 0 // what servers will announce they announce to the parent
		}
	}
	for i := range items[:itemsUsed+1] {
		items[i].watch.armed = false
	}
	for fd := table.Next(0); fd >= 0; fd = table.Next(fd + 1) {
		table.Get(fd).refs++
	}
	if cwd != nil {
		cwd.refs++
	}
	if rootDir != nil {
		rootDir.refs++
	}
	for i := int32(1); i <= filesUsed; i++ {
		if f := &files[i]; f.kind != kindNone && f.refs == 0 {
			f.release()
		}
	}
}
