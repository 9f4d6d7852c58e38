package user

import (
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/entry"
	"go42/linuxapi/native"
)

// Hooks of the layers above; set at start.
var (
	// SvcHook serves the system call in t.Frame; called disabled on t's stack.
	// What it leaves in Frame.RAX is the answer.
	SvcHook func(t *Thread)
	// WorkHook does what t.Work says; called disabled on t's stack, may block,
	// returns disabled. It clears what it has done.
	WorkHook func(t *Thread)
	// BootHook serves the first upcall of a process: RunModule, RunExec, RunFork.
	// On the scheduler stack; may return, then the scheduler goes on.
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

// AfterFork makes the copied scheduler state the child's, after Setup: t is its
// only thread.
func AfterFork(t *Thread) {
	t.links, t.nwatch = [2]link{}, 0
	t.timer = Timer{}
	t.bound, t.disp, t.used = 0, 0, 0
	t.spent, t.round, t.cut = 0, 0, false
	faulting.lock, faulting.list = SpinLock{}, list{kind: 1}
	for i := range Chan {
		Chan[i].lock = SpinLock{}
		Chan[i].head = nil
	}
}

// The upcalls of package entry.
func svc(c *entry.Core) { SvcHook(fromCore(c)) }

func work(c *entry.Core) {
	t := fromCore(c)
	for {
		handlePending()
		if d := current(); d.preempt {
			makeWay()
		}
		if atomic.LoadUint32(&t.Work) != 0 {
			WorkHook(t)
		}
		if atomic.LoadUint32(&t.Work) == 0 && atomic.LoadUint64(&current().page.Pending) == 0 {
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
	interrupted(t, &current().page.Event)
	again(t)
}

// retry: an event came in the exit range on the way to an interrupted libOS
// context; the context is intact.
func retry(c *entry.Core) {
	t := fromCore(c)
	t.Saved = entry.SavedContext
	again(t)
}

// again handles what interrupted t, which is saved, and goes on with it unless
// something else is to run.
func again(t *Thread) {
	d := current()
	d.between = true
	atomic.StoreUint32(&t.OnCPU, 0)
	d.woke = false
	handlePending()
	over := d.preempt || d.woke && !d.quick
	if !over && !stopped() && d.allows(t) {
		d.between = false
		d.rearm(d.queue.some())
		entry.Resume(&t.Core)
	}
	d.queueAgain(t, over)
	schedule()
}

// faulting are the threads that wait for a page.
var faulting = struct {
	lock SpinLock
	list list
}{list: list{kind: 1}}

func fault(c *entry.Core) {
	d := current()
	d.between = true
	t := fromCore(c)
	interrupted(t, &d.page.Event)
	faulting.lock.take()
	t.setState(Faulting)
	faulting.list.push(t)
	faulting.lock.drop()
	atomic.StoreUint32(&t.OnCPU, 0)
	schedule()
}

// AwaitPage makes the current thread wait for EventFault. Call it disabled, and
// from before the kernel was asked to send one.
func AwaitPage() {
	t := Current()
	faulting.lock.take()
	t.setState(Faulting)
	faulting.list.push(t)
	faulting.lock.drop()
	entry.Switch(opSchedule, 0, 0)
}

// faulted makes every thread that waits for a page look again.
func faulted() {
	for {
		faulting.lock.take()
		t := faulting.list.pop()
		faulting.lock.drop()
		if t == nil {
			return
		}
		t.Ready()
	}
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
	switch reason {
	case abi.RunResume:
	case abi.RunThread:
		begin(arg)
	default:
		BootHook(reason, arg)
		spawnForced()
	}
	d := current()
	d.between = true
	d.back()
	schedule()
}

// Operations of Switch.
const (
	opSchedule = iota
	opInvoke
	opReplyReceive
	opCall // runs the thread's thunk on the scheduler stack
)

func switched(c *entry.Core, op, _, _ uint64) {
	current().between = true
	t := fromCore(c)
	switch op {
	case opInvoke:
		invoke(t)
	case opReplyReceive:
		replyReceive(t)
	case opCall:
		t.thunk(t)
	}
	schedule()
}

// schedule picks the next thread. On the scheduler stack, disabled; does not
// return.
func schedule() {
	d := current()
	for {
		if by := atomic.LoadUint32(&barrier); by != 0 {
			d.atBarrier(by)
			continue
		}
		if d.held != 0 || atomic.LoadUint64(&d.page.Pending) != 0 {
			handlePending()
		}
		d.preempt = false
		if d.soft {
			// The kernel wants the CPU: yield clean, with everything saved.
			d.soft = false
			native.Yield(d.leaving())
			d.back()
			continue
		}
		if t := d.next(); t != nil {
			resume(d, t)
		}
		native.Yield(d.leaving())
		d.back()
	}
}

// resume continues t, which is out of the run queue, with a new turn.
func resume(d *Dispatcher, t *Thread) {
	for n := 0; atomic.LoadUint32(&t.OnCPU) != 0; n++ {
		// Another dispatcher is still saving it.
		pause(n)
	}
	d.slice, d.woke, d.hurried = 0, false, false
	d.between = false
	d.charge(t)
	d.page.Lag = atomic.LoadUint32(&t.lag)
	d.rearm(d.queue.some())
	entry.Resume(&t.Core)
}

// carryOn resumes a thread that the kernel came for, on what is left of the turn:
// one that calls and calls does not keep others from running. If the dispatcher
// has to be at rest the thread is queued.
func carryOn(d *Dispatcher, t *Thread) {
	if stopped() || !d.allows(t) {
		t.Ready()
		schedule()
	}
	if freeze(t) {
		schedule()
	}
	atomic.StoreUint32(&t.disp, d.index)
	t.setState(Running)
	d.between = false
	d.charge(t)
	d.page.Lag = atomic.LoadUint32(&t.lag)
	d.rearm(d.queue.some())
	entry.Resume(&t.Core)
}

// onThread reports whether the code runs on a thread's own stack, as the running
// thread. Disabled.
func onThread() bool {
	return entry.OnThread() && Current().State() == Running
}
