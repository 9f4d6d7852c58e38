package ppc

import (
	"sync/atomic"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/ipc/call"
	"go42/ipc/handle"
	"go42/mm"
	"go42/sched"
)

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
		return -abi.EOWNERDEAD
	}
	if callee.Rank >= p.Rank {
		return -abi.EDEADLK
	}
	r, ref := newRecord(d)
	if r == nil {
		return -abi.ENOMEM
	}
	body, err := read(d, msg, r, true)
	if err == 0 && r.NGrants != 0 {
		err = lend(p, r.Grants[:r.NGrants], &r.Held)
	}
	if err != 0 {
		freeRecord(d, r)
		return err
	}
	r.ID, r.Orphan, r.Status = ref.Word(), false, 0
	r.Tag, r.Method = tag, uint32(method)
	r.CallerPid, r.CallerDisp, r.Cred = p.KPid, d.Index, atomic.LoadUint64(&p.Cred)
	r.CalleePid, r.Object, r.Owner = callee.KPid, object, owner

	cd := callee.Near(c)
	if cd == nil {
		unlend(p.KPid, &r.Held)
		freeRecord(d, r)
		return -abi.EOWNERDEAD
	}
	r.CalleeDisp = cd.Index
	cd.Calls.Lock.Acquire()
	// Its end empties the lists under this lock: none comes in afterwards.
	if callee.State() == sched.Dying || callee.Dispatcher(cd.Index) != cd {
		cd.Calls.Lock.Release()
		unlend(p.KPid, &r.Held)
		freeRecord(d, r)
		return -abi.EOWNERDEAD
	}
	// Of what waits, the eldest is first.
	atOnce := c.CanHandoff(cd) && atomic.LoadUint32(&cd.Page.Accept) != 0 && cd.Calls.Waiting.Empty()
	if !atOnce {
		keep(r, body)
	}
	d.Calls.Lock.AcquireSecond()
	call.Begin(r, &d.Calls, &cd.Calls, atOnce)
	d.Calls.Lock.Release()
	cd.Calls.Lock.Release()
	d.Events.Calls++
	made[c.ID].n++
	c.Clean(atomic.LoadUint32(&d.Page.Runnable) != 0)
	if !atOnce {
		c.Post(cd, abi.EventCall)
		return 0
	}
	c.Handoff(cd)
	fillCall(cd, r, body)
	cd.Enter(abi.EntryCall, 0, 0)
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
	r.Held = [abi.MaxGrants]*handle.Grant{} // as it is left by who used one
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

// Made returns how many calls were made on CPU n since start.
func Made(n int) uint64 { return atomic.LoadUint64(&made[n].n) }

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
	fillCall(d, r, &r.Message)
	return true
}

// fillCall puts r, which is taken, into d's page; body is where its arguments
// and data are. It cannot go meanwhile: its caller's end makes it an orphan.
func fillCall(d *sched.Dispatcher, r *call.Record, body *abi.Message) {
	m := &d.Page.Call
	if r.NGrants != 0 {
		// Not before: what waits takes none of the callee's slots. One that has
		// no room finds that nothing was given.
		place(d.Proc, r.CallerPid, &r.Held, &r.Handles)
		m.Handles = r.Handles
	} else {
		m.Handles = [abi.MaxGrants]uint64{}
	}
	m.Record = r.ID
	m.BadgePid, m.BadgeCred = r.CallerPid, r.Cred
	m.Object, m.Method, m.Flags = r.Object, r.Method, 0
	if r.Owner != r.CallerPid {
		m.Flags = abi.CallInherited
	}
	m.Args, m.Len, m.NRanges = body.Args, r.Len, r.NRanges
	for i := range r.NRanges {
		m.RangeLen[i] = r.Ranges[i].Len
	}
	if r.NRanges != 0 && r.Ranges[0].Flags&abi.RangeInline != 0 {
		m.Flags |= abi.CallInline
	}
	if d.Proc.HasLasts() {
		m.Flags |= abi.CallLasts
	}
	if r.Len > 0 {
		copy(m.Data[:r.Len], body.Data[:r.Len])
	}
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
	fillReturn(d, r, &r.Message)
	if !d.Calls.Replies.Empty() {
		atomic.OrUint64(&d.Page.Pending, abi.EventReturn)
	}
	return true
}

// fillReturn puts r, which is done and on no list, into d's page and frees it;
// body is where its results and data are.
func fillReturn(d *sched.Dispatcher, r *call.Record, body *abi.Message) {
	m := &d.Page.Return
	m.Tag, m.Status = r.Tag, r.Status
	m.Args, m.Len, m.NGrants = body.Args, r.Len, r.NGrants
	m.Handles = r.Handles
	if r.Len > 0 {
		copy(m.Data[:r.Len], body.Data[:r.Len])
	}
	freeRecord(d, r)
}

// NextReturn is NNextReturn.
func NextReturn(d *sched.Dispatcher) int64 {
	if !deliverReturn(d) {
		return -abi.EAGAIN
	}
	return 0
}
