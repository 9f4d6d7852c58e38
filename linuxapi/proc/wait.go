package proc

import (
	"go42/ipc/abi"
	"go42/ipc/proto"
	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/hook"
	"go42/linuxapi/native"
	"go42/linuxapi/signal"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

const (
	wNoHang    = 1
	wUntraced  = 2 // WSTOPPED
	wExited    = 4
	wContinued = 8
	wNoWait    = 0x01000000
	wNoThread  = 0x20000000
	wAll       = 0x40000000
	wClone     = 0x80000000

	pAll   = 0
	pPid   = 1
	pPgid  = 2
	pPidFD = 3
)

// waitFor waits for a child. The process server answers EAGAIN when there is
// none yet, and notifies ChanProc when that may have changed.
func waitFor(t *thread.Thread, idtype, id, options uint64) (pid uint64, r *proto.WaitResult, st int64) {
	wait := uint64(1)
	if options&wNoHang != 0 {
		wait = 0
	}
	seq := &user.Chan[abi.ChanProc]
	interrupted := false
	for {
		t.BeginWatch()
		t.Watch(seq)
		pid, r, st = Server(t).Wait(idtype, id, options&^wNoHang, wait)
		if st != errno.EAGAIN.Ret() {
			if pid != 0 && hook.Reaped != nil {
				hook.Reaped()
			}
			return pid, r, st
		}
		if wait == 0 {
			return 0, nil, 0
		}
		if interrupted {
			return 0, nil, errno.RestartSys.Ret()
		}
		// A signal that came with the child's death does not end the wait:
		// look once more.
		interrupted = t.WaitWatched(0, true) == user.Interrupted
	}
}

func sysWait4(t *thread.Thread, a *call.Args) int64 {
	pid, options := int32(a[0]), uint64(uint32(a[2]))
	if options&^(wNoHang|wUntraced|wContinued|wNoThread|wAll|wClone) != 0 {
		return errno.EINVAL.Ret()
	}
	if pid == -1<<31 {
		return errno.ESRCH.Ret()
	}
	idtype, id := uint64(pAll), uint64(0)
	switch {
	case pid > 0:
		idtype, id = pPid, uint64(pid)
	case pid == 0:
		idtype = pPgid
	case pid < -1:
		idtype, id = pPgid, uint64(-pid)
	}
	got, r, st := waitFor(t, idtype, id, options|wExited)
	if st < 0 || got == 0 {
		return st
	}
	if a[1] != 0 && !usercopy.Put32(a[1], r.Wstatus) {
		return errno.EFAULT.Ret()
	}
	if a[3] != 0 {
		if e := putRusage(a[3], &r.Rusage); e != errno.OK {
			return e.Ret()
		}
	}
	return int64(got)
}

func sysWaitid(t *thread.Thread, a *call.Args) int64 {
	idtype, id, options := a[0], uint64(uint32(a[1])), uint64(uint32(a[3]))
	if options&^(wNoHang|wUntraced|wExited|wContinued|wNoWait|wNoThread|wAll|wClone) != 0 ||
		options&(wUntraced|wExited|wContinued) == 0 {
		return errno.EINVAL.Ret()
	}
	nonblock := false // a P_PIDFD of a descriptor with O_NONBLOCK
	switch idtype {
	case pAll:
		id = 0
	case pPid:
		if int32(a[1]) <= 0 {
			return errno.EINVAL.Ret()
		}
	case pPgid:
		if int32(a[1]) < 0 {
			return errno.EINVAL.Ret()
		}
	case pPidFD:
		if int32(a[1]) < 0 || hook.PidTarget == nil {
			return errno.EINVAL.Ret()
		}
		pid, nb, e := hook.PidTarget(a[1])
		switch e {
		case errno.OK:
		case errno.ESRCH:
			return errno.ECHILD.Ret()
		default:
			return e.Ret()
		}
		idtype, id = pPid, pid
		nonblock = nb && options&wNoHang == 0
		if nonblock {
			options |= wNoHang
		}
	default:
		return errno.EINVAL.Ret()
	}
	got, r, st := waitFor(t, idtype, id, options)
	if st < 0 {
		return st
	}
	if got == 0 && nonblock {
		return errno.EAGAIN.Ret()
	}
	var info signal.Info
	if got != 0 {
		info = signal.Child(int(r.Code), r.Pid, r.UID, int32(r.Status), int64(r.Rusage.UserNS/1e7), int64(r.Rusage.SysNS/1e7))
	}
	if a[4] != 0 && got != 0 {
		if e := putRusage(a[4], &r.Rusage); e != errno.OK {
			return e.Ret()
		}
	}
	if a[2] != 0 {
		return usercopy.Put(a[2], &info).Ret()
	}
	return 0
}

// putRusage writes struct rusage.
func putRusage(addr uint64, r *proto.Rusage) errno.Errno {
	var v [18]uint64
	v[0], v[1] = r.UserNS/1e9, r.UserNS%1e9/1e3
	v[2], v[3] = r.SysNS/1e9, r.SysNS%1e9/1e3
	v[4] = r.MaxResident >> 10
	v[8], v[9] = r.MinFaults, r.MajFaults
	v[14] = r.Switches
	return usercopy.Put(addr, &v)
}

func sysGetrusage(t *thread.Thread, a *call.Args) int64 {
	var r proto.Rusage
	switch int32(a[0]) {
	case 0, 1: // SELF, THREAD
		var pi abi.ProcessInfo
		native.ProcessInfo(0, &pi)
		r = proto.Rusage{UserNS: pi.UserNS, SysNS: pi.SysNS, MaxResident: pi.MaxResident, MinFaults: pi.MinFaults, MajFaults: pi.MajFaults, Switches: pi.Switches}
		if int32(a[0]) == 1 {
			r.UserNS, r.SysNS = t.CPUTime(), 0
		}
	case -1:
		c, st := Server(t).Rusage(1)
		if st < 0 {
			return st
		}
		r = *c
	default:
		return errno.EINVAL.Ret()
	}
	return putRusage(a[1], &r).Ret()
}
