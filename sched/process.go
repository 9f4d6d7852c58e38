package sched

import (
	"sync/atomic"
	"unsafe"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/ipc/call"
	"go42/ipc/handle"
	"go42/mm"
	"go42/mm/spin"
)

// State of a process.
type State uint32

// The life of a process (abi.ProcessInfo.State).
const (
	Embryo State = iota
	Running
	Suspended
	Dying
)

// Process is what the kernel knows of one: no pid of Linux's, no file, no
// signal handler.
//
// Who found it by Find may use it until the end of its kernel entry, though
// it ends meanwhile: its memory is given back after a grace period
// (lifecycle), and State says Dying long before.
type Process struct {
	// KPid is the badge id: never zero, never used again.
	KPid   uint64
	Parent uint64 // KPid of the process that forked it
	Cred   uint64 // credential token, set by the process manager; atomic
	// ExecCred is what the next reset makes Cred, plus 1; 0: it stays (NExecCred).
	// Guarded by Lock.
	ExecCred uint64
	Role     uint32 // abi.RoleX
	Rank     uint32

	// Lock (rank Process) guards the state's changes, Disp's, Handles, job,
	// stopping and what is said so below.
	Lock  spin.Lock
	state uint32 // atomic; see State

	Space   *mm.AddressSpace // fixed until a grace period after its death
	Acct    *mm.Account
	Handles handle.Set
	// Grants are those that were made for it, Lent what its calls have given to
	// servers that these still hold (ipc/ppc, bound.go). Atomic.
	Grants, Lent int32
	// lasts are grants of this server's whose last handle has gone and that it
	// has not been told of, by the index of the dispatcher that has EventLasts.
	lasts [abi.MaxDispatchers]lastQueue

	// Disp are its dispatchers by index, at the same by CPU: read without the
	// lock, atomic.
	Disp [abi.MaxDispatchers]*Dispatcher
	at   [amd64.MaxCPU]*Dispatcher

	// Old are those of a program that exec ends, on their way out.
	Old [abi.MaxDispatchers - 1]*Dispatcher

	// Pager is this server's end of its paged objects, nil while it has none.
	Pager *mm.Pager
	// PagesGone is how far teardown is with telling their users.
	PagesGone int

	// VforkParent is told (ChanVfork) when this process resets or dies. Written
	// under Lock; atomic.
	VforkParent uint64

	// Teardown and reset are jobs: at most one at a time.
	job      func(p *Process) (done bool)
	stopping int32 // dispatchers that are to stop before the job begins; atomic
	Stage    int
	Grace    Grace
	nextJob  *Process
	Status   uint64 // wait(2) status once Dying
	Length   uint64 // of Parcel, bytes

	StartNS uint64 // when it was made, ns
	Weight  uint32 // share of the CPU within its class: 1024 is nice 0; atomic
	// OOMAdjust is Linux's oom_score_adj; atomic. Victim: it was ended because
	// memory was short; set before its state is Dying.
	OOMAdjust int32
	Victim    bool
	// What its dispatchers that are gone have counted, atomic.
	gone Counts

	// NextExit links dead processes that the manager has not been told of.
	NextExit *Process
	// Born says that its fork was done: the manager may know it. Guarded by
	// Lock.
	Born bool
	// StopFirst: it is to be suspended when it is started. Guarded by Lock.
	StopFirst bool
	// Holds counts who has yet to let go of a dead process: its teardown, the
	// list of exits. Atomic.
	Holds  int32
	hidden uint32 // see Hide; atomic

	// Fork is the progress of the NFork that makes this embryo.
	Fork mm.ForkState
	// Parcel is the address of what exec hands over, while it resets.
	Parcel uint64
}

// Counts are what a process has used.
type Counts struct {
	UserNS uint64
	Events
}

// Events are what a dispatcher has counted. Only its own CPU writes them.
type Events struct {
	Switches  uint64
	MinFaults uint64
	MajFaults uint64
	Calls     uint64 // PPCs made
}

func (a *Counts) add(b *Counts) {
	atomic.AddUint64(&a.UserNS, atomic.LoadUint64(&b.UserNS))
	atomic.AddUint64(&a.Switches, atomic.LoadUint64(&b.Switches))
	atomic.AddUint64(&a.MinFaults, atomic.LoadUint64(&b.MinFaults))
	atomic.AddUint64(&a.MajFaults, atomic.LoadUint64(&b.MajFaults))
	atomic.AddUint64(&a.Calls, atomic.LoadUint64(&b.Calls))
}

// Counts returns the sums over all that p's dispatchers did, with the time of
// those that run up to now.
func (p *Process) Counts() (n Counts) {
	n.add(&p.gone)
	now := Now()
	for i := range p.Disp {
		if d := p.Dispatcher(i); d != nil {
			n.add(&Counts{d.used.Load().At(now), d.Events})
		}
	}
	return n
}

// keepCounts moves what d, which has stopped, has counted to its process.
func (d *Dispatcher) keepCounts() {
	d.Proc.gone.add(&Counts{d.used.At(0), d.Events})
	d.used, d.Events = 0, Events{}
}

// KeepCounts moves what p's dispatchers, which have stopped for good, have counted to
// p: whoever asks then finds it all, though they go one by one meanwhile.
func (p *Process) KeepCounts() {
	for i := range p.Disp {
		if d := p.Dispatcher(i); d != nil {
			d.keepCounts()
		}
	}
}

// State returns p's state, which other CPUs may change at any time but from
// Dying.
func (p *Process) State() State { return State(atomic.LoadUint32(&p.state)) }

// SetState changes it. Lock is held.
func (p *Process) SetState(s State) { atomic.StoreUint32(&p.state, uint32(s)) }

// Dispatcher returns dispatcher i, nil if there is none.
func (p *Process) Dispatcher(i int) *Dispatcher {
	return (*Dispatcher)(atomic.LoadPointer((*unsafe.Pointer)(unsafe.Pointer(&p.Disp[i]))))
}

// Near returns the dispatcher that takes calls from CPU c: the one there if it
// has a receiver to spare, else the first, where every server has some.
func (p *Process) Near(c *CPU) *Dispatcher {
	if d := (*Dispatcher)(atomic.LoadPointer((*unsafe.Pointer)(unsafe.Pointer(&p.at[c.ID])))); d != nil && atomic.LoadUint32(&d.Page.Accept) != 0 {
		return d
	}
	return p.Dispatcher(0)
}

func (p *Process) setDispatcher(i int, d *Dispatcher) {
	atomic.StorePointer((*unsafe.Pointer)(unsafe.Pointer(&p.Disp[i])), unsafe.Pointer(d))
}

// place says that d, one of p's, is on CPU c; nil: nowhere any more.
func (p *Process) place(c int, d *Dispatcher) {
	atomic.StorePointer((*unsafe.Pointer)(unsafe.Pointer(&p.at[c])), unsafe.Pointer(d))
}

// Class returns p's scheduling class.
func (p *Process) Class() Class {
	if p.Rank < abi.RankUser {
		return ClassServer
	}
	return ClassApp
}

// table of all processes.
var processes mm.Pool[Process]

// Live returns the number of processes that exist, dying ones included.
func Live() int { return processes.Live() }

// NewProcess makes an embryo with no memory, charged to parent; nil when the
// pool is exhausted.
func NewProcess(parent *mm.Account) *Process {
	acct, ok := mm.NewAccount(parent)
	if !ok {
		return nil
	}
	p, ref, ok := processes.Alloc(parent)
	if !ok {
		acct.Put()
		return nil
	}
	p.Lock.Init(spin.Process)
	for i := range p.lasts {
		p.lasts[i].lock.Init(spin.Grants)
	}
	p.KPid = ref.Word()
	p.Acct = acct
	p.Handles.Payer = acct
	p.Weight = NormalWeight
	p.StartNS = Now()
	return p
}

// FreeProcess gives back p, which has no memory, handles, calls or
// dispatchers any more: a grace period after Hide.
func FreeProcess(p *Process) {
	p.Acct.Put()
	processes.Free(p)
}

// Hide keeps p, which is dead, from being found from now on.
func Hide(p *Process) { atomic.StoreUint32(&p.hidden, 1) }

// Find returns the process with that badge id, nil if it is gone.
func Find(kpid uint64) *Process {
	p := processes.Get(mm.RefOf(kpid))
	if p != nil && atomic.LoadUint32(&p.hidden) != 0 {
		return nil
	}
	return p
}

// Each returns the first process with index *i or above and moves *i past it;
// nil: none is left. Start with 0.
func Each(i *int) *Process {
	for *i < processes.Len() {
		p := processes.At(*i)
		*i++
		if p != nil && atomic.LoadUint32(&p.hidden) == 0 {
			return p
		}
	}
	return nil
}

// Dispatcher is a process's presence on one CPU. What has no other note here
// belongs to that CPU: no other one touches it.
type Dispatcher struct {
	Ctx   amd64.UserContext // registers while Live
	Proc  *Process
	Index int
	State DispState
	Page  *abi.DispatcherPage // through the direct map; nothing in it is trusted
	VA    uint64
	// Private and Shared are the frames of the dispatcher's area.
	Private, Shared uint64

	cpu  uint32 // number of the CPU that owns it; atomic, changed by that CPU
	mail uint32 // what its CPU is to look at; atomic (mail.go)
	// mailNext links it into the mailbox of its CPU.
	mailNext *Dispatcher
	goTo     uint32 // 1 + the CPU that NSetCPU named; atomic
	goOnly   uint64 // the CPUs to which it may go from there; atomic, before goTo
	given    bool   // it is on its way here from another CPU: see adopt
	carry    uint64 // its deadline meanwhile
	only     uint64 // CPUs that it may be moved to, a bit each (sched_setaffinity)

	// Calls are guarded by their own lock.
	Calls call.Endpoint

	// Reason and Argument of the next Run upcall.
	Reason, Argument uint64

	// Waits are the objects whose pages it waits for; stalled: it was disabled
	// when it touched one, and does not run before the page has come.
	Waits   [4]mm.Waiter
	stalled uint32 // atomic

	// Refused counts page faults in a row for which there was no memory.
	Refused int

	// Child is the KPid of the embryo that an unfinished NFork works on.
	Child uint64

	Events
	used abi.Stopwatch // time in ring 3: DispatcherPage.CPUTime as the kernel knows it

	wantRun    bool   // clean, but has threads that could run
	queued     bool   // on its CPU's run queue
	left       uint64 // rest of the turn, ns, of one preempted within it; 0: a new one
	yieldBy    uint64 // soft preemption asked for: hard from this time on; 0: not asked
	pass       uint64 // virtual time of its share: see share.go
	prev, next *Dispatcher
	deadline   uint64
	timer      int
	vectors    uint64 // frame of the vector state
}

// DispState is a dispatcher's state as the kernel sees it.
type DispState uint8

// See the package comment.
const (
	DispEmbryo DispState = iota
	DispClean
	DispLive
)

var dispatchers mm.Pool[Dispatcher]

// NewDispatcher makes dispatcher index of p on CPU c over page, whose user
// address is abi.DispatcherVA(index); nil when the pool is exhausted. Nobody
// finds it before AddDispatcher.
func NewDispatcher(p *Process, index int, c *CPU, page *abi.DispatcherPage) *Dispatcher {
	d, _, ok := dispatchers.Alloc(p.Acct)
	if !ok {
		return nil
	}
	frame, ok := mm.AllocFrame(p.Acct, mm.KindKernel)
	if !ok {
		dispatchers.Free(d)
		return nil
	}
	d.vectors = frame
	d.Ctx.XSave = uintptr(mm.PhysToPtr(frame))
	d.Calls.Init()
	d.cpu, d.only = uint32(c.ID), anyCPU
	d.Proc, d.Index, d.Page, d.VA = p, index, page, uint64(abi.DispatcherVA(index))
	return d
}

// AddDispatcher makes d one of its process's. The process's Lock is held, or
// nobody knows it yet.
func AddDispatcher(d *Dispatcher) {
	p := d.Proc
	if p.at[d.cpu] == nil {
		p.place(int(d.cpu), d)
	}
	p.setDispatcher(d.Index, d)
}

// RemoveDispatcher takes d, which has stopped, from its process; it can be
// given back after a grace period. The process's Lock is held.
func RemoveDispatcher(d *Dispatcher) {
	p := d.Proc
	p.setDispatcher(d.Index, nil)
	for i := range p.at {
		if p.at[i] == d {
			p.place(i, nil)
		}
	}
}

// FreeDispatcher gives d back. Nothing refers to it any more.
func FreeDispatcher(d *Dispatcher) {
	d.keepCounts()
	mm.FreeFrame(d.Proc.Acct, mm.KindKernel, d.vectors)
	dispatchers.Free(d)
}

// CPU returns the CPU that owns d: as of now, unless it is the caller's.
func (d *Dispatcher) CPU() *CPU { return &cpus[atomic.LoadUint32(&d.cpu)] }
