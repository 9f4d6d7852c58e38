package proc

import (
	"go42/ipc/abi"
	"go42/ipc/proto"
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

// forking is the fork in progress; forkLock is held for it.
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
func fork(t *thread.Thread, c *cloneArgs) int64 {
	if c.flags&cSetTLS != 0 && c.tls >= abi.ProgramHi {
		return errno.EPERM.Ret()
	}
	if c.flags&cPidFD != 0 {
		// First: of a child that is given up for it the parent would be told.
		if e := hook.FDRoom(); e != errno.OK {
			return e.Ret()
		}
		if e := usercopy.Touch(c.pidfd, 4, true); e != errno.OK {
			return e.Ret()
		}
	}
	f := &forking
	forkLock.Lock()
	vfork := c.flags&cVfork != 0 && c.flags&cVM != 0
	if e := prepare(vfork); e != errno.OK {
		forkLock.Unlock()
		return e.Ret()
	}
	f.thread, f.vfork, f.child = t, vfork, false
	f.parent = c.flags&cParent != 0
	was := user.Disable()
	user.Alone(&t.Thread, kernelFork)
	if f.child {
		return child(t, c)
	}
	user.Restore(was)
	mm.ForkDone(false)
	if hook.ForkParent != nil {
		hook.ForkParent()
	}
	paceLock.Unlock()
	execLock.Unlock()
	h := f.handle
	if h < 0 {
		forkLock.Unlock()
		if h == errno.ENFILE.Ret() { // as many processes as there can be
			return errno.EAGAIN.Ret()
		}
		return errno.ENOMEM.Ret()
	}
	pf := uint64(0)
	if c.flags&cParent != 0 {
		pf = proto.ForkParent
	}
	pid, st := Server(t).Fork(f.kpid, pf, c.sig)
	if st < 0 {
		native.Kill(f.kpid, signal.SIGKILL)
		native.DropOne(uint64(h))
		forkLock.Unlock()
		if st == errno.EINTR.Ret() {
			t.AddWork(user.WorkFetch)
			return errno.RestartNoIntr.Ret()
		}
		return st
	}
	if c.flags&cPidFD != 0 {
		e := hook.PidOpen(pid)
		if e >= 0 && !usercopy.Put32(c.pidfd, uint32(e)) {
			e = errno.EFAULT.Ret()
		}
		if e < 0 {
			native.Kill(f.kpid, signal.SIGKILL)
			native.DropOne(uint64(h))
			forkLock.Unlock()
			return e
		}
	}
	if c.flags&cParentSetTID != 0 {
		usercopy.Put32(c.ptid, uint32(pid))
	}
	if native.Start(uint64(h), pid) < 0 {
		// It was killed before it began, and is a zombie like any other.
		native.DropOne(uint64(h))
	}
	kpid := f.kpid
	forkLock.Unlock()
	if vfork {
		awaitVfork(t, kpid)
	}
	return int64(pid)
}

// awaitVfork waits until a child has left the program half. The channel does not say
// whose child has left, of those that there may be.
func awaitVfork(t *thread.Thread, kpid uint64) {
	for {
		t.BeginWatch()
		t.Watch(&user.Chan[abi.ChanVfork])
		var i abi.ProcessInfo
		if native.ProcessInfo(kpid, &i) < 0 || i.VforkParent == 0 {
			t.BeginWatch()
			return
		}
		t.WaitWatched(0, false)
	}
}

// prepare takes the locks whose state the child must find in order.
func prepare(vfork bool) errno.Errno {
	execLock.Lock()
	paceLock.Lock()
	if hook.ForkPrepare != nil {
		which := hook.ShareAll
		if vfork {
			which = hook.ShareKept
		}
		if e := hook.ForkPrepare(which); e != errno.OK {
			paceLock.Unlock()
			execLock.Unlock()
			return e
		}
	}
	mm.ForkPrepare()
	return errno.OK
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
	published()
	if AfterFork != nil {
		AfterFork(t)
	}
	user.MoveAll(t.CPUs())
	t.Ready()
}

// AfterFork lets the signal, futex and time layers make their state the child's.
// On the scheduler stack, disabled.
var AfterFork func(t *thread.Thread)

// DefaultSignals makes the action of all signals that are not ignored the default.
var DefaultSignals func()

// child goes on in the child process, on the copied stack, disabled.
func child(t *thread.Thread, c *cloneArgs) int64 {
	fr := t.Frame
	fr.RAX = 0
	if c.sp != 0 {
		fr.RSP = c.sp
	}
	if c.flags&cSetTLS != 0 {
		t.FSBase = c.tls
		entry.SetFSBase(c.tls)
	}
	t.ClearChildTID = 0
	if c.flags&cChildClear != 0 {
		t.ClearChildTID = c.ctid
	}
	t.RobustList = 0
	reset(t)
	t.Publish()
	if c.flags&cClearSighand != 0 && DefaultSignals != nil {
		DefaultSignals()
	}
	forkLock.Reset()
	execLock.Reset()
	FetchLock.Reset()
	paceLock.Reset()
	user.Restore(0)
	mm.ForkDone(true)
	if hook.ForkChild != nil {
		hook.ForkChild()
	}
	if c.flags&cChildSetTID != 0 {
		usercopy.Put32(c.ctid, uint32(Me.Pid))
	}
	return 0
}
