package lifecycle

import (
	"go42/ipc/abi"
	"go42/ipc/handle"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/sched"
)

// Fork is NFork: one batched operation over the regions of the caller
// (k42-fork.txt: "the parent sets up the memory state of the child"),
// bounded, and repeated by the libOS until it is done.
func Fork(d *sched.Dispatcher, flags uint64) (kpid uint64, status int64) {
	p := d.Proc
	if flags&^abi.ForkVfork != 0 {
		return 0, -abi.EINVAL
	}
	vfork := flags&abi.ForkVfork != 0
	child := d.Child
	if child != nil && vfork != (child.VforkParent != 0) {
		return 0, -abi.EINVAL // not the call that is to be repeated
	}
	if child == nil {
		if Account.Headroom() >= forkRoom {
			child = sched.NewProcess(Account)
		}
		if child == nil {
			if Reclaim(sched.This()) {
				return 0, -abi.EAGAIN // the dead make room
			}
			return 0, -abi.ENOMEM
		}
		// A child of a server keeps its rank, so that it can call only what
		// its parent could, and has no role.
		child.Parent, child.Cred, child.Rank, child.Role = p.KPid, p.Cred, p.Rank, 0
		d.Child = child
		if vfork {
			child.VforkParent = p.KPid
		}
		var err mm.Errno
		if child.Space, err = mm.NewAddressSpace(child.Acct); err != mm.OK {
			return 0, failFork(d, int64(err))
		}
		if _, err := NewArea(child, d); err != 0 {
			return 0, failFork(d, err)
		}
		ppc.Handles.Share(&p.Handles, &child.Handles)
	}
	done, err := mm.Fork(p.Space, child.Space, &child.Fork, vfork)
	if err != 0 {
		return 0, failFork(d, int64(err))
	}
	if !done {
		return 0, -abi.EAGAIN
	}
	h, ok := ppc.NewHandle(p, handle.KindProcess, 0, child.KPid, nil)
	if !ok {
		return 0, failFork(d, -abi.ENOMEM)
	}
	d.Child = nil
	// Limits bind the child's own requests; what it was born with is not one.
	_, bytes, _, data := p.Acct.Limits()
	child.Acct.SetByteLimit(bytes)
	child.Acct.SetDataLimit(data)
	Forks++
	return child.KPid, int64(h)
}

// Forks counts those done since start.
var Forks uint64

func failFork(d *sched.Dispatcher, err int64) int64 {
	Die(d.Child, Killed(SigKILL))
	return err
}

// forkOf returns the dispatcher whose NFork of p is not done, nil if none is.
func forkOf(p *sched.Process) *sched.Dispatcher {
	if p.State != sched.Embryo {
		return nil
	}
	parent := sched.Find(p.Parent)
	if parent == nil {
		return nil
	}
	for _, d := range parent.Disp {
		if d != nil && d.Child == p {
			return d
		}
	}
	return nil
}

// embryo returns the not yet started child that handle h of p names.
func embryo(p *sched.Process, h uint64) *sched.Process {
	g, _ := p.Handles.Lookup(h)
	if g == nil || g.Kind != handle.KindProcess {
		return nil
	}
	c := sched.Find(g.Object)
	if c == nil || c.State != sched.Embryo || c.Parent != p.KPid {
		return nil
	}
	return c
}

// Start is NStart: the embryo runs, and its handle goes.
func Start(c *sched.CPU, p *sched.Process, h, arg uint64) int64 {
	child := embryo(p, h)
	if child == nil {
		return -abi.ESRCH
	}
	Run(c, child, abi.RunFork, arg)
	ppc.Handles.Drop(&p.Handles, h)
	return 0
}

// Run lets an embryo run for the first time.
func Run(c *sched.CPU, p *sched.Process, reason, arg uint64) {
	p.State = sched.Running
	d := p.Disp[0]
	d.State = sched.DispClean
	d.Reason, d.Argument = reason, arg
	c.Ready(d)
}

// embryoGone ends an embryo whose handle went before it was started.
func embryoGone(kpid uint64) {
	if p := sched.Find(kpid); p != nil && p.State == sched.Embryo {
		Die(p, Killed(SigKILL))
	}
}
