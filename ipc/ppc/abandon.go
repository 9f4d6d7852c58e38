package ppc

import (
	"go42/ipc/abi"
	"go42/ipc/call"
	"go42/sched"
)

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
		if n <= 0 {
			return false // there is another look, with the locks
		}
	}
	// Those of which exec has freed itself make no calls. Who had found one before
	// may have called it since its calls were abandoned.
	for _, d := range p.Old {
		for ; n > 0 && d != nil && abandonIncoming(c, p, d); n-- {
		}
	}
	return n > 0
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
	if callee == nil {
		return true
	}
	at := callee.Dispatcher(i)
	if at == nil {
		return true
	}
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
		unlend(p.KPid, &r.Held)
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
		unlend(r.CallerPid, &r.Held)
	}
	r.Status = -abi.EOWNERDEAD
	empty(r)
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
