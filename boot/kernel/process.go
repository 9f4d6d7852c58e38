//go:build go42kernel

package main

import (
	"sync/atomic"
	"unsafe"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/ipc/handle"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/sched"
)

// manager is the process server: it alone sees exits and may kill, suspend
// and set credentials.
var manager uint64

// exits are the dead that the manager has not been told of, oldest first.
var exits, exitsTail *sched.Process

// killed is the wait(2) status of a process that the kernel ends with signal.
func killed(signal uint64) uint64 { return signal & 0x7f }

// Signals with which the kernel ends a process whose libOS cannot be entered.
const (
	sigILL  = 4
	sigTRAP = 5
	sigBUS  = 7
	sigFPE  = 8
	sigKILL = 9
	sigSEGV = 11
)

// newArea gives p dispatcher 0: the frame before the page, the page, the
// kernel's record. from, if not nil, is the parent's dispatcher, whose stack
// pointers and private words the child starts with.
func newArea(p *sched.Process, from *sched.Dispatcher) (*sched.Dispatcher, int64) {
	private, ok := mm.AllocFrame(p.Acct, mm.KindKernel)
	if !ok {
		return nil, -abi.ENOMEM
	}
	shared, ok := mm.AllocFrame(p.Acct, mm.KindKernel)
	if !ok {
		mm.FreeFrame(p.Acct, mm.KindKernel, private)
		return nil, -abi.ENOMEM
	}
	page := (*abi.DispatcherPage)(mm.PhysToPtr(shared))
	d := sched.NewDispatcher(p, 0, page)
	if d == nil {
		mm.FreeFrame(p.Acct, mm.KindKernel, private)
		mm.FreeFrame(p.Acct, mm.KindKernel, shared)
		return nil, -abi.ENOMEM
	}
	d.Private, d.Shared = private, shared
	initPage(d)
	if from != nil {
		src := from.Page
		page.SvcSP, page.SchedSP, page.TrapSP = src.SvcSP, src.SchedSP, src.TrapSP
		page.Private = src.Private
		*(*[abi.PageSize]byte)(mm.PhysToPtr(private)) = *(*[abi.PageSize]byte)(mm.PhysToPtr(from.Private))
	}
	va := uint64(abi.DispatcherVA(0))
	if err := p.Space.MapPinned(va-abi.PageSize, private, 1, abi.ProtRead|abi.ProtWrite, 0); err != mm.OK {
		return nil, int64(err)
	}
	if err := p.Space.MapPinned(va, shared, 1, abi.ProtRead|abi.ProtWrite, 0); err != 0 {
		return nil, int64(err)
	}
	if err := p.Space.MapPinned(abi.InfoVA, infoFrame, 1, abi.ProtRead, 0); err != 0 {
		return nil, int64(err)
	}
	return d, 0
}

// initPage puts a dispatcher's page into the state of a pristine libOS.
func initPage(d *sched.Dispatcher) {
	*d.Page = abi.DispatcherPage{}
	d.Page.Self = d.VA
	d.Page.Index = uint32(d.Index)
	d.Page.KPid = d.Proc.KPid
	d.Page.Disabled = 1
}

// nativeFork is NFork: one batched operation over the regions of the caller
// (k42-fork.txt: "the parent sets up the memory state of the child"),
// bounded, and repeated by the libOS until it is done.
func nativeFork(d *sched.Dispatcher, flags uint64) (kpid uint64, status int64) {
	p := d.Proc
	if flags&^abi.ForkVfork != 0 {
		return 0, -abi.EINVAL
	}
	child := d.Child
	if child == nil {
		child = sched.NewProcess(appAccount)
		if child == nil {
			if reclaim(sched.This()) {
				return 0, -abi.EAGAIN // the dead make room
			}
			return 0, -abi.ENOMEM
		}
		// A child of a server keeps its rank, so that it can call only what
		// its parent could, and has no role.
		child.Parent, child.Cred, child.Rank, child.Role = p.KPid, p.Cred, p.Rank, 0
		d.Child = child
		var err mm.Errno
		if child.Space, err = mm.NewAddressSpace(child.Acct); err != mm.OK {
			return 0, failFork(d, int64(err))
		}
		if _, err := newArea(child, d); err != 0 {
			return 0, failFork(d, err)
		}
		ppc.Handles.Share(&p.Handles, &child.Handles)
	}
	done, err := mm.Fork(p.Space, child.Space, &child.Fork, flags&abi.ForkVfork != 0)
	if err != 0 {
		return 0, failFork(d, int64(err))
	}
	if !done {
		return 0, -abi.EAGAIN
	}
	h, ok := ppc.NewHandle(p, handle.KindProcess, 0, child.KPid, nil)
	if !ok {
		return 0, failFork(d, -abi.ENOMEM)
	}
	if flags&abi.ForkVfork != 0 {
		child.VforkParent = p.KPid
	}
	d.Child = nil
	forks++
	return child.KPid, int64(h)
}

var forks uint64

func failFork(d *sched.Dispatcher, err int64) int64 {
	die(d.Child, killed(sigKILL))
	return err
}

// forkOf returns the dispatcher whose NFork of p is not done, nil if none is.
func forkOf(p *sched.Process) *sched.Dispatcher {
	if p.State != sched.Embryo {
		return nil
	}
	parent := sched.Find(p.Parent)
	if parent == nil {
		return nil
	}
	for _, d := range parent.Disp {
		if d != nil && d.Child == p {
			return d
		}
	}
	return nil
}

// embryo returns the not yet started child that handle h of p names.
func embryo(p *sched.Process, h uint64) *sched.Process {
	g, _ := p.Handles.Lookup(h)
	if g == nil || g.Kind != handle.KindProcess {
		return nil
	}
	c := sched.Find(g.Object)
	if c == nil || c.State != sched.Embryo || c.Parent != p.KPid {
		return nil
	}
	return c
}

// nativeStart is NStart: the embryo runs, and its handle goes.
func nativeStart(c *sched.CPU, p *sched.Process, h, arg uint64) int64 {
	child := embryo(p, h)
	if child == nil {
		return -abi.ESRCH
	}
	start(c, child, abi.RunFork, arg)
	ppc.Handles.Drop(&p.Handles, h)
	return 0
}

// start lets an embryo run for the first time.
func start(c *sched.CPU, p *sched.Process, reason, arg uint64) {
	p.State = sched.Running
	d := p.Disp[0]
	d.State = sched.DispClean
	d.Reason, d.Argument = reason, arg
	c.Ready(d)
}

// embryoGone ends an embryo whose handle went before it was started.
func embryoGone(kpid uint64) {
	if p := sched.Find(kpid); p != nil && p.State == sched.Embryo {
		die(p, killed(sigKILL))
	}
}

// die ends p with a wait(2) status. Its memory, handles and calls are taken
// apart by a job; the manager is told when the handles have gone, so that who
// waits for p finds its files closed and its locks free.
func die(p *sched.Process, status uint64) {
	if p.State == sched.Dying {
		return
	}
	c := sched.This()
	// The manager may know every process whose fork was done.
	p.Noticed = true
	if d := forkOf(p); d != nil {
		d.Child = nil
		p.Noticed = false
	}
	for _, d := range p.Disp {
		if d != nil {
			c.Forget(d)
		}
	}
	p.State = sched.Dying
	p.Status = status
	p.Stage = 0
	vforkDone(c, p)
	if p.Rank < abi.RankApp {
		logServerDeath(p)
	}
	if p.HasJob() {
		p.ReplaceJob(teardown)
	} else {
		c.AddJob(p, teardown)
	}
}

// notice tells the manager of p's death.
func notice(c *sched.CPU, p *sched.Process) {
	m := sched.Find(manager)
	if !p.Noticed || m == nil || m.State == sched.Dying {
		p.Noticed = false
		return
	}
	p.NextExit = nil
	if exits == nil {
		exits = p
	} else {
		exitsTail.NextExit = p
	}
	exitsTail = p
	c.Post(m.Disp[0], abi.EventExits)
}

// vforkDone tells the parent that waits for p to leave its program half.
func vforkDone(c *sched.CPU, p *sched.Process) {
	if p.VforkParent == 0 {
		return
	}
	if parent := sched.Find(p.VforkParent); parent != nil && parent.State != sched.Dying {
		c.Notify(parent.Disp[0], abi.ChanVfork)
	}
	p.VforkParent = 0
}

// killUnborn gives up the forks that p has not finished.
func killUnborn(p *sched.Process) {
	for _, d := range p.Disp {
		if d != nil && d.Child != nil {
			die(d.Child, killed(sigKILL))
		}
	}
}

// teardown is the job of a dead process: one bounded step.
func teardown(p *sched.Process) bool {
	c := sched.This()
	switch p.Stage {
	case 0:
		killUnborn(p)
		if !ppc.Abandon(c, p, 64, true) {
			break
		}
		p.Stage++
		fallthrough // few processes hold much
	case 1:
		if ppc.Handles.Release(&p.Handles, 8) {
			p.Stage++
			notice(c, p)
		}
	case 2:
		for range 64 {
			g := p.PopLast()
			if g == nil {
				p.Stage++
				break
			}
			ppc.Handles.Grants.Put(g)
		}
	case 3:
		if p.Space == nil {
			p.Stage++
			break
		}
		c.UnloadSpace(p.Space)
		if mm.Destroy(p.Space) {
			p.Space = nil
			p.Stage++
		}
	case 4:
		for i, d := range p.Disp {
			if d == nil {
				continue
			}
			private, shared := d.Private, d.Shared
			sched.FreeDispatcher(d)
			p.Disp[i] = nil
			mm.FreeFrame(p.Acct, mm.KindKernel, private)
			mm.FreeFrame(p.Acct, mm.KindKernel, shared)
		}
		p.Stage++
		if !p.Noticed {
			sched.FreeProcess(p)
		}
		return true
	}
	return false
}

// nativeNextExit is NNextExit.
func nativeNextExit(p *sched.Process, va uint64) int64 {
	dead := exits
	if dead == nil {
		return -abi.EAGAIN
	}
	n := abi.ExitNotice{
		KPid: dead.KPid, Parent: dead.Parent, Status: dead.Status,
		UserNS: dead.UserNS, MaxResident: uint64(dead.Acct.MaxFrames()) * abi.PageSize,
		MinFaults: dead.MinFaults, MajFaults: dead.MajFaults, Switches: dead.Switches,
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&n)), unsafe.Sizeof(n))
	if mm.CopyOut(p.Space, va, b) != len(b) {
		return -abi.EFAULT
	}
	exits = dead.NextExit
	dead.NextExit = nil
	dead.Noticed = false
	if dead.Stage > 4 {
		sched.FreeProcess(dead)
	}
	return 0
}

// nativeReset is NReset: exec. The parcel's memory object is kept while
// everything else of the address space goes.
func nativeReset(c *sched.CPU, d *sched.Dispatcher, va, n uint64) int64 {
	p := d.Proc
	if va%abi.PageSize != 0 || n == 0 || n > abi.MaxParcel {
		return -abi.EINVAL
	}
	if va < abi.LibOSHeapLo || va >= abi.LibOSHeapHi || pageUp(n) > abi.LibOSHeapHi-va {
		return -abi.EINVAL
	}
	// One private piece of memory: what others can still write is not handed
	// to the new program.
	var r abi.RegionInfo
	if err := p.Space.Query(va, &r); err != mm.OK || r.Addr > va || r.Addr+r.Len < va+pageUp(n) {
		return -abi.EFAULT
	}
	if r.Flags&abi.MapShared != 0 || r.FCMID != 0 || r.Kind != uint32(mm.FCMAnon) || r.Prot&abi.ProtRead == 0 {
		return -abi.EINVAL
	}
	killUnborn(p)
	for _, x := range p.Disp {
		if x != nil {
			c.Forget(x)
			x.State = sched.DispEmbryo
		}
	}
	p.Parcel, p.Length = va, n
	p.Stage = 0
	c.AddJob(p, reset)
	return 0
}

// reset is the job of exec.
func reset(p *sched.Process) bool {
	c := sched.This()
	switch p.Stage {
	case 0:
		// What others asked of the old program nobody would answer.
		if ppc.Abandon(c, p, 64, true) {
			p.Stage++
		}
	case 1:
		keep := [1]mm.VRange{{Addr: p.Parcel, Len: pageUp(p.Length)}}
		if err := p.Space.Reset(keep[:]); err == mm.OK {
			p.Stage++
		} else if err != mm.EAGAIN {
			die(p, killed(sigKILL))
		}
	case 2:
		// Bounded: a parcel is at most 2,048 pages, moved by their tables.
		n := pageUp(p.Length)
		_, err := p.Space.Move(p.Parcel, n, n, abi.MoveMayMove|abi.MoveFixed, abi.ParcelVA)
		if err == mm.EAGAIN {
			return false
		}
		if err == mm.OK {
			err = mapImage(p)
		}
		if err != mm.OK {
			die(p, killed(sigKILL))
			return false
		}
		d := p.Disp[0]
		vforkDone(c, p)
		// What came for the process meanwhile is for the new program, too: a
		// server that has notified does not do so again until it is called.
		notify := atomic.LoadUint64(&d.Page.Notify)
		const lasting = abi.EventNotify | abi.EventStopped | abi.EventExits | abi.EventLasts | abi.EventCall
		pending := atomic.LoadUint64(&d.Page.Pending) & lasting
		initPage(d)
		d.Page.Notify, d.Page.Pending = notify, pending
		d.State = sched.DispClean
		d.Reason, d.Argument = abi.RunExec, p.Length
		c.Ready(d)
		return true
	}
	return false
}

// nativeProcessInfo is NProcessInfo.
func nativeProcessInfo(p *sched.Process, kpid, va uint64) int64 {
	t := p
	if kpid != 0 {
		t = sched.Find(kpid)
	}
	if t == nil {
		return -abi.ESRCH
	}
	i := abi.ProcessInfo{
		KPid: t.KPid, Parent: t.Parent, Cred: t.Cred, State: uint64(t.State),
		UserNS: t.UserNS, StartNS: t.StartNS,
		MaxResident: uint64(t.Acct.MaxFrames()) * abi.PageSize,
		MinFaults:   t.MinFaults, MajFaults: t.MajFaults,
		Switches: t.Switches, Calls: t.Calls.Made, Rank: uint64(t.Rank),
	}
	if t.Space != nil {
		i.Virtual, i.Resident = t.Space.Usage()
	}
	if c := sched.This(); c.Current != nil && c.Current.Proc == t {
		i.UserNS += c.Running()
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&i)), unsafe.Sizeof(i))
	if mm.CopyOut(p.Space, va, b) != len(b) {
		return -abi.EFAULT
	}
	return 0
}

// onTrap is an exception in ring 3.
func onTrap(ctx *amd64.UserContext, vector, code, cr2 uint64) {
	c := sched.This()
	d := c.Current
	p := d.Proc
	why := uint64(0)
	if vector == amd64.VecPF {
		faults++
		write, fetch := code&amd64.FaultWrite != 0, code&amd64.FaultFetch != 0
		r := mm.Fault(p.Space, cr2, write, fetch, true)
		for r == mm.FaultOOM && reclaim(c) {
			r = mm.Fault(p.Space, cr2, write, fetch, true)
		}
		switch r {
		case mm.FaultOK:
			p.MinFaults++
			c.Leave()
			return
		case mm.FaultMapErr:
			why = abi.TrapMapErr
		case mm.FaultAccErr:
			why = abi.TrapAccErr
		case mm.FaultBus:
			why = abi.TrapBus
		default:
			why = abi.TrapOOM
		}
	}
	page := d.Page
	if atomic.LoadUint32(&page.InTrap) != 0 {
		logDoubleTrap(d, ctx, vector, cr2)
		die(p, killed(trapSignal(vector)))
		c.Leave()
		return
	}
	t := &page.Trap
	t.SaveArea = ctx.Regs
	t.Vector, t.Error, t.Addr, t.Why = vector, code, cr2, why
	t.WasDisabled = uint64(atomic.LoadUint32(&page.Disabled))
	atomic.StoreUint32(&page.InTrap, 1)
	atomic.StoreUint32(&page.Disabled, 1)
	ctx.Upcall(sched.Entries[abi.EntryTrap], atomic.LoadUint64(&page.TrapSP), d.VA, 0, 0)
	c.Leave()
}

var faults uint64

func trapSignal(vector uint64) uint64 {
	switch vector {
	case amd64.VecDE, amd64.VecMF, amd64.VecXM:
		return sigFPE
	case amd64.VecBP, amd64.VecDB:
		return sigTRAP
	case amd64.VecUD:
		return sigILL
	case amd64.VecAC:
		return sigBUS
	}
	return sigSEGV
}

// reclaim does some of the work that gives frames back; false: there is none.
func reclaim(c *sched.CPU) bool {
	more := mm.Work(64)
	return c.Step() || more
}
