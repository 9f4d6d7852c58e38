package proc

import (
	"go42/ipc/abi"
	"go42/ipc/proto"
	"go42/linuxapi/call"
	"go42/linuxapi/entry"
	"go42/linuxapi/errno"
	"go42/linuxapi/hook"
	"go42/linuxapi/mm"
	"go42/linuxapi/native"
	"go42/linuxapi/signal"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

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
	cThreadFlags  = cVM | cFS | cFiles | cSighand | cThread
)

func sysFork(t *thread.Thread, a *call.Args) int64 {
	return fork(t, signal.SIGCHLD, 0, 0, 0, 0)
}

func sysVfork(t *thread.Thread, a *call.Args) int64 {
	return fork(t, cVM|cVfork|signal.SIGCHLD, 0, 0, 0, 0)
}

// sysClone: flags, stack, parent tid, child tid, tls.
func sysClone(t *thread.Thread, a *call.Args) int64 {
	flags := a[0]
	switch {
	case flags&cNamespaces != 0:
		return errno.EPERM.Ret()
	case flags&cPidFD != 0 && (flags&(cParentSetTID|cThread|cDetached) != 0 || hook.PidOpen == nil):
		return errno.EINVAL.Ret()
	case flags&cThread != 0:
		// Threads of a process share everything: nothing less is offered.
		if flags&cThreadFlags != cThreadFlags {
			return errno.EINVAL.Ret()
		}
		return newThread(t, flags, a[1], a[2], a[3], a[4])
	case flags&(cSighand|cFS|cFiles) != 0:
		return errno.EINVAL.Ret()
	case flags&cVM != 0 && flags&cVfork == 0:
		return errno.EINVAL.Ret()
	}
	return fork(t, flags, a[1], a[2], a[3], a[4])
}

// newThread starts a thread at the point where t is.
func newThread(t *thread.Thread, flags, sp, ptid, ctid, tls uint64) int64 {
	n, e := thread.New()
	if e != errno.OK {
		return e.Ret()
	}
	*n.Frame = *t.Frame
	f := n.Frame
	f.RAX, f.Orig = 0, -1
	if sp != 0 {
		f.RSP = sp
	}
	// The vector state is t's: what calls do not keep does no harm, and the
	// control words are inherited.
	entry.XSave(uintptr(n.XSave))
	n.FSBase = entry.FSBase() // t.FSBase is what it was at the last switch
	if flags&cSetTLS != 0 {
		if tls >= abi.ProgramHi {
			return errno.EPERM.Ret()
		}
		n.FSBase = tls
	}
	n.Name, n.Nice, n.Slack = t.Name, t.Nice, t.Slack
	n.InheritCPUs(t.CPUs())
	n.KeepCaps = t.KeepCaps
	n.Sig.Mask = t.Sig.Mask
	n.Sig.Alt = signal.Stack{Flags: signal.SS_DISABLE}
	if flags&cChildClear != 0 {
		n.ClearChildTID = ctid
	}
	thread.Add(n, uint32(Me.Pid))
	hook.Info.Threads = uint32(thread.All.N)
	tid := n.TID
	if flags&cParentSetTID != 0 {
		usercopy.Put32(ptid, tid)
	}
	if flags&cChildSetTID != 0 {
		usercopy.Put32(ctid, tid)
	}
	// With several threads gettid is no constant any more.
	entry.Leaf[186] = nil
	n.StartProgram()
	return int64(tid)
}

// forking is the fork in progress; forkLock is held for it, and for a vfork
// until the child has left the program half: the notification does not say
// whose child it was.
var (
	forkLock user.Mutex
	forking  struct {
		thread *thread.Thread
		vfork  bool
		child  bool // set in the child
		handle int64
		kpid   uint64
		parent bool // CLONE_PARENT
	}
)

// fork makes a child process. One kernel call does the memory work; the child
// starts in startFork on a copy of this libOS half (DESIGN 10).
func fork(t *thread.Thread, flags, sp, ptid, ctid, tls uint64) int64 {
	if flags&cSetTLS != 0 && tls >= abi.ProgramHi {
		return errno.EPERM.Ret()
	}
	f := &forking
	forkLock.Lock()
	vseq := user.Chan[abi.ChanVfork].Load()
	prepare()
	f.thread, f.vfork, f.child = t, flags&cVfork != 0 && flags&cVM != 0, false
	f.parent = flags&cParent != 0
	was := user.Disable()
	user.Alone(&t.Thread, kernelFork)
	if f.child {
		return child(t, flags, sp, ctid, tls)
	}
	user.Restore(was)
	mm.ForkDone(false)
	if hook.ForkParent != nil {
		hook.ForkParent()
	}
	execLock.Unlock()
	h := f.handle
	if h < 0 {
		forkLock.Unlock()
		if h == errno.ENOMEM.Ret() || h == errno.EAGAIN.Ret() {
			return h
		}
		return errno.ENOMEM.Ret()
	}
	pf := uint64(0)
	if flags&cParent != 0 {
		pf = proto.ForkParent
	}
	pid, st := Server(t).Fork(f.kpid, pf, flags&cSignal)
	if st < 0 {
		native.Kill(f.kpid, signal.SIGKILL)
		native.DropOne(uint64(h))
		forkLock.Unlock()
		return st
	}
	if flags&cPidFD != 0 {
		e := hook.PidOpen(pid)
		if e >= 0 && !usercopy.Put32(ptid, uint32(e)) {
			e = errno.EFAULT.Ret()
		}
		if e < 0 {
			native.Kill(f.kpid, signal.SIGKILL)
			native.DropOne(uint64(h))
			forkLock.Unlock()
			return e
		}
	}
	if flags&cParentSetTID != 0 {
		usercopy.Put32(ptid, uint32(pid))
	}
	if r := native.Start(uint64(h), pid); r < 0 {
		forkLock.Unlock()
		return errno.EAGAIN.Ret()
	}
	if flags&cVfork != 0 && f.vfork {
		for {
			t.BeginWatch()
			if user.Chan[abi.ChanVfork].Load() != vseq {
				break
			}
			t.Watch(&user.Chan[abi.ChanVfork])
			if user.Chan[abi.ChanVfork].Load() != vseq {
				break
			}
			t.WaitWatched(0, false)
		}
	}
	forkLock.Unlock()
	return int64(pid)
}

// prepare takes the locks whose state the child must find in order.
func prepare() {
	execLock.Lock()
	if hook.ForkPrepare != nil {
		hook.ForkPrepare()
	}
	mm.ForkPrepare()
}

// kernelFork runs on the scheduler stack: the thread's stack is at rest and can
// be copied. So are the other dispatchers: no spin lock is held in the copy.
func kernelFork(u *user.Thread) {
	h, kpid := native.Fork(forking.vfork)
	forking.handle, forking.kpid = h, kpid
	u.Ready()
}

// startFork is the child's first upcall; arg is its pid.
func startFork(pid uint64) {
	f := &forking
	t := f.thread
	user.Setup()
	user.AfterFork(&t.Thread)
	thread.AfterFork(t, uint32(pid))
	f.child = true
	if !f.parent {
		Me.PPid = Me.Pid
		Me.Rec.PPid = uint32(Me.Pid)
	}
	Me.Pid = int64(pid)
	Me.Rec.Pid = uint32(pid)
	Me.KPid = at[abi.DispatcherPage](uint64(entry.Page())).KPid
	Me.VforkChild = f.vfork
	hook.Info.Threads = 1
	if AfterFork != nil {
		AfterFork(t)
	}
	user.MoveAll(t.CPUs())
	t.Ready()
}

// AfterFork lets the signal, futex and time layers make their state the child's.
// On the scheduler stack, disabled.
var AfterFork func(t *thread.Thread)

// child goes on in the child process, on the copied stack, disabled.
func child(t *thread.Thread, flags, sp, ctid, tls uint64) int64 {
	fr := t.Frame
	fr.RAX = 0
	if sp != 0 {
		fr.RSP = sp
	}
	if flags&cSetTLS != 0 {
		t.FSBase = tls
		entry.SetFSBase(tls)
	}
	t.ClearChildTID = 0
	if flags&cChildClear != 0 {
		t.ClearChildTID = ctid
	}
	t.RobustList = 0
	forkLock.Reset()
	execLock.Reset()
	user.Restore(0)
	mm.ForkDone(true)
	if hook.ForkChild != nil {
		hook.ForkChild()
	}
	if flags&cChildSetTID != 0 {
		usercopy.Put32(ctid, uint32(Me.Pid))
	}
	return 0
}
