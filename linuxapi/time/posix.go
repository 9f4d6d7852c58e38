package time

import (
	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/signal"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
)

// POSIX timers: a fixed table; the id is the index. Guarded by lock.
const maxPosix = 256

var posix [maxPosix]interval

const (
	sigevSignal   = 0
	sigevNone     = 1
	sigevThread   = 2
	sigevThreadID = 4
)

func sysTimerCreate(t *thread.Thread, a *call.Args) int64 {
	clock := int32(a[0])
	if _, e := read(clock); e != errno.OK {
		return e.Ret()
	}
	iv := interval{clock: clockMonotonic, used: true, posix: true, notify: true, sig: signal.SIGALRM}
	switch clock {
	case clockRealtime, clockTAI, clockRealAlarm:
		iv.clock = clockRealtime
	case clockMonotonic, clockBoottime, clockBootAlarm:
	case clockRaw, clockRealCoarse, clockMonoCoarse:
		return errno.ENOTSUP.Ret()
	case clockThreadCPU, ^0<<3 | clockOfThread | 2:
		iv.cpu, iv.clock = true, int32(^t.TID<<3|clockOfThread|2)
	default:
		iv.cpu, iv.clock = true, clock
	}
	valued := false
	if a[1] != 0 {
		var ev [8]uint64 // struct sigevent: value, signo|notify, tid
		if e := usercopy.Get(&ev, a[1]); e != errno.OK {
			return e.Ret()
		}
		iv.value, valued = ev[0], true
		iv.sig = int(int32(ev[1]))
		switch int32(ev[1] >> 32) {
		case sigevNone:
			iv.notify = false
		case sigevSignal, sigevThread:
		case sigevThreadID, sigevThreadID | sigevThread:
			iv.tid = uint32(ev[2])
			if thread.Find(iv.tid) == nil {
				return errno.EINVAL.Ret()
			}
		default:
			return errno.EINVAL.Ret()
		}
		if iv.notify && (iv.sig < 1 || iv.sig > signal.NumSig) {
			return errno.EINVAL.Ret()
		}
	}
	was := lock.Lock()
	id := -1
	for i := range posix {
		if !posix[i].used {
			id = i
			break
		}
	}
	if id >= 0 {
		iv.id = int32(id)
		if !valued {
			iv.value = uint64(id)
		}
		posix[id] = iv
	}
	lock.Unlock(was)
	if id < 0 {
		return errno.EAGAIN.Ret()
	}
	if !usercopy.Put32(a[2], uint32(id)) {
		remove(uint64(id))
		return errno.EFAULT.Ret()
	}
	return 0
}

// find locks and answers the timer, nil (unlocked): there is none.
func find(id uint64) (iv *interval, was uint32) {
	if id >= maxPosix {
		return nil, 0
	}
	was = lock.Lock()
	if !posix[id].used {
		lock.Unlock(was)
		return nil, 0
	}
	return &posix[id], was
}

func remove(id uint64) bool {
	iv, was := find(id)
	if iv == nil {
		return false
	}
	iv.timer.Stop()
	*iv = interval{}
	lock.Unlock(was)
	return true
}

func sysTimerDelete(t *thread.Thread, a *call.Args) int64 {
	if !remove(uint64(uint32(a[0]))) {
		return errno.EINVAL.Ret()
	}
	return 0
}

func putItimerspec(addr, rest, every uint64) errno.Errno {
	v := [4]uint64{every / second, every % second, rest / second, rest % second}
	return usercopy.Put(addr, &v)
}

func sysTimerSettime(t *thread.Thread, a *call.Args) int64 {
	if a[2] == 0 {
		return errno.EINVAL.Ret()
	}
	var v [2][2]int64
	if e := usercopy.Get(&v, a[2]); e != errno.OK {
		return e.Ret()
	}
	every, e := timespecNS(v[0])
	if e != errno.OK {
		return e.Ret()
	}
	first, e := timespecNS(v[1])
	if e != errno.OK {
		return e.Ret()
	}
	iv, was := find(uint64(uint32(a[0])))
	if iv == nil {
		return errno.EINVAL.Ret()
	}
	rest, period := iv.left()
	iv.at, iv.every = 0, every
	if first != 0 {
		iv.at = first
		if a[1]&1 == 0 {
			iv.at += iv.now()
		}
	}
	iv.overrun = 0
	iv.arm()
	lock.Unlock(was)
	if a[3] != 0 {
		return putItimerspec(a[3], rest, period).Ret()
	}
	return 0
}

func sysTimerGettime(t *thread.Thread, a *call.Args) int64 {
	iv, was := find(uint64(uint32(a[0])))
	if iv == nil {
		return errno.EINVAL.Ret()
	}
	rest, every := iv.left()
	lock.Unlock(was)
	return putItimerspec(a[1], rest, every).Ret()
}

func sysTimerGetoverrun(t *thread.Thread, a *call.Args) int64 {
	iv, was := find(uint64(uint32(a[0])))
	if iv == nil {
		return errno.EINVAL.Ret()
	}
	n := iv.overrun
	lock.Unlock(was)
	return int64(n)
}
