package user

import (
	"sync/atomic"

	"go42/linuxapi/entry"
	"go42/linuxapi/native"
)

// Going to sleep and waking. A thread prepares itself (Blocked), becomes visible
// to wakers on some queue, and parks. Whoever changes its word from Blocked to
// Ready has it, and queues it; that can happen before it has gone to sleep, on
// another dispatcher too: nobody resumes it before it is saved (Core.OnCPU).
//
// Who takes a thread from a wait structure wakes it before letting the
// structure's lock go, and a thread whose wait ended otherwise takes that lock
// before it goes on: a wake never hits a later wait.

// prepare marks the current thread blocked, before it becomes visible to wakers
// (on a queue). Disabled until park.
func (t *Thread) prepare() {
	// Nobody else writes the word of a running thread.
	atomic.StoreUint64(&t.word, uint64(t.Waits()+1)<<waitShift|Blocked)
}

// park waits until wake. Call it disabled, after prepare; deadline in monotonic
// ns, 0: none. It returns disabled, perhaps on another dispatcher.
func (t *Thread) park(deadline uint64, intr bool) Reason {
	d := current()
	if deadline != 0 {
		t.timer.thread, t.timer.Arg = t, uint64(t.Waits())
		t.timer.set(d, deadline)
	}
	if intr {
		t.interruptible()
	}
	switch t.State() {
	case Running:
		// Woken before it slept, by itself.
	case Ready:
		if d.withdraw(t) {
			break
		}
		fallthrough
	default:
		entry.Switch(opSchedule, 0, 0)
	}
	if deadline != 0 {
		t.timer.Stop()
	}
	return t.reason()
}

// interruptible lets signals end the wait that t has prepared. First say so, then
// look: a sender does it the other way round.
func (t *Thread) interruptible() {
	for {
		w := atomic.LoadUint64(&t.word)
		if w&stateMask != Blocked {
			return
		}
		if atomic.CompareAndSwapUint64(&t.word, w, w|flagIntr) {
			break
		}
	}
	if t.HasWork(Interrupting) {
		t.unpark(Interrupted)
	}
}

// Prepare, Park and Wake are for wait structures of other packages: disabled,
// with the structure's spin lock held, Prepare the current thread and enter it;
// Release the lock; Park. Park and Wake: see park and wake.
func (t *Thread) Prepare() { t.prepare() }

func (t *Thread) Park(deadline uint64, intr bool) Reason { return t.park(deadline, intr) }

// Wake ends t's wait; false if it is not blocked (any more).
func (t *Thread) Wake(r Reason) bool { return t.wake(r) }

// end changes Blocked to state, for a reason; false if t is not blocked, or does
// not match: bits of word that must be as in want.
func (t *Thread) end(state uint64, r Reason, match, want uint64) bool {
	for {
		w := atomic.LoadUint64(&t.word)
		if w&stateMask != Blocked || w&match != want {
			return false
		}
		n := w>>waitShift<<waitShift | uint64(r)<<reasonShift | state
		if atomic.CompareAndSwapUint64(&t.word, w, n) {
			return true
		}
	}
}

// wake makes a blocked thread ready; false if it is not blocked (any more).
// Disabled.
func (t *Thread) wake(r Reason) bool {
	if !t.end(Ready, r, 0, 0) {
		return false
	}
	enqueue(t, true)
	return true
}

// unpark is wake by the thread itself, before it sleeps.
func (t *Thread) unpark(r Reason) bool { return t.end(Running, r, 0, 0) }

// timeout ends t's wait of that number.
func (t *Thread) timeout(wait uint32) {
	if t.end(Ready, TimedOut, 0xffffffff<<waitShift, uint64(wait)<<waitShift) {
		enqueue(t, true)
	}
}

// claim makes a blocked thread the running one, without the run queue; the
// caller resumes it. Disabled, on the scheduler stack.
func (t *Thread) claim(d *Dispatcher) bool {
	if !t.end(Running, Woken, 0, 0) {
		return false
	}
	atomic.StoreUint32(&t.disp, d.index)
	return true
}

// Interrupt makes t look at its work bits, which the caller has set: it ends t's
// wait if signals may, and has a t that runs elsewhere come by. Disabled.
func (t *Thread) Interrupt() {
	if t.end(Ready, Interrupted, flagIntr, flagIntr) {
		enqueue(t, true)
	} else if several() && t.State() == Running {
		if e := &disps[atomic.LoadUint32(&t.disp)]; e != current() {
			poke(e)
		}
	}
}

// Ready queues t, which is the caller's and does not run: after OnScheduler.
// Disabled.
func (t *Thread) Ready() {
	t.setState(Ready)
	enqueue(t, true)
}

// Sleep blocks the current thread until deadline (monotonic ns; 0: for ever) or,
// if intr is set, a signal.
func Sleep(deadline uint64, intr bool) Reason {
	t := Current()
	was := entry.Disable()
	t.prepare()
	r := t.park(deadline, intr)
	Restore(was)
	return r
}

// yieldCurrent puts the current thread behind the other ready ones. Disabled.
func yieldCurrent() {
	t := Current()
	t.setState(Ready)
	enqueue(t, false)
	entry.Switch(opSchedule, 0, 0)
}

// makeWay lets those run for whom the current thread is to make way (d.preempt).
// Disabled.
func makeWay() {
	current().queueAgain(Current(), true)
	entry.Switch(opSchedule, 0, 0)
}

// queueAgain makes t, which ran on d, ready to go on, here or where it may run.
// over: see putBack.
func (d *Dispatcher) queueAgain(t *Thread, over bool) {
	d.preempt = false
	t.setState(Ready)
	if d.allows(t) {
		d.queue.lock.take()
		d.putBack(t, over)
		d.queue.lock.drop()
	} else {
		enqueue(t, false)
	}
}

// Yield is sched_yield: the other ready threads have a turn, and when all had
// theirs, other processes that wait for this CPU.
func Yield() {
	was := entry.Disable()
	d := current()
	if d.yields++; d.yields > atomic.LoadUint32(&d.queue.n) {
		d.yields = 0
		native.GiveWay()
	}
	if d.queue.some() || d.soft {
		yieldCurrent()
	}
	Restore(was)
}

// OnScheduler saves the current thread, t, and runs f on the scheduler stack; the
// thread goes on when something makes it ready. Call it disabled.
func OnScheduler(t *Thread, f func(t *Thread)) {
	t.thunk = f
	entry.Switch(opCall, 0, 0)
}

// ExitThread ends the current thread: it is never resumed. release runs on the
// scheduler stack when nothing uses the thread's stack any more.
func ExitThread(release func(t *Thread)) {
	entry.Disable()
	t := Current()
	t.timer.Stop()
	current().charge(nil)
	t.setState(Dead)
	OnScheduler(t, release)
}
