//go:build go42kernel

package main

import (
	"sync/atomic"
	"unsafe"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/mm"
	"go42/sched"
	"go42/sched/lifecycle"
)

// nativeProcessInfo is NProcessInfo.
func nativeProcessInfo(p *sched.Process, kpid, va uint64) int64 {
	t := p
	if kpid != 0 {
		t = sched.Find(kpid)
	}
	if t == nil {
		return -abi.ESRCH
	}
	n := t.Counts()
	i := abi.ProcessInfo{
		KPid: t.KPid, Parent: t.Parent, Cred: t.Cred, State: uint64(t.State()),
		UserNS: n.UserNS, StartNS: t.StartNS,
		MaxResident: uint64(t.Acct.MaxFrames()) * abi.PageSize,
		MinFaults:   n.MinFaults, MajFaults: n.MajFaults,
		Switches: n.Switches, Calls: n.Calls, Rank: uint64(t.Rank),
	}
	i.VforkParent = atomic.LoadUint64(&t.VforkParent)
	i.OOMAdjust = int64(atomic.LoadInt32(&t.OOMAdjust))
	// A dead one's memory may go at any time.
	if t.Space != nil && t.State() != sched.Dying {
		i.Virtual, i.Resident, i.Locked = t.Space.Usage()
		i.OOMScore = lifecycle.Score(t)
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&i)), unsafe.Sizeof(i))
	if mm.CopyOut(p.Space, va, b) != len(b) {
		return -abi.EFAULT
	}
	return 0
}

// patience is after how many faults in a row that have not had their page a program
// is ended for it, though there still is something to reclaim: what others use
// all the time never comes free.
const patience = 256

// onTrap is an exception in ring 3.
func onTrap(ctx *amd64.UserContext, vector, code, cr2 uint64) {
	c := sched.This()
	d := c.Current
	p := d.Proc
	why := uint64(0)
	if vector == amd64.VecPF {
		events[c.ID].faults++
		write, fetch := code&amd64.FaultWrite != 0, code&amd64.FaultFetch != 0
		r := mm.Fault(p.Space, cr2, write, fetch, true)
		when, more := uint32(0), true // of the freeing under way before the last attempt
		for i := 0; r == mm.FaultOOM || r == mm.FaultNoRoom; i++ {
			if i == reclaimSteps {
				d.Refused++
				c.Leave() // the instruction faults again: let others run
				return
			}
			if d.Refused < patience && lifecycle.Reclaim(c) {
				more = true
			} else if more {
				if when, more = lifecycle.Freeing(); more {
					c.Leave()
					return
				}
			} else if r == mm.FaultNoRoom {
				if !lifecycle.Relieve(c, p) {
					r = mm.FaultBus
					break
				}
			} else if victim, ok := lifecycle.OutOfMemory(c, when); !ok {
				break
			} else if victim == p || victim == nil {
				// It is dead, or another CPU has what will be free.
				c.Leave()
				return
			}
			r = mm.Fault(p.Space, cr2, write, fetch, true)
		}
		d.Refused = 0
		publishFree()
		if r == mm.FaultPending {
			d.MajFaults++
			r = awaitPage(c, ctx, cr2, write)
		}
		lifecycle.PageNews(c)
		if r == mm.FaultPending {
			c.Leave()
			return
		}
		switch r {
		case mm.FaultOK:
			d.MinFaults++
			c.Leave()
			return
		case mm.FaultMapErr:
			why = abi.TrapMapErr
		case mm.FaultAccErr:
			why = abi.TrapAccErr
		case mm.FaultBus:
			why = abi.TrapBus
		default:
			why = abi.TrapOOM
		}
	}
	page := d.Page
	if atomic.LoadUint32(&page.InTrap) != 0 {
		logDoubleTrap(d, ctx, vector, cr2)
		lifecycle.Die(p, lifecycle.Killed(trapSignal(vector)))
		c.Leave()
		return
	}
	t := &page.Trap
	t.SaveArea = ctx.Regs
	t.Vector, t.Error, t.Addr, t.Why = vector, code, cr2, why
	t.WasDisabled = uint64(atomic.LoadUint32(&page.Disabled))
	atomic.StoreUint32(&page.InTrap, 1)
	atomic.StoreUint32(&page.Disabled, 1)
	ctx.Upcall(sched.Entries[abi.EntryTrap], atomic.LoadUint64(&page.TrapSP), d.VA, 0, 0)
	c.Leave()
}

// awaitPage lets the thread that touched va wait for its page: by a Fault
// upcall, after which the libOS runs others, or, where the dispatcher is disabled
// and takes none, by keeping the dispatcher. mm.FaultPending: it waits; else what
// the fault has come to.
func awaitPage(c *sched.CPU, ctx *amd64.UserContext, va uint64, write bool) mm.FaultResult {
	d := c.Current
	page := d.Page
	disabled := atomic.LoadUint32(&page.Disabled) != 0
	r := c.AwaitPage(va, write, disabled)
	if r != mm.FaultPending || disabled {
		return r
	}
	page.Event = ctx.Regs
	atomic.StoreUint32(&page.Disabled, 1)
	ctx.Upcall(sched.Entries[abi.EntryFault], atomic.LoadUint64(&page.SchedSP), d.VA, 0, 0)
	return r
}

func trapSignal(vector uint64) uint64 {
	switch vector {
	case amd64.VecDE, amd64.VecMF, amd64.VecXM:
		return lifecycle.SigFPE
	case amd64.VecBP, amd64.VecDB:
		return lifecycle.SigTRAP
	case amd64.VecUD:
		return lifecycle.SigILL
	case amd64.VecAC:
		return lifecycle.SigBUS
	}
	return lifecycle.SigSEGV
}
