package sigcall

import (
	"go42/ipc/abi"
	"go42/ipc/proto"
	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/hook"
	"go42/linuxapi/proc"
	"go42/linuxapi/signal"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

// Calls are this package's system calls.
var Calls = [...]call.Entry{
	{13, "rt_sigaction", sysSigaction, call.Full, "full"},
	{14, "rt_sigprocmask", sysSigprocmask, call.Full, "full"},
	{15, "rt_sigreturn", sysSigreturn, call.Full, "full"},
	{34, "pause", sysPause, call.Full, "full"},
	{62, "kill", sysKill, call.Full, "full"},
	{127, "rt_sigpending", sysSigpending, call.Full, "full"},
	{128, "rt_sigtimedwait", sysSigtimedwait, call.Full, "full"},
	{129, "rt_sigqueueinfo", sysSigqueueinfo, call.Full, "full"},
	{130, "rt_sigsuspend", sysSigsuspend, call.Full, "full"},
	{131, "sigaltstack", sysSigaltstack, call.Full, "full"},
	{200, "tkill", sysTkill, call.Full, "partial: threads of other processes by their process only"},
	{234, "tgkill", sysTgkill, call.Full, "partial: in another process only its main thread (ESRCH)"},
	{297, "rt_tgsigqueueinfo", sysTgsigqueueinfo, call.Full, "partial: threads of the own process (ESRCH)"},
}

func sysSigaction(t *thread.Thread, a *call.Args) int64 {
	s := int(int32(a[0]))
	if a[3] != 8 || s < 1 || s > signal.NumSig {
		return errno.EINVAL.Ret()
	}
	var act signal.Action
	if a[1] != 0 {
		if e := usercopy.Get(&act, a[1]); e != errno.OK {
			return e.Ret()
		}
		if signal.Unblockable.Has(s) {
			return errno.EINVAL.Ret()
		}
		act.Mask &^= signal.Unblockable
	}
	was := P.lock.Lock()
	old := P.Actions[s-1]
	if a[1] != 0 {
		P.Actions[s-1] = act
		b := uint64(signal.Bit(s))
		hook.Info.SigIgnored &^= b
		hook.Info.SigCaught &^= b
		switch act.Handler {
		case signal.SIG_DFL:
		case signal.SIG_IGN:
			hook.Info.SigIgnored |= b
		default:
			hook.Info.SigCaught |= b
		}
		if s == signal.SIGCHLD {
			hook.Info.ChildFlags = uint64(act.Flags) & (abi.NoChildStop | abi.NoChildWait)
		}
		if act.Ignored(s) {
			P.Pending.Discard(&P.pool, signal.Bit(s))
			l := thread.Lock()
			for o := thread.Newest(); o != nil; o = o.Next() {
				o.Sig.Pending.Discard(&P.pool, signal.Bit(s))
			}
			thread.Unlock(l)
		}
	}
	P.lock.Unlock(was)
	if a[2] != 0 {
		return usercopy.Put(a[2], &old).Ret()
	}
	return 0
}

func sysSigprocmask(t *thread.Thread, a *call.Args) int64 {
	if a[3] != 8 {
		return errno.EINVAL.Ret()
	}
	old := t.Sig.Mask
	if a[1] != 0 {
		v, ok := usercopy.U64(a[1])
		if !ok {
			return errno.EFAULT.Ret()
		}
		m := signal.Set(v)
		switch int32(a[0]) {
		case 0:
			m |= old
		case 1:
			m = old &^ m
		case 2:
		default:
			return errno.EINVAL.Ret()
		}
		SetMask(t, m)
	}
	if a[2] != 0 && !usercopy.Put64(a[2], uint64(old)) {
		return errno.EFAULT.Ret()
	}
	return 0
}

func sysSigpending(t *thread.Thread, a *call.Args) int64 {
	if a[1] > 8 {
		return errno.EINVAL.Ret()
	}
	v := uint64(PendingFor(t) & t.Sig.Mask)
	var b [8]byte
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
	return usercopy.CopyOut(a[0], b[:a[1]]).Ret()
}

func sysSigsuspend(t *thread.Thread, a *call.Args) int64 {
	if a[1] != 8 {
		return errno.EINVAL.Ret()
	}
	v, ok := usercopy.U64(a[0])
	if !ok {
		return errno.EFAULT.Ret()
	}
	TempMask(t, signal.Set(v))
	user.Sleep(0, true)
	return errno.RestartNoHand.Ret()
}

func sysPause(t *thread.Thread, a *call.Args) int64 {
	user.Sleep(0, true)
	return errno.RestartNoHand.Ret()
}

func sysSigtimedwait(t *thread.Thread, a *call.Args) int64 {
	if a[3] != 8 {
		return errno.EINVAL.Ret()
	}
	v, ok := usercopy.U64(a[0])
	if !ok {
		return errno.EFAULT.Ret()
	}
	set := signal.Set(v) &^ signal.Unblockable
	deadline := uint64(0)
	poll := false
	if a[2] != 0 {
		var ts [2]int64
		if e := usercopy.Get(&ts, a[2]); e != errno.OK {
			return e.Ret()
		}
		if ts[0] < 0 || ts[1] < 0 || ts[1] >= 1e9 {
			return errno.EINVAL.Ret()
		}
		poll = ts[0] == 0 && ts[1] == 0
		deadline = t.Deadline(uint64(min(ts[0], 1<<33))*1e9 + uint64(ts[1]))
	}
	var info signal.Info
	if r := await(t, set, deadline, poll, &info); r != 0 {
		return r
	}
	if a[1] != 0 {
		if e := usercopy.Put(a[1], &info); e != errno.OK {
			return e.Ret()
		}
	}
	return int64(info.Signo)
}

// await takes a signal of set, or waits for one until deadline. Signals of set are
// this thread's meanwhile even if it does not block them; no handler gets them. What
// is ignored or ends the process does so, as on Linux, if it is not blocked.
func await(t *thread.Thread, set signal.Set, deadline uint64, poll bool, info *signal.Info) (r int64) {
	was := P.lock.Lock()
	t.Sig.Wait, t.SigWaiting = set, true
	P.lock.Unlock(was)
	over := errno.OK
	if poll {
		over = errno.EAGAIN
	}
	for {
		if t.HasWork(user.WorkFetch) {
			// From other processes: what is waited for may be among them.
			t.ClearWork(user.WorkFetch)
			fetch(t)
		}
		was = P.lock.Lock()
		get := set
		for m := set; m != 0; m &= m - 1 {
			if s := m.First(); fatal(t, s) {
				get &^= signal.Bit(s)
			}
		}
		if take(t, get, info) {
			break
		}
		if over != errno.OK {
			r = over.Ret()
			break
		}
		t.SigParked = true
		t.Prepare()
		P.lock.Release()
		why := t.Park(deadline, true)
		// Under the lock: a sender that saw it parked must not wake a later wait.
		l := P.lock.Lock()
		t.SigParked = false
		P.lock.Unlock(l)
		user.Restore(was)
		switch {
		case why == user.TimedOut:
			over = errno.EAGAIN
		case t.HasWork(user.Interrupting &^ user.WorkFetch):
			over = errno.RestartNoHand
		}
	}
	t.SigWaiting = false
	// What has come for it after its last look is anybody's again.
	retarget(set)
	recalc(t)
	P.lock.Unlock(was)
	return r
}

func sysSigaltstack(t *thread.Thread, a *call.Args) int64 {
	old := t.Sig.Alt
	sp := t.Frame.RSP
	on := old.Flags&signal.SS_AUTODISARM == 0 && old.On(sp)
	if a[0] != 0 {
		var s signal.Stack
		if e := usercopy.Get(&s, a[0]); e != errno.OK {
			return e.Ret()
		}
		if on {
			return errno.EPERM.Ret()
		}
		switch s.Flags &^ signal.SS_AUTODISARM {
		case signal.SS_DISABLE:
			s = signal.Stack{Flags: signal.SS_DISABLE}
		case 0, signal.SS_ONSTACK:
			if s.Size < signal.MINSIGSTKSZ {
				return errno.ENOMEM.Ret()
			}
			s.Flags &= signal.SS_AUTODISARM
		default:
			return errno.EINVAL.Ret()
		}
		t.Sig.Alt = s
	}
	if a[1] != 0 {
		if on {
			old.Flags |= signal.SS_ONSTACK
		}
		return usercopy.Put(a[1], &old).Ret()
	}
	return 0
}

func validSig(s int32) bool { return s >= 0 && s <= signal.NumSig }

// self is the siginfo of a signal that the process sends itself.
func self(s int32, code int) signal.Info {
	return signal.Sent(int(s), code, uint32(proc.Me.Pid), uint32(proc.Me.UID), 0)
}

func sysKill(t *thread.Thread, a *call.Args) int64 {
	pid, s := int32(a[0]), int32(a[1])
	if int64(pid) == proc.Me.Pid {
		if !validSig(s) {
			return errno.EINVAL.Ret()
		}
		return toSelf(t, 0, s, signal.SI_USER)
	}
	return proc.Server(t).Kill(int64(pid), uint64(uint32(s)), nil)
}

// toSelf sends to the own process (tid 0) or one of its threads. SIGKILL and
// SIGSTOP take their way through the process server, like anybody's.
func toSelf(t *thread.Thread, tid uint32, s int32, code int) int64 {
	switch s {
	case 0:
		return 0
	case signal.SIGKILL:
		exitBySignal(signal.SIGKILL)
	case signal.SIGSTOP, signal.SIGCONT:
		return proc.Server(t).Kill(proc.Me.Pid, uint64(s), nil)
	}
	info := self(s, code)
	if tid != 0 {
		return SendTID(tid, &info).Ret()
	}
	return SendProcess(&info).Ret()
}

func sysTkill(t *thread.Thread, a *call.Args) int64 {
	tid, s := int32(a[0]), int32(a[1])
	if tid <= 0 || !validSig(s) {
		return errno.EINVAL.Ret()
	}
	if o := thread.Find(uint32(tid)); o != nil {
		return toSelf(t, uint32(tid), s, signal.SI_TKILL)
	}
	return killOther(t, int64(tid), s)
}

func killOther(t *thread.Thread, pid int64, s int32) int64 {
	t.Client()
	si := proto.Siginfo{Signo: s, Code: signal.SI_TKILL}
	return proc.Server(t).Kill(pid, uint64(s), &si)
}

func sysTgkill(t *thread.Thread, a *call.Args) int64 {
	pid, tid, s := int32(a[0]), int32(a[1]), int32(a[2])
	if pid <= 0 || tid <= 0 || !validSig(s) {
		return errno.EINVAL.Ret()
	}
	if int64(pid) != proc.Me.Pid {
		if pid != tid {
			return errno.ESRCH.Ret()
		}
		return killOther(t, int64(pid), s)
	}
	o := thread.Find(uint32(tid))
	if o == nil {
		return errno.ESRCH.Ret()
	}
	return toSelf(t, uint32(tid), s, signal.SI_TKILL)
}

func sysSigqueueinfo(t *thread.Thread, a *call.Args) int64 {
	pid, s := int32(a[0]), int32(a[1])
	var info signal.Info
	if e := usercopy.Get(&info, a[2]); e != errno.OK {
		return e.Ret()
	}
	if !validSig(s) {
		return errno.EINVAL.Ret()
	}
	if (info.Code >= 0 || info.Code == signal.SI_TKILL) && int64(pid) != proc.Me.Pid {
		return errno.EPERM.Ret()
	}
	if pid <= 0 {
		return errno.ESRCH.Ret() // one process only, not groups as kill(2)
	}
	if int64(pid) == proc.Me.Pid {
		if s == 0 {
			return 0
		}
		if s == signal.SIGKILL || s == signal.SIGSTOP {
			return toSelf(t, 0, s, signal.SI_USER)
		}
		info.Signo = s
		return SendProcess(&info).Ret()
	}
	si := proto.Siginfo{Signo: s, Code: info.Code, Value: info.F[1]}
	return proc.Server(t).Kill(int64(pid), uint64(s), &si)
}

func sysTgsigqueueinfo(t *thread.Thread, a *call.Args) int64 {
	pid, tid, s := int32(a[0]), int32(a[1]), int32(a[2])
	var info signal.Info
	if e := usercopy.Get(&info, a[3]); e != errno.OK {
		return e.Ret()
	}
	if pid <= 0 || tid <= 0 || !validSig(s) {
		return errno.EINVAL.Ret()
	}
	o := thread.Find(uint32(tid))
	if int64(pid) != proc.Me.Pid || o == nil {
		return errno.ESRCH.Ret()
	}
	if s == 0 {
		return 0
	}
	if s == signal.SIGKILL || s == signal.SIGSTOP {
		return toSelf(t, uint32(tid), s, signal.SI_TKILL)
	}
	info.Signo = s
	return SendTID(uint32(tid), &info).Ret()
}
