package lifecycle

import (
	"sync/atomic"

	"go42/ipc/abi"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/sched"
)

// Reset is NReset: exec. The parcel's memory object is kept while
// everything else of the address space goes.
func Reset(c *sched.CPU, d *sched.Dispatcher, va, n uint64) int64 {
	p := d.Proc
	if va%abi.PageSize != 0 || n == 0 || n > abi.MaxParcel {
		return -abi.EINVAL
	}
	if va < abi.LibOSHeapLo || va >= abi.LibOSHeapHi || pageUp(n) > abi.LibOSHeapHi-va {
		return -abi.EINVAL
	}
	// One private piece of memory: what others can still write is not handed
	// to the new program.
	var r abi.RegionInfo
	if err := p.Space.Query(va, &r); err != mm.OK || r.Addr > va || r.Addr+r.Len < va+pageUp(n) {
		return -abi.EFAULT
	}
	if r.Flags&abi.MapShared != 0 || r.FCMID != 0 || r.Kind != uint32(mm.FCMAnon) || r.Prot&abi.ProtRead == 0 {
		return -abi.EINVAL
	}
	killUnborn(p)
	for _, x := range p.Disp {
		if x != nil {
			c.Forget(x)
			x.State = sched.DispEmbryo
		}
	}
	p.Parcel, p.Length = va, n
	p.Stage = 0
	c.AddJob(p, reset)
	return 0
}

// reset is the job of exec.
func reset(p *sched.Process) bool {
	c := sched.This()
	switch p.Stage {
	case 0:
		// What others asked of the old program nobody would answer.
		if ppc.Abandon(c, p, 64, true) {
			p.Stage++
		}
	case 1:
		keep := [1]mm.VRange{{Addr: p.Parcel, Len: pageUp(p.Length)}}
		if err := p.Space.Reset(keep[:]); err == mm.OK {
			p.Stage++
		} else if err != mm.EAGAIN {
			Die(p, Killed(SigKILL))
		}
	case 2:
		// Bounded: a parcel is at most 2,048 pages, moved by their tables.
		n := pageUp(p.Length)
		_, err := p.Space.Move(p.Parcel, n, n, abi.MoveMayMove|abi.MoveFixed, abi.ParcelVA)
		if err == mm.EAGAIN {
			return false
		}
		if err == mm.OK {
			err = mapImage(p)
		}
		if err != mm.OK {
			Die(p, Killed(SigKILL))
			return false
		}
		d := p.Disp[0]
		vforkDone(c, p)
		// What came for the process meanwhile is for the new program, too: a
		// server that has notified does not do so again until it is called.
		notify := atomic.LoadUint64(&d.Page.Notify)
		const lasting = abi.EventNotify | abi.EventStopped | abi.EventExits | abi.EventLasts | abi.EventCall
		pending := atomic.LoadUint64(&d.Page.Pending) & lasting
		initPage(d)
		// The old program must not choose what the new libOS finds.
		clear(mm.PhysBytes(d.Private, abi.PageSize))
		d.Page.Notify, d.Page.Pending = notify, pending
		d.State = sched.DispClean
		d.Reason, d.Argument = abi.RunExec, p.Length
		c.Ready(d)
		return true
	}
	return false
}
