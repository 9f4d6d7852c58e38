package sched

import (
	"sync/atomic"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/mm"
)

// Times in ns.
const (
	slice     = 10_000_000 // a dispatcher's turn while others of its class wait
	softGrace = 1_000_000  // how long it has to yield when asked softly
)

// CPU is the scheduler's state of one processor.
type CPU struct {
	ID      int
	Current *Dispatcher // the processor returns to it; nil: idle or undecided
	queue   [numClasses]runQueue
	timers  timers
	armed   uint64           // when the timer will interrupt, monotonic ns; 0: not armed
	due     bool             // it has: deadlines and turns are to be looked at
	stale   bool             // something changed that the timer depends on
	now     uint64           // time of this kernel entry once asked for; 0: not yet
	began   uint64           // when Current began to run
	until   uint64           // end of Current's slice
	space   *mm.AddressSpace // the one that is loaded; nil: the kernel's own

	jobs, jobsTail *Process
	stepping       *Process // whose job's step is being done
	jobAt          uint64   // when jobs get a turn though a dispatcher runs

	// Statistics.
	Switches, IdleNS, UserNS uint64
	idleSince                uint64
}

var cpus [amd64.MaxCPU]CPU

// This returns the CPU that executes.
func This() *CPU { return &cpus[cpuNumber()] }

// Init prepares the scheduler for at most n dispatchers. Start-up only.
func Init(n int) {
	processes.Init("processes", n)
	dispatchers.Init("dispatchers", n)
	for i := range cpus {
		cpus[i].ID = i
	}
	// The pool rounds its bound up: each that it can hand out has a place.
	cpus[0].timers.heap = make([]*Dispatcher, dispatchers.Max())
}

// time is Now for the whole of a kernel entry, which is short: the clock is
// read once at most.
func (c *CPU) time() uint64 {
	if c.now == 0 {
		c.now = Now()
	}
	return c.now
}

// setTimer changes d's deadline.
func (c *CPU) setTimer(d *Dispatcher, ns uint64) {
	if d.deadline != ns {
		c.timers.set(d, ns)
		c.stale = true
	}
}

// Ready puts d on the run queue if it may run and has something to do.
func (c *CPU) Ready(d *Dispatcher) {
	if d.queued || d == c.Current || d.Proc.State != Running || d.State == DispEmbryo {
		return
	}
	if d.State == DispClean && !d.hasWork() {
		return
	}
	c.stale = true
	c.queue[d.Proc.Class()].push(d, false)
}

func (d *Dispatcher) hasWork() bool {
	return d.wantRun || d.Reason != abi.RunResume || atomic.LoadUint64(&d.Page.Pending) != 0 || !d.Replies.Empty() || d.canTakeCall()
}

func (d *Dispatcher) canTakeCall() bool {
	return !d.Proc.Calls.Waiting.Empty() && atomic.LoadUint32(&d.Page.Accept) != 0
}

// Post sets event bits for d and lets it run if it was idle. If d is the
// current dispatcher, Leave delivers them.
func (c *CPU) Post(d *Dispatcher, bits uint64) {
	atomic.OrUint64(&d.Page.Pending, bits)
	c.Ready(d)
}

// Notify sets a channel bit of d's process.
func (c *CPU) Notify(d *Dispatcher, channel uint) {
	atomic.OrUint64(&d.Page.Notify, 1<<channel)
	c.Post(d, abi.EventNotify)
}

// SetDeadline makes ns (monotonic; 0: none) the time of d's EventTimer.
func (c *CPU) SetDeadline(d *Dispatcher, ns uint64) { c.setTimer(d, ns) }

// Clean marks the current dispatcher clean and leaves the CPU undecided. want
// says that its libOS has other threads to run. Its deadline is read from the
// page.
func (c *CPU) Clean(want bool) {
	d := c.Current
	c.stop()
	d.State = DispClean
	d.wantRun = want
	c.setTimer(d, atomic.LoadUint64(&d.Page.Deadline))
	c.Ready(d)
}

// stop ends the current dispatcher's turn.
func (c *CPU) stop() {
	d := c.Current
	now := c.time()
	d.Proc.UserNS += now - c.began
	c.UserNS += now - c.began
	d.yieldBy = 0
	c.Current = nil
}

// Preempt takes the CPU from the current dispatcher, whose registers stay in
// the kernel. front: it goes on before others of its class, with the rest of
// its turn.
func (c *CPU) Preempt(front bool) {
	d := c.Current
	c.stop()
	saveState(d)
	if d.Proc.State != Running {
		return
	}
	// What is left of the turn stays; one that is over is not begun anew, or
	// whoever is often interrupted by servers would never give way.
	now := c.time()
	if front = front && now < c.until; front {
		d.left = c.until - now
	}
	c.stale = true
	c.queue[d.Proc.Class()].push(d, front)
}

// Forget removes every trace of d: its process is dying or resets.
func (c *CPU) Forget(d *Dispatcher) {
	if c.Current == d {
		c.stop()
	}
	if d.queued {
		c.queue[d.Proc.Class()].remove(d)
	}
	c.setTimer(d, 0)
}

// FreeDispatcher gives d back. Nothing refers to it any more.
func FreeDispatcher(d *Dispatcher) {
	mm.FreeFrame(d.Proc.Acct, mm.KindKernel, d.vectors)
	dispatchers.Free(d)
}

// SuspendProcess stops p's dispatchers where they are.
func (c *CPU) SuspendProcess(p *Process) {
	p.State = Suspended
	for _, d := range p.Disp {
		if d == nil {
			continue
		}
		if d == c.Current {
			c.Preempt(false)
		}
		if d.queued {
			c.queue[p.Class()].remove(d)
		}
	}
}

// ResumeProcess undoes SuspendProcess.
func (c *CPU) ResumeProcess(p *Process) {
	p.State = Running
	for _, d := range p.Disp {
		if d != nil {
			c.Post(d, abi.EventStopped)
		}
	}
}

// Handoff makes d, which must be clean, the current dispatcher: a PPC or a
// reply crosses without the run queue, on what is left of the turn: calls to
// and fro do not keep the CPU from others. The caller then fills the message
// and calls Enter.
func (c *CPU) Handoff(d *Dispatcher) {
	if d.queued {
		c.queue[d.Proc.Class()].remove(d)
	}
	until := c.until
	c.take(d)
	c.until = until
	d.State = DispLive
}

// CanHandoff reports whether d can be entered at once.
func (d *Dispatcher) CanHandoff() bool {
	return d.State == DispClean && d.Proc.State == Running && d.Reason == abi.RunResume
}

func (c *CPU) take(d *Dispatcher) {
	c.Current = d
	c.stale = true
	c.began = c.time()
	c.until = c.began + slice
	if d.left != 0 {
		c.until = c.began + d.left
		d.left = 0
	}
	c.Switches++
	d.Proc.Switches++
	if d.Proc.Space != c.space {
		c.space = d.Proc.Space
		c.space.Activate()
	}
	load(d)
	atomic.StoreUint32(&d.Page.CPU, uint32(c.ID))
}

// UnloadSpace leaves the address space that is loaded, which is about to be
// taken apart.
func (c *CPU) UnloadSpace(as *mm.AddressSpace) {
	if c.space == as {
		c.space = nil
		c.space.Activate()
	}
}

// Enter makes d, which is current, start at upcall entry e with a fresh
// context. a and b are RDI and RSI.
func (d *Dispatcher) Enter(e int, a, b uint64) {
	atomic.StoreUint32(&d.Page.Disabled, 1)
	d.Ctx.Start(Entries[e], atomic.LoadUint64(&d.Page.SchedSP), d.VA, a, b)
}

// deliver turns d's live context into an Event upcall if events are pending
// and d may take them.
func (d *Dispatcher) deliver() {
	p := d.Page
	if atomic.LoadUint64(&p.Pending) == 0 || atomic.LoadUint32(&p.Disabled) != 0 {
		return
	}
	p.Event = d.Ctx.Regs
	atomic.StoreUint32(&p.Disabled, 1)
	d.Ctx.Upcall(Entries[abi.EntryEvent], atomic.LoadUint64(&p.SchedSP), d.VA, 0, 0)
}

// Entries are the libOS's upcall entry points.
var Entries [abi.NumEntries]uint64

// OnCall and OnReturn fill the message of an upcall to d: set by ipc/ppc.
// They report false if there was nothing after all.
var (
	OnCall   func(d *Dispatcher) bool
	OnReturn func(d *Dispatcher) bool
)

// start makes the upcall that a clean dispatcher is due.
func (d *Dispatcher) start() {
	d.State = DispLive
	d.wantRun = false
	switch {
	case d.Reason != abi.RunResume:
		r, a := d.Reason, d.Argument
		d.Reason, d.Argument = abi.RunResume, 0
		d.Enter(abi.EntryRun, r, a)
	case !d.Replies.Empty() && OnReturn(d):
		d.Enter(abi.EntryReturn, 0, 0)
	case d.canTakeCall() && OnCall(d):
		d.Enter(abi.EntryCall, 0, 0)
	default:
		d.Enter(abi.EntryRun, abi.RunResume, 0)
	}
}

// Leave ends a kernel entry: it decides who runs and prepares the context
// that the processor returns to. With nobody to run the CPU halts.
func (c *CPU) Leave() {
	if c.idleSince != 0 {
		c.IdleNS += c.time() - c.idleSince
		c.idleSince = 0
	}
	// Deadlines and turns end with the timer's interrupt: other entries need
	// not look at the clock.
	due := c.due
	if due {
		c.due = false
		c.expire()
		c.jobsTurn()
	}
	for {
		if d := c.Current; d != nil {
			if c.queue[ClassServer].head != nil && d.Proc.Class() == ClassApp {
				c.Preempt(true)
				continue
			}
			if due {
				due = false
				c.endSlice(d)
				if c.Current == nil {
					continue
				}
			}
			d.deliver()
			break
		}
		c.step()
		d := c.pop()
		if d == nil {
			// Work left over is done now, unless an interrupt waits: it is
			// taken as soon as the CPU halts, and brings us back here.
			if c.jobs != nil && !interruptPending() {
				// There may be many steps: time goes on, and the timer must
				// be able to end them.
				c.now = 0
				if c.stale {
					c.stale = false
					c.arm()
				}
				continue
			}
			load(nil)
			c.idleSince = c.time()
			c.stale = true
			break
		}
		fresh := d.State == DispClean
		c.take(d)
		if fresh {
			d.start()
		} else {
			d.deliver()
		}
		break
	}
	if c.stale || c.armed == 0 {
		c.stale = false
		c.arm()
	}
	c.now = 0
}

func (c *CPU) pop() *Dispatcher {
	for i := range c.queue {
		for {
			d := c.queue[i].head
			if d == nil {
				break
			}
			c.queue[i].remove(d)
			if d.State == DispLive || d.hasWork() {
				return d
			}
		}
	}
	return nil
}

// endSlice asks d to yield when its slice is over and another of its class
// waits, and takes the CPU from it when it has not within the grace.
func (c *CPU) endSlice(d *Dispatcher) {
	now := c.time()
	if now < c.until || c.queue[d.Proc.Class()].head == nil {
		return
	}
	switch {
	case d.yieldBy == 0:
		d.yieldBy = now + softGrace
		atomic.OrUint64(&d.Page.Pending, abi.EventYield)
	case now >= d.yieldBy:
		c.Preempt(false)
	}
}

// expire posts EventTimer to everyone whose deadline has passed.
func (c *CPU) expire() {
	d := c.timers.first()
	if d == nil {
		return
	}
	now := c.time()
	for d != nil && d.deadline <= now {
		c.setTimer(d, 0)
		c.Post(d, abi.EventTimer)
		d = c.timers.first()
	}
}

// arm makes the timer interrupt no later than the next thing that is due.
func (c *CPU) arm() {
	var at uint64
	if d := c.timers.first(); d != nil {
		at = d.deadline
	}
	if d := c.Current; d != nil && c.queue[d.Proc.Class()].head != nil {
		end := c.until
		if d.yieldBy != 0 {
			end = d.yieldBy
		}
		if at == 0 || end < at {
			at = end
		}
	}
	if c.jobs != nil && c.Current != nil && (at == 0 || c.jobAt < at) {
		at = c.jobAt
	}
	if at == 0 || (c.armed != 0 && c.armed <= at) {
		return
	}
	c.armed = at
	armTimer(tscAt(at))
}

// TimerFired is told of the timer's interrupt.
func (c *CPU) TimerFired() { c.armed, c.due = 0, true }

// Queued reports whether d waits on a run queue.
func (d *Dispatcher) Queued() bool { return d.queued }

// Running returns how long, in ns, the current dispatcher has run.
func (c *CPU) Running() uint64 { return Now() - c.began }
