package futex

import (
	"go42/linuxapi/errno"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
)

// Priority-inheritance futexes. The word is 0 or the owner's thread id, with two
// flags: waiters (who unlocks has to make the call) and ownerDied. All threads are
// of policies without static priorities, among which Linux inherits none either:
// what is left is a lock whose owner is known. It is not handed over: who unlocks
// frees it and wakes one waiter, which takes it, or waits again.

// piLock is FUTEX_LOCK_PI and, with try set, FUTEX_TRYLOCK_PI.
func piLock(t *thread.Thread, addr, deadline uint64, private, try bool) int64 {
	across := !private && shared(addr)
	more := uint32(0) // waiters, once others may wait that this one does not know of
	for {
		v, ok := usercopy.U32(addr)
		owner := v & tidMask
		switch {
		case !ok:
			return errno.EFAULT.Ret()
		case owner == t.TID:
			return errno.EDEADLK.Ret()
		case owner == 0:
			prev, ok := usercopy.Cas32(addr, v, v|t.TID|more)
			if !ok {
				return errno.EFAULT.Ret()
			}
			if prev == v {
				return 0
			}
			continue
		case try:
			return errno.EAGAIN.Ret()
		case !across && thread.Find(owner) == nil:
			return errno.ESRCH.Ret()
		}
		if v&waiters == 0 {
			prev, ok := usercopy.Cas32(addr, v, v|waiters)
			if !ok {
				return errno.EFAULT.Ret()
			}
			if prev != v {
				continue
			}
		}
		r := int64(0)
		if across {
			r = waitShared(t, addr, v|waiters, matchAny, deadline, owner)
		} else {
			r = wait(t, addr, v|waiters, matchAny, deadline)
		}
		switch errno.Of(r) {
		case errno.OK:
			more = waiters
		case errno.EAGAIN:
		case errno.RestartSys, errno.RestartNoHand:
			return errno.RestartNoIntr.Ret()
		default:
			return r
		}
	}
}

// piUnlock is FUTEX_UNLOCK_PI.
func piUnlock(t *thread.Thread, addr uint64, private bool) int64 {
	for {
		v, ok := usercopy.U32(addr)
		if !ok {
			return errno.EFAULT.Ret()
		}
		if v&tidMask != t.TID {
			return errno.EPERM.Ret()
		}
		prev, ok := usercopy.Cas32(addr, v, 0)
		if !ok {
			return errno.EFAULT.Ret()
		}
		if prev != v {
			continue
		}
		if v&waiters != 0 {
			wakeWord(t, addr, 1, matchAny, private)
		}
		return 0
	}
}
