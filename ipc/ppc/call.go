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

// read copies the message at va of p into r, all but its grants, which go to
// grants; n is how many there are. The message is in memory that its sender can
// write: each word is read once.
func read(p *sched.Process, va uint64, r *call.Record, ranges bool, grants *[abi.MaxGrants]abi.Grant) (n int, err int64) {
	ptr, half := mm.Pin(p.Space, va, uint64(unsafe.Sizeof(abi.Message{})))
	if ptr != nil {
		n, err = take((*abi.Message)(ptr), r, ranges, grants)
		half.Unpin()
		return n, err
	}
	bounce := &bounces[sched.This().ID]
	b := unsafe.Slice((*byte)(unsafe.Pointer(bounce)), unsafe.Sizeof(*bounce))
	if uint64(mm.CopyIn(p.Space, b[:header], va)) != header {
		return 0, -abi.EFAULT
	}
	if n := int(min(bounce.Len, abi.MaxData)); mm.CopyIn(p.Space, bounce.Data[:n], va+header) != n {
		return 0, -abi.EFAULT
	}
	return take(bounce, r, ranges, grants)
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
	for n = range gs {
		var x *handle.Grant
		from.Lock.Acquire()
		if x, err = held(from, to, &gs[n]); x != nil {
			Handles.Hold(x) // before the slot that names it can go
			out[n] = x
		}
		from.Lock.Release()
		if err != 0 {
			letGo(out)
			return n, err
		}
	}
	return len(gs), 0
}

// held returns the grant that g describes, nil for GrantNone. from's lock is
// held.
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
		if x.IsRevoked() {
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
	*out = [abi.MaxGrants]uint64{}
	ok, locked := true, false
	for i, g := range gs {
		if g == nil {
			continue
		}
		if !locked {
			p.Lock.Acquire()
			locked = true
		}
		h, placed := Handles.Insert(&p.Handles, g, p.KPid, abi.HandleFree)
		if placed {
			out[i] = h
		}
		ok = ok && placed
	}
	if locked {
		p.Lock.Release()
		letGo(gs)
	}
	return ok
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
	p.Lock.Acquire()
	g, owner := p.Handles.Lookup(h)
	if g == nil {
		p.Lock.Release()
		return -abi.EBADF
	}
	kind, revoked, server, object := g.Kind, g.IsRevoked(), g.Server, g.Object
	p.Lock.Release()
	if kind != handle.KindObject {
		return -abi.EINVAL
	}
	if revoked {
		return -abi.ESTALE
	}
	callee := sched.Find(server)
	if callee == nil || callee.State() == sched.Dying {
		return -abi.ECONNRESET
	}
	if callee.Rank >= p.Rank {
		return -abi.EDEADLK
	}
	r, ref := newRecord(d)
	if r == nil {
		return -abi.ENOMEM
	}
	var grants [abi.MaxGrants]abi.Grant
	r.Held = [abi.MaxGrants]*handle.Grant{}
	n, err := read(p, msg, r, true, &grants)
	if err == 0 && n > 0 {
		_, err = hold(p, callee, grants[:n], &r.Held)
	}
	if err != 0 {
		freeRecord(d, r)
		return err
	}
	r.ID, r.Orphan, r.Status, r.NGrants = ref.Word(), false, 0, 0
	r.Tag, r.Method = tag, uint32(method)
	r.CallerPid, r.CallerDisp, r.Cred = p.KPid, d.Index, atomic.LoadUint64(&p.Cred)
	r.CalleePid, r.Object, r.Owner = callee.KPid, object, owner

	cd := callee.Near(c)
	if cd == nil {
		letGo(&r.Held)
		freeRecord(d, r)
		return -abi.ECONNRESET
	}
	r.CalleeDisp = cd.Index
	cd.Calls.Lock.Acquire()
	// Its end empties the lists under this lock: none comes in afterwards.
	if callee.State() == sched.Dying || callee.Dispatcher(cd.Index) != cd {
		cd.Calls.Lock.Release()
		letGo(&r.Held)
		freeRecord(d, r)
		return -abi.ECONNRESET
	}
	d.Calls.Lock.AcquireSecond()
	call.Begin(r, &d.Calls, &cd.Calls)
	d.Calls.Lock.Release()
	d.Counts.Calls++
	made[c.ID].n++
	c.Clean(atomic.LoadUint32(&d.Page.Runnable) != 0)
	if c.CanHandoff(cd) && atomic.LoadUint32(&cd.Page.Accept) != 0 {
		c.Handoff(cd)
		r = takeWaiting(cd)
		cd.Calls.Lock.Release()
		fillCall(cd, r)
		cd.Enter(abi.EntryCall, 0, 0)
		return 0
	}
	cd.Calls.Lock.Release()
	c.Post(cd, abi.EventCall)
	return 0
}

// newRecord takes a record for a call of d's: the spare one if it is there.
func newRecord(d *sched.Dispatcher) (*call.Record, mm.Ref) {
	if r := d.Calls.Spare; r != nil {
		d.Calls.Spare = nil
		return r, records.Renew(r)
	}
	p := d.Proc
	if d.Calls.N >= maxOutstanding || p.Class() == sched.ClassApp && records.Live() >= records.Max()-records.Max()/4 {
		return nil, mm.Ref{} // the last quarter is for servers, which others wait for
	}
	r, ref, ok := records.Alloc(p.Acct)
	if !ok {
		return nil, mm.Ref{}
	}
	return r, ref
}

// freeRecord gives back a record of d's, which is this CPU's.
func freeRecord(d *sched.Dispatcher, r *call.Record) {
	r.State = call.Free
	if d.Calls.Spare == nil && d.State != sched.DispEmbryo {
		d.Calls.Spare = r
		return
	}
	records.Free(r)
}

// made counts the calls made since start; each CPU writes its own.
var made [amd64.MaxCPU]struct {
	n uint64
	_ [56]byte
}

// Made returns how many calls were made since start.
func Made() (n uint64) {
	for i := range made {
		n += made[i].n
	}
	return n
}

// takeWaiting takes the oldest waiting record of d, nil if there is none. d's
// lock is held.
func takeWaiting(d *sched.Dispatcher) *call.Record {
	r := d.Calls.Waiting.Pop()
	if r != nil {
		r.State = call.Taken
	}
	return r
}

// deliverCall moves the oldest waiting record into d's page.
func deliverCall(d *sched.Dispatcher) bool {
	if d.Calls.Waiting.Empty() {
		return false
	}
	d.Calls.Lock.Acquire()
	r := takeWaiting(d)
	d.Calls.Lock.Release()
	if r == nil {
		return false
	}
	fillCall(d, r)
	return true
}

// fillCall puts r, which is taken, into d's page. It cannot go meanwhile: its
// caller's end makes it an orphan.
func fillCall(d *sched.Dispatcher, r *call.Record) {
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
	if !d.Calls.Waiting.Empty() {
		atomic.OrUint64(&d.Page.Pending, abi.EventCall)
	}
	if !d.Calls.Replies.Empty() { // a hand-off overtook them
		atomic.OrUint64(&d.Page.Pending, abi.EventReturn)
	}
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
	if d.Calls.Replies.Empty() {
		return false
	}
	d.Calls.Lock.Acquire()
	r := d.Calls.Replies.Pop()
	if r != nil {
		call.LeaveCaller(r, &d.Calls)
	}
	d.Calls.Lock.Release()
	if r == nil {
		return false
	}
	fillReturn(d, r)
	if !d.Calls.Replies.Empty() {
		atomic.OrUint64(&d.Page.Pending, abi.EventReturn)
	}
	return true
}

// fillReturn puts r, which is done and on no list, into d's page and frees it.
func fillReturn(d *sched.Dispatcher, r *call.Record) {
	m := &d.Page.Return
	m.Tag, m.Status = r.Tag, r.Status
	m.Args, m.Len, m.NGrants = r.Args, r.Len, r.NGrants
	m.Handles = r.Handles
	copy(m.Data[:r.Len], r.Data[:r.Len])
	freeRecord(d, r)
}

// NextReturn is NNextReturn.
func NextReturn(d *sched.Dispatcher) int64 {
	if !deliverReturn(d) {
		return -abi.EAGAIN
	}
	return 0
}

// taken returns the record named id if p is to reply to it, and the dispatcher
// of p in whose lists it is, with its lock held; nil if there is none.
func taken(p *sched.Process, id uint64) (*call.Record, *sched.Dispatcher) {
	r := records.Get(mm.RefOf(id))
	if r == nil || r.CalleePid != p.KPid {
		return nil, nil
	}
	i := r.CalleeDisp
	if uint(i) >= abi.MaxDispatchers {
		return nil, nil
	}
	at := p.Dispatcher(i)
	if at == nil {
		return nil, nil
	}
	at.Calls.Lock.Acquire()
	// It may have been completed, and be another call now.
	if r.ID != id || r.CalleePid != p.KPid || r.CalleeDisp != i || r.State != call.Taken {
		at.Calls.Lock.Release()
		return nil, nil
	}
	return r, at
}

// Reply is NReply by d. With receive the dispatcher is clean afterwards, and
// the caller, if nothing keeps the server busy, runs at once.
func Reply(c *sched.CPU, d *sched.Dispatcher, id, status, msg uint64, receive bool) int64 {
	p := d.Proc
	r, at := taken(p, id)
	if r == nil {
		return -abi.ESRCH
	}
	// While at's lock is held the caller cannot get rid of the call: if it is
	// not an orphan, its caller is there.
	var grants [abi.MaxGrants]abi.Grant
	n := 0
	r.Len, r.NGrants = 0, 0
	if msg != 0 {
		var err int64
		if n, err = read(p, msg, r, false, &grants); err != 0 {
			at.Calls.Lock.Release()
			return err
		}
	}
	var caller *sched.Process
	if !r.Orphan {
		caller = sched.Find(r.CallerPid)
	}
	r.Handles = [abi.MaxGrants]uint64{}
	if n > 0 {
		given, err := 0, int64(-abi.ENOMEM)
		if caller != nil {
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
			at.Calls.Lock.Release()
			return err
		}
	}
	call.LeaveCallee(r, &at.Calls)
	r.Status = int64(status)
	if caller == nil {
		r.State = call.Free // a late reply finds that it is not its record
		at.Calls.Lock.Release()
		if receive {
			c.Clean(atomic.LoadUint32(&d.Page.Runnable) != 0)
		}
		records.Free(r)
		return 0
	}
	cd := caller.Dispatcher(r.CallerDisp)
	cd.Calls.Lock.AcquireSecond()
	r.State = call.Done
	if receive {
		c.Clean(atomic.LoadUint32(&d.Page.Runnable) != 0)
		if !d.Queued() && c.CanHandoff(cd) && cd.Calls.Replies.Empty() {
			call.LeaveCaller(r, &cd.Calls)
			cd.Calls.Lock.Release()
			at.Calls.Lock.Release()
			c.Handoff(cd)
			fillReturn(cd, r)
			cd.Enter(abi.EntryReturn, 0, 0)
			return 0
		}
	}
	cd.Calls.Replies.Push(r)
	cd.Calls.Lock.Release()
	at.Calls.Lock.Release()
	replied(c, cd)
	return 0
}

// replied tells d of a reply in its queue.
func replied(c *sched.CPU, d *sched.Dispatcher) {
	if d.CPU() == c && d.State != sched.DispLive {
		c.Ready(d) // its turn begins with the reply
		return
	}
	c.Post(d, abi.EventReturn)
}

// Copy is NCopyFrom (in) and NCopyTo: between the callee p's memory at va and
// range i of record id at offset off, n bytes at most. It returns the bytes
// copied, which may be fewer than asked for.
func Copy(p *sched.Process, id, i, off, va, n uint64, in bool) int64 {
	r, at := taken(p, id)
	if r == nil {
		return -abi.ESRCH
	}
	// A caller that ends from here on keeps its memory until this entry is over.
	var rg abi.Range
	ranges := r.NRanges
	if i < uint64(ranges) {
		rg = r.Ranges[i]
	}
	var caller *sched.Process
	if !r.Orphan {
		caller = sched.Find(r.CallerPid)
	}
	at.Calls.Lock.Release()
	if caller == nil {
		return -abi.ESRCH
	}
	if i >= uint64(ranges) {
		return -abi.EINVAL
	}
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
// left. p's dispatchers have stopped: it is dying or resets. What it asked for
// is orphaned; if it dies, or its program goes, what others asked of it fails.
func Abandon(c *sched.CPU, p *sched.Process, n int, dying bool) (done bool) {
	for i := range p.Disp {
		d := p.Dispatcher(i)
		if d == nil {
			continue
		}
		if r := d.Calls.Spare; r != nil {
			d.Calls.Spare = nil
			records.Free(r)
		}
		for ; n > 0 && abandonOutgoing(p, d); n-- {
		}
		for ; n > 0 && dying && abandonIncoming(c, p, d); n-- {
		}
		if d.Calls.FirstOutgoing() != nil || dying && d.Calls.FirstIncoming() != nil {
			return false
		}
	}
	return true
}

// abandonOutgoing lets go of one call that d of p made; false: there is none.
func abandonOutgoing(p *sched.Process, d *sched.Dispatcher) bool {
	d.Calls.Lock.Acquire()
	r := d.Calls.FirstOutgoing()
	if r == nil {
		d.Calls.Lock.Release()
		return false
	}
	if r.State == call.Done {
		d.Calls.Replies.Remove(r)
		call.LeaveCaller(r, &d.Calls)
		d.Calls.Lock.Release()
		takeBack(p, &r.Handles)
		records.Free(r)
		return true
	}
	id, pid, i := r.ID, r.CalleePid, r.CalleeDisp
	d.Calls.Lock.Release()
	// The callee's lock comes first. It is there: its end would have
	// completed the call; then there is another look.
	callee := sched.Find(pid)
	if callee == nil || callee.Dispatcher(i) == nil {
		return true
	}
	at := callee.Dispatcher(i)
	at.Calls.Lock.Acquire()
	d.Calls.Lock.AcquireSecond()
	if d.Calls.FirstOutgoing() != r || r.ID != id || r.State == call.Done {
		d.Calls.Lock.Release()
		at.Calls.Lock.Release()
		return true
	}
	call.LeaveCaller(r, &d.Calls)
	d.Calls.Lock.Release()
	if r.State == call.Waiting {
		call.LeaveCallee(r, &at.Calls)
		r.State = call.Free
		at.Calls.Lock.Release()
		letGo(&r.Held)
		records.Free(r)
		return true
	}
	// p's account may go before the record: the callee, which outlives it,
	// carries it from here on.
	r.Orphan = true
	records.Recharge(r, callee.Acct)
	at.Calls.Lock.Release()
	return true
}

// abandonIncoming fails one call that was made to d of p; false: there is none.
func abandonIncoming(c *sched.CPU, p *sched.Process, d *sched.Dispatcher) bool {
	d.Calls.Lock.Acquire()
	r := d.Calls.FirstIncoming()
	if r == nil {
		d.Calls.Lock.Release()
		return false
	}
	unseen := r.State == call.Waiting
	call.LeaveCallee(r, &d.Calls)
	if r.Orphan {
		r.State = call.Free
		d.Calls.Lock.Release()
		records.Free(r)
		return true
	}
	if unseen {
		letGo(&r.Held)
	}
	r.Status, r.Len, r.NGrants = -abi.ECONNRESET, 0, 0
	r.Handles = [abi.MaxGrants]uint64{}
	cd := sched.Find(r.CallerPid).Dispatcher(r.CallerDisp)
	cd.Calls.Lock.AcquireSecond()
	r.State = call.Done
	cd.Calls.Replies.Push(r)
	cd.Calls.Lock.Release()
	d.Calls.Lock.Release()
	replied(c, cd)
	return true
}
