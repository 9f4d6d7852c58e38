package futex

import (
	"go42/ipc/abi"
	"go42/ipc/client"
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

// waitShared is wait for a word in shared memory.
func waitShared(t *thread.Thread, addr uint64, val, mask uint32, deadline uint64) int64 {
	if e := check(addr, val); e != errno.OK {
		return e.Ret()
	}
	seq := &user.Chan[abi.ChanFutex]
	t.BeginWatch()
	t.Watch(seq)
	tag := uint64(t.TID)
	if st := server(t).FutexWait(addr, uint64(mask), tag); st < 0 {
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
		case woken != 0:
			return 0
		case r == user.TimedOut:
			return errno.ETIMEDOUT.Ret()
		case r == user.Interrupted:
			return interrupted(deadline)
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
