package sched

import (
	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/ipc/call"
	"go42/ipc/handle"
	"go42/mm"
)

// State of a process.
type State uint8

// The life of a process (abi.ProcessInfo.State).
const (
	Embryo State = iota
	Running
	Suspended
	Dying
)

// Process is what the kernel knows of one: no pid of Linux's, no file, no
// signal handler.
type Process struct {
	// KPid is the badge id: never zero, never used again.
	KPid   uint64
	Parent uint64 // KPid of the process that forked it
	Cred   uint64 // credential token, set by the process manager
	Role   uint32 // abi.RoleX
	Rank   uint32
	State  State

	Space *mm.AddressSpace
	Acct  *mm.Account
	// Handles and Calls: guarded by the endpoint.
	Handles handle.Set
	Calls   call.Endpoint
	// Lasts are grants of this server's whose last handle has gone and that
	// it has not been told of: taken by NNextLast.
	Lasts, lastsTail *handle.Grant

	Disp [abi.MaxDispatchers]*Dispatcher

	// VforkParent is told (ChanVfork) when this process resets or dies.
	VforkParent uint64

	// Teardown and reset are jobs.
	job     func(p *Process) (done bool)
	Stage   int
	nextJob *Process
	Status  uint64 // wait(2) status once Dying
	Length  uint64 // of Parcel, bytes

	// Times in ns, counters.
	UserNS, StartNS uint64
	Switches        uint64
	MinFaults       uint64
	MajFaults       uint64

	// Exits lists dead processes that the manager has not been told of.
	NextExit *Process
	Noticed  bool // on that list

	// Fork is the progress of the NFork that makes this embryo.
	Fork mm.ForkState
	// Parcel is the address of what exec hands over, while it resets.
	Parcel uint64

	prevAll, nextAll *Process
}

// Class returns p's scheduling class.
func (p *Process) Class() Class {
	if p.Rank < abi.RankApp {
		return ClassServer
	}
	return ClassApp
}

// PushLast queues g for NNextLast.
func (p *Process) PushLast(g *handle.Grant) {
	g.Next = nil
	if p.Lasts == nil {
		p.Lasts = g
	} else {
		p.lastsTail.Next = g
	}
	p.lastsTail = g
}

// PopLast takes the oldest such grant, nil if there is none.
func (p *Process) PopLast() *handle.Grant {
	g := p.Lasts
	if g != nil {
		p.Lasts = g.Next
		g.Next = nil
	}
	return g
}

// table of all processes.
var (
	processes mm.Pool[Process]
	all       *Process
	// Live is the number of processes that exist, dying ones included.
	Live int
)

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
	p.KPid = ref.Word()
	p.Acct = acct
	p.StartNS = Now()
	p.nextAll = all
	if all != nil {
		all.prevAll = p
	}
	all = p
	Live++
	return p
}

// FreeProcess gives back p, which has no memory, handles, calls or
// dispatchers any more.
func FreeProcess(p *Process) {
	if p.prevAll != nil {
		p.prevAll.nextAll = p.nextAll
	} else {
		all = p.nextAll
	}
	if p.nextAll != nil {
		p.nextAll.prevAll = p.prevAll
	}
	Live--
	p.Acct.Put()
	processes.Free(p)
}

// Find returns the process with that badge id, nil if it is gone.
func Find(kpid uint64) *Process {
	return processes.Get(mm.RefOf(kpid))
}

// First and Next walk all processes.
func First() *Process             { return all }
func (p *Process) Next() *Process { return p.nextAll }

// Dispatcher is a process's presence on one CPU.
type Dispatcher struct {
	Ctx   amd64.UserContext // registers while Live
	Proc  *Process
	Index int
	State DispState
	Page  *abi.DispatcherPage // through the direct map; nothing in it is trusted
	VA    uint64
	// Private and Shared are the frames of the dispatcher's area.
	Private, Shared uint64

	// Replies are completed records that the libOS has not seen.
	Replies call.Queue

	// Reason and Argument of the next Run upcall.
	Reason, Argument uint64

	// Child is the embryo that an unfinished NFork works on.
	Child *Process

	wantRun    bool   // clean, but has threads that could run
	queued     bool   // on its CPU's run queue
	left       uint64 // rest of the turn, ns, of one preempted within it; 0: a new one
	yieldBy    uint64 // soft preemption asked for: hard from this time on; 0: not asked
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

// NewDispatcher makes dispatcher index of p over page, whose user address
// is abi.DispatcherVA(index); nil when the pool is exhausted.
func NewDispatcher(p *Process, index int, page *abi.DispatcherPage) *Dispatcher {
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
	d.Proc, d.Index, d.Page, d.VA = p, index, page, uint64(abi.DispatcherVA(index))
	p.Disp[index] = d
	return d
}
