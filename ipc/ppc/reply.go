package ppc

import (
	"sync/atomic"

	"go42/ipc/abi"
	"go42/ipc/call"
	"go42/mm"
	"go42/sched"
)

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
	body := &r.Message
	if msg != 0 {
		var err int64
		if body, err = read(d, msg, r, false); err != 0 {
			at.Calls.Lock.Release()
			return err
		}
	} else {
		empty(r)
	}
	var caller *sched.Process
	if !r.Orphan {
		caller = sched.Find(r.CallerPid)
	}
	r.Handles = [abi.MaxGrants]uint64{}
	if r.NGrants != 0 {
		given, err := 0, int64(-abi.ENOMEM)
		if caller != nil {
			given, err = hold(p, caller, r.Grants[:r.NGrants], &r.Held)
		}
		if err == 0 {
			if err = place(caller, 0, &r.Held, &r.Handles); err != 0 {
				takeBack(caller, &r.Handles)
			}
		}
		switch err {
		case 0:
		case -abi.ENOMEM, -abi.EMFILE, -abi.ENFILE:
			// The caller is gone, or has no room. The server need not mind:
			// it is as if the handles had been dropped at once.
			refuse(p, r.Grants[given:r.NGrants])
			body, status = &r.Message, uint64(err)
			empty(r)
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
			fillReturn(cd, r, body)
			cd.Enter(abi.EntryReturn, 0, 0)
			return 0
		}
	}
	keep(r, body)
	cd.Calls.Replies.Push(r)
	cd.Calls.Lock.Release()
	at.Calls.Lock.Release()
	replied(c, cd)
	return 0
}

// empty makes r's message one that says nothing: not the call's again, and not
// what another call has left in the record.
func empty(r *call.Record) {
	r.Args = [abi.MaxArgs]uint64{}
	r.Len, r.NGrants = 0, 0
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
