package ppc

import (
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/call"
	"go42/ipc/handle"
	"go42/mm"
	"go42/sched"
)

// header is the size of abi.Message without Data.
const header = uint64(unsafe.Offsetof(abi.Message{}.Data))

// bounce takes messages that cross a page. One CPU runs the kernel.
var bounce abi.Message

// read copies the message at va of p into r, all but its grants, which go to
// grants; n is how many there are. The message is in memory that its sender can
// write: each word is read once.
func read(p *sched.Process, va uint64, r *call.Record, ranges bool, grants *[abi.MaxGrants]abi.Grant) (n int, err int64) {
	ptr, half := mm.Pin(p.Space, va, uint64(unsafe.Sizeof(bounce)))
	if ptr != nil {
		n, err = take((*abi.Message)(ptr), r, ranges, grants)
		half.Unpin()
		return n, err
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&bounce)), unsafe.Sizeof(bounce))
	if uint64(mm.CopyIn(p.Space, b[:header], va)) != header {
		return 0, -abi.EFAULT
	}
	if n := int(min(bounce.Len, abi.MaxData)); mm.CopyIn(p.Space, bounce.Data[:n], va+header) != n {
		return 0, -abi.EFAULT
	}
	return take(&bounce, r, ranges, grants)
}

// take moves what m says it holds into r.
func take(m *abi.Message, r *call.Record, ranges bool, grants *[abi.MaxGrants]abi.Grant) (n int, err int64) {
	size, nr, ng := atomic.LoadUint32(&m.Len), atomic.LoadUint32(&m.NRanges), atomic.LoadUint32(&m.NGrants)
	if size > abi.MaxData || nr > abi.MaxRanges || ng > abi.MaxGrants {
		return 0, -abi.EINVAL
	}
	r.Args, r.Len = m.Args, size
	if ranges {
		r.NRanges = nr
		for i := range nr {
			r.Ranges[i] = m.Ranges[i]
		}
	}
	for i := range ng {
		grants[i] = m.Grants[i]
	}
	if size > 0 {
		copy(r.Data[:size], m.Data[:size])
	}
	return int(ng), 0
}

// hold finds what from grants to to, and counts it as held by the message: n
// of gs. On failure it holds nothing any more; n then says how many it had.
func hold(from, to *sched.Process, gs []abi.Grant, out *[abi.MaxGrants]*handle.Grant) (n int, err int64) {
	*out = [abi.MaxGrants]*handle.Grant{}
	for n = range gs {
		var x *handle.Grant
		if x, err = held(from, to, &gs[n]); err != 0 {
			letGo(out)
			return n, err
		}
		if x != nil {
			Handles.Hold(x)
			out[n] = x
		}
	}
	return len(gs), 0
}

// held returns the grant that g describes, nil for GrantNone.
func held(from, to *sched.Process, g *abi.Grant) (x *handle.Grant, err int64) {
	switch g.Kind {
	case abi.GrantNone:
		return nil, 0
	case abi.GrantObject:
		if from.Role&abi.RoleServer == 0 {
			return nil, -abi.EPERM
		}
		if x = newGrant(from, to, handle.KindObject, from.KPid, g.Value, nil); x == nil {
			return nil, -abi.ENOMEM
		}
		return x, 0
	case abi.GrantCopy, abi.GrantRead:
		if x, _ = from.Handles.Lookup(g.Value); x == nil {
			return nil, -abi.EBADF
		}
		if x.Kind == handle.KindProcess {
			return nil, -abi.EPERM
		}
		if x.Revoked {
			return nil, -abi.ESTALE
		}
		if g.Kind == abi.GrantCopy {
			return x, 0
		}
		if x.Kind != handle.KindFCM {
			return nil, -abi.EBADF
		}
		if x = readOnly(from, to, x); x == nil {
			return nil, -abi.ENOMEM
		}
		return x, 0
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

// place gives p slots for what a message holds, and lets that go. A slot that
// cannot be had is 0, and ok false.
func place(p *sched.Process, gs *[abi.MaxGrants]*handle.Grant, out *[abi.MaxGrants]uint64) (ok bool) {
	ok = true
	for i, g := range gs {
		out[i] = 0
		if g == nil {
			continue
		}
		h, placed := Handles.Insert(&p.Handles, g, p.KPid, abi.HandleFree)
		if placed {
			out[i] = h
		}
		ok = ok && placed
	}
	letGo(gs)
	return ok
}

func takeBack(p *sched.Process, hs *[abi.MaxGrants]uint64) {
	for i, h := range hs {
		if h != 0 {
			Handles.Drop(&p.Handles, h)
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
		g.Kind, g.Server, g.Object = handle.KindObject, p.KPid, gs[i].Value
		list(g)
		gone(g)
	}
}

func errno(e int64) uint64 { return uint64(-e) }

// Invoke is NInvoke by the current dispatcher d. An error returns at once and
// changes nothing; otherwise d is clean and the callee runs or will.
func Invoke(c *sched.CPU, d *sched.Dispatcher, h, method, msg, tag uint64) int64 {
	p := d.Proc
	g, owner := p.Handles.Lookup(h)
	if g == nil {
		return -abi.EBADF
	}
	if g.Kind != handle.KindObject {
		return -abi.EINVAL
	}
	if g.Revoked {
		return -abi.ESTALE
	}
	callee := sched.Find(g.Server)
	if callee == nil || callee.State == sched.Dying {
		return -abi.ECONNRESET
	}
	if callee.Rank >= p.Rank {
		return -abi.EDEADLK
	}
	if p.Calls.N >= maxOutstanding || p.Class() == sched.ClassApp && records.Live() >= records.Max()-records.Max()/4 {
		return -abi.ENOMEM // the last quarter is for servers, which others wait for
	}
	r, ref, ok := records.Alloc(p.Acct)
	if !ok {
		return -abi.ENOMEM
	}
	var grants [abi.MaxGrants]abi.Grant
	n, err := read(p, msg, r, true, &grants)
	if err == 0 {
		_, err = hold(p, callee, grants[:n], &r.Held)
	}
	if err != 0 {
		records.Free(r)
		return err
	}
	r.ID, r.Orphan, r.Status, r.NGrants = ref.Word(), false, 0, 0
	r.Tag, r.Method = tag, uint32(method)
	r.CallerPid, r.CallerDisp, r.Cred = p.KPid, d.Index, p.Cred
	r.CalleePid, r.Object, r.Owner = callee.KPid, g.Object, owner
	call.Begin(r, &p.Calls, &callee.Calls)
	PPCs++

	c.Clean(atomic.LoadUint32(&d.Page.Runnable) != 0)
	cd := callee.Disp[0]
	if cd.CanHandoff() && atomic.LoadUint32(&cd.Page.Accept) != 0 {
		c.Handoff(cd)
		deliverCall(cd)
		cd.Enter(abi.EntryCall, 0, 0)
		return 0
	}
	c.Post(cd, abi.EventCall)
	return 0
}

// PPCs counts the calls made since start.
var PPCs uint64

// deliverCall moves the oldest waiting record into d's page.
func deliverCall(d *sched.Dispatcher) bool {
	r := d.Proc.Calls.Waiting.Pop()
	if r == nil {
		return false
	}
	r.State = call.Taken
	// Not before: what waits takes none of the callee's slots. One that has no
	// room finds that nothing was given.
	place(d.Proc, &r.Held, &r.Handles)
	m := &d.Page.Call
	m.Record = r.ID
	m.BadgePid, m.BadgeCred = r.CallerPid, r.Cred
	m.Object, m.Method, m.Flags = r.Object, r.Method, 0
	if r.Owner != r.CallerPid {
		m.Flags = abi.CallInherited
	}
	m.Args, m.Len, m.NRanges = r.Args, r.Len, r.NRanges
	for i := range r.NRanges {
		m.RangeLen[i] = r.Ranges[i].Len
	}
	m.Handles = r.Handles
	copy(m.Data[:r.Len], r.Data[:r.Len])
	if n := atomic.LoadUint32(&d.Page.Accept); n > 0 {
		atomic.StoreUint32(&d.Page.Accept, n-1)
	}
	if !d.Proc.Calls.Waiting.Empty() {
		atomic.OrUint64(&d.Page.Pending, abi.EventCall)
	}
	if !d.Replies.Empty() { // a hand-off overtook them
		atomic.OrUint64(&d.Page.Pending, abi.EventReturn)
	}
	return true
}

// TakeCall is NTakeCall.
func TakeCall(d *sched.Dispatcher) int64 {
	if !deliverCall(d) {
		return -abi.EAGAIN
	}
	return 0
}

// deliverReturn moves d's oldest reply into its page and frees the record.
func deliverReturn(d *sched.Dispatcher) bool {
	r := d.Replies.Pop()
	if r == nil {
		return false
	}
	fillReturn(d, r)
	if !d.Replies.Empty() {
		atomic.OrUint64(&d.Page.Pending, abi.EventReturn)
	}
	return true
}

func fillReturn(d *sched.Dispatcher, r *call.Record) {
	m := &d.Page.Return
	m.Tag, m.Status = r.Tag, r.Status
	m.Args, m.Len, m.NGrants = r.Args, r.Len, r.NGrants
	m.Handles = r.Handles
	copy(m.Data[:r.Len], r.Data[:r.Len])
	call.LeaveCaller(r, &d.Proc.Calls)
	records.Free(r)
}

// NextReturn is NNextReturn.
func NextReturn(d *sched.Dispatcher) int64 {
	if !deliverReturn(d) {
		return -abi.EAGAIN
	}
	return 0
}

// taken returns the record named id if p is to reply to it.
func taken(p *sched.Process, id uint64) *call.Record {
	r := records.Get(mm.RefOf(id))
	if r == nil || r.CalleePid != p.KPid || r.State != call.Taken {
		return nil
	}
	return r
}

// Reply is NReply by d. With receive the dispatcher is clean afterwards, and
// the caller, if nothing keeps the server busy, runs at once.
func Reply(c *sched.CPU, d *sched.Dispatcher, id, status, msg uint64, receive bool) int64 {
	p := d.Proc
	r := taken(p, id)
	if r == nil {
		return -abi.ESRCH
	}
	var grants [abi.MaxGrants]abi.Grant
	n := 0
	r.Len, r.NGrants = 0, 0
	if msg != 0 {
		var err int64
		if n, err = read(p, msg, r, false, &grants); err != 0 {
			return err
		}
	}
	caller := sched.Find(r.CallerPid)
	r.Handles = [abi.MaxGrants]uint64{}
	if n > 0 {
		given, err := 0, int64(-abi.ENOMEM)
		if !r.Orphan {
			given, err = hold(p, caller, grants[:n], &r.Held)
		}
		if err == 0 && !place(caller, &r.Held, &r.Handles) {
			takeBack(caller, &r.Handles)
			err = -abi.ENOMEM
		}
		switch err {
		case 0:
			r.NGrants = uint32(n)
		case -abi.ENOMEM:
			// The caller is gone, or has no room. The server need not mind:
			// it is as if the handles had been dropped at once.
			refuse(p, grants[given:n])
			r.Len, status = 0, errno(abi.ENOMEM)
		default:
			return err
		}
	}
	call.LeaveCallee(r, &p.Calls)
	r.Status = int64(status)
	if receive {
		c.Clean(atomic.LoadUint32(&d.Page.Runnable) != 0)
	}
	if r.Orphan {
		records.Free(r)
		return 0
	}
	r.State = call.Done
	cd := caller.Disp[r.CallerDisp]
	if receive && !d.Queued() && cd.CanHandoff() && cd.Replies.Empty() {
		c.Handoff(cd)
		fillReturn(cd, r)
		cd.Enter(abi.EntryReturn, 0, 0)
		return 0
	}
	complete(c, cd, r)
	return 0
}

// complete queues r's reply for d.
func complete(c *sched.CPU, d *sched.Dispatcher, r *call.Record) {
	r.State = call.Done
	d.Replies.Push(r)
	if d.State == sched.DispLive {
		c.Post(d, abi.EventReturn)
	} else {
		c.Ready(d)
	}
}

// Copy is NCopyFrom (in) and NCopyTo: between the callee p's memory at va and
// range i of record id at offset off, n bytes at most. It returns the bytes
// copied, which may be fewer than asked for.
func Copy(p *sched.Process, id, i, off, va, n uint64, in bool) int64 {
	r := taken(p, id)
	if r == nil || r.Orphan {
		return -abi.ESRCH
	}
	if i >= uint64(r.NRanges) {
		return -abi.EINVAL
	}
	rg := &r.Ranges[i]
	if off > rg.Len {
		return -abi.EINVAL
	}
	want := uint64(abi.RangeOut)
	if in {
		want = abi.RangeIn
	}
	if rg.Flags&want == 0 {
		return -abi.EPERM
	}
	if n > rg.Len-off {
		n = rg.Len - off
	}
	if n == 0 {
		return 0
	}
	caller := sched.Find(r.CallerPid)
	var done uint64
	if in {
		done = mm.CopyBetween(p.Space, va, caller.Space, rg.Addr+off, n)
	} else {
		done = mm.CopyBetween(caller.Space, rg.Addr+off, p.Space, va, n)
	}
	if done == 0 {
		return -abi.EFAULT
	}
	return int64(done)
}

// Abandon lets go of p's calls, at most n of them, and reports whether none is
// left. p is dying or resets: what it asked for is orphaned; if it dies, what
// others asked of it fails.
func Abandon(c *sched.CPU, p *sched.Process, n int, dying bool) (done bool) {
	for ; n > 0; n-- {
		r := p.Calls.FirstOutgoing()
		if r == nil {
			break
		}
		switch r.State {
		case call.Waiting:
			callee := sched.Find(r.CalleePid)
			call.LeaveCallee(r, &callee.Calls)
			letGo(&r.Held)
			call.LeaveCaller(r, &p.Calls)
			records.Free(r)
		case call.Taken:
			// p's account may go before the record: the callee, which
			// outlives it, carries it from here on.
			r.Orphan = true
			call.LeaveCaller(r, &p.Calls)
			records.Recharge(r, sched.Find(r.CalleePid).Acct)
		case call.Done:
			p.Disp[r.CallerDisp].Replies.Remove(r)
			takeBack(p, &r.Handles)
			call.LeaveCaller(r, &p.Calls)
			records.Free(r)
		}
	}
	for ; n > 0 && dying; n-- {
		r := p.Calls.FirstIncoming()
		if r == nil {
			break
		}
		unseen := r.State == call.Waiting
		call.LeaveCallee(r, &p.Calls)
		if r.Orphan {
			records.Free(r)
			continue
		}
		if unseen {
			letGo(&r.Held)
		}
		r.Status, r.Len, r.NGrants = -abi.ECONNRESET, 0, 0
		r.Handles = [abi.MaxGrants]uint64{}
		caller := sched.Find(r.CallerPid)
		complete(c, caller.Disp[r.CallerDisp], r)
	}
	return p.Calls.FirstOutgoing() == nil && (!dying || p.Calls.FirstIncoming() == nil)
}
