package ppc

import (
	"sync/atomic"

	"go42/ipc/abi"
	"go42/ipc/handle"
	"go42/sched"
)

// What one process may take of what all share. Its set has handle.MaxHandles
// slots (EMFILE), and is charged to its account like its memory. Beyond that:
//
//   - Grants that were made for it, wherever they are held: its share of the pool
//     (ENFILE). A grant is made for the process that calls, or for the server that
//     gives it if that is a program too: it decides how many it gives out, and
//     when it hears that one has gone.
//   - Slots of servers that its calls have filled, and handles on their way there:
//     lentMost (ETOOMANYREFS, as for descriptors that Linux has in flight). A
//     server has as many slots as a program, for all of its clients.
//
// Servers of the boot table are not bound; a quarter of each pool is theirs alone.
const (
	grantShare = 8
	lentMost   = 1024
)

// grantPool also counts for whom grants were made.
type grantPool struct{ pool[handle.Grant] }

// Put gives g back.
func (a *grantPool) Put(g *handle.Grant) {
	if p := sched.Find(g.Payer); p != nil {
		atomic.AddInt32(&p.Grants, -1)
	}
	a.pool.Put(g)
}

// mayGrant reports whether one more grant may be made for p.
func mayGrant(p *sched.Process) bool {
	return p.Class() == sched.ClassServer ||
		int(atomic.LoadInt32(&p.Grants)) < grants.p.Max()/grantShare && !grants.crowded()
}

// pays makes p the payer of g.
func pays(p *sched.Process, g *handle.Grant) {
	g.Payer = p.KPid
	atomic.AddInt32(&p.Grants, 1)
}

// payer returns who pays for what from, the sender of a message, makes: caller is
// who made the call.
func payer(from, caller *sched.Process) *sched.Process {
	if from.Class() == sched.ClassApp {
		return from
	}
	return caller
}

// lend is hold for what caller's call gives to a server, and counts it.
func lend(caller *sched.Process, gs []abi.Grant, out *[abi.MaxGrants]*handle.Grant) int64 {
	if caller.Class() == sched.ClassApp && int(atomic.LoadInt32(&caller.Lent))+len(gs) > lentMost {
		return -abi.ETOOMANYREFS
	}
	_, err := hold(caller, caller, gs, out)
	if err != 0 {
		return err
	}
	for _, g := range out {
		if g != nil {
			atomic.AddInt32(&caller.Lent, 1)
		}
	}
	return 0
}

// unlend undoes lend for what no server has taken.
func unlend(lender uint64, gs *[abi.MaxGrants]*handle.Grant) {
	for _, g := range gs {
		if g != nil {
			returned(lender)
		}
	}
	letGo(gs)
}

// returned says that a slot is empty that a call of lender's has filled, or that
// the call did not fill it.
func returned(lender uint64) {
	if p := sched.Find(lender); p != nil {
		atomic.AddInt32(&p.Lent, -1)
	}
}
