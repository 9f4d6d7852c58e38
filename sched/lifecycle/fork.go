package lifecycle

import (
	"sync/atomic"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/ipc/handle"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/sched"
)

// MaxProcesses is how many processes may live. Set at start-up.
var MaxProcesses = 1 << 30

// Fork is NFork: one batched operation over the regions of the caller
// (k42-fork.txt: "the parent sets up the memory state of the child"),
// bounded, and repeated by the libOS until it is done.
func Fork(d *sched.Dispatcher, flags uint64) (kpid uint64, status int64) {
	p := d.Proc
	if flags&^abi.ForkVfork != 0 {
		return 0, -abi.EINVAL
	}
	vfork := flags&abi.ForkVfork != 0
	c := sched.This()
	var child *sched.Process
	if d.Child != 0 {
		// It may have been killed since.
		if child = sched.Find(d.Child); child == nil || child.State() != sched.Embryo {
			d.Child, child = 0, nil
		} else if vfork != (child.VforkParent != 0) {
			return 0, -abi.EINVAL // not the call that is to be repeated
		}
	}
	if child == nil {
		if crowded(c) {
			return 0, -abi.EAGAIN
		}
		if !forkMay(p) {
			// What has died since may have made room.
			if Reclaim(c) || relieve(p, true) || forkMay(p) {
				return 0, -abi.EAGAIN
			}
			if many() {
				return 0, -abi.ENFILE
			}
			return 0, -abi.ENOMEM
		}
		if living() >= MaxProcesses {
			return 0, -abi.ENFILE
		}
		if child = sched.NewProcess(Account); child == nil {
			if Reclaim(c) { // the dead make room
				return 0, -abi.EAGAIN
			}
			return 0, -abi.ENFILE
		}
		// A child of a server keeps its rank, so that it can call only what
		// its parent could, and has no role.
		child.Parent, child.Cred, child.Rank, child.Role = p.KPid, p.Cred, p.Rank, 0
		child.Weight = p.Weight
		child.OOMAdjust = atomic.LoadInt32(&p.OOMAdjust)
		d.Child = child.KPid
		if vfork {
			child.VforkParent = p.KPid
		}
		var err mm.Errno
		if child.Space, err = mm.NewAddressSpace(child.Acct); err != mm.OK {
			return 0, failFork(c, d, child, err)
		}
		if err := First(child, c, d); err != 0 {
			return 0, failFork(c, d, child, mm.Errno(err))
		}
		child.Dispatcher(0).Stay(d)
		p.Lock.Acquire()
		ppc.Handles.Share(&p.Handles, &child.Handles)
		p.Lock.Release()
	}
	done, err := mm.Fork(p.Space, child.Space, &child.Fork, vfork)
	if err != 0 {
		return 0, failFork(c, d, child, err)
	}
	if !done {
		return 0, -abi.EAGAIN
	}
	// From here on its end is told, unless it has come already.
	child.Lock.Acquire()
	alive := child.State() == sched.Embryo
	child.Born = alive
	child.Lock.Release()
	if !alive {
		d.Child = 0
		return 0, -abi.EAGAIN
	}
	h, noHandle := ppc.NewHandle(p, handle.KindProcess, 0, child.KPid, nil)
	if noHandle != 0 {
		child.Lock.Acquire()
		if child.State() == sched.Embryo {
			child.Born = false
		}
		child.Lock.Release()
		return 0, failFork(c, d, child, mm.ENOMEM)
	}
	d.Child = 0
	// Limits bind the child's own requests; what it was born with is not one.
	_, bytes, _, data := p.Acct.Limits()
	child.Acct.SetByteLimit(bytes)
	child.Acct.SetDataLimit(data)
	forks[c.ID].n++
	return child.KPid, int64(h)
}

// forks counts those done since start; each CPU writes its own.
var forks [amd64.MaxCPU]struct {
	n uint64
	_ [56]byte
}

// Forks returns how many forks were done since start.
func Forks() (n uint64) {
	for i := range forks {
		n += forks[i].n
	}
	return n
}

// failFork gives up the child and returns what NFork answers: err, or EAGAIN where
// memory is on its way.
func failFork(c *sched.CPU, d *sched.Dispatcher, child *sched.Process, err mm.Errno) int64 {
	d.Child = 0
	Die(child, Killed(SigKILL))
	// Not for the child's own memory: what ends a fork might be something else.
	if err == mm.ENOMEM && memoryShort() && relieve(d.Proc, true) {
		return -abi.EAGAIN
	}
	return int64(err)
}

// embryo returns the not yet started child that handle h of p names. p.Lock is
// held.
func embryo(p *sched.Process, h uint64) *sched.Process {
	g, _ := p.Handles.Lookup(h)
	if g == nil || g.Kind != handle.KindProcess {
		return nil
	}
	c := sched.Find(g.Object)
	if c == nil || c.State() != sched.Embryo || c.Parent != p.KPid {
		return nil
	}
	return c
}

// Start is NStart: the embryo runs, and its handle goes.
func Start(c *sched.CPU, p *sched.Process, h, arg uint64) int64 {
	p.Lock.Acquire()
	child := embryo(p, h)
	ok := child != nil && Run(c, child, abi.RunFork, arg)
	if ok {
		ppc.Handles.Drop(&p.Handles, h)
	}
	p.Lock.Release()
	if !ok {
		return -abi.ESRCH
	}
	return 0
}

// Run lets an embryo run for the first time; false: it has been killed. The
// parent's Lock may be held.
func Run(c *sched.CPU, p *sched.Process, reason, arg uint64) bool {
	p.Lock.AcquireSecond()
	if p.State() != sched.Embryo {
		p.Lock.Release()
		return false
	}
	d := p.Dispatcher(0)
	p.Born = true
	p.SetState(sched.Running)
	if p.StopFirst {
		p.SetState(sched.Suspended) // before its first instruction
	}
	if d.CPU() != c {
		// The parent has moved since it made it: it is another CPU's.
		c.Restart(d, reason, arg)
		p.Lock.Release()
		return true
	}
	d.State = sched.DispClean
	d.Reason, d.Argument = reason, arg
	if to := c.Place(d); to != c {
		c.Give(d, to)
	} else {
		c.Ready(d)
	}
	p.Lock.Release()
	return true
}

// embryoGone ends an embryo whose handle went before it was started.
func embryoGone(kpid uint64) {
	if p := sched.Find(kpid); p != nil && p.State() == sched.Embryo {
		Die(p, Killed(SigKILL))
	}
}
