package user

import (
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/entry"
	"go42/linuxapi/native"
)

// sched is the run queue, shared by all dispatchers.
var sched struct {
	lock SpinLock
	run  list // kind 1
}

// Dispatcher is this process's presence on one CPU. Only its own CPU touches it,
// disabled.
type Dispatcher struct {
	page     *abi.DispatcherPage
	preempt  bool   // the running thread is to make way
	soft     bool   // the kernel asked for the CPU
	idle     bool   // no thread runs: what follows brings the deadline up to date
	armed    uint64 // the Deadline that the kernel knows
	slice    uint64 // when the running thread's turn ends if others wait; 0: none
	woke     bool   // a thread was made ready
	waiting  bool   // EventCall was seen: calls may wait in the kernel
	notified uint64 // channels not yet told to a receiver
	events   uint64 // EventExits, EventLasts, EventNotify not yet told to a receiver
}

var disp0 Dispatcher

func current() *Dispatcher { return &disp0 }

// sliceNS is a thread's turn while others of its process are ready.
const sliceNS = 10_000_000

// Hooks of the layers above; set at start.
var (
	// SvcHook serves the system call in t.Frame; called disabled on t's stack.
	// What it leaves in Frame.RAX is the answer.
	SvcHook func(t *Thread)
	// WorkHook does what t.Work says; called disabled on t's stack, may block,
	// returns disabled. It clears what it has done.
	WorkHook func(t *Thread)
	// BootHook serves the first upcall of a process: RunModule, RunExec, RunFork,
	// RunThread. On the scheduler stack; may return, then the scheduler goes on.
	BootHook func(reason, arg uint64)
	// NotifyHook is called, disabled, for every channel that was notified,
	// before its Seq is bumped.
	NotifyHook func(channel int)
	// FatalHook reports an exception in the libOS itself; it does not return.
	FatalHook func(ts *abi.TrapSave, t *Thread)
	// StoppedHook is called, disabled, when the process goes on after a stop.
	StoppedHook func()
	// The libOS's text and the exit range.
	textLo, textHi uint64
	exitLo, exitHi uint64
)

// Chan are the sequence counters of the notification channels.
var Chan [64]Seq

// Setup installs the upcalls. Called once per process start, on the scheduler
// stack, before any thread exists.
func Setup() {
	d := current()
	p := entry.Page()
	d.page = *(**abi.DispatcherPage)(unsafe.Pointer(&p))
	*d = Dispatcher{page: d.page}
	info := native.Info()
	textLo, textHi = info.LibOSText[0], info.LibOSText[1]
	exitLo, exitHi = entry.Range()
	if info.XCR0 == 0 {
		entry.UseFX()
	}
	d.page.Accept = 0
	d.page.Deadline = 0
	sched.run.kind = 1
}

// AfterFork makes the copied scheduler state the child's: t is its only thread.
func AfterFork(t *Thread) {
	d := current()
	pa := entry.Page()
	p := *(**abi.DispatcherPage)(unsafe.Pointer(&pa))
	*d = Dispatcher{page: p}
	p.Accept, p.Deadline = 0, 0 // what has been notified since the start stays
	sched.lock = SpinLock{}
	sched.run = list{kind: 1}
	t.links, t.nwatch, t.flags = [2]link{}, 0, 0
	receivers = list{}
	faulting = list{kind: 1}
	timers.lock = SpinLock{}
	for i := int32(0); i < timers.n; i++ {
		timers.heap[i].pos = 0
	}
	timers.n = 0
	t.timer = Timer{}
	for i := range Chan {
		Chan[i].lock = SpinLock{}
		Chan[i].head = nil
	}
}

// The upcalls of package entry.
func svc(c *entry.Core) { SvcHook(fromCore(c)) }

func work(c *entry.Core) {
	t := fromCore(c)
	d := current()
	for {
		handlePending()
		if d.preempt {
			d.preempt = false
			yieldCurrent()
		}
		if atomic.LoadUint32(&t.Work) != 0 {
			WorkHook(t)
		}
		if atomic.LoadUint32(&t.Work) == 0 && atomic.LoadUint64(&d.page.Pending) == 0 {
			return
		}
	}
}

// interrupted files the context that the kernel saved at sa where it belongs:
// the thread's Frame or its Ctx.
func interrupted(t *Thread, sa *abi.SaveArea) {
	r := &t.Ctx
	rip := sa.RIP
	inExit := rip >= exitLo && rip < exitHi
	switch {
	case inExit && sa.RSP == uint64(uintptr(unsafe.Pointer(&t.Ctx.RIP))):
		// Ctx is as it was, and its registers with it.
		t.Saved = entry.SavedContext
		return
	case inExit || rip < textLo || rip >= textHi:
		r = &t.Frame.Regs
		x := t.XSave + 160
		t.Frame.X = **(**[16][2]uint64)(unsafe.Pointer(&x))
		t.Saved = entry.SavedProgram
		r.Orig = -1
	default:
		t.Saved = entry.SavedContext
	}
	r.Args = [6]uint64{sa.RDI, sa.RSI, sa.RDX, sa.R10, sa.R8, sa.R9}
	r.RAX, r.RBX, r.RBP, r.RCX, r.R11 = sa.RAX, sa.RBX, sa.RBP, sa.RCX, sa.R11
	r.R12, r.R13, r.R14, r.R15 = sa.R12, sa.R13, sa.R14, sa.R15
	if !inExit {
		r.RIP, r.CS, r.RFLAGS, r.RSP, r.SS = rip, entry.UserCS, sa.RFLAGS, sa.RSP, entry.UserSS
	}
	// In the exit range the iretq frame is the Frame's last words already: the
	// path that led there built it in place.
}

func event(c *entry.Core) {
	t := fromCore(c)
	d := current()
	d.idle = true
	interrupted(t, &d.page.Event)
	atomic.StoreUint32(&t.OnCPU, 0)
	requeueFront(t)
	d.woke = false
	handlePending()
	if d.preempt || d.woke {
		d.preempt = false
		rotate(t)
	}
	schedule()
}

// retry: an event came in the exit range on the way to an interrupted libOS
// context; the context is intact.
func retry(c *entry.Core) {
	current().idle = true
	t := fromCore(c)
	t.Saved = entry.SavedContext
	atomic.StoreUint32(&t.OnCPU, 0)
	requeueFront(t)
	handlePending()
	if d := current(); d.preempt {
		d.preempt = false
		rotate(t)
	}
	schedule()
}

// faulting are the threads that wait for a page. Guarded by sched.lock.
var faulting = list{kind: 1}

func fault(c *entry.Core) {
	current().idle = true
	t := fromCore(c)
	interrupted(t, &current().page.Event)
	sched.lock.take()
	t.state = Faulting
	faulting.push(t)
	sched.lock.drop()
	atomic.StoreUint32(&t.OnCPU, 0)
	schedule()
}

func trap(c *entry.Core) {
	d := current()
	ts := &d.page.Trap
	t := fromCore(c)
	rip := ts.RIP
	inLibOS := rip >= textLo && rip < textHi && !(rip >= exitLo && rip < exitHi)
	if t == nil || inLibOS {
		FatalHook(ts, t)
	}
	t.Trap = *ts
	interrupted(t, &ts.SaveArea)
	if t.Saved == entry.SavedContext {
		FatalHook(ts, t)
	}
	t.AddWork(WorkTrap)
	d.page.InTrap = 0
	entry.Resume(&t.Core)
}

func run(reason, arg uint64) {
	current().idle = true
	if reason != abi.RunResume {
		BootHook(reason, arg)
	}
	schedule()
}

// requeueFront makes the interrupted thread the next one to run.
func requeueFront(t *Thread) {
	sched.lock.take()
	t.state = Ready
	sched.run.pushFront(t)
	sched.lock.drop()
}

// rotate moves a ready thread to the end of the queue.
func rotate(t *Thread) {
	sched.lock.take()
	if sched.run.remove(t) {
		sched.run.push(t)
	}
	sched.lock.drop()
}

// Operations of Switch.
const (
	opSchedule = iota
	opInvoke
	opReplyReceive
	opCall // runs Thunk on the scheduler stack
)

// Thunk is what OnScheduler runs.
var Thunk func(t *Thread)

func switched(c *entry.Core, op, _, _ uint64) {
	current().idle = true
	t := fromCore(c)
	switch op {
	case opInvoke:
		invoke(t)
	case opReplyReceive:
		replyReceive(t)
	case opCall:
		Thunk(t)
	}
	schedule()
}

// yieldCurrent puts the current thread behind the other ready ones. Disabled.
func yieldCurrent() {
	t := Current()
	sched.lock.take()
	t.state = Ready
	sched.run.push(t)
	sched.lock.drop()
	entry.Switch(opSchedule, 0, 0)
}

// Yield is sched_yield.
func Yield() {
	was := entry.Disable()
	if sched.run.head != nil || current().soft {
		yieldCurrent()
	}
	Restore(was)
}

// OnScheduler saves the current thread and runs Thunk on the scheduler stack;
// the thread goes on when something makes it ready. Call it disabled.
func OnScheduler() { entry.Switch(opCall, 0, 0) }

// Ready queues t, which is not running: after OnScheduler. Disabled.
func (t *Thread) Ready() {
	sched.lock.take()
	t.state = Ready
	makeReady(t)
	sched.lock.drop()
}

// schedule picks the next thread. On the scheduler stack, disabled; does not
// return.
func schedule() {
	d := current()
	for {
		if atomic.LoadUint64(&d.page.Pending) != 0 {
			handlePending()
		}
		d.preempt = false
		sched.lock.take()
		if d.soft {
			// The kernel wants the CPU: yield clean, with everything saved.
			d.soft = false
			more := sched.run.head != nil
			sched.lock.drop()
			d.leaving(more)
			native.Yield(more)
			continue
		}
		t := sched.run.pop()
		if t != nil {
			t.state = Running
		}
		more := sched.run.head != nil
		sched.lock.drop()
		if t == nil {
			d.leaving(false)
			native.Yield(false)
			continue
		}
		resume(d, t, more)
	}
}

// resume continues t, which is out of the run queue.
func resume(d *Dispatcher, t *Thread, more bool) {
	for n := 0; atomic.LoadUint32(&t.OnCPU) != 0; n++ {
		// Another dispatcher is still saving it.
		if n&1023 == 1023 {
			relax()
		}
	}
	d.slice = 0
	d.idle = false
	d.rearm(more)
	entry.Resume(&t.Core)
}

// makeReady queues t. The scheduler lock is held.
func makeReady(t *Thread) {
	sched.run.push(t)
	d := current()
	d.woke = true
	if d.slice == 0 && !d.idle && d.page != nil {
		// From now on the running thread has a limited turn.
		d.rearm(true)
	}
}

// rearm brings the dispatcher's deadline up to date, and tells the kernel if it
// is earlier than the one that it knows: a later one costs a call that finds
// nothing due.
func (d *Dispatcher) rearm(others bool) {
	if d.idle {
		return
	}
	at := earliest()
	if others {
		if d.slice == 0 {
			d.slice = Now() + sliceNS
		}
		if at == 0 || d.slice < at {
			at = d.slice
		}
	}
	if at != 0 && (d.armed == 0 || at < d.armed) {
		d.page.Deadline = at
		d.armed = at
		native.SetTimer()
	}
}

// leaving prepares the page for a native call that leaves the dispatcher clean:
// the kernel reads the deadline then. A deadline that it knows already stays,
// though nothing may be due any more: a stale one costs one empty event, a new
// one for each turn would cost a call each time.
func (d *Dispatcher) leaving(runnable bool) {
	d.slice = 0
	at := earliest()
	if d.armed != 0 && (at == 0 || d.armed < at) {
		at = d.armed
	}
	d.page.Deadline = at
	d.armed = at
	d.page.Runnable = b2u(runnable)
}

// relax lets another dispatcher's holder run.
func relax() {}

func b2u(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// onThread reports whether the code runs on a thread's own stack.
func onThread() bool {
	t := Current()
	return t != nil && t.state == Running && t.OnCPU != 0
}

// prepare marks the current thread blocked, before it becomes visible to wakers
// (on a queue). Disabled until park.
func (t *Thread) prepare() {
	// Nobody else writes the state of a running thread.
	t.reason = Woken
	atomic.StoreUint32(&t.state, Blocked)
}

// park waits until wake. Call it disabled, after prepare; deadline in monotonic
// ns, 0: none. It returns disabled.
func (t *Thread) park(deadline uint64, intr bool) Reason {
	if intr && t.HasWork(Interrupting) {
		t.wake(Interrupted)
	}
	if deadline != 0 {
		t.timer.Fn = threadTimeout
		t.timer.thread = t
		t.timer.set(deadline)
	}
	sched.lock.take()
	t.intr(intr)
	woken := t.state != Blocked
	if woken && sched.run.remove(t) {
		// Woken before it slept: go on without a switch.
		t.state = Running
	}
	sched.lock.drop()
	if !woken {
		entry.Switch(opSchedule, 0, 0)
	}
	if deadline != 0 {
		t.timer.Stop()
	}
	return t.reason
}

// Prepare, Park and Wake are for wait structures of other packages: disabled,
// with the structure's spin lock held, Prepare the current thread and enter it;
// Release the lock; Park. Park and Wake: see park and wake.
func (t *Thread) Prepare() { t.prepare() }

func (t *Thread) Park(deadline uint64, intr bool) Reason { return t.park(deadline, intr) }

// Wake ends t's wait; false if it is not blocked (any more).
func (t *Thread) Wake(r Reason) bool { return t.wake(r) }

// intr notes whether signals may end the wait.
func (t *Thread) intr(on bool) {
	if on {
		t.flags |= flagIntr
	} else {
		t.flags &^= flagIntr
	}
}

func threadTimeout(tm *Timer) { tm.thread.wake(TimedOut) }

// wake makes a blocked thread ready; false if it is not blocked (any more).
// Disabled.
func (t *Thread) wake(r Reason) bool {
	sched.lock.take()
	ok := t.state == Blocked
	if ok {
		t.state, t.reason = Ready, r
		t.flags &^= flagIntr
		makeReady(t)
	}
	sched.lock.drop()
	return ok
}

// claim makes a blocked thread the running one, without the run queue; the
// caller resumes it. Disabled, on the scheduler stack.
func (t *Thread) claim(state uint32) bool {
	sched.lock.take()
	ok := t.state == state
	if ok {
		t.state = Running
		t.flags &^= flagIntr
	}
	sched.lock.drop()
	return ok
}

// Interrupt ends t's wait if signals may end it. The caller has set work bits.
// Disabled.
func (t *Thread) Interrupt() {
	sched.lock.take()
	if t.state == Blocked && t.flags&flagIntr != 0 {
		t.state, t.reason = Ready, Interrupted
		t.flags &^= flagIntr
		makeReady(t)
	}
	sched.lock.drop()
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

// ExitThread ends the current thread: it is never resumed. release runs on the
// scheduler stack when nothing uses the thread's stack any more.
func ExitThread(release func(t *Thread)) {
	entry.Disable()
	t := Current()
	t.timer.Stop()
	t.state = Dead
	Thunk = release
	entry.Switch(opCall, 0, 0)
}
