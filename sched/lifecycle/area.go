package lifecycle

import (
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

// NewArea gives p dispatcher 0: the frame before the page, the page, the
// kernel's record. from, if not nil, is the parent's dispatcher, whose stack
// pointers and private words the child starts with.
func NewArea(p *sched.Process, from *sched.Dispatcher) (*sched.Dispatcher, int64) {
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
