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
	if d.Index != 0 {
		return -abi.EINVAL // the new program has no other dispatcher
	}
	p.Lock.Acquire()
	if p.State() == sched.Dying || p.HasJob() {
		p.Lock.Release()
		return -abi.ESRCH
	}
	p.Parcel, p.Length = va, n
	p.Stage = 0
	c.StopAll(p, reset)
	p.Lock.Release()
	return 0
}

// reset is the job of exec. The process's dispatchers have stopped.
func reset(p *sched.Process) bool {
	c := sched.This()
	if p.State() == sched.Dying {
		p.Lock.Acquire()
		p.Stage = 0
		p.Grace = sched.Grace{}
		p.SetJob(teardown)
		p.Lock.Release()
		return false
	}
	switch p.Stage {
	case 0:
		killUnborn(p)
		// What others asked of the old program nobody would answer.
		if ppc.Abandon(c, p, 64, true) {
			p.Stage++
		}
	case 1:
		// Who copies from or to the old program's memory has done so then.
		if p.Grace.Over() {
			p.Stage++
		}
	case 2:
		// Its further dispatchers are found no more.
		p.Lock.Acquire()
		for i := range p.Disp[1:] {
			if d := p.Dispatcher(i + 1); d != nil {
				p.Old[i] = d
				sched.RemoveDispatcher(d)
			}
		}
		p.Lock.Release()
		p.Stage++
		fallthrough
	case 3:
		if !ppc.Abandon(c, p, 64, true) || !p.Grace.Drained(p.Old[:]) {
			break
		}
		for i, d := range p.Old {
			if d != nil {
				p.Space.UnmapPinned(d.VA)
				p.Space.UnmapPinned(d.VA - abi.PageSize)
				freeArea(d)
				p.Old[i] = nil
			}
		}
		p.Stage++
	case 4:
		keep := [1]mm.VRange{{Addr: p.Parcel, Len: pageUp(p.Length)}}
		if err := p.Space.Reset(keep[:]); err == mm.OK {
			p.Stage++
		} else if err != mm.EAGAIN {
			Die(p, Killed(SigKILL))
		}
	case 5:
		// Bounded: a parcel is at most 2,048 pages, moved by their tables.
		n := pageUp(p.Length)
		_, err := p.Space.Move(p.Parcel, n, n, abi.MoveMayMove|abi.MoveFixed, abi.ParcelVA)
		if stepped(c, p, err) {
			p.Stage++
		}
	case 6:
		if stepped(c, p, mapImage(p)) {
			return begin(c, p)
		}
	}
	return false
}

// stepped says whether a step of a reset has been done. It is to be tried again, or
// the process, whose old program is gone, has been ended.
func stepped(c *sched.CPU, p *sched.Process, err mm.Errno) bool {
	if err != mm.OK && Again(c, p, err) != mm.EAGAIN {
		Die(p, Killed(SigKILL))
	}
	return err == mm.OK
}

// begin ends a reset: the new program's libOS starts. false: the process has
// been killed.
func begin(c *sched.CPU, p *sched.Process) bool {
	d := p.Dispatcher(0)
	p.Lock.Acquire()
	if p.State() == sched.Dying {
		p.Lock.Release()
		return false
	}
	vforkDone(c, p)
	// What came for the process meanwhile is for the new program, too: a
	// server that has notified does not do so again until it is called.
	const lasting = abi.EventNotify | abi.EventStopped | abi.EventExits | abi.EventLasts | abi.EventCall
	atomic.AndUint64(&d.Page.Pending, lasting)
	if p.Role&abi.RoleServer != 0 {
		// What further dispatchers had been told of is for this one to ask for.
		atomic.OrUint64(&d.Page.Pending, abi.EventLasts)
	}
	initPage(d)
	// The old program must not choose what the new libOS finds.
	clear(mm.PhysBytes(d.Private, abi.PageSize))
	// Nothing of the old program is left: from here on what calls with the new
	// badge is the libOS's image, which is told.
	reason := uint64(abi.RunExec)
	if p.ExecCred != 0 {
		atomic.StoreUint64(&p.Cred, p.ExecCred-1)
		p.ExecCred = 0
		reason = abi.RunExecID
	}
	p.SetJob(nil)
	p.Lock.Release()
	d.Roam()
	c.Restart(d, reason, p.Length)
	return true
}
