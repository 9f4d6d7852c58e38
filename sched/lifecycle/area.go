package lifecycle

import (
	"unsafe"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/sched"
)

// What kernel main supplies: the frame of the page at abi.InfoVA, the libOS
// mapped into an address space at exec, the word that a server is dead.
var (
	infoFrame  uint64
	mapImage   func(p *sched.Process) mm.Errno
	serverDied func(p *sched.Process)
)

// Account is charged for all that is not a boot process.
var Account *mm.Account

// Init prepares the package; mm, sched and ppc are ready. Start-up only.
func Init(info uint64, image func(p *sched.Process) mm.Errno, died func(p *sched.Process)) {
	infoFrame, mapImage, serverDied = info, image, died
	ppc.ProcessGone = embryoGone
	var ok bool
	if Account, ok = mm.NewAccount(mm.RootAccount()); !ok {
		panic("no memory for the first account")
	}
	keepReserve()
}

func pageUp(n uint64) uint64 { return (n + abi.PageSize - 1) &^ (abi.PageSize - 1) }

// NewArea gives p dispatcher index on CPU c: the frame before the page, the
// page, the kernel's record. from, if not nil, is the parent's dispatcher,
// whose stack pointers and private words the child starts with. Nobody else
// knows p, or p.Lock is held.
func NewArea(p *sched.Process, index int, c *sched.CPU, from *sched.Dispatcher) (*sched.Dispatcher, int64) {
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
	d := sched.NewDispatcher(p, index, c, page)
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
	va := uint64(abi.DispatcherVA(index))
	err := p.Space.MapPinned(va-abi.PageSize, private, 1, abi.ProtRead|abi.ProtWrite, 0)
	if err == mm.OK {
		if err = p.Space.MapPinned(va, shared, 1, abi.ProtRead|abi.ProtWrite, 0); err != mm.OK {
			p.Space.UnmapPinned(va - abi.PageSize)
		}
	}
	if err != mm.OK {
		freeArea(d)
		return nil, int64(err)
	}
	sched.AddDispatcher(d)
	return d, 0
}

// freeArea gives back what NewArea made; it is not mapped any more.
func freeArea(d *sched.Dispatcher) {
	p, private, shared := d.Proc, d.Private, d.Shared
	sched.FreeDispatcher(d)
	mm.FreeFrame(p.Acct, mm.KindKernel, private)
	mm.FreeFrame(p.Acct, mm.KindKernel, shared)
}

// mapInfo shows p the page that tells of the machine.
func mapInfo(p *sched.Process) int64 {
	return int64(p.Space.MapPinned(abi.InfoVA, infoFrame, 1, abi.ProtRead, 0))
}

// First gives p, which nobody knows, its first dispatcher on CPU c: NewArea.
func First(p *sched.Process, c *sched.CPU, from *sched.Dispatcher) int64 {
	if _, err := NewArea(p, 0, c, from); err != 0 {
		return err
	}
	return mapInfo(p)
}

// Spawn is NSpawnDisp: a further dispatcher of p on CPU number cpu, whose first
// upcall is Run with RunThread and arg.
func Spawn(c *sched.CPU, p *sched.Process, cpu, arg uint64) int64 {
	if cpu >= uint64(amd64.NCPU) {
		return -abi.EINVAL
	}
	p.Lock.Acquire()
	if p.HasJob() {
		p.Lock.Release()
		return -abi.ESRCH
	}
	index := 0
	for index < len(p.Disp) && p.Dispatcher(index) != nil {
		index++
	}
	if index == len(p.Disp) {
		p.Lock.Release()
		return -abi.EAGAIN
	}
	d, err := NewArea(p, index, sched.ByID(int(cpu)), nil)
	if err == 0 {
		d.Reason, d.Argument = abi.RunThread, arg
		d.State = sched.DispClean
	}
	p.Lock.Release()
	if err != 0 {
		return err
	}
	c.Wake(d)
	return int64(index)
}

// Poke is NPoke: EventPoke for dispatcher index of p.
func Poke(c *sched.CPU, p *sched.Process, index uint64) int64 {
	if index >= abi.MaxDispatchers {
		return -abi.ESRCH
	}
	d := p.Dispatcher(int(index))
	if d == nil {
		return -abi.ESRCH
	}
	c.Post(d, abi.EventPoke)
	return 0
}

// initPage puts a dispatcher's page into the state of a pristine libOS, but for
// Pending and Notify, which other CPUs may be setting.
func initPage(d *sched.Dispatcher) {
	b := unsafe.Slice((*byte)(unsafe.Pointer(d.Page)), abi.PageSize)
	const pending, notify = unsafe.Offsetof(abi.DispatcherPage{}.Pending), unsafe.Offsetof(abi.DispatcherPage{}.Notify)
	clear(b[:pending])
	clear(b[pending+8 : notify])
	clear(b[notify+8:])
	d.Page.Self = d.VA
	d.Page.Index = uint32(d.Index)
	d.Page.KPid = d.Proc.KPid
	d.Page.Disabled = 1
}
