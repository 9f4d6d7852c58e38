package lifecycle

import (
	"testing"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/ipc/handle"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/sched"
)

// A server with two dispatchers executes a program. Who calls the second after
// its calls have been abandoned, and before it has gone, gets an answer.
func TestCallDuringExec(t *testing.T) {
	w := newWorld(t, 0)
	sched.HostCPUs, sched.HostIPI, amd64.NCPU = 2, 0, 2
	sched.InitCPU(1)
	defer func() { sched.HostCPUs, sched.HostCPU, amd64.NCPU = 1, 0, 1 }()
	on := func(i int) *sched.CPU { sched.HostCPU = i; return sched.This() }
	sched.HostLeave(on(1))
	c := on(0)
	server := w.boot(abi.RankFile, abi.RoleServer)
	k := &kid{kpid: server.KPid}
	if Spawn(c, server, 1, 0) != 1 {
		t.Fatal("no second dispatcher")
	}
	sched.HostLeave(c)

	c = on(1)
	sched.HostLeave(c) // the server's second begins
	second := server.Dispatcher(1)
	second.Page.Accept = 1
	c.Clean(false)
	caller := w.boot(abi.RankApp, 0) // and runs here
	sched.HostLeave(c)
	d := caller.Dispatcher(0)
	h, err := ppc.NewHandle(caller, handle.KindObject, server.KPid, 1, nil)
	if err != 0 || c.Current != d {
		t.Fatal("the caller does not run")
	}
	on(0)
	w.reset(k, server)
	c = on(1)
	sched.HostLeave(c) // its second dispatcher stops, and the job begins here
	if c.Current != d || !c.Step() {
		t.Fatal("exec has not begun")
	}
	if st := ppc.Invoke(c, d, h, 1, d.VA+abi.OffOut, 5); st != 0 {
		t.Fatal("call:", st)
	}
	work := func() {
		for i := range 100 {
			sched.HostLeave(on(i % 2))
			sched.This().Step()
		}
	}
	work()
	if server.HasJob() || server.Dispatcher(1) != nil {
		t.Fatal("exec is not done")
	}
	on(1)
	if m := &d.Page.Return; m.Tag != 5 || m.Status != -abi.EOWNERDEAD {
		t.Errorf("the call of a dispatcher that has gone: tag %d, status %d", m.Tag, m.Status)
	}
	for _, p := range []*sched.Process{server, caller, w.manager} {
		Die(p, 0)
	}
	work()
	if recs, _ := ppc.Counts(); recs != 0 || sched.Live() != 0 {
		t.Errorf("%d records and %d processes are left", recs, sched.Live())
	}
}

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
