package proc

import (
	"go42/ipc/abi"
	"go42/linuxapi/call"
	"go42/linuxapi/entry"
	"go42/linuxapi/errno"
	"go42/linuxapi/hook"
	"go42/linuxapi/signal"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

// fork, vfork, clone and clone3 in one form.

// clone flags.
const (
	cSignal       = 0xff
	cVM           = 0x100
	cFS           = 0x200
	cFiles        = 0x400
	cSighand      = 0x800
	cPidFD        = 0x1000
	cPtrace       = 0x2000
	cVfork        = 0x4000
	cParent       = 0x8000
	cThread       = 0x10000
	cNewNS        = 0x20000
	cSysVSem      = 0x40000
	cSetTLS       = 0x80000
	cParentSetTID = 0x100000
	cChildClear   = 0x200000
	cDetached     = 0x400000
	cUntraced     = 0x800000
	cChildSetTID  = 0x1000000
	cNamespaces   = cNewNS | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
	cIO           = 0x80000000
	cClearSighand = 0x100000000 // clone3 only
	cThreadFlags  = cVM | cFS | cFiles | cSighand | cThread
)

// cloneArgs is what all of them ask for.
type cloneArgs struct {
	flags uint64 // without a signal
	sig   uint64 // exit signal of a process; 0: none
	sp    uint64 // stack pointer; 0: as it is
	pidfd uint64 // addresses
	ptid  uint64
	ctid  uint64
	tls   uint64
}

func sysFork(t *thread.Thread, a *call.Args) int64 {
	return fork(t, &cloneArgs{sig: signal.SIGCHLD})
}

func sysVfork(t *thread.Thread, a *call.Args) int64 {
	return fork(t, &cloneArgs{flags: cVM | cVfork, sig: signal.SIGCHLD})
}

// sysClone: flags, stack, parent tid (or place for a pidfd), child tid, tls.
func sysClone(t *thread.Thread, a *call.Args) int64 {
	c := cloneArgs{flags: a[0] & 0xffffffff &^ cSignal, sig: a[0] & cSignal, sp: a[1], pidfd: a[2], ptid: a[2], ctid: a[3], tls: a[4]}
	if c.flags&cPidFD != 0 && c.flags&(cParentSetTID|cDetached) != 0 {
		return errno.EINVAL.Ret()
	}
	return clone(t, &c)
}

// clone3Args is struct clone_args.
type clone3Args struct {
	Flags, PidFD, ChildTID, ParentTID, ExitSignal, Stack, StackSize, TLS uint64
	SetTID, SetTIDSize                                                   uint64
	Cgroup                                                               uint64
}

const (
	clone3Size0  = 64 // without what came later
	clone3Size   = 88
	maxSetTID    = 32
	cloneNewTime = 0x80 // in the place of clone's signal
)

// sysClone3: struct clone_args, its size.
func sysClone3(t *thread.Thread, a *call.Args) int64 {
	addr, size := a[0], a[1]
	switch {
	case size > abi.PageSize:
		return errno.E2BIG.Ret()
	case size < clone3Size0:
		return errno.EINVAL.Ret()
	}
	// What this kernel does not know of must be zero.
	for at := uint64(clone3Size); at < size; at++ {
		var b [1]byte
		if usercopy.CopyIn(b[:], addr+at) != errno.OK {
			return errno.EFAULT.Ret()
		}
		if b[0] != 0 {
			return errno.E2BIG.Ret()
		}
	}
	var words [clone3Size / 8]uint64
	for i := range words {
		if uint64(i)*8 >= size {
			break
		}
		v, ok := usercopy.U64(addr + uint64(i)*8)
		if !ok {
			return errno.EFAULT.Ret()
		}
		if left := size - uint64(i)*8; left < 8 {
			v &= 1<<(left*8) - 1
		}
		words[i] = v
	}
	g := clone3Args{words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7], words[8], words[9], words[10]}
	switch {
	case g.SetTIDSize > maxSetTID, (g.SetTID == 0) != (g.SetTIDSize == 0):
		return errno.EINVAL.Ret()
	case g.ExitSignal > signal.NumSig:
		return errno.EINVAL.Ret()
	case g.Flags&^(0xffffffff|cClearSighand) != 0, g.Flags&(cDetached|cSignal&^cloneNewTime) != 0:
		return errno.EINVAL.Ret() // among them CLONE_INTO_CGROUP: there are no control groups
	case g.Flags&cSighand != 0 && g.Flags&cClearSighand != 0:
		return errno.EINVAL.Ret()
	case g.Flags&(cThread|cParent) != 0 && g.ExitSignal != 0:
		return errno.EINVAL.Ret()
	case (g.Stack == 0) != (g.StackSize == 0), g.Stack >= abi.ProgramHi, g.StackSize > abi.ProgramHi-g.Stack:
		return errno.EINVAL.Ret()
	case g.SetTIDSize != 0, g.Flags&cloneNewTime != 0:
		return errno.EPERM.Ret()
	}
	c := cloneArgs{flags: g.Flags, sig: g.ExitSignal, pidfd: g.PidFD, ptid: g.ParentTID, ctid: g.ChildTID, tls: g.TLS}
	if g.Stack != 0 {
		c.sp = g.Stack + g.StackSize
	}
	return clone(t, &c)
}

func clone(t *thread.Thread, c *cloneArgs) int64 {
	flags := c.flags
	switch {
	case flags&cNamespaces != 0:
		return errno.EPERM.Ret()
	case flags&cPidFD != 0 && (flags&(cThread|cDetached) != 0 || hook.PidOpen == nil):
		return errno.EINVAL.Ret()
	case flags&cThread != 0:
		// Threads of a process share everything: nothing less is offered.
		if flags&cThreadFlags != cThreadFlags {
			return errno.EINVAL.Ret()
		}
		return newThread(t, c)
	case flags&(cSighand|cFS|cFiles) != 0:
		return errno.EINVAL.Ret()
	case flags&cVM != 0 && flags&cVfork == 0:
		return errno.EINVAL.Ret()
	}
	return fork(t, c)
}

// newThread starts a thread at the point where t is.
func newThread(t *thread.Thread, c *cloneArgs) int64 {
	if c.flags&cSetTLS != 0 && c.tls >= abi.ProgramHi {
		return errno.EPERM.Ret()
	}
	n, e := thread.New()
	if e != errno.OK {
		return e.Ret()
	}
	user.CountThreads()
	*n.Frame = *t.Frame
	f := n.Frame
	f.RAX, f.Orig = 0, -1
	if c.sp != 0 {
		f.RSP = c.sp
	}
	// The vector state is t's: what calls do not keep does no harm, and the
	// control words are inherited.
	entry.XSave(uintptr(n.XSave))
	n.FSBase = entry.FSBase() // t.FSBase is what it was at the last switch
	if c.flags&cSetTLS != 0 {
		n.FSBase = c.tls
	}
	n.Name, n.Slack = t.Name, t.Slack
	n.InheritCPUs(t.CPUs())
	n.Nice, n.Policy = t.Nice, t.Policy
	n.SetLag(t.Lag())
	reset(n)
	n.KeepCaps = t.KeepCaps
	n.Sig.Mask = t.Sig.Mask
	n.Sig.Alt = signal.Stack{Flags: signal.SS_DISABLE}
	if c.flags&cChildClear != 0 {
		n.ClearChildTID = c.ctid
	}
	thread.Add(n, uint32(Me.Pid))
	hook.Info.Threads = uint32(thread.All.N)
	tid := n.TID
	if c.flags&cParentSetTID != 0 {
		usercopy.Put32(c.ptid, tid)
	}
	if c.flags&cChildSetTID != 0 {
		usercopy.Put32(c.ctid, tid)
	}
	// With several threads gettid is no constant any more.
	entry.Leaf[186] = nil
	n.StartProgram()
	return int64(tid)
}
