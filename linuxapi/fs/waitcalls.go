package fs

import (
	"go42/linuxapi/sigcall"
	"go42/linuxapi/signal"
	"go42/linuxapi/thread"
)

// The forms of poll, select and epoll_wait: timeouts, and the signal mask that
// holds during the wait.

const sigsetSize = 8

// tempMask reads the program's mask at addr and installs it for the rest of
// the call; 0: none.
func tempMask(t *thread.Thread, addr, size uint64) int64 {
	if addr == 0 {
		return 0
	}
	if size != sigsetSize {
		return -EINVAL
	}
	m, ok := get64(addr)
	if !ok {
		return -EFAULT
	}
	sigcall.TempMask(t, signal.Set(m&^unblockable))
	return 0
}

// unmask puts the mask back after a call that was not interrupted.
func unmask(t *thread.Thread, r int64) int64 {
	if r != -restartNoHand {
		sigcall.EndTempMask(t)
	}
	return r
}

// deadlineMS turns a timeout in ms (negative: none) into a deadline.
func deadlineMS(t *thread.Thread, ms int32) uint64 {
	switch {
	case ms < 0:
		return forever
	case ms == 0:
		return 0
	}
	return t.Deadline(uint64(ms) * 1e6)
}

// deadlineSpec is deadlineMS for a struct timespec at addr (0: none).
func deadlineSpec(t *thread.Thread, addr uint64) (uint64, int64) {
	if addr == 0 {
		return forever, 0
	}
	ns, ok, bad := getTimespec(addr)
	switch {
	case bad:
		return 0, -EFAULT
	case !ok:
		return 0, -EINVAL
	case ns == 0:
		return 0, 0
	}
	return t.Deadline(ns), 0
}

// left writes what remains until deadline to the timespec at addr, as ppoll
// and pselect6 do.
func left(addr, deadline uint64, r int64) int64 {
	if addr == 0 || r == -EFAULT || r == -EINVAL {
		return r
	}
	var ns uint64
	if t := now(); deadline > t {
		ns = deadline - t
	}
	putTimespec(addr, ns)
	return r
}

func pollCall(t *thread.Thread, a *[6]uint64) int64 {
	return pollLoop(a[0], uint64(uint32(a[1])), deadlineMS(t, int32(a[2])))
}

func ppollCall(t *thread.Thread, a *[6]uint64) int64 {
	d, e := deadlineSpec(t, a[2])
	if e != 0 {
		return e
	}
	if e := tempMask(t, a[3], a[4]); e != 0 {
		return e
	}
	return left(a[2], d, unmask(t, pollLoop(a[0], uint64(uint32(a[1])), d)))
}

func selectCall(t *thread.Thread, a *[6]uint64) int64 {
	d := uint64(forever)
	if a[4] != 0 {
		s, ok1 := get64(a[4])
		u, ok2 := get64(a[4] + 8)
		if !ok1 || !ok2 {
			return -EFAULT
		}
		if int64(s) < 0 || int64(u) < 0 {
			return -EINVAL
		}
		if d = 0; s|u != 0 {
			if s >= forever/nsPerSec/2 {
				d = forever
			} else {
				d = t.Deadline(add(s*nsPerSec, u*1000))
			}
		}
	}
	sets := [3]uint64{a[1], a[2], a[3]}
	r := selectLoop(a[0], &sets, d)
	if a[4] != 0 && r != -EFAULT && r != -EINVAL {
		var ns uint64
		if t := now(); d > t && d != forever {
			ns = d - t
		}
		if d != forever {
			put64(a[4], ns/nsPerSec)
			put64(a[4]+8, ns%nsPerSec/1000)
		}
	}
	return r
}

func pselect6Call(t *thread.Thread, a *[6]uint64) int64 {
	d, e := deadlineSpec(t, a[4])
	if e != 0 {
		return e
	}
	if a[5] != 0 {
		mask, ok1 := get64(a[5])
		size, ok2 := get64(a[5] + 8)
		if !ok1 || !ok2 {
			return -EFAULT
		}
		if e := tempMask(t, mask, size); e != 0 {
			return e
		}
	}
	sets := [3]uint64{a[1], a[2], a[3]}
	return left(a[4], d, unmask(t, selectLoop(a[0], &sets, d)))
}

func epollWaitCall(t *thread.Thread, a *[6]uint64) int64 {
	return epollWait(a[0], a[1], a[2], deadlineMS(t, int32(a[3])))
}

func epollPwaitCall(t *thread.Thread, a *[6]uint64) int64 {
	if e := tempMask(t, a[4], a[5]); e != 0 {
		return e
	}
	return unmask(t, epollWaitCall(t, a))
}

func epollPwait2Call(t *thread.Thread, a *[6]uint64) int64 {
	d, e := deadlineSpec(t, a[3])
	if e != 0 {
		return e
	}
	if e := tempMask(t, a[4], a[5]); e != 0 {
		return e
	}
	return unmask(t, epollWait(a[0], a[1], a[2], d))
}
