package lifecycle

import (
	"testing"

	"go42/ipc/abi"
	"go42/mm"
	"go42/sched"
)

// A child is made on one CPU and started by its parent on another: its
// dispatcher begins on the CPU whose it is, and its end finds it there.
func TestStartElsewhere(t *testing.T) {
	newWorld(t, 0)
	sched.HostCPUs, sched.HostIPI = 2, 0
	sched.InitCPU(1)
	defer func() { sched.HostCPUs, sched.HostCPU = 1, 0 }()
	on := func(i int) *sched.CPU { sched.HostCPU = i; return sched.This() }
	sched.HostLeave(on(1))
	sched.HostLeave(on(0))

	p := sched.NewProcess(mm.RootAccount())
	p.Rank = abi.RankApp
	var err mm.Errno
	if p.Space, err = mm.NewAddressSpace(p.Acct); err != mm.OK {
		t.Fatal(err)
	}
	if err := First(p, on(0), nil); err != 0 || image(p) != mm.OK {
		t.Fatal("no memory")
	}
	d := p.Dispatcher(0)
	if !Run(on(1), p, abi.RunFork, 0) {
		t.Fatal("not started")
	}
	runs := 0
	for range 4 {
		for i := range 2 {
			sched.HostLeave(on(i))
			if c := sched.This(); c.Current == d {
				runs++
				if d.CPU() != c {
					t.Fatalf("the dispatcher of CPU %d runs on CPU %d", d.CPU().ID, i)
				}
			}
		}
	}
	if runs == 0 {
		t.Fatal("it does not run")
	}
	Die(p, Killed(SigKILL))
	for i := range 8 {
		sched.HostLeave(on(i % 2))
	}
	if on(0).Current == d || on(1).Current == d {
		t.Fatal("it runs though its process has ended")
	}
}
