package lifecycle

import (
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/sched"
)

// Manager is the process server: it alone sees exits and may kill, suspend
// and set credentials.
var Manager uint64

// exits are the dead that the manager has not been told of, oldest first.
var exits, exitsTail *sched.Process

// Killed is the wait(2) status of a process that the kernel ends with signal.
func Killed(signal uint64) uint64 { return signal & 0x7f }

// Ended makes a wait(2) status that a program gave one of a process that has
// ended: an exit code, or a signal and whether there is a core. Those of the
// stopped and the continued, which live, become SigKILL's.
func Ended(status uint64) uint64 {
	switch signal := status & 0x7f; {
	case signal == 0:
		return status & 0xff00
	case signal <= 64:
		return status & 0xff
	}
	return Killed(SigKILL)
}

// Signals with which the kernel ends a process whose libOS cannot be entered.
const (
	SigILL  = 4
	SigTRAP = 5
	SigBUS  = 7
	SigFPE  = 8
	SigKILL = 9
	SigSEGV = 11
)

// Die ends p with a wait(2) status. Its memory, handles and calls are taken
// apart by a job; the manager is told when the handles have gone, so that who
// waits for p finds its files closed and its locks free.
func Die(p *sched.Process, status uint64) {
	if p.State == sched.Dying {
		return
	}
	c := sched.This()
	// The manager may know every process whose fork was done.
	p.Noticed = true
	if d := forkOf(p); d != nil {
		d.Child = nil
		p.Noticed = false
	}
	for _, d := range p.Disp {
		if d != nil {
			c.Forget(d)
		}
	}
	p.State = sched.Dying
	p.Status = status
	p.Stage = 0
	vforkDone(c, p)
	if p.Rank < abi.RankApp {
		serverDied(p)
		wakeAll(c)
	}
	if p.HasJob() {
		p.ReplaceJob(teardown)
	} else {
		c.AddJob(p, teardown)
	}
}

// wakeAll notifies everybody on all channels: who waits for a word of a server
// that is no more calls it again, and learns of its end by the answer.
func wakeAll(c *sched.CPU) {
	for p := sched.First(); p != nil; p = p.Next() {
		if d := p.Disp[0]; d != nil && p.State != sched.Dying {
			for ch := uint(abi.ChanProc); ch <= abi.ChanDev; ch++ {
				c.Notify(d, ch)
			}
			c.Notify(d, abi.ChanMount)
		}
	}
}

// notice tells the manager of p's death.
func notice(c *sched.CPU, p *sched.Process) {
	m := sched.Find(Manager)
	if !p.Noticed || m == nil || m.State == sched.Dying {
		p.Noticed = false
		return
	}
	p.NextExit = nil
	if exits == nil {
		exits = p
	} else {
		exitsTail.NextExit = p
	}
	exitsTail = p
	c.Post(m.Disp[0], abi.EventExits)
}

// vforkDone tells the parent that waits for p to leave its program half.
func vforkDone(c *sched.CPU, p *sched.Process) {
	if p.VforkParent == 0 {
		return
	}
	if parent := sched.Find(p.VforkParent); parent != nil && parent.State != sched.Dying {
		c.Notify(parent.Disp[0], abi.ChanVfork)
	}
	p.VforkParent = 0
}

// killUnborn gives up the forks that p has not finished.
func killUnborn(p *sched.Process) {
	for _, d := range p.Disp {
		if d != nil && d.Child != nil {
			Die(d.Child, Killed(SigKILL))
		}
	}
}

// teardown is the job of a dead process: one bounded step.
func teardown(p *sched.Process) bool {
	c := sched.This()
	switch p.Stage {
	case 0:
		killUnborn(p)
		if !ppc.Abandon(c, p, 64, true) {
			break
		}
		p.Stage++
		fallthrough // few processes hold much
	case 1:
		if ppc.Handles.Release(&p.Handles, 8) {
			p.Stage++
			notice(c, p)
		}
	case 2:
		for range 64 {
			g := p.PopLast()
			if g == nil {
				p.Stage++
				break
			}
			ppc.Handles.Grants.Put(g)
		}
	case 3:
		if p.Space == nil {
			p.Stage++
			break
		}
		c.UnloadSpace(p.Space)
		if mm.Destroy(p.Space) {
			p.Space = nil
			p.Stage++
		}
	case 4:
		for i, d := range p.Disp {
			if d == nil {
				continue
			}
			private, shared := d.Private, d.Shared
			sched.FreeDispatcher(d)
			p.Disp[i] = nil
			mm.FreeFrame(p.Acct, mm.KindKernel, private)
			mm.FreeFrame(p.Acct, mm.KindKernel, shared)
		}
		p.Stage++
		if !p.Noticed {
			sched.FreeProcess(p)
		}
		return true
	}
	return false
}

// NextExit is NNextExit.
func NextExit(p *sched.Process, va uint64) int64 {
	if p.KPid != Manager {
		return -abi.EPERM
	}
	dead := exits
	if dead == nil {
		return -abi.EAGAIN
	}
	n := abi.ExitNotice{
		KPid: dead.KPid, Parent: dead.Parent, Status: dead.Status,
		UserNS: dead.UserNS, MaxResident: uint64(dead.Acct.MaxFrames()) * abi.PageSize,
		MinFaults: dead.MinFaults, MajFaults: dead.MajFaults, Switches: dead.Switches,
	}
	// Plain memory without padding.
	b := unsafe.Slice((*byte)(unsafe.Pointer(&n)), unsafe.Sizeof(n))
	if mm.CopyOut(p.Space, va, b) != len(b) {
		return -abi.EFAULT
	}
	exits = dead.NextExit
	dead.NextExit = nil
	dead.Noticed = false
	if dead.Stage > 4 {
		sched.FreeProcess(dead)
	}
	return 0
}

// Reclaim does some of the work that gives frames back; false: there is none.
func Reclaim(c *sched.CPU) bool {
	more := mm.Work(64)
	return c.Step() || more
}
