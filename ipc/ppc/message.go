package ppc

import (
	"sync/atomic"
	"unsafe"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/ipc/call"
	"go42/ipc/handle"
	"go42/mm"
	"go42/sched"
)

// header is the size of abi.Message without Data.
const header = uint64(unsafe.Offsetof(abi.Message{}.Data))

// bounces take messages that cross a page: one a CPU, for the length of a read.
var bounces [amd64.MaxCPU]abi.Message

// read takes the message at va of d's process: its sizes, grants and, of a call,
// ranges go to r. body has its arguments and data: it is r's, or d's page, which
// ring 3 can write to until it is copied.
func read(d *sched.Dispatcher, va uint64, r *call.Record, ranges bool) (body *abi.Message, err int64) {
	if va == d.VA+abi.OffOut {
		return &d.Page.Out, take(&d.Page.Out, r, ranges)
	}
	as := d.Proc.Space
	ptr, half := mm.Pin(as, va, uint64(unsafe.Sizeof(abi.Message{})))
	from := (*abi.Message)(ptr)
	if from == nil {
		from = &bounces[sched.This().ID]
		b := unsafe.Slice((*byte)(unsafe.Pointer(from)), unsafe.Sizeof(*from))
		if uint64(mm.CopyIn(as, b[:header], va)) != header {
			return nil, -abi.EFAULT
		}
		if n := int(min(from.Len, abi.MaxData)); mm.CopyIn(as, from.Data[:n], va+header) != n {
			return nil, -abi.EFAULT
		}
	}
	if err = take(from, r, ranges); err == 0 {
		keep(r, from)
	}
	if half != nil {
		half.Unpin()
	}
	return &r.Message, err
}

// take moves what m says of itself into r. m is in memory that its sender can
// write: each word is read once.
func take(m *abi.Message, r *call.Record, ranges bool) (err int64) {
	size, nr, ng := atomic.LoadUint32(&m.Len), atomic.LoadUint32(&m.NRanges), atomic.LoadUint32(&m.NGrants)
	if size > abi.MaxData || nr > abi.MaxRanges || ng > abi.MaxGrants {
		return -abi.EINVAL
	}
	r.Len, r.NGrants = size, ng
	if ranges {
		r.NRanges = nr
		for i := range nr {
			r.Ranges[i] = m.Ranges[i]
		}
	}
	for i := range ng {
		r.Grants[i] = m.Grants[i]
	}
	return 0
}

// keep moves arguments and data of a message whose sizes r has into r, which
// carries them until the receiver looks.
func keep(r *call.Record, m *abi.Message) {
	if m == &r.Message {
		return
	}
	r.Args = m.Args
	if r.Len > 0 {
		copy(r.Data[:r.Len], m.Data[:r.Len])
	}
}

// hold finds what from grants in a message of a call that caller made, or in the
// reply to one, and counts it as held by the message: n of gs. On failure it holds
// nothing any more; n then says how many it had.
func hold(from, caller *sched.Process, gs []abi.Grant, out *[abi.MaxGrants]*handle.Grant) (n int, err int64) {
	for n = range gs {
		var x *handle.Grant
		// A server that grants on several CPUs does not meet itself: only what is
		// found in a slot needs the lock.
		slot := gs[n].Kind == abi.GrantCopy || gs[n].Kind == abi.GrantRead
		if slot {
			from.Lock.Acquire()
		}
		if x, err = held(from, caller, &gs[n]); x != nil {
			Handles.Hold(x) // before the slot that names it can go
			out[n] = x
		}
		if slot {
			from.Lock.Release()
		}
		if err != 0 {
			letGo(out)
			return n, err
		}
	}
	return len(gs), 0
}

// held returns the grant that g describes, nil for GrantNone. from's lock is
// held if g names a slot.
func held(from, caller *sched.Process, g *abi.Grant) (x *handle.Grant, err int64) {
	switch g.Kind {
	case abi.GrantNone:
		return nil, 0
	case abi.GrantObject:
		if from.Role&abi.RoleServer == 0 {
			return nil, -abi.EPERM
		}
		return newGrant(payer(from, caller), handle.KindObject, from.KPid, g.Value, nil)
	case abi.GrantCopy, abi.GrantRead:
		if x, _ = from.Handles.Lookup(g.Value); x == nil {
			return nil, -abi.EBADF
		}
		if x.Kind == handle.KindProcess {
			return nil, -abi.EPERM
		}
		if x.IsRevoked() {
			return nil, -abi.ESTALE
		}
		if g.Kind == abi.GrantCopy {
			return x, 0
		}
		if x.Kind != handle.KindFCM {
			return nil, -abi.EBADF
		}
		return readOnly(payer(from, caller), x)
	}
	return nil, -abi.EINVAL
}

// letGo ends what hold did.
func letGo(gs *[abi.MaxGrants]*handle.Grant) {
	for i, g := range gs {
		if g != nil {
			Handles.Unhold(g)
			gs[i] = nil
		}
	}
}

// place gives p slots for what a message holds, and lets that go. lender is the
// caller's KPid if p is a server that is called, else 0. A slot that cannot be had
// is 0, and err says why.
func place(p *sched.Process, lender uint64, gs *[abi.MaxGrants]*handle.Grant, out *[abi.MaxGrants]uint64) (err int64) {
	p.Lock.Acquire()
	for i, g := range gs {
		out[i] = 0
		if g == nil {
			continue
		}
		h, ok := Handles.Insert(&p.Handles, g, p.KPid, lender, abi.HandleFree)
		if ok {
			out[i] = h
			continue
		}
		err = noSlot(p)
		if lender != 0 {
			returned(lender)
		}
	}
	p.Lock.Release()
	letGo(gs)
	return err
}

func takeBack(p *sched.Process, hs *[abi.MaxGrants]uint64) {
	for i, h := range hs {
		if h != 0 {
			p.Lock.Acquire()
			Handles.Drop(&p.Handles, h)
			p.Lock.Release()
			hs[i] = 0
		}
	}
}

// refuse raises last for the objects of server p that nobody could be given.
func refuse(p *sched.Process, gs []abi.Grant) {
	for i := range gs {
		if gs[i].Kind != abi.GrantObject {
			continue
		}
		// Not bounded as a program's handles are: it is gone when p sees it.
		g, _, ok := grants.p.Alloc(nil)
		if !ok {
			println("no memory to tell server", uintptr(p.KPid), "of a handle that could not be given")
			return
		}
		g.Kind, g.Server, g.Object, g.Payer = handle.KindObject, p.KPid, gs[i].Value, 0
		list(g)
		gone(g)
	}
}
