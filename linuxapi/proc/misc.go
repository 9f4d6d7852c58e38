package proc

import (
	"sync/atomic"

	"go42/ipc/abi"
	"go42/ipc/proto"
	"go42/linuxapi/call"
	"go42/linuxapi/entry"
	"go42/linuxapi/errno"
	"go42/linuxapi/futex"
	"go42/linuxapi/hook"
	"go42/linuxapi/native"
	"go42/linuxapi/signal"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

// Exits.

func sysExit(t *thread.Thread, a *call.Args) int64 {
	futex.ExitThread(t)
	n := thread.Remove(t)
	hook.Info.Threads = uint32(n)
	if n == 0 {
		native.Exit(uint64(a[0]&0xff) << 8)
	}
	ThreadEnded(t)
	thread.Exit(t)
	return 0
}

// ThreadEnded is told of a thread that has left the table: the signal layer's.
var ThreadEnded func(t *thread.Thread)

func sysExitGroup(t *thread.Thread, a *call.Args) int64 {
	futex.ExitProcess(Me.VforkChild)
	native.Exit(uint64(a[0]&0xff) << 8)
	return 0
}

func sysYield(t *thread.Thread, a *call.Args) int64 {
	user.Yield()
	return 0
}

func sysSetTidAddress(t *thread.Thread, a *call.Args) int64 {
	t.ClearChildTID = a[0]
	return int64(t.TID)
}

// Names and figures of the system.

const release = "6.1.0-go42"

func sysUname(t *thread.Thread, a *call.Args) int64 {
	var u [6][65]byte
	copy(u[0][:], "Linux")
	copy(u[2][:], release)
	copy(u[3][:], "#1 SMP Go42")
	copy(u[4][:], "x86_64")
	if !Me.Server {
		for i, which := range [2]uint64{proto.NameHost, proto.NameDomain} {
			s := u[1+4*i][:64]
			Server(t).Name(which, outBytes(s))
		}
	}
	if u[1][0] == 0 {
		copy(u[1][:], "go42")
	}
	if u[5][0] == 0 {
		copy(u[5][:], "(none)")
	}
	return usercopy.Put(a[0], &u).Ret()
}

func setName(t *thread.Thread, which, addr, n uint64) int64 {
	if Me.EUID != 0 {
		return errno.EPERM.Ret()
	}
	if n > 64 {
		return errno.EINVAL.Ret()
	}
	var b [64]byte
	if e := usercopy.CopyIn(b[:n], addr); e != errno.OK {
		return e.Ret()
	}
	return Server(t).SetName(which, str(b[:n]))
}

func sysSethostname(t *thread.Thread, a *call.Args) int64 {
	return setName(t, proto.NameHost, a[0], a[1])
}

func sysSetdomainname(t *thread.Thread, a *call.Args) int64 {
	return setName(t, proto.NameDomain, a[0], a[1])
}

func sysSysinfo(t *thread.Thread, a *call.Args) int64 {
	var si abi.SysInfo
	native.SysInfo(&si)
	info := native.Info()
	var v [14]uint64 // struct sysinfo, 112 bytes
	v[0] = user.Now() / 1e9
	v[1], v[2], v[3] = info.Loads[0], info.Loads[1], info.Loads[2]
	v[4], v[5], v[6] = si.MemTotal, si.MemFree, si.MemShared
	procs := min(si.Processes, 65535)
	v[10] = procs
	v[13] = 1 // mem_unit
	return usercopy.Put(a[0], &v).Ret()
}

func sysGetrandom(t *thread.Thread, a *call.Args) int64 {
	if a[2]&^7 != 0 || a[2]&6 == 6 {
		return errno.EINVAL.Ret()
	}
	n := min(a[1], 1<<25-1)
	var b [256]byte
	for done := uint64(0); done < n; {
		k := min(n-done, uint64(len(b)))
		native.Random(b[:k])
		if w := usercopy.CopyOutPart(a[0]+done, b[:k]); uint64(w) != k {
			if done+uint64(w) == 0 {
				return errno.EFAULT.Ret()
			}
			return int64(done) + int64(w)
		}
		done += k
		if done%4096 == 0 && t.HasWork(user.Interrupting) && done < n {
			return int64(done)
		}
	}
	return int64(n)
}

func sysReboot(t *thread.Thread, a *call.Args) int64 {
	const magic1, magic2 = 0xfee1dead, 672274793
	m := uint32(a[1])
	if uint32(a[0]) != magic1 || m != magic2 && m != 85072278 && m != 369367448 && m != 537993216 {
		return errno.EINVAL.Ret()
	}
	switch uint32(a[2]) {
	case 0x4321fedc, 0xcdef0123: // POWER_OFF, HALT
		return Server(t).Power(abi.PowerOff, 0)
	case 0x01234567, 0xa1b2c3d4: // RESTART, RESTART2
		return Server(t).Power(abi.PowerReboot, 0)
	case 0, 0x89abcdef: // Ctrl-Alt-Del does not exist
		return 0
	}
	return errno.EINVAL.Ret()
}

// prctl.
func sysPrctl(t *thread.Thread, a *call.Args) int64 {
	arg := a[1]
	switch int32(a[0]) {
	case 1: // SET_PDEATHSIG
		if arg > signal.NumSig {
			return errno.EINVAL.Ret()
		}
		_, st := Server(t).Prctl(proto.PrctlSetPdeathsig, arg)
		return st
	case 2: // GET_PDEATHSIG
		v, st := Server(t).Prctl(proto.PrctlGetPdeathsig, 0)
		if st < 0 {
			return st
		}
		if !usercopy.Put32(arg, uint32(v)) {
			return errno.EFAULT.Ret()
		}
		return 0
	case 3: // GET_DUMPABLE
		v, st := Server(t).Prctl(proto.PrctlGetDumpable, 0)
		if st < 0 {
			return st
		}
		return int64(v)
	case 4: // SET_DUMPABLE
		if arg > 1 {
			return errno.EINVAL.Ret()
		}
		_, st := Server(t).Prctl(proto.PrctlSetDumpable, arg)
		return st
	case 7: // GET_KEEPCAPS
		if t.KeepCaps {
			return 1
		}
		return 0
	case 8: // SET_KEEPCAPS
		if arg > 1 {
			return errno.EINVAL.Ret()
		}
		t.KeepCaps = arg == 1
		return 0
	case 15: // SET_NAME
		var b [16]byte
		if _, e := usercopy.String(b[:], arg); e != errno.OK && e != errno.ENAMETOOLONG {
			return e.Ret()
		}
		b[15] = 0
		n := 0
		for b[n] != 0 {
			n++
		}
		clear(b[n:])
		t.Name = b
		t.Publish()
		if int64(t.TID) == Me.Pid {
			Me.Comm = b
			hook.Info.Comm = b
			Server(t).SetComm(str(t.Name[:n]))
		}
		return 0
	case 16: // GET_NAME
		return usercopy.CopyOut(arg, t.Name[:]).Ret()
	case 21: // GET_SECCOMP
		return 0
	case 23: // CAPBSET_READ
		if arg > 40 {
			return errno.EINVAL.Ret()
		}
		return 1
	case 29: // SET_TIMERSLACK
		t.Slack = 0
		if int64(arg) > 0 {
			t.Slack = min(arg, 1<<40)
		}
		return 0
	case 30: // GET_TIMERSLACK
		return int64(t.TimerSlack())
	case 36: // SET_CHILD_SUBREAPER
		_, st := Server(t).Prctl(proto.PrctlSetSubreaper, arg)
		return st
	case 37: // GET_CHILD_SUBREAPER
		v, st := Server(t).Prctl(proto.PrctlGetSubreaper, 0)
		if st < 0 {
			return st
		}
		if !usercopy.Put32(arg, uint32(v)) {
			return errno.EFAULT.Ret()
		}
		return 0
	case 38: // SET_NO_NEW_PRIVS
		if arg != 1 || a[2] != 0 || a[3] != 0 || a[4] != 0 {
			return errno.EINVAL.Ret()
		}
		// The process server must know: what the libOS remembers the program
		// could change.
		if _, st := Server(t).Prctl(proto.PrctlSetNoNew, 1); st < 0 {
			return int64(st)
		}
		Me.NoNewPrivs = true
		return 0
	case 39: // GET_NO_NEW_PRIVS
		if Me.NoNewPrivs {
			return 1
		}
		return 0
	case 47: // CAP_AMBIENT: the set is empty and stays so
		if a[3] != 0 || a[4] != 0 {
			return errno.EINVAL.Ret()
		}
		switch op, cap := a[1], a[2]; {
		case op == 4 && cap == 0: // CLEAR_ALL
			return 0
		case cap > 40 || op < 1 || op > 3:
			return errno.EINVAL.Ret()
		case op == 2: // RAISE
			return errno.EPERM.Ret()
		}
		return 0 // IS_SET: it is not; LOWER
	case 42: // GET_THP_DISABLE
		return 0
	}
	return errno.EINVAL.Ret()
}

func sysArchPrctl(t *thread.Thread, a *call.Args) int64 {
	switch a[0] {
	case 0x1002:
		if a[1] >= abi.ProgramHi {
			return errno.EPERM.Ret()
		}
		was := user.Disable()
		t.FSBase = a[1]
		entry.SetFSBase(a[1])
		user.Restore(was)
		return 0
	case 0x1003:
		if !usercopy.Put64(a[1], entry.FSBase()) {
			return errno.EFAULT.Ret()
		}
		return 0
	}
	return errno.EINVAL.Ret()
}

func sysPersonality(t *thread.Thread, a *call.Args) int64 {
	old := Me.Personality
	if p := uint32(a[0]); p != 0xffffffff {
		Me.Personality = p
	}
	return int64(old)
}

func sysUnshare(t *thread.Thread, a *call.Args) int64 {
	const ok = cFS | cFiles | cSysVSem
	switch {
	case a[0]&cNamespaces != 0:
		return errno.EPERM.Ret()
	case a[0]&^ok != 0, thread.All.N > 1 && a[0] != 0:
		return errno.EINVAL.Ret()
	}
	return 0
}

// Scheduling attributes.

func target(a *call.Args) (*thread.Thread, errno.Errno) {
	id := int32(a[0])
	if id < 0 {
		return nil, errno.EINVAL
	}
	if id == 0 {
		return thread.Current(), errno.OK
	}
	if o := thread.Find(uint32(id)); o != nil {
		return o, errno.OK
	}
	return nil, errno.ESRCH
}

// known is target for calls that answer the same of every thread of any process.
func known(t *thread.Thread, a *call.Args) errno.Errno {
	if _, e := target(a); e != errno.ESRCH {
		return e
	}
	_, _, _, st := Server(t).Thread(uint64(uint32(a[0])))
	return errno.Of(st)
}

func cpuMask() uint64 {
	n := native.Info().NCPU
	if n >= 64 {
		return ^uint64(0)
	}
	return 1<<max(n, 1) - 1
}

func sysGetaffinity(t *thread.Thread, a *call.Args) int64 {
	if a[1] < 8 || a[1]&7 != 0 {
		return errno.EINVAL.Ret()
	}
	o, e := target(a)
	if e == errno.EINVAL {
		return errno.ESRCH.Ret() // a negative id
	}
	m := cpuMask()
	// Of this process's threads, too, the server knows what others have set a moment ago.
	switch _, _, c, st := Server(t).Thread(threadID(t, uint32(a[0]))); {
	case st >= 0:
		m &= c
	case o == nil:
		return st
	case o.CPUs() != 0: // one that the block has no room for
		m &= o.CPUs()
	}
	if !usercopy.Put64(a[2], m) {
		return errno.EFAULT.Ret()
	}
	return 8
}

func sysSetaffinity(t *thread.Thread, a *call.Args) int64 {
	var b [8]byte
	if e := usercopy.CopyIn(b[:min(a[1], 8)], a[2]); e != errno.OK {
		return e.Ret()
	}
	m := uint64(0)
	for i, c := range b {
		m |= uint64(c) << (8 * i)
	}
	o, e := target(a)
	if e == errno.ESRCH {
		if e = known(t, a); e != errno.OK {
			return e.Ret()
		}
	}
	if e == errno.EINVAL {
		return errno.ESRCH.Ret() // a negative id
	}
	if m&cpuMask() == 0 {
		return errno.EINVAL.Ret()
	}
	if o == nil {
		if m &= cpuMask(); m == cpuMask() {
			m = proto.AllCPUs
		}
		return Server(t).SetThread(uint64(uint32(a[0])), proto.ThreadCPUs, m)
	}
	setAffinity(o, m)
	return 0
}

// setAffinity lets o run on the CPUs in m only, of which there is one.
func setAffinity(o *thread.Thread, m uint64) {
	if m &= cpuMask(); m == cpuMask() {
		m = 0
	}
	if thread.All.N == 1 {
		user.MoveAll(m) // rather than a second dispatcher
	}
	o.SetCPUs(m)
	o.Publish()
}

func sysIoprioGet(t *thread.Thread, a *call.Args) int64 {
	if a[0] < 1 || a[0] > 3 {
		return errno.EINVAL.Ret()
	}
	return 0 // no class: it follows the nice value
}

func sysIoprioSet(t *thread.Thread, a *call.Args) int64 {
	if a[0] < 1 || a[0] > 3 || a[2]>>13 > 3 {
		return errno.EINVAL.Ret()
	}
	return 0
}

func sysGetcpu(t *thread.Thread, a *call.Args) int64 {
	cpu := user.CPU()
	if a[0] != 0 && !usercopy.Put32(a[0], cpu) || a[1] != 0 && !usercopy.Put32(a[1], 0) {
		return errno.EFAULT.Ret()
	}
	return 0
}

// registered are the membarrier commands that the program has announced. Atomic.
var registered uint32

func sysMembarrier(t *thread.Thread, a *call.Args) int64 {
	const supported = 1 | 2 | 4 | 8 | 16 | 32 | 64
	if uint32(a[1]) != 0 {
		return errno.EINVAL.Ret()
	}
	switch c := uint32(a[0]); c {
	case 0:
		return supported
	case 8, 32:
		if registered&(c<<1) == 0 {
			return errno.EPERM.Ret()
		}
		fallthrough
	case 1, 2:
		user.Membarrier()
		return 0
	case 4, 16, 64: // registrations
		atomic.OrUint32(&registered, c)
		return 0
	}
	return errno.EINVAL.Ret()
}
