package lifecycle

import (
	"sync/atomic"
	"unsafe"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/sched"
)

// Manager is the process server: it alone sees exits and may kill, suspend
// and set credentials.
var Manager uint64

// exits are the dead that the manager has not been told of, newest first: pushed
// by any CPU, atomic. telling are those in the order in which it is told;
// guarded by the manager's Lock.
var exits, telling *sched.Process

// dead counts processes that have died and whose records and dispatchers have
// not been given back. Atomic.
var dead int32

// DeadMost is how many dead, for each CPU, a fork leaves behind: see crowded.
const DeadMost = 32

// crowded reports whether so many dead wait to be taken apart that nobody is to
// be born: a job each is done between dispatchers, and grace periods take as
// long as the slowest CPU, so the dead could outgrow what is taken apart. Who
// forks pays for it then, with its own time and a step of the work.
func crowded(c *sched.CPU) bool {
	if int(atomic.LoadInt32(&dead)) < DeadMost*amd64.NCPU {
		return false
	}
	for i := 0; i < 8 && c.Step(); i++ {
	}
	return true
}

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
// waits for p finds its files closed and its locks free. The caller may hold
// the Lock of a process of which p is an embryo.
func Die(p *sched.Process, status uint64) {
	c := sched.This()
	p.Lock.AcquireSecond()
	if p.State() == sched.Dying {
		p.Lock.Release()
		return
	}
	p.SetState(sched.Dying)
	p.Status = status
	atomic.AddInt32(&ending, 1)
	atomic.AddInt32(&dead, 1)
	p.Holds = 1
	if p.Born {
		p.Holds = 2 // the manager may know it, and is told
	}
	if !p.HasJob() { // else it is the reset that sees it
		p.Stage = 0
		c.StopAll(p, teardown)
	}
	vforkDone(c, p)
	p.Lock.Release()
	if p.Rank < abi.RankApp {
		serverDied(p)
		wakeAll(c)
	}
}

// wakeAll notifies everybody on all channels: who waits for a word of a server
// that is no more calls it again, and learns of its end by the answer.
func wakeAll(c *sched.CPU) {
	for i := 0; ; {
		p := sched.Each(&i)
		if p == nil {
			return
		}
		if p.State() == sched.Dying {
			continue
		}
		for ch := uint(abi.ChanProc); ch <= abi.ChanDev; ch++ {
			c.Notify(p, ch)
		}
		c.Notify(p, abi.ChanMount)
	}
}

// notice tells the manager of p's death.
func notice(c *sched.CPU, p *sched.Process) {
	if !p.Born {
		return
	}
	m := sched.Find(Manager)
	if m == nil || m.State() == sched.Dying {
		letGo(c, p)
		return
	}
	head := (*unsafe.Pointer)(unsafe.Pointer(&exits))
	for {
		old := atomic.LoadPointer(head)
		p.NextExit = (*sched.Process)(old)
		if atomic.CompareAndSwapPointer(head, old, unsafe.Pointer(p)) {
			break
		}
	}
	if d := m.Dispatcher(0); d != nil {
		c.Post(d, abi.EventExits)
	}
}

// letGo begins p's last job if all others have let go of it: nobody finds it any
// more, and when those have gone who have found it, it is given back.
func letGo(c *sched.CPU, p *sched.Process) {
	if atomic.AddInt32(&p.Holds, -1) == 0 {
		sched.Hide(p)
		c.Begin(p, bury)
	}
}

func bury(p *sched.Process) bool {
	if !p.Grace.Over() {
		return false
	}
	sched.FreeProcess(p)
	return true
}

// vforkDone tells the parent that waits for p to leave its program half.
// p.Lock is held.
func vforkDone(c *sched.CPU, p *sched.Process) {
	kpid := p.VforkParent
	if kpid == 0 {
		return
	}
	// First: who is told asks then which of its children it is.
	atomic.StoreUint64(&p.VforkParent, 0)
	if parent := sched.Find(kpid); parent != nil && parent.State() != sched.Dying {
		c.Notify(parent, abi.ChanVfork)
	}
}

// killUnborn gives up the forks that p has not finished.
func killUnborn(p *sched.Process) {
	for i := range p.Disp {
		if d := p.Dispatcher(i); d != nil && d.Child != 0 {
			if child := sched.Find(d.Child); child != nil {
				Die(child, Killed(SigKILL))
			}
			d.Child = 0
		}
	}
}

// teardown is the job of a dead process: one bounded step. Its dispatchers have
// stopped.
func teardown(p *sched.Process) bool {
	c := sched.This()
	switch p.Stage {
	case 0:
		killUnborn(p)
		if !ppc.Abandon(c, p, 64, true) {
			break
		}
		p.KeepCounts() // before its end is told
		p.Stage++
		fallthrough // few processes hold much
	case 1:
		p.Lock.Acquire()
		done := ppc.Handles.Release(&p.Handles, 8)
		p.Lock.Release()
		if done {
			p.Stage++
			notice(c, p)
		}
	case 2:
		// Who found it alive may still use its memory, and tell it of handles.
		if !p.Grace.Over() {
			break
		}
		p.Stage++
		fallthrough
	case 3:
		if p.Pager != nil {
			if !p.Pager.PagerDied(&p.PagesGone) {
				break
			}
			p.Pager = nil
			PageNews(c)
		}
		for range 64 {
			g := p.PopLast(sched.AnyLasts)
			if g == nil {
				p.Stage++
				break
			}
			ppc.Handles.Grants.Put(g)
		}
	case 4:
		if p.Space != nil && !(c.Unloaded(p) && mm.Destroy(p.Space)) {
			break
		}
		p.Space = nil
		atomic.AddUint32(&freed, 1)
		atomic.AddInt32(&ending, -1)
		if p.Victim {
			atomic.AddInt32(&victims, -1)
		}
		p.Stage++
		PageNews(c)
	case 5:
		// A word for its dispatchers may be on its way: see sched's mail.
		if !p.Grace.Drained(p.Disp[:]) {
			break
		}
		p.Stage++
		fallthrough
	case 6:
		if p.Grace.Drained(p.Old[:]) { // it died while it was being reset
			p.Stage++
		}
	case 7:
		for i := range p.Disp {
			if d := p.Dispatcher(i); d != nil {
				sched.RemoveDispatcher(d)
				freeArea(d)
			}
		}
		for i, d := range p.Old {
			if d != nil {
				p.Old[i] = nil
				freeArea(d)
			}
		}
		atomic.AddInt32(&dead, -1)
		letGo(c, p)
		return true
	}
	return false
}

// NextExit is NNextExit.
func NextExit(p *sched.Process, va uint64) int64 {
	if p.KPid != Manager {
		return -abi.EPERM
	}
	p.Lock.Acquire()
	if telling == nil {
		head := (*unsafe.Pointer)(unsafe.Pointer(&exits))
		q := (*sched.Process)(atomic.SwapPointer(head, nil))
		for q != nil {
			q, q.NextExit, telling = q.NextExit, telling, q
		}
	}
	dead := telling
	if dead == nil {
		p.Lock.Release()
		return -abi.EAGAIN
	}
	used := dead.Counts()
	n := abi.ExitNotice{
		KPid: dead.KPid, Parent: dead.Parent, Status: dead.Status,
		UserNS: used.UserNS, MaxResident: uint64(dead.Acct.MaxFrames()) * abi.PageSize,
		MinFaults: used.MinFaults, MajFaults: used.MajFaults, Switches: used.Switches,
	}
	// Plain memory without padding.
	b := unsafe.Slice((*byte)(unsafe.Pointer(&n)), unsafe.Sizeof(n))
	if mm.CopyOut(p.Space, va, b) != len(b) {
		p.Lock.Release()
		return -abi.EFAULT
	}
	telling = dead.NextExit
	dead.NextExit = nil
	p.Lock.Release()
	letGo(sched.This(), dead)
	return 0
}

// Reclaim does some of the work that gives frames back; false: there is none. The
// cache is left alone while memory is plentiful: it is not what lacks, and others may
// fill it for ever.
func Reclaim(c *sched.CPU) bool {
	more := mm.Work(64)
	more = c.Step() || more
	if !more && mm.FreeFramesNear() < cacheRoom {
		_, more = mm.ReclaimCache(reclaimPages)
	}
	return more
}
