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
	return piTake(t, addr, deadline, private, try, 0)
}

// piTake is piLock; more: waiters, if others may wait that this one does not know of.
func piTake(t *thread.Thread, addr, deadline uint64, private, try bool, more uint32) int64 {
	across := !private && shared(addr)
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
			r = wait(t, addr, v|waiters, matchAny, deadline, 0)
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

// waitRequeuePI is FUTEX_WAIT_REQUEUE_PI: it waits at addr until FUTEX_CMP_REQUEUE_PI
// sends it to the PI futex at target, and takes that.
func waitRequeuePI(t *thread.Thread, addr uint64, val uint32, deadline, target uint64, private bool) int64 {
	if target&3 != 0 || target == addr {
		return errno.EINVAL.Ret()
	}
	var r int64
	if !private && shared(addr) {
		r = waitShared(t, addr, val, matchAny, deadline, 0)
	} else {
		r = wait(t, addr, val, matchAny, deadline, target)
	}
	switch errno.Of(r) {
	case errno.OK:
	case errno.RestartSys, errno.RestartNoHand:
		return errno.RestartNoIntr.Ret()
	default:
		return r
	}
	r = piTake(t, target, deadline, private, false, waiters)
	if errno.Of(r) == errno.RestartNoIntr {
		// The call cannot be made again: it has been sent on.
		return errno.EAGAIN.Ret()
	}
	return r
}

// requeuePI is FUTEX_CMP_REQUEUE_PI. All that are to have the futex at to are woken:
// they queue there by themselves.
func requeuePI(t *thread.Thread, from, to uint64, nWake, nMove int, val uint32, private bool) int64 {
	if to&3 != 0 || from == to || nWake != 1 || nMove < 0 {
		return errno.EINVAL.Ret()
	}
	if e := check(from, val); e != errno.OK { // see wait
		return e.Ret()
	}
	if !private && shared(from) {
		return wakeWord(t, from, nWake+nMove, matchAny, false)
	}
	b := &buckets[index(from)]
	was := b.lock.Lock()
	if e := check(from, val); e != errno.OK {
		b.lock.Unlock(was)
		return e.Ret()
	}
	done := b.wake(from, nWake+nMove, matchAny, to)
	b.lock.Unlock(was)
	return int64(done)
}
