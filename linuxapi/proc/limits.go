package proc

import (
	"go42/ipc/abi"
	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/mm"
	"go42/linuxapi/native"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
)

// Resource limits live in the libOS; those that the kernel or the process server
// enforce are passed on.
const (
	rlimitCPU    = 0
	rlimitFSize  = 1
	rlimitData   = 2
	rlimitStack  = 3
	rlimitCore   = 4
	rlimitNProc  = 6
	rlimitNoFile = 7
	rlimitLock   = 8
	rlimitAS     = 9
	rlimitNice   = 13
	infinity     = ^uint64(0)
)

// pullLimits fetches the limits that another process has set.
func pullLimits(t *thread.Thread) {
	for i := range Limits {
		cur, max, st := Server(t).Rlimit(0, uint64(i), 0, 0, 0)
		if st < 0 {
			return
		}
		if v := [2]uint64{cur, max}; v != Limits[i] {
			Limits[i] = v
			enforce(uint64(i), v)
		}
	}
}

// Limits are {soft, hard}, by RLIMIT number. The files half reads RLIMIT_NOFILE
// (Limits[7]) and RLIMIT_FSIZE (Limits[1]).
var Limits = [NumLimits][2]uint64{
	{infinity, infinity}, {infinity, infinity}, {infinity, infinity}, {8 << 20, infinity},
	{0, infinity}, {infinity, infinity}, {4096, 4096}, {1024, 4096},
	{8 << 20, 8 << 20}, {infinity, infinity}, {infinity, infinity}, {1024, 1024},
	{819200, 819200}, {0, 0}, {0, 0}, {infinity, infinity},
}

func sysGetrlimit(t *thread.Thread, a *call.Args) int64 {
	return prlimit(t, 0, a[0], 0, a[1])
}

func sysSetrlimit(t *thread.Thread, a *call.Args) int64 {
	if a[1] == 0 {
		return errno.EFAULT.Ret()
	}
	return prlimit(t, 0, a[0], a[1], 0)
}

func sysPrlimit64(t *thread.Thread, a *call.Args) int64 {
	return prlimit(t, uint64(uint32(a[0])), a[1], a[2], a[3])
}

func prlimit(t *thread.Thread, pid, which, new, old uint64) int64 {
	if which >= NumLimits {
		return errno.EINVAL.Ret()
	}
	var v [2]uint64
	if new != 0 {
		if e := usercopy.Get(&v, new); e != errno.OK {
			return e.Ret()
		}
		if v[0] > v[1] {
			return errno.EINVAL.Ret()
		}
	}
	if pid != 0 && pid != uint64(Me.Pid) {
		set := uint64(0)
		if new != 0 {
			set = 1
		}
		cur, max, st := Server(t).Rlimit(pid, which, set, v[0], v[1])
		if st < 0 {
			return st
		}
		v = [2]uint64{cur, max}
		if old != 0 {
			return usercopy.Put(old, &v).Ret()
		}
		return 0
	}
	if new != 0 && which == rlimitNoFile && v[1] > 1<<20 {
		return errno.EPERM.Ret()
	}
	was, e := own(t, which, new != 0, v)
	if e != errno.OK {
		return e.Ret()
	}
	if old != 0 {
		return usercopy.Put(old, &was).Ret()
	}
	return 0
}

// own reads, and sets, a limit of this process. The process server knows it, whoever
// has set it.
func own(t *thread.Thread, which uint64, set bool, v [2]uint64) (was [2]uint64, e errno.Errno) {
	if was = Limits[which]; !Me.Server {
		n := uint64(0)
		if set {
			n = 1
		}
		cur, max, st := Server(t).Rlimit(0, which, n, v[0], v[1])
		if st < 0 {
			return was, errno.Of(st)
		}
		was = [2]uint64{cur, max}
	}
	if !set {
		v = was
	}
	if Limits[which] == v {
		return was, errno.OK
	}
	Limits[which] = v
	return was, enforce(which, v)
}

func init() { mm.LockLimit = lockLimit }

// lockLimit is mm.LockLimit.
func lockLimit() uint64 {
	if Me.EUID == 0 {
		return infinity
	}
	return Limits[rlimitLock][0]
}

// LimitCPU makes Limits[rlimitCPU] effective; the time layer's.
var LimitCPU func()

// enforce passes on what is not read here at each use.
func enforce(which uint64, v [2]uint64) errno.Errno {
	switch which {
	case rlimitCPU:
		if LimitCPU != nil {
			LimitCPU()
		}
	case rlimitAS:
		return errno.Of(native.SetLimit(abi.LimitAS, v[0]))
	case rlimitData:
		mm.DataLimit = v[0]
	}
	return errno.OK
}
