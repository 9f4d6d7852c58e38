package sched

import (
	"math/rand"
	"testing"

	"go42/ipc/abi"
	"go42/mm"
)

// TestSeveralCPUs plays kernel entries on four CPUs in random order, with
// interprocessor interrupts that come late, against what must hold of every
// dispatcher: it is where its CPU says, runs on one CPU at most, and waits
// nowhere for ever when it has something to do.
func TestSeveralCPUs(t *testing.T) {
	for seed := range int64(40) {
		severalCPUs(t, seed)
	}
}

func severalCPUs(t *testing.T, seed int64) {
	const n = 4
	machine(t)
	for i := 1; i < n; i++ {
		if cpus[i].timers.heap == nil {
			InitCPU(i)
		}
	}
	for i := range n {
		cpus[i] = CPU{ID: i, timers: timers{heap: cpus[i].timers.heap}}
		hostTimer[i] = 0
	}
	HostCPUs, HostIPI = n, 0
	defer func() { HostCPUs, HostCPU = 1, 0 }()
	r := rand.New(rand.NewSource(seed))

	// Programs and servers, some with several dispatchers.
	var ps []*Process
	var ds []*Dispatcher
	for i := range 10 {
		rank := uint32(abi.RankApp)
		if i < 3 {
			rank = abi.RankFile
		}
		p := NewProcess(mm.RootAccount())
		p.Rank = rank
		var err mm.Errno
		if p.Space, err = mm.NewAddressSpace(p.Acct); err != mm.OK {
			t.Fatal(err)
		}
		for k := range 1 + i%3/2*3 {
			d := NewDispatcher(p, k, &cpus[r.Intn(n)], new(abi.DispatcherPage))
			pages = append(pages, d.Page)
			d.State = DispClean
			AddDispatcher(d)
			ds = append(ds, d)
		}
		p.SetState(Running)
		p.SetNice(r.Intn(40) - 20)
		ps = append(ps, p)
	}
	restarted := map[*Process]int{}
	restart := func(p *Process) bool { // as exec
		for i := range p.Disp {
			if d := p.Dispatcher(i); d != nil {
				if d.State != DispEmbryo || d.queued || d.deadline != 0 {
					t.Fatal("a job begins while a dispatcher is in use")
				}
			}
		}
		p.Lock.Acquire()
		p.SetJob(nil)
		p.Lock.Release()
		for i := range p.Disp {
			if d := p.Dispatcher(i); d != nil {
				This().Restart(d, abi.RunExec, 0)
			}
		}
		restarted[p]++
		return true
	}
	enter := func(i int) *CPU {
		HostCPU = i
		return This()
	}
	for i := range n {
		HostLeave(enter(i))
	}
	wanted := 0
	for step := 0; step < 4000; step++ {
		c := enter(r.Intn(n))
		HostIPI &^= 1 << c.ID // whatever has come is seen at the entry
		p := ps[r.Intn(len(ps))]
		switch cur := c.Current; r.Intn(12) {
		case 0, 1:
			c.Notify(p, uint(r.Intn(8)))
		case 2:
			d := ds[r.Intn(len(ds))]
			c.Post(d, abi.EventPoke)
		case 3:
			p.Lock.Acquire()
			if p.State() == Running && !p.HasJob() {
				c.SuspendProcess(p)
			} else if p.State() == Suspended {
				c.ResumeProcess(p)
			}
			p.Lock.Release()
		case 4:
			HostTime += uint64(r.Intn(1e7))
		case 5:
			if cur != nil {
				c.SetDeadline(cur, Now()+uint64(r.Intn(5e6)))
			}
		case 6:
			if r.Intn(4) == 0 {
				i := uint64(r.Intn(abi.MaxDispatchers))
				if c.SetCPU(p, i, uint64(r.Intn(n)), 0) == 0 {
					wanted++
				}
			}
		case 7:
			p.Lock.Acquire()
			if !p.HasJob() && r.Intn(8) == 0 {
				wasHere := c.Current != nil && c.Current.Proc == p
				c.StopAll(p, restart)
				if wasHere && c.Current != nil && c.Current.Proc == p {
					t.Fatal("a stopped dispatcher is current")
				}
			}
			p.Lock.Release()
		default:
			if cur != nil {
				cur.Page.Pending, cur.Page.Notify, cur.Page.Disabled = 0, 0, uint32(r.Intn(2))
				if r.Intn(2) == 0 {
					c.Clean(r.Intn(3) == 0)
				}
			}
		}
		if r.Intn(4) == 0 {
			leaveBeforeMail(c)
		} else {
			HostLeave(c)
		}
		for i := range n {
			if c := &cpus[i]; c.Current != nil && c.Current.CPU() != c {
				t.Fatalf("seed %d, step %d: CPU %d runs a dispatcher of another", seed, step, i)
			}
		}
		if r.Intn(8) != 0 {
			continue
		}
		// All interrupts arrive, until there are no more: now all must be in
		// its place.
		for round := 0; HostIPI != 0; round++ {
			if round == 100 {
				t.Fatalf("seed %d, step %d: CPUs send each other interrupts for ever", seed, step)
			}
			for i := range n {
				if HostIPI&(1<<i) != 0 {
					HostIPI &^= 1 << i
					HostLeave(enter(i))
				}
			}
		}
		idle := false
		for i := range n {
			idle = idle || cpus[i].Current == nil
			if cpus[i].hasMail() {
				t.Fatalf("seed %d, step %d: mail lies on CPU %d, which nobody has told", seed, step, i)
			}
		}
		for _, d := range ds {
			c := d.CPU()
			ready := d.Proc.State() == Running && d.State != DispEmbryo && c.Current != d && (d.State == DispLive || d.hasWork())
			if ready != d.queued {
				t.Fatalf("seed %d, step %d: dispatcher of CPU %d: ready %v, queued %v, state %d", seed, step, c.ID, ready, d.queued, d.State)
			}
			if d.queued && c.Current == nil {
				t.Fatalf("seed %d, step %d: CPU %d is idle though a dispatcher waits", seed, step, c.ID)
			}
			if d.queued && d.movable() && idle {
				t.Fatalf("seed %d, step %d: a program waits on CPU %d though another CPU is idle", seed, step, c.ID)
			}
			if d.mail != 0 {
				t.Fatalf("seed %d, step %d: unread mail", seed, step)
			}
			if d.deadline != 0 && c.timers.heap[d.timer] != d {
				t.Fatalf("seed %d, step %d: a deadline is not on its CPU", seed, step)
			}
		}
	}
	if len(restarted) < 5 || wanted < 5 {
		t.Fatalf("seed %d: %d processes stopped, %d moves", seed, len(restarted), wanted)
	}
	for i := range n {
		for c := enter(i); ; {
			c.readMail()
			for c.jobs != nil {
				c.step()
			}
			if !c.hasMail() {
				break
			}
		}
	}
	for _, p := range ps {
		for i := range p.Disp {
			if d := p.Dispatcher(i); d != nil {
				enter(int(d.cpu)).Forget(d)
				RemoveDispatcher(d)
				FreeDispatcher(d)
			}
		}
		for i := range n {
			enter(i).UnloadSpace(p.Space)
		}
		for !mm.Destroy(p.Space) {
		}
		FreeProcess(p)
	}
}

// leaveBeforeMail ends a kernel entry as if what lies in the mailbox had been
// sent just now: who sends sets the bits and the dispatcher's CPU first, and can be
// held up before the mailbox.
func leaveBeforeMail(c *CPU) {
	late := c.mailbox
	c.mailbox = nil
	HostLeave(c)
	for late != nil {
		d := late
		late = d.mailNext
		d.mailNext, c.mailbox = c.mailbox, d
	}
	if c.mailbox != nil {
		HostIPI |= 1 << c.ID
	}
}

// TestGivenIsFoundFirst: a program that has been given to a CPU is woken there by
// somebody else, runs and sets a deadline, all before the word of its coming. That
// word changes neither its deadline nor its place in the queue.
func TestGivenIsFoundFirst(t *testing.T) {
	machine(t)
	InitCPU(1)
	cpus[1] = CPU{ID: 1, timers: timers{heap: cpus[1].timers.heap}}
	HostCPUs = 2
	defer func() { HostCPUs, HostCPU = 1, 0 }()
	a, b := &cpus[0], &cpus[1]
	d := spawn(t, abi.RankApp)
	a.queue[ClassApp].pass, b.queue[ClassApp].pass = 1e6, 5e9
	d.pass = 3e6
	const old, early = 9e9, 1e9
	a.SetDeadline(d, old)
	a.give(d, b)

	HostCPU = 1
	defer func() {
		b.Forget(d)
		d.cpu = 0
	}()
	b.Post(d, abi.EventPoke)
	leaveBeforeMail(b)
	if b.Current != d {
		t.Fatal("it does not run")
	}
	if d.deadline != old {
		t.Errorf("its deadline is %d, was %d", d.deadline, uint64(old))
	}
	d.Page.Pending, d.Page.Deadline = 0, early
	b.Clean(true)
	HostLeave(b)
	if d.deadline != early {
		t.Errorf("the deadline %d that it has set has become %d", uint64(early), d.deadline)
	}
	if d.pass > 5e9+2e6 {
		t.Errorf("its pass is %d on a CPU whose is 5e9: it would wait for others to have run that long", d.pass)
	}
}

// TestMercyEndsOnce: when the time is over in which programs run though a server
// could, and no server waits any more, nothing is due.
func TestMercyEndsOnce(t *testing.T) {
	c := machine(t)
	d := spawn(t, abi.RankApp)
	d.wantRun = true
	c.Ready(d)
	HostLeave(c)
	HostTime = 1e9
	c.mercy = HostTime - 1000
	for range 5 {
		hostTimer[c.ID], c.stale = 0, true
		HostLeave(c)
		if at := hostTimer[c.ID]; at != 0 && at <= HostTime {
			t.Fatalf("the timer is set to %d at %d: it interrupts for ever", at, HostTime)
		}
		HostTime += 1e6
	}
}

// TestNewcomer: a program that had the CPU alone does not owe that time to one that
// comes later: they share from then on.
func TestNewcomer(t *testing.T) {
	for i, nice := range []int{0, 0, 19, 19} {
		c := machine(t)
		a, b := spawn(t, abi.RankApp), spawn(t, abi.RankApp)
		a.Proc.SetNice(nice)
		b.Proc.SetNice(nice)
		a.wantRun, b.wantRun = true, true
		c.Ready(a)
		HostLeave(c)
		HostTime += 30e9
		if i%2 == 1 { // a server has the CPU when it comes
			c.Preempt(true)
		}
		c.Ready(b)
		for end := HostTime + 2e9; HostTime < end; HostTime += 200_000 {
			HostLeave(c)
		}
		if ms := b.used.At(HostTime) / 1e6; ms < 800 || ms > 1200 {
			t.Errorf("nice %d: the newcomer gets %d ms of 2 s", nice, ms)
		}
		c.Forget(a)
		c.Forget(b)
	}
}

// TestShares: two programs that never yield get the CPU in proportion to their
// weights, and a server that never does leaves programs a little.
func TestShares(t *testing.T) {
	c := machine(t)
	a, b := spawn(t, abi.RankApp), spawn(t, abi.RankApp)
	b.Proc.SetNice(5)
	run := func(ns uint64) {
		for end := HostTime + ns; HostTime < end; {
			HostTime += 200_000
			HostLeave(c)
		}
	}
	a.wantRun, b.wantRun = true, true
	c.Ready(a)
	c.Ready(b)
	HostLeave(c)
	run(20e9)
	ua, ub := a.used.At(HostTime), b.used.At(HostTime)
	if want := uint64(a.Proc.Weight) * 100 / uint64(b.Proc.Weight); ua*100/ub < want*8/10 || ua*100/ub > want*12/10 {
		t.Errorf("shares %d and %d ms, weights %d and %d", ua/1e6, ub/1e6, a.Proc.Weight, b.Proc.Weight)
	}
	b.Proc.SetNice(19)
	for range 3 {
		before := b.used.At(HostTime)
		if run(400e6); b.used.At(HostTime) == before {
			t.Error("who has the least share waits for 400 ms")
		}
	}
	ua, ub = a.used.At(HostTime), b.used.At(HostTime)
	s := spawn(t, abi.RankFile)
	s.wantRun = true
	c.Ready(s)
	run(10e9)
	if got := a.used.At(HostTime) + b.used.At(HostTime) - ua - ub; got < 2e8 || got > 2e9 {
		t.Errorf("programs got %d ms of 10 s beside a server that does not stop", got/1e6)
	}
}

// TestCallerPays: a program that has a server do three quarters of its work gets
// no more of the CPU, together with the server, than one that computes.
func TestCallerPays(t *testing.T) {
	c := machine(t)
	a, b, s := spawn(t, abi.RankApp), spawn(t, abi.RankApp), spawn(t, abi.RankFile)
	a.wantRun, b.wantRun = true, true
	c.Ready(a)
	c.Ready(b)
	for HostTime < 20e9 {
		HostLeave(c)
		switch c.Current {
		case a:
			HostTime += 50_000
			if a.Page.Pending&abi.EventYield != 0 {
				a.Page.Pending = 0
				c.Clean(true)
				break
			}
			c.Clean(false)
			c.Handoff(s)
		case s:
			HostTime += 150_000
			c.Clean(false)
			c.Handoff(a)
		case b:
			HostTime += 200_000
		default:
			t.Fatal("nobody runs")
		}
	}
	used := func(d *Dispatcher) uint64 { return d.used.At(HostTime) }
	if with := used(a) + used(s); with*100/used(b) < 90 || with*100/used(b) > 110 {
		t.Errorf("%d ms and %d ms in the server; the other program had %d ms", used(a)/1e6, used(s)/1e6, used(b)/1e6)
	}
}

// TestThreadsLag: a program whose thread says that it is five nice steps behind its
// process gets what one with that nice value gets.
func TestThreadsLag(t *testing.T) {
	c := machine(t)
	a, b := spawn(t, abi.RankApp), spawn(t, abi.RankApp)
	b.Page.Lag = 5
	a.wantRun, b.wantRun = true, true
	c.Ready(a)
	c.Ready(b)
	for HostTime < 20e9 {
		HostLeave(c)
		HostTime += 200_000
	}
	if r := a.used.At(HostTime) * 100 / b.used.At(HostTime); r < 250 || r > 370 {
		t.Errorf("shares %d and %d ms", a.used.At(HostTime)/1e6, b.used.At(HostTime)/1e6)
	}
	b.Page.Lag = 1 << 31 // nonsense is the most
	was := b.pass
	if b.pay(1e6); b.pass-was > 1_000_000*NormalWeight/idleWeight+1 {
		t.Error("it pays for more than the least share")
	}
}

// TestGiveWay: the next one runs although the first has had less of the CPU.
func TestGiveWay(t *testing.T) {
	c := machine(t)
	a, b := spawn(t, abi.RankApp), spawn(t, abi.RankApp)
	a.wantRun = true
	c.Ready(a)
	HostLeave(c)
	c.GiveWay()
	if HostLeave(c); c.Current != a {
		t.Fatal("nobody waits, and a does not go on")
	}
	b.pass = 1e9 // b has had much
	b.wantRun = true
	c.Ready(b)
	for range 10 {
		was := c.Current
		c.GiveWay()
		if HostLeave(c); c.Current == was {
			t.Fatal("it goes on")
		}
	}
}
