// Package futex is futex(2): queues of threads by address, within one process.
// Words in memory that processes share have their queues in the process server:
// shared.go.
//
// A bucket's spin lock guards its list and the FutexWait of the threads on it.
// The user's word is read under it, so that no wake is lost between the check
// and the sleep. Requeue takes two buckets, the lower index first.
package futex

import (
	"sync/atomic"

	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

const (
	opWait        = 0
	opWake        = 1
	opRequeue     = 3
	opCmpRequeue  = 4
	opWakeOp      = 5
	opLockPI      = 6
	opUnlockPI    = 7
	opTrylockPI   = 8
	opWaitBitset  = 9
	opWakeBitset  = 10
	opWaitRequeue = 11 // FUTEX_WAIT_REQUEUE_PI
	opRequeuePI   = 12 // FUTEX_CMP_REQUEUE_PI
	opLockPI2     = 13
	flagPrivate   = 128
	flagRealtime  = 256
	matchAny      = 0xffffffff
	tidMask       = 0x3fffffff
	ownerDied     = 0x40000000
	waiters       = 0x80000000
	nBuckets      = 256
	robustMax     = 2048
	robustLenSize = 24
)

type bucket struct {
	lock       user.SpinLock
	head, tail *thread.Thread
}

var buckets [nBuckets]bucket

// Calls are this package's system calls.
var Calls = [...]call.Entry{
	{202, "futex", sysFutex, call.Full, "partial: a PI futex is free before the next one has it, after CMP_REQUEUE_PI too"},
	{273, "set_robust_list", sysSetRobustList, call.Full, "partial: what a process that is killed holds is marked when somebody waits for it"},
	{274, "get_robust_list", sysGetRobustList, call.Full, "partial: threads of the caller's process only (EPERM)"},
}

func index(addr uint64) int32 {
	h := addr >> 2 * 0x9e3779b97f4a7c15
	return int32(h >> 56)
}

func (b *bucket) push(t *thread.Thread, i int32) {
	w := &t.Futex
	w.Prev, w.Next, w.Waiting = b.tail, nil, true
	atomic.StoreInt32(&w.Bucket, i)
	if b.tail != nil {
		b.tail.Futex.Next = t
	} else {
		b.head = t
	}
	b.tail = t
}

func (b *bucket) remove(t *thread.Thread) {
	w := &t.Futex
	if w.Prev != nil {
		w.Prev.Futex.Next = w.Next
	} else {
		b.head = w.Next
	}
	if w.Next != nil {
		w.Next.Futex.Prev = w.Prev
	} else {
		b.tail = w.Prev
	}
	w.Next, w.Prev, w.Waiting = nil, nil, false
}

func sysFutex(t *thread.Thread, a *call.Args) int64 {
	addr, op, val := a[0], uint32(a[1]), uint32(a[2])
	if addr&3 != 0 {
		return errno.EINVAL.Ret()
	}
	cmd := op &^ (flagPrivate | flagRealtime)
	if op&flagRealtime != 0 && cmd != opWaitBitset && cmd != opLockPI2 && cmd != opWaitRequeue {
		return errno.ENOSYS.Ret()
	}
	switch cmd {
	case opWait, opWaitBitset:
		mask := uint32(matchAny)
		if cmd == opWaitBitset {
			if mask = uint32(a[5]); mask == 0 {
				return errno.EINVAL.Ret()
			}
		}
		deadline, e := until(t, a[3], cmd == opWait, op&flagRealtime != 0)
		if e != errno.OK {
			return e.Ret()
		}
		if op&flagPrivate == 0 && shared(addr) {
			return waitShared(t, addr, val, mask, deadline, robustOwner(t, addr, val))
		}
		return wait(t, addr, val, mask, deadline, 0)
	case opWake, opWakeBitset:
		mask := uint32(matchAny)
		if cmd == opWakeBitset {
			if mask = uint32(a[5]); mask == 0 {
				return errno.EINVAL.Ret()
			}
		}
		// As Linux, at least one.
		return wakeWord(t, addr, max(int(int32(val)), 1), mask, op&flagPrivate != 0)
	case opRequeue, opCmpRequeue:
		nWake, nMove := int(int32(val)), int(int32(a[3]))
		if a[4]&3 != 0 || nWake < 0 || nMove < 0 {
			return errno.EINVAL.Ret()
		}
		if op&flagPrivate == 0 && (shared(addr) || shared(a[4])) {
			return requeueShared(t, addr, a[4], nWake, nMove, cmd == opCmpRequeue, uint32(a[5]))
		}
		return requeue(addr, a[4], nWake, nMove, cmd == opCmpRequeue, uint32(a[5]))
	case opWakeOp:
		n, n2 := max(int(int32(val)), 1), max(int(int32(a[3])), 1)
		if a[4]&3 != 0 {
			return errno.EINVAL.Ret()
		}
		if op&flagPrivate == 0 && (shared(addr) || shared(a[4])) {
			return wakeOpShared(t, addr, a[4], n, n2, uint32(a[5]))
		}
		return wakeOp(addr, a[4], n, n2, uint32(a[5]))
	case opLockPI, opLockPI2:
		deadline, e := until(t, a[3], false, cmd == opLockPI || op&flagRealtime != 0)
		if e != errno.OK {
			return e.Ret()
		}
		return piLock(t, addr, deadline, op&flagPrivate != 0, false)
	case opTrylockPI:
		return piLock(t, addr, 0, op&flagPrivate != 0, true)
	case opUnlockPI:
		return piUnlock(t, addr, op&flagPrivate != 0)
	case opWaitRequeue:
		deadline, e := until(t, a[3], false, op&flagRealtime != 0)
		if e != errno.OK {
			return e.Ret()
		}
		return waitRequeuePI(t, addr, val, deadline, a[4], op&flagPrivate != 0)
	case opRequeuePI:
		return requeuePI(t, addr, a[4], int(int32(val)), int(int32(a[3])), uint32(a[5]), op&flagPrivate != 0)
	}
	return errno.ENOSYS.Ret()
}

// until reads a timeout, which may be 0 (none), as a monotonic time in ns: one
// that counts from now, or a time of the monotonic or the real-time clock.
func until(t *thread.Thread, addr uint64, relative, realtime bool) (uint64, errno.Errno) {
	if addr == 0 {
		return 0, errno.OK
	}
	var ts [2]int64
	if e := usercopy.Get(&ts, addr); e != errno.OK {
		return 0, e
	}
	ns, e := timespec(&ts)
	switch {
	case e != errno.OK:
		return 0, e
	case relative:
		return t.Deadline(ns), errno.OK
	case realtime:
		off := user.WallOffset()
		return max(ns, off+1) - off, errno.OK
	}
	return max(ns, 1), errno.OK
}

// timespec is ts in ns; EINVAL if malformed; far futures are cut.
func timespec(ts *[2]int64) (uint64, errno.Errno) {
	if ts[0] < 0 || ts[1] < 0 || ts[1] >= 1e9 {
		return 0, errno.EINVAL
	}
	if ts[0] > 1<<33 {
		return 1 << 62, errno.OK
	}
	return uint64(ts[0])*1e9 + uint64(ts[1]), errno.OK
}

// wait is FUTEX_WAIT. target: the PI futex that the thread is to have then, of which
// who wakes it has to know (FUTEX_WAIT_REQUEUE_PI); 0: none.
func wait(t *thread.Thread, addr uint64, val, mask uint32, deadline, target uint64) int64 {
	// A page that is not there is waited for here, where the other threads run on,
	// not under the lock.
	if e := check(addr, val); e != errno.OK {
		return e.Ret()
	}
	i := index(addr)
	b := &buckets[i]
	was := b.lock.Lock()
	v, ok := usercopy.U32(addr)
	if !ok || v != val {
		b.lock.Unlock(was)
		if !ok {
			return errno.EFAULT.Ret()
		}
		return errno.EAGAIN.Ret()
	}
	t.Futex.Key, t.Futex.Mask, t.Futex.Target = addr, mask, target
	b.push(t, i)
	t.Prepare()
	b.lock.Release()
	r := t.Park(deadline, true)
	if r != user.Woken {
		leave(t)
	}
	user.Restore(was)
	switch r {
	case user.TimedOut:
		return errno.ETIMEDOUT.Ret()
	case user.Interrupted:
		return interrupted(deadline)
	}
	return 0
}

// interrupted is what a wait with that deadline answers when a signal is to be
// delivered: one with a timeout is not made again after a handler.
func interrupted(deadline uint64) int64 {
	if deadline != 0 {
		return errno.RestartNoHand.Ret()
	}
	return errno.RestartSys.Ret()
}

// leave takes a thread whose wait ended otherwise off its bucket, which a requeue
// may have changed. The lock is taken even if a waker was faster: that one's wake
// must not come later than this.
func leave(t *thread.Thread) {
	for {
		i := atomic.LoadInt32(&t.Futex.Bucket)
		b := &buckets[i]
		was := b.lock.Lock()
		done := atomic.LoadInt32(&t.Futex.Bucket) == i
		if done && t.Futex.Waiting {
			b.remove(t)
		}
		b.lock.Unlock(was)
		if done {
			return
		}
	}
}

// Wake wakes up to n threads of this process that wait on addr with a bit of
// mask; it answers how many, or EINVAL (negative): one of them waits for a PI futex.
func Wake(addr uint64, n int, mask uint32) int {
	b := &buckets[index(addr)]
	was := b.lock.Lock()
	done := b.wake(addr, n, mask, 0)
	b.lock.Unlock(was)
	return done
}

// wake is Wake for those whose target that is, under the bucket's lock.
func (b *bucket) wake(addr uint64, n int, mask uint32, target uint64) int {
	done := 0
	for t := b.head; t != nil && done < n; {
		next := t.Futex.Next
		if t.Futex.Key == addr && t.Futex.Mask&mask != 0 {
			if t.Futex.Target != target {
				return -int(errno.EINVAL)
			}
			b.remove(t)
			if t.Wake(user.Woken) {
				done++
			}
		}
		t = next
	}
	return done
}

func requeue(from, to uint64, nWake, nMove int, cmp bool, val uint32) int64 {
	if cmp {
		if e := check(from, val); e != errno.OK { // see wait
			return e.Ret()
		}
	}
	i, j := index(from), index(to)
	was, was2 := lock2(i, j)
	if cmp {
		v, ok := usercopy.U32(from)
		if !ok || v != val {
			unlock2(i, j, was, was2)
			if !ok {
				return errno.EFAULT.Ret()
			}
			return errno.EAGAIN.Ret()
		}
	}
	done := buckets[i].wake(from, nWake, matchAny, 0)
	moved := 0
	for t := buckets[i].head; t != nil && moved < nMove && done >= 0; {
		next := t.Futex.Next
		if t.Futex.Key == from && t.Futex.Target != 0 {
			done, moved = -int(errno.EINVAL), 0
			break
		}
		if t.Futex.Key == from {
			t.Futex.Key = to
			if i != j {
				buckets[i].remove(t)
				buckets[j].push(t, j)
			}
			moved++
		}
		t = next
	}
	unlock2(i, j, was, was2)
	return int64(done + moved)
}

func lock2(i, j int32) (was, was2 uint32) {
	was = buckets[min(i, j)].lock.Lock()
	if i != j {
		was2 = buckets[max(i, j)].lock.Lock()
	}
	return was, was2
}

func unlock2(i, j int32, was, was2 uint32) {
	if i != j {
		buckets[max(i, j)].lock.Unlock(was2)
	}
	buckets[min(i, j)].lock.Unlock(was)
}

// wakeOp is FUTEX_WAKE_OP: changes the word at addr2 and wakes on both.
func wakeOp(addr, addr2 uint64, n, n2 int, enc uint32) int64 {
	i, j := index(addr), index(addr2)
	usercopy.U32(addr2) // see wait
	was, was2 := lock2(i, j)
	hit, e := change(addr2, enc)
	if e != errno.OK {
		unlock2(i, j, was, was2)
		return e.Ret()
	}
	done := buckets[i].wake(addr, n, matchAny, 0)
	if hit && done >= 0 {
		if more := buckets[j].wake(addr2, n2, matchAny, 0); more >= 0 {
			done += more
		} else {
			done = more
		}
	}
	unlock2(i, j, was, was2)
	return int64(done)
}

// change does what enc says to the word at addr, and says whether what was
// there fulfils enc's condition.
func change(addr uint64, enc uint32) (hit bool, e errno.Errno) {
	op, cmp := enc>>28&7, enc>>24&15
	arg, cmpArg := int32(enc<<8)>>20, int32(enc<<20)>>20
	if enc>>31 != 0 {
		arg = 1 << (uint32(arg) & 31)
	}
	if op > 4 || cmp > 5 {
		return false, errno.ENOSYS
	}
	var old uint32
	for {
		v, ok := usercopy.U32(addr)
		if !ok {
			return false, errno.EFAULT
		}
		new := v
		switch op {
		case 0:
			new = uint32(arg)
		case 1:
			new = v + uint32(arg)
		case 2:
			new = v | uint32(arg)
		case 3:
			new = v &^ uint32(arg)
		case 4:
			new = v ^ uint32(arg)
		}
		prev, ok := usercopy.Cas32(addr, v, new)
		if !ok {
			return false, errno.EFAULT // it can be read only
		}
		if prev == v {
			old = v
			break
		}
	}
	o := int32(old)
	switch cmp {
	case 0:
		hit = o == cmpArg
	case 1:
		hit = o != cmpArg
	case 2:
		hit = o < cmpArg
	case 3:
		hit = o <= cmpArg
	case 4:
		hit = o > cmpArg
	case 5:
		hit = o >= cmpArg
	}
	return hit, errno.OK
}

func sysSetRobustList(t *thread.Thread, a *call.Args) int64 {
	if a[1] != robustLenSize {
		return errno.EINVAL.Ret()
	}
	t.RobustList = a[0]
	return 0
}

func sysGetRobustList(t *thread.Thread, a *call.Args) int64 {
	o := t
	if tid := uint32(a[0]); tid != 0 && tid != t.TID {
		if o = thread.Find(tid); o == nil {
			if _, st := server(t).Getpgid(uint64(tid)); st < 0 {
				return st
			}
			return errno.EPERM.Ret()
		}
	}
	if !usercopy.Put64(a[1], o.RobustList) || !usercopy.Put64(a[2], robustLenSize) {
		return errno.EFAULT.Ret()
	}
	return 0
}

// AfterFork empties the queues in a child, in which no one waits.
func AfterFork() {
	for i := range buckets {
		// Untouched pages stay the parent's.
		if buckets[i] != (bucket{}) {
			buckets[i] = bucket{}
		}
	}
}
