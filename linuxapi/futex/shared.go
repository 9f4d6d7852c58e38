package futex

import (
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/linuxapi/errno"
	"go42/linuxapi/native"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

// Words in shared memory. The process server has the queues; a waiter enters
// itself there, and looks at the word after that: who changes the word and then
// wakes finds the waiter, or the waiter finds the change.

// shared says whether other processes may have the word's memory.
func shared(addr uint64) bool {
	var ri abi.RegionInfo
	return native.Query(0, addr, &ri) >= 0 && ri.Addr <= addr && ri.Flags&abi.MapShared != 0
}

func server(t *thread.Thread) client.Proc {
	return client.Proc{C: t.Client(), H: abi.HandleProc}
}

// waitShared is wait for a word in shared memory. owner is the thread that val says
// has it, 0 if it does not: when its process is no more, killed perhaps, so that it
// could let go of nothing, the waiter does what it ought to have done.
func waitShared(t *thread.Thread, addr uint64, val, mask uint32, deadline uint64, owner uint32) int64 {
	if e := check(addr, val); e != errno.OK {
		return e.Ret()
	}
	seq := &user.Chan[abi.ChanFutex]
	t.BeginWatch()
	t.Watch(seq)
	tag := uint64(t.TID)
	if st := server(t).FutexWait(addr, uint64(mask), tag, uint64(owner)); st < 0 {
		if st == errno.ESRCH.Ret() {
			return ownerGone(addr, owner)
		}
		return st
	}
	if e := check(addr, val); e != errno.OK {
		if woken, _ := server(t).FutexEnd(tag, 1); woken != 0 {
			// Meant, perhaps, for one who waits with good reason.
			server(t).FutexWake(addr, 1, uint64(mask))
		}
		return e.Ret()
	}
	for {
		r := t.WaitWatched(deadline, true)
		t.BeginWatch()
		t.Watch(seq)
		cancel := uint64(0)
		if r != user.Woken {
			cancel = 1
		}
		woken, st := server(t).FutexEnd(tag, cancel)
		switch {
		case st < 0:
			return st
		case woken == proto.FutexOwnerGone:
			return ownerGone(addr, owner)
		case woken != 0:
			return 0
		case r == user.TimedOut:
			return errno.ETIMEDOUT.Ret()
		case r == user.Interrupted:
			return interrupted(deadline)
		}
	}
}

// robustOwner is the owner of the robust mutex with val at addr, if t is about to
// wait for one: glibc says so in the list of those that t has. 0: it is no such thing.
func robustOwner(t *thread.Thread, addr uint64, val uint32) uint32 {
	if val&waiters == 0 || t.RobustList == 0 {
		return 0
	}
	off, ok := usercopy.U64(t.RobustList + 8)
	pending, ok2 := usercopy.U64(t.RobustList + 16)
	if !ok || !ok2 || pending&^1+off != addr {
		return 0
	}
	return val & tidMask
}

// ownerGone marks the word of a lock whose owner's process is no more. The caller's
// wait is over: it looks again.
func ownerGone(addr uint64, owner uint32) int64 {
	for {
		v, ok := usercopy.U32(addr)
		if !ok {
			return errno.EFAULT.Ret()
		}
		if v&tidMask != owner {
			return 0
		}
		prev, ok := usercopy.Cas32(addr, v, v&waiters|ownerDied)
		if !ok {
			return errno.EFAULT.Ret()
		}
		if prev == v {
			return 0
		}
	}
}

// check compares the word with what it should be.
func check(addr uint64, val uint32) errno.Errno {
	v, ok := usercopy.U32(addr)
	switch {
	case !ok:
		return errno.EFAULT
	case v != val:
		return errno.EAGAIN
	}
	return errno.OK
}

// wakeWord wakes up to n threads, of any process if the word is shared and the
// caller has not said that it is private.
func wakeWord(t *thread.Thread, addr uint64, n int, mask uint32, private bool) int64 {
	if private || !shared(addr) {
		if _, ok := usercopy.U32(addr); !ok && !private {
			return errno.EFAULT.Ret()
		}
		return int64(Wake(addr, n, mask))
	}
	done, st := server(t).FutexWake(addr, uint64(n), uint64(mask))
	if st < 0 {
		return st
	}
	return int64(done)
}

// requeueShared is requeue where one of the words is shared. Between a shared
// word and a private one nobody can be moved: who would have been is woken.
func requeueShared(t *thread.Thread, from, to uint64, nWake, nMove int, cmp bool, val uint32) int64 {
	if cmp {
		if e := check(from, val); e != errno.OK {
			return e.Ret()
		}
	}
	if !shared(from) || !shared(to) {
		return wakeWord(t, from, nWake+nMove, matchAny, false)
	}
	done, st := server(t).FutexRequeue(from, to, uint64(nWake), uint64(nMove))
	if st < 0 {
		return st
	}
	return int64(done)
}

// wakeOpShared is wakeOp where one of the words is shared.
func wakeOpShared(t *thread.Thread, addr, addr2 uint64, n, n2 int, enc uint32) int64 {
	hit, e := change(addr2, enc)
	if e != errno.OK {
		return e.Ret()
	}
	done := wakeWord(t, addr, n, matchAny, false)
	if hit && done >= 0 {
		if more := wakeWord(t, addr2, n2, matchAny, false); more > 0 {
			done += more
		}
	}
	return done
}
