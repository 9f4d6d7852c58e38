package thread

import (
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/hook"
	"go42/sched/user"
)

// What /proc shows of a thread: an entry in the process's block (abi.ProcThread),
// which names the word that holds the thread's state, so that nothing has to be
// written when that changes.

const _ = uint(user.Ready-abi.ThreadReady) + uint(user.Running-abi.ThreadRunning) + uint(user.Blocked-abi.ThreadBlocked) +
	uint(user.Calling-abi.ThreadCalling) + uint(user.Faulting-abi.ThreadFaulting)

func (t *Thread) entry() *abi.ProcThread {
	if t.slot == 0 {
		return &hook.Info.Main
	}
	return &hook.Info.Thread[t.slot-1]
}

// Publish shows t's id, name and signal mask as they are.
func (t *Thread) Publish() {
	e := t.entry()
	e.Comm, e.Blocked, e.State, e.CPUs, e.Nice, e.Policy = t.Name, uint64(t.Sig.Mask), t.StateAddr(), uint16(t.CPUs()), t.Nice, t.Policy
	e.Pending = uint64(uintptr(unsafe.Pointer(&t.Sig.Pending.Set)))
	atomic.StoreUint32(&e.TID, t.TID)
	if p := hook.Info; t.slot > atomic.LoadUint32(&p.ThreadLimit) {
		atomic.StoreUint32(&p.ThreadLimit, t.slot) // grows under All.lock only
	}
}

// unpublish takes a thread that ends out.
func (t *Thread) unpublish() { atomic.StoreUint32(&t.entry().TID, 0) }
