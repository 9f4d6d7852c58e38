package sched

import (
	"sync/atomic"
	"unsafe"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/mm"
	"go42/mm/spin"
)

// Times in ns.
const (
	slice       = 10_000_000  // a dispatcher's turn while others of its class wait
	leastSlice  = 3_000_000   // that of one with little weight
	sleepCredit = 3_000_000   // by how much one that wakes may be behind those that run
	wakeGrain   = 2_000_000   // by how much who runs has to be ahead of one that wakes to make way
	softGrace   = 1_000_000   // how long it has to yield when asked softly
	serverMost  = 100_000_000 // how long servers can keep programs from a CPU
	programMin  = 5_000_000   // what programs get then
)

// CPU is the scheduler's state of one processor. But for what is marked atomic
// only that processor touches it: other ones send mail (mail.go).
type CPU struct {
	ID      int
	Current *Dispatcher // the processor returns to it; nil: idle or undecided
	queue   [numClasses]runQueue
	timers  timers
	armed   uint64 // when the timer will interrupt, monotonic ns; 0: not armed
	due     bool   // it has: deadlines and turns are to be looked at
	stale   bool   // something changed that the timer depends on
	now     uint64 // time of this kernel entry once asked for; 0: not yet
	began   uint64 // when Current began to run
	until   uint64 // end of the turn
	payer   *Dispatcher
	paid    uint64           // until when the payer has been charged
	waits   uint64           // since when programs wait that none has run
	mercy   uint64           // until then programs run though servers could; 0: no such thing
	space   *mm.AddressSpace // the one that is loaded; nil: the kernel's own
	owner   *Process         // whose it is; atomic

	jobs, jobsTail *Process
	njobs          int
	jobAt          uint64 // when jobs get a turn though a dispatcher runs

	chance uint64 // see inject.go

	// Statistics, which others read.
	switches      uint64
	idling, using abi.Stopwatch // without work; in ring 3

	_       [64]byte
	mailbox *Dispatcher // atomic
	idle    uint32      // atomic: it has nothing to do
	spare   uint32      // atomic: programs wait here that could run elsewhere
	paused  uint32      // atomic: see pause.go
	_       [64]byte
}

var cpus [amd64.MaxCPU]CPU

// This returns the CPU that executes.
func This() *CPU { return &cpus[cpuNumber()] }

// ByID returns CPU number i.
func ByID(i int) *CPU { return &cpus[i] }

// Init prepares the scheduler for at most nproc processes with ndisp dispatchers
// together. Start-up only.
func Init(nproc, ndisp int) {
	processes.Init("processes", nproc)
	dispatchers.Init("dispatchers", ndisp)
	for i := range cpus {
		cpus[i].ID = i
	}
	InitCPU(0)
	initWeights()
}

// InitCPU prepares CPU i. Start-up only.
func InitCPU(i int) {
	// The pool rounds its bound up: each that it can hand out has a place.
	n := uint64(dispatchers.Max()) * 8
	order := uint8(0)
	for mm.PageSize<<order < n {
		order++
	}
	pa, ok := mm.AllocFrames(mm.RootAccount(), mm.KindKernel, order)
	if !ok {
		panic("sched: no memory for a CPU's timers")
	}
	cpus[i].timers.heap = unsafe.Slice((**Dispatcher)(mm.PhysToPtr(pa)), dispatchers.Max())
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

// Ready puts d, which is this CPU's, on the run queue if it may run and has
// something to do.
func (c *CPU) Ready(d *Dispatcher) {
	c.adopt(d)
	if d.queued || d == c.Current || d.State == DispEmbryo || d.Proc.State() != Running {
		return
	}
	if d.State == DispClean && !d.hasWork() || atomic.LoadUint32(&d.stalled) != 0 {
		return
	}
	c.enqueue(d, false)
}

// enqueue puts d on its run queue; front: before the others.
func (c *CPU) enqueue(d *Dispatcher, front bool) {
	c.stale = true
	c.charge()
	k := d.Proc.Class()
	q := &c.queue[k]
	if q.head == nil {
		// Who had the CPU alone owes nobody that time: all go on from there.
		if p := c.payer; p != nil && p.Proc.Class() == k {
			q.pass = max(q.pass, p.pass)
		}
		if k == ClassApp {
			c.waits = c.time()
		}
	}
	q.push(d, front)
	// One that mostly sleeps does not wait until who computes has had its turn.
	// What servers do now is the payer's time: its turn ends when they are done.
	if p := c.payer; k == ClassApp && q.head == d && p != nil && p != d && p.Proc.Class() == k {
		ahead := d.pass + d.virtual(wakeGrain)
		c.until = min(c.until, c.time()+max(ahead, p.pass)-p.pass)
	}
}

func (d *Dispatcher) hasWork() bool {
	return d.wantRun || d.Reason != abi.RunResume || atomic.LoadUint64(&d.Page.Pending) != 0 || !d.Calls.Replies.Empty() || d.canTakeCall()
}

func (d *Dispatcher) canTakeCall() bool {
	return !d.Calls.Waiting.Empty() && atomic.LoadUint32(&d.Page.Accept) != 0
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
	if d.hasWork() {
		c.Ready(d)
	}
}

// stop ends the current dispatcher's turn.
func (c *CPU) stop() {
	d := c.Current
	now := c.time()
	d.used.Stop(now)
	d.Page.CPUTime.Show(d.used)
	d.yieldBy = 0
	c.Current = nil
}

// charge makes the payer pay for the time since it last did: before anybody
// looks at its pass, and before another pays.
func (c *CPU) charge() {
	if c.payer == nil {
		return
	}
	now := c.time()
	c.payer.pay(now - c.paid)
	c.paid = now
}

// Preempt takes the CPU from the current dispatcher, whose registers stay in
// the kernel. front: it goes on before others of its class, with the rest of
// its turn.
func (c *CPU) Preempt(front bool) {
	d := c.Current
	c.stop()
	saveState(d)
	if d.Proc.State() != Running {
		return
	}
	// What is left of the turn stays; one that is over is not begun anew, or
	// whoever is often interrupted by servers would never give way.
	now := c.time()
	if front = front && now < c.until; front {
		d.left = c.until - now
	}
	c.enqueue(d, front)
}

// GiveWay has the next of the current dispatcher's class run before it,
// whatever their shares (sched_yield); with nobody waiting it goes on.
func (c *CPU) GiveWay() {
	d := c.Current
	next := c.queue[d.Proc.Class()].head
	if next == nil {
		return
	}
	c.charge()
	d.pass = max(d.pass, next.pass)
	c.Preempt(false)
}

// Forget removes every trace of d, which is this CPU's: its process is dying or
// resets. It runs no more.
func (c *CPU) Forget(d *Dispatcher) {
	if c.Current == d {
		c.stop()
	}
	if c.payer == d {
		c.payer = nil
	}
	if d.queued {
		c.queue[d.Proc.Class()].remove(d)
	}
	c.adopt(d) // it may still lie in the mailbox
	c.setTimer(d, 0)
	c.forgetPages(d)
	d.State = DispEmbryo
	if c.space == d.Proc.Space {
		c.UnloadSpace(c.space)
	}
}

// StopAll makes all of p's dispatchers stop where they are, and then begins
// job. p.Lock is held, and p has no job.
func (c *CPU) StopAll(p *Process, job func(p *Process) (done bool)) {
	p.job = job
	// One more than there are: it begins when this has gone through them.
	atomic.StoreInt32(&p.stopping, int32(len(p.Disp))+1)
	for i := range p.Disp {
		d := p.Dispatcher(i)
		switch {
		case d == nil:
			stopped(c, p)
		case d.CPU() == c:
			c.Forget(d)
			stopped(c, p)
		default:
			send(d, mailStop)
		}
	}
	stopped(c, p)
}

// stopped counts a dispatcher of p that has stopped.
func stopped(c *CPU, p *Process) {
	if atomic.AddInt32(&p.stopping, -1) == 0 {
		c.addJob(p)
	}
}

// SuspendProcess stops p's dispatchers where they are. p.Lock is held.
func (c *CPU) SuspendProcess(p *Process) {
	p.SetState(Suspended)
	for i := range p.Disp {
		if d := p.Dispatcher(i); d == nil {
		} else if d.CPU() == c {
			c.hold(d)
		} else {
			send(d, mailHold)
		}
	}
}

// Held reports whether all dispatchers of a suspended process have stopped: those of
// other CPUs do so when these read their mail.
func Held(p *Process) bool {
	for i := range p.Disp {
		if d := p.Dispatcher(i); d != nil && atomic.LoadUint32(&d.mail)&mailHold != 0 {
			return false
		}
	}
	return true
}

// hold takes d, which is this CPU's and whose process is suspended, off it.
func (c *CPU) hold(d *Dispatcher) {
	if d == c.Current {
		c.Preempt(false)
	}
	if d.queued {
		c.queue[d.Proc.Class()].remove(d)
	}
}

// ResumeProcess undoes SuspendProcess. p.Lock is held.
func (c *CPU) ResumeProcess(p *Process) {
	p.SetState(Running)
	for i := range p.Disp {
		if d := p.Dispatcher(i); d != nil {
			c.Post(d, abi.EventStopped)
		}
	}
}

// Handoff makes d, which must be clean and this CPU's, the current dispatcher:
// a PPC or a reply crosses without the run queue, on what is left of the turn,
// and the same one pays: calls to and fro do not keep the CPU from others. The
// caller then fills the message and calls Enter.
func (c *CPU) Handoff(d *Dispatcher) {
	c.adopt(d)
	if d.queued {
		c.queue[d.Proc.Class()].remove(d)
	}
	c.take(d)
	d.State = DispLive
	// An alarm that comes in time for the turn's end is set already.
	if c.contested() && (c.armed == 0 || c.armed > c.until) {
		c.stale = true
	}
}

// contested reports whether others wait for the CPU, so that a turn ends.
func (c *CPU) contested() bool {
	return c.queue[ClassServer].head != nil || c.queue[ClassApp].head != nil || c.jobs != nil
}

// CanHandoff reports whether d can be entered at once on c.
func (c *CPU) CanHandoff(d *Dispatcher) bool {
	return d.CPU() == c && d.State == DispClean && d.Proc.State() == Running && d.Reason == abi.RunResume
}

// begin starts d's turn: it is taken from the run queue.
func (c *CPU) begin(d *Dispatcher) {
	c.charge()
	c.take(d)
	if c.contested() {
		c.stale = true // its turn has an end, or jobs are to get theirs
	}
	c.payer, c.paid = d, c.began
	c.until = c.began + d.turn()
	if d.left != 0 {
		c.until = c.began + d.left
		d.left = 0
	}
	k := d.Proc.Class()
	c.queue[k].pass = max(c.queue[k].pass, d.pass)
	if k == ClassApp {
		c.waits = c.began
	}
}

func (c *CPU) take(d *Dispatcher) {
	c.Current = d
	c.began = c.time()
	if !c.using.Runs() {
		c.using.Start(c.began)
	}
	c.switches++
	d.Switches++
	if d.Proc.Space != c.space {
		c.setSpace(d.Proc.Space, d.Proc)
	}
	load(d)
	d.used.Start(c.began)
	d.Page.CPUTime.Show(d.used)
	atomic.StoreUint32(&d.Page.CPU, uint32(c.ID))
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
	case !d.Calls.Replies.Empty() && OnReturn(d):
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
	if c.idle != 0 {
		c.idling.Stop(c.time())
		atomic.StoreUint32(&c.idle, 0)
	}
	c.checkPause()
	if c.hasMail() {
		c.readMail()
	}
	if c.owner != nil && c.owner.State() == Dying {
		c.unloadDead()
	}
	// Deadlines and turns end with the timer's interrupt: other entries need
	// not look at the clock.
	due := c.due
	if due {
		c.due = false
		if spin.Debug && injecting {
			c.inject()
		}
		c.expire()
		c.jobsTurn()
	}
	for {
		if d := c.Current; d != nil {
			if c.queue[ClassServer].head != nil && d.Proc.Class() == ClassApp && !c.merciful() {
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
		c.steps()
		if d := c.pop(); d != nil {
			fresh := d.State == DispClean
			c.begin(d)
			if fresh {
				d.start()
			} else {
				d.deliver()
			}
			break
		}
		if c.using.Runs() {
			c.using.Stop(c.time())
		}
		// Work left over is done now, unless an interrupt waits: it is
		// taken as soon as the CPU halts, and brings us back here.
		if c.jobs != nil && !interruptPending() {
			// There may be many steps: time goes on, and the timer must
			// be able to end them. A job may wait for all CPUs to have been
			// outside the kernel; we hold nothing.
			c.now = 0
			if c.stale {
				c.stale = false
				c.arm()
			}
			quiesce()
			c.checkPause()
			if c.hasMail() {
				c.readMail()
			}
			continue
		}
		load(nil)
		c.charge()
		c.payer = nil
		atomic.StoreUint32(&c.idle, 1)
		// Who sends from here on finds us idle or interrupts the halt.
		if c.hasMail() {
			atomic.StoreUint32(&c.idle, 0)
			c.readMail()
			continue
		}
		c.idling.Start(c.time())
		c.stale = true
		c.beg()
		break
	}
	c.spread()
	if c.stale {
		c.stale = false
		c.arm()
	}
	if spin.Debug && injecting && c.Current != nil {
		c.injectNext()
	}
	c.now = 0
	spin.HoldsNone()
}

// merciful reports whether programs run though a server could.
func (c *CPU) merciful() bool {
	if c.mercy == 0 {
		return false
	}
	if c.time() < c.mercy {
		return true
	}
	c.mercy = 0
	return false
}

// pop takes the next dispatcher from the run queues, nil if all are empty.
func (c *CPU) pop() *Dispatcher {
	if c.mercy != 0 && c.merciful() {
		if d := c.popClass(ClassApp); d != nil {
			return d
		}
	}
	for k := range numClasses {
		if d := c.popClass(k); d != nil {
			return d
		}
	}
	return nil
}

func (c *CPU) popClass(k Class) *Dispatcher {
	for {
		d := c.queue[k].head
		if d == nil {
			return nil
		}
		c.queue[k].remove(d)
		if d.State == DispLive || d.hasWork() {
			return d
		}
	}
}

// endSlice asks d to yield when its slice is over and another of its class
// waits, and takes the CPU from it when it has not within the grace. A server
// goes on as long as it likes, unless programs wait too long for it.
func (c *CPU) endSlice(d *Dispatcher) {
	now := c.time()
	k := d.Proc.Class()
	if k == ClassServer && c.queue[ClassApp].head != nil && now >= c.waits+serverMost {
		c.mercy = now + programMin
		c.Preempt(false)
		return
	}
	if now < c.until || c.queue[k].head == nil {
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
	earlier := func(t uint64) {
		if at == 0 || t < at {
			at = t
		}
	}
	if d := c.timers.first(); d != nil {
		at = d.deadline
	}
	if d := c.Current; d != nil {
		k := d.Proc.Class()
		if c.queue[k].head != nil {
			if d.yieldBy != 0 {
				earlier(d.yieldBy)
			} else {
				earlier(c.until)
			}
		}
		if k == ClassServer && c.queue[ClassApp].head != nil {
			earlier(c.waits + serverMost)
		}
		if c.mercy != 0 && k == ClassApp && c.queue[ClassServer].head != nil {
			earlier(c.mercy) // else nothing is due then
		}
		if c.jobs != nil {
			earlier(c.jobAt)
		}
	}
	if at == 0 || (c.armed != 0 && c.armed <= at) {
		return
	}
	c.armed = at
	armTimer(tscAt(at))
}

// TimerFired is told of the timer's interrupt.
func (c *CPU) TimerFired() { c.armed, c.due, c.stale = 0, true, true }

// Queued reports whether d waits on a run queue.
func (d *Dispatcher) Queued() bool { return d.queued }

// Running returns how long, in ns, the current dispatcher has run.
func (c *CPU) Running() uint64 { return Now() - c.began }
