package ppc

import (
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/call"
	"go42/ipc/handle"
	"go42/mm"
	"go42/sched"
)

// maxOutstanding bounds the records of one process: each of its threads has
// one at most.
const maxOutstanding = 4096

var (
	records mm.Pool[call.Record]
	// Handles is the store of all handle sets.
	Handles handle.Store
)

// pool lets a typed pool serve as a handle.Allocator. An entry keeps its payer's
// account: it may outlive the process, in the sets of heirs.
type pool[T any] struct{ p mm.Pool[T] }

func (a *pool[T]) Get(payer *mm.Account) *T {
	if payer != nil && payer.HasFloor() && a.crowded() {
		return nil
	}
	x, _, ok := a.p.Alloc(payer)
	if !ok {
		return nil
	}
	if payer != nil {
		payer.Get()
	}
	return x
}

func (a *pool[T]) Put(x *T) {
	payer := a.p.Payer(x)
	a.p.Free(x)
	payer.Put()
}

// crowded says that the rest is for servers, and for refuse: the last quarter.
func (a *pool[T]) crowded() bool { return a.p.Live() >= a.p.Max()-a.p.Max()/4 }

var (
	roots  pool[handle.Root]
	leaves pool[handle.Leaf]
	grants grantPool
)

// Init sizes the pools. Start-up only.
func Init(maxRecords, maxLeaves, maxProcesses int) {
	records.Raw = true // Invoke sets every field: a record is mostly data area
	records.Init("call records", maxRecords)
	roots.p.Init("handle roots", maxProcesses)
	leaves.p.Init("handle leaves", maxLeaves)
	grants.p.Init("grants", maxLeaves*8)
	Handles = handle.Store{Roots: &roots, Leaves: &leaves, Grants: &grants, Gone: gone, Returned: returned}
	sched.OnCall = deliverCall
	sched.OnReturn = deliverReturn
}

// Counts returns how many records and leaves exist.
func Counts() (recs, lvs int) { return records.Live(), leaves.p.Live() }

// ProcessGone is told when the last handle of an embryo goes: set by kernel
// main.
var ProcessGone func(kpid uint64)

// gone is what becomes of a grant that no slot names any more.
func gone(g *handle.Grant) {
	switch g.Kind {
	case handle.KindObject:
		unlist(g)
		// One that dies meanwhile takes them away after a grace period.
		if s := sched.Find(g.Server); !g.IsRevoked() && s != nil && s.State() != sched.Dying {
			// On this CPU where it can: it then knows before the one that
			// has let go goes on, and can be asked by it or by who it tells.
			c := sched.This()
			if d := s.Near(c); d != nil {
				s.PushLast(g, d.Index)
				c.Post(d, abi.EventLasts)
			} else {
				s.PushLast(g, 0)
			}
			return
		}
	case handle.KindFCM:
		(*mm.FCM)(unsafe.Pointer(g.Ptr)).Put()
	case handle.KindProcess:
		ProcessGone(g.Object)
	}
	Handles.Grants.Put(g)
}

// newGrant makes a grant that nothing holds yet, at payer's expense.
func newGrant(payer *sched.Process, kind handle.Kind, server, object uint64, fcm *mm.FCM) (*handle.Grant, int64) {
	if !mayGrant(payer) {
		return nil, -abi.ENFILE
	}
	g := grants.Get(payer.Acct)
	if g == nil {
		return nil, -abi.ENOMEM
	}
	pays(payer, g)
	g.Kind, g.Server, g.Object, g.Ptr = kind, server, object, uintptr(unsafe.Pointer(fcm))
	if kind == handle.KindObject {
		list(g)
	}
	return g, 0
}

// NewHandle gives p a slot for a new grant. The caller's reference to fcm
// becomes the grant's unless there is an error: EMFILE, ENFILE, ENOMEM. p's lock
// is not held.
func NewHandle(p *sched.Process, kind handle.Kind, server, object uint64, fcm *mm.FCM) (h uint64, err int64) {
	g, err := newGrant(p, kind, server, object, fcm)
	if err != 0 {
		return 0, err
	}
	p.Lock.Acquire()
	h, ok := Handles.Insert(&p.Handles, g, p.KPid, 0, abi.HandleFree)
	if !ok {
		err = noSlot(p)
	}
	p.Lock.Release()
	if !ok {
		if kind == handle.KindObject {
			unlist(g)
		}
		Handles.Grants.Put(g)
	}
	return h, err
}

// noSlot is the error of an Insert into p's set that has failed. p's lock is
// held.
func noSlot(p *sched.Process) int64 {
	if p.Handles.Full(abi.HandleFree) {
		return -abi.EMFILE
	}
	return -abi.ENOMEM
}

// readOnly makes a grant of x's FCM that cannot be written through.
func readOnly(payer *sched.Process, x *handle.Grant) (*handle.Grant, int64) {
	f := (*mm.FCM)(unsafe.Pointer(x.Ptr))
	g, err := newGrant(payer, handle.KindFCM, x.Server, x.Object, f)
	if err == 0 {
		f.Get()
		g.ReadOnly = true
	}
	return g, err
}

// NewHandleAt is NewHandle for slot h, which must be free. Start-up only.
func NewHandleAt(p *sched.Process, h uint64, server, object uint64) {
	g := Handles.Grants.Get(p.Acct)
	if g == nil {
		panic("ppc: no grant for a boot handle")
	}
	g.Kind, g.Server, g.Object = handle.KindObject, server, object
	if !Handles.InsertAt(&p.Handles, g, p.KPid, 0, h) {
		panic("ppc: no slot for a boot handle")
	}
	list(g)
}

// FCM returns the memory object that handle h of p names, with a reference that
// the caller puts back, nil if none; whether it may be written through that
// handle, and the KPid of the server that made it.
func FCM(p *sched.Process, h uint64) (f *mm.FCM, writable bool, server uint64) {
	p.Lock.Acquire()
	g, _ := p.Handles.Lookup(h)
	if g != nil && g.Kind == handle.KindFCM {
		f, writable, server = (*mm.FCM)(unsafe.Pointer(g.Ptr)), !g.ReadOnly, g.Server
		f.Get()
	}
	p.Lock.Release()
	return f, writable, server
}
