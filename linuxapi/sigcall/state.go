// Package sigcall is signals at work: sending within the process, delivery on the
// way to the program, the signal calls, and what comes from other processes
// through the process server. The data structures are package signal's.
//
// P.lock (a spin lock) guards actions, pending sets and the pool. A thread's Mask
// is changed by the thread itself, under P.lock too, so that a sender that holds
// it sees a mask that holds. Order: P.lock -> thread table -> scheduler.
package sigcall

import (
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/errno"
	"go42/linuxapi/hook"
	"go42/linuxapi/native"
	"go42/linuxapi/proc"
	"go42/linuxapi/signal"
	"go42/linuxapi/thread"
	"go42/sched/user"
)

// P is the process's signal state.
var P struct {
	lock    user.SpinLock
	Actions [signal.NumSig]signal.Action
	Pending signal.Pending
	pool    signal.Pool
	limit   int // RLIMIT_SIGPENDING as far as the pool goes
	// continued counts the SIGCONTs that have come.
	continued uint32
}

// Recalc sets or clears t's WorkSignal after its mask or a pending set changed.
// P.lock is held.
func recalc(t *thread.Thread) {
	if (t.Sig.Pending.Set|P.Pending.Set)&^t.Sig.Mask != 0 {
		t.AddWork(user.WorkSignal)
	}
}

// ignored reports whether a new instance of s would be without effect for a
// thread with that mask: blocked signals are kept, they may get a handler.
func ignored(s int, mask signal.Set) bool {
	return !mask.Has(s) && P.Actions[s-1].Ignored(s)
}

// jobControl discards what a stop or a continue undoes. P.lock is held.
func jobControl(s int) {
	var gone signal.Set
	switch {
	case s == signal.SIGCONT:
		gone = signal.Stops
		P.continued++
	case signal.Stops.Has(s):
		gone = signal.Bit(signal.SIGCONT)
	default:
		return
	}
	P.Pending.Discard(&P.pool, gone)
	was := thread.Lock()
	for t := thread.Newest(); t != nil; t = t.Next() {
		t.Sig.Pending.Discard(&P.pool, gone)
	}
	thread.Unlock(was)
}

// SendThread makes a signal pending for t and lets t know. EAGAIN: the queue of
// real-time signals is full. Any mode; short.
func SendThread(t *thread.Thread, info *signal.Info) errno.Errno {
	was := P.lock.Lock()
	e := send(t, info)
	P.lock.Unlock(was)
	return e
}

// SendTID is SendThread by id; ESRCH: no such thread (any more). Who found it holds
// P.lock, which it takes when it ends (ended): until then it is there.
func SendTID(tid uint32, info *signal.Info) errno.Errno {
	e := errno.ESRCH
	was := P.lock.Lock()
	if t := thread.Find(tid); t != nil {
		e = send(t, info)
	}
	P.lock.Unlock(was)
	return e
}

// send is SendThread under P.lock.
func send(t *thread.Thread, info *signal.Info) errno.Errno {
	s := int(info.Signo)
	jobControl(s)
	e := errno.OK
	if !ignored(s, t.Sig.Mask) {
		if !t.Sig.Pending.Add(&P.pool, info) {
			e = errno.EAGAIN
		}
		notify(t, s)
	}
	return e
}

// ended is called when t has left the table of threads: what it was to do for the
// process others do.
func ended(t *thread.Thread) {
	was := P.lock.Lock()
	t.Sig.Pending.Discard(&P.pool, ^signal.Set(0))
	retarget(^signal.Set(0))
	P.lock.Unlock(was)
	if t.HasWork(user.WorkFetch) {
		was := user.Disable()
		notified(abi.ChanProc)
		user.Restore(was)
	}
}

// retarget tells others of the process's pending signals in set, which the thread
// that was told will not take. P.lock is held.
func retarget(set signal.Set) {
	for set &= P.Pending.Set; set != 0; set &= set - 1 {
		s := set.First()
		if o := choose(s); o != nil {
			notify(o, s)
		}
	}
}

// awaits reports whether t is in sigtimedwait for s, and gets it: it does not get
// one that is not blocked and ends the process.
func awaits(t *thread.Thread, s int) bool {
	return t.SigWaiting && t.Sig.Wait.Has(s) && !fatal(t, s)
}

// fatal reports whether s ends the process at once. P.lock is held.
func fatal(t *thread.Thread, s int) bool {
	return !t.Sig.Mask.Has(s) && P.Actions[s-1].Handler == signal.SIG_DFL && signal.DefaultOf(s) == signal.Terminate
}

// notify lets t find s: by its work bit, or by ending its sigtimedwait.
func notify(t *thread.Thread, s int) {
	if awaits(t, s) {
		if t.SigParked {
			t.Wake(user.Interrupted)
		}
	} else if !t.Sig.Mask.Has(s) {
		t.AddWork(user.WorkSignal)
		t.Interrupt()
	}
	if hook.SignalFD != nil {
		hook.SignalFD()
	}
}

// SendProcess makes a signal pending for the process; a thread that does not
// block it is told.
func SendProcess(info *signal.Info) errno.Errno {
	s := int(info.Signo)
	was := P.lock.Lock()
	jobControl(s)
	t := choose(s)
	e := errno.OK
	if t == nil || !ignored(s, t.Sig.Mask) {
		if !P.Pending.Add(&P.pool, info) {
			e = errno.EAGAIN
		}
		if t != nil {
			notify(t, s)
		} else if hook.SignalFD != nil {
			hook.SignalFD()
		}
	}
	P.lock.Unlock(was)
	return e
}

// choose finds a thread that takes s: one in sigtimedwait for it, the running
// one, the main one, any; nil: all block it.
func choose(s int) *thread.Thread {
	var found *thread.Thread
	was := thread.Lock()
	for t := thread.Newest(); t != nil; t = t.Next() {
		if awaits(t, s) {
			found = t
			break
		}
		if t.Sig.Mask.Has(s) {
			continue
		}
		if found == nil || t.TID == uint32(proc.Me.Pid) && found.State() != user.Running || t.State() == user.Running {
			found = t
		}
	}
	thread.Unlock(was)
	return found
}

// Take removes a pending signal among set for t (its own first), for signalfd and
// sigtimedwait.
func Take(t *thread.Thread, set signal.Set, info *signal.Info) bool {
	was := P.lock.Lock()
	ok := take(t, set, info)
	P.lock.Unlock(was)
	return ok
}

func take(t *thread.Thread, set signal.Set, info *signal.Info) bool {
	if s := t.Sig.Pending.Next(set); s != 0 {
		t.Sig.Pending.Take(&P.pool, s, info)
		return true
	}
	if s := P.Pending.Next(set); s != 0 {
		P.Pending.Take(&P.pool, s, info)
		return true
	}
	return false
}

// PendingFor is the set of signals pending for t or the process.
func PendingFor(t *thread.Thread) signal.Set { return t.Sig.Pending.Set | P.Pending.Set }

// SetMask changes t's mask; t is the current thread.
func SetMask(t *thread.Thread, m signal.Set) {
	was := P.lock.Lock()
	blocked := m &^ t.Sig.Mask
	t.Sig.Mask = m &^ signal.Unblockable
	retarget(blocked)
	hook.Info.SigBlocked = uint64(t.Sig.Mask)
	t.Publish()
	recalc(t)
	P.lock.Unlock(was)
}

// TempMask sets a mask for the duration of one call (ppoll, epoll_pwait,
// sigsuspend): it is put back after the handlers, or when the call ends without
// one. The call ends with RestartNoHand if it was interrupted; if not, it calls
// EndTempMask.
func TempMask(t *thread.Thread, m signal.Set) {
	was := P.lock.Lock()
	t.Sig.Saved, t.Sig.HaveSaved = t.Sig.Mask, true
	t.Sig.Mask = m &^ signal.Unblockable
	retarget(t.Sig.Mask &^ t.Sig.Saved)
	recalc(t)
	P.lock.Unlock(was)
}

// EndTempMask puts the mask back, for a call that was not interrupted.
func EndTempMask(t *thread.Thread) {
	if t.Sig.HaveSaved {
		t.Sig.HaveSaved = false
		SetMask(t, t.Sig.Saved)
	}
}

// Setup installs the hooks. Start-up only.
func Setup() {
	hook.Info.Pending = uint64(uintptr(unsafe.Pointer(&P.Pending.Set)))
	user.NotifyHook = notified
	proc.RestoreSignals = restore
	proc.SaveSignals = save
	proc.BeginHook = begin
	proc.ThreadEnded = ended
	proc.DefaultSignals = defaults
}

// notified: the process server has signals for us, or a child changed state.
func notified(channel int) {
	if channel != abi.ChanProc {
		return
	}
	// One thread fetches: the one that runs, else one whose wait can be
	// interrupted, else any.
	var best *thread.Thread
	rank := 0
	was := thread.Lock()
	for t := thread.Newest(); t != nil; t = t.Next() {
		r := 1
		switch t.State() {
		case user.Running:
			r = 5
		case user.Ready:
			r = 4
		case user.Blocked:
			r = 2
			if t.Interruptible() {
				r = 3
			}
		}
		if r > rank {
			best, rank = t, r
		}
	}
	// Under the lock: one that ends sees afterwards what it was told (ended).
	if best != nil {
		best.AddWork(user.WorkFetch)
		best.Interrupt()
	}
	thread.Unlock(was)
}

func begin(t *thread.Thread) {
	if t.Sig.Alt.Size == 0 {
		t.Sig.Alt.Flags = signal.SS_DISABLE
	}
}

// save puts into a parcel what survives exec.
func save(t *thread.Thread, p *proc.Parcel) {
	p.Mask = t.Sig.Mask
	for s := 1; s <= signal.NumSig; s++ {
		if P.Actions[s-1].Handler == signal.SIG_IGN {
			p.Ignored |= signal.Bit(s)
		}
		if (t.Sig.Pending.Set | P.Pending.Set).Has(s) {
			p.Pending[s-1] = 1
		}
	}
	// Some thread was told that the process server has signals, and will not ask
	// any more.
	was := thread.Lock()
	for o := thread.Newest(); o != nil; o = o.Next() {
		if o.HasWork(user.WorkFetch) {
			p.Fetch = 1
		}
	}
	thread.Unlock(was)
	if TimersSave != nil {
		TimersSave(p)
	}
}

func restore(t *thread.Thread, p *proc.Parcel) {
	t.Sig.Mask = p.Mask &^ signal.Unblockable
	for s := 1; s <= signal.NumSig; s++ {
		if p.Ignored.Has(s) {
			P.Actions[s-1].Handler = signal.SIG_IGN
			hook.Info.SigIgnored |= uint64(signal.Bit(s))
		}
		if p.Pending[s-1] != 0 {
			info := signal.Sent(s, signal.SI_USER, 0, 0, 0)
			P.Pending.Add(&P.pool, &info)
		}
	}
	if P.Pending.Set&^t.Sig.Mask != 0 {
		t.AddWork(user.WorkSignal)
	}
	if p.Fetch != 0 {
		t.AddWork(user.WorkFetch)
	}
	if TimersRestore != nil {
		TimersRestore(p)
	}
}

// TimersSave and TimersRestore are the time layer's part (ITIMER_REAL).
var TimersSave, TimersRestore func(p *proc.Parcel)

// AfterFork empties the pending sets of a child.
func AfterFork(t *thread.Thread) {
	P.lock = user.SpinLock{}
	P.Pending = signal.Pending{}
	P.pool.Reset()
	t.Sig.Pending = signal.Pending{}
	t.SigWaiting, t.SigParked = false, false
	t.ClearWork(user.WorkSignal | user.WorkFetch)
}

// defaults is CLONE_CLEAR_SIGHAND: what is not ignored gets the default action.
func defaults() {
	was := P.lock.Lock()
	for i := range P.Actions {
		h := P.Actions[i].Handler
		if h != signal.SIG_IGN {
			h = signal.SIG_DFL
		}
		P.Actions[i] = signal.Action{Handler: h}
	}
	hook.Info.SigCaught, hook.Info.ChildFlags = 0, 0
	P.lock.Unlock(was)
}

// exitBySignal ends the process as if by an unhandled signal.
func exitBySignal(s int) {
	native.Exit(uint64(s))
}
