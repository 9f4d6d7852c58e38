package sched

import (
	"math/rand"
	"testing"
	"unsafe"

	"go42/ipc/abi"
	"go42/mm"
)

var ram []uint64 // keeps the simulated memory alive

// machine makes an idle CPU; pools and memory are made once, as a kernel's are.
func machine(t *testing.T) *CPU {
	if ram == nil {
		ram = make([]uint64, 32<<20/8)
		if err := mm.Init(&mm.Config{Usable: []mm.PhysRange{{Base: 4096, Size: 31 << 20}}, PhysToVirt: uintptr(unsafe.Pointer(&ram[0]))}); err != mm.OK {
			t.Fatal(err)
		}
		Init(64, 64)
		OnCall = func(*Dispatcher) bool { return false }
		OnReturn = OnCall
	}
	HostTime = 1
	InitClock()
	c := This()
	*c = CPU{ID: c.ID, timers: c.timers}
	c.timers.n = 0
	return c
}

// spawn makes a running process whose dispatcher is clean and idle.
func spawn(t *testing.T, rank uint32) *Dispatcher {
	p := NewProcess(mm.RootAccount())
	if p == nil {
		t.Fatal("no process")
	}
	p.Rank = rank
	var err mm.Errno
	if p.Space, err = mm.NewAddressSpace(p.Acct); err != mm.OK {
		t.Fatal(err)
	}
	d := NewDispatcher(p, 0, This(), new(abi.DispatcherPage))
	pages = append(pages, d.Page)
	p.SetState(Running)
	d.State = DispClean
	AddDispatcher(d)
	t.Cleanup(func() {
		This().Forget(d)
		FreeDispatcher(d)
		for This().space == p.Space {
			This().UnloadSpace(p.Space)
		}
		for !mm.Destroy(p.Space) {
		}
		FreeProcess(p)
	})
	return d
}

var pages []*abi.DispatcherPage

func TestRunQueue(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	var q runQueue
	ds := make([]Dispatcher, 20)
	var want []*Dispatcher
	for n := 0; n < 20000; n++ {
		d := &ds[r.Intn(len(ds))]
		if !d.queued {
			front := r.Intn(3) == 0
			q.push(d, front)
			if front {
				want = append([]*Dispatcher{d}, want...)
			} else {
				want = append(want, d)
			}
		} else {
			q.remove(d)
			for i, x := range want {
				if x == d {
					want = append(want[:i], want[i+1:]...)
					break
				}
			}
		}
		i := 0
		var prev *Dispatcher
		for x := q.head; x != nil; prev, x, i = x, x.next, i+1 {
			if i >= len(want) || want[i] != x || x.prev != prev || !x.queued {
				t.Fatalf("step %d: queue differs at %d", n, i)
			}
		}
		if i != len(want) || q.n != i || q.tail != prev {
			t.Fatalf("step %d: %d queued, n %d, want %d", n, i, q.n, len(want))
		}
	}
}

func TestTimersHeap(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	ds := make([]Dispatcher, 100)
	h := timers{heap: make([]*Dispatcher, len(ds))}
	for n := 0; n < 50000; n++ {
		d := &ds[r.Intn(len(ds))]
		v := uint64(r.Intn(50))
		if r.Intn(2) == 0 {
			v = 0
		}
		h.set(d, v)
		armed, least := 0, ^uint64(0)
		for i := range ds {
			if x := ds[i].deadline; x != 0 {
				armed++
				least = min(least, x)
				if h.heap[ds[i].timer] != &ds[i] {
					t.Fatal("a dispatcher is not where it thinks")
				}
			}
		}
		if armed != h.n {
			t.Fatalf("%d armed, %d in the heap", armed, h.n)
		}
		if f := h.first(); armed == 0 && f != nil || armed != 0 && f.deadline != least {
			t.Fatal("the first is not the earliest")
		}
	}
}

// TestClock: a timer set for ns has fired, by the clock, when its counter
// value is reached, and not a tick's worth of time too late.
func TestClock(t *testing.T) {
	defer func(b, m, s uint64) { clock.base, clock.mult, clock.shift = b, m, s }(clock.base, clock.mult, clock.shift)
	r := rand.New(rand.NewSource(3))
	for _, mult := range []uint64{1 << 32, 1<<32 - 1, 1<<32 + 12345, 1 << 30, 1<<31 + 7, 1 << 28} { // 1 GHz .. 16 GHz
		clock.base, clock.mult, clock.shift = 12345678, mult, 32
		last := uint64(0)
		for n := 0; n < 2000; n++ {
			ns := r.Uint64() >> (2 + uint(r.Intn(60)))
			at := tscAt(ns)
			if at == ^uint64(0) {
				if ns < 1<<55 {
					t.Fatalf("mult %#x: %d ns never comes", mult, ns)
				}
				continue
			}
			HostTime = at
			if got := Now(); got < ns || got > ns+16 {
				t.Fatalf("mult %#x: at %d for %d ns the clock says %d", mult, at, ns, got)
			}
		}
		HostTime = clock.base
		for n := 0; n < 1000; n++ {
			HostTime += uint64(r.Intn(1 << 40))
			if Now() < last {
				t.Fatal("the clock went back")
			}
			last = Now()
		}
	}
}

// TestTimers: each deadline is told once, in time, and wakes who is idle.
func TestTimers(t *testing.T) {
	c := machine(t)
	var ds []*Dispatcher
	for i := 0; i < 20; i++ {
		d := spawn(t, abi.RankApp)
		c.SetDeadline(d, uint64(1000*(20-i)))
		ds = append(ds, d)
	}
	HostLeave(c)
	if c.Current != nil {
		t.Fatal("somebody runs before anything is due")
	}
	HostTime = 1 + 10_000
	HostLeave(c)
	ran := 0
	for c.Current != nil {
		d := c.Current
		if d.Page.Pending&abi.EventTimer == 0 {
			t.Error("woken by no timer")
		}
		if d.Ctx.Regs.RDI != abi.RunResume {
			t.Error("not entered at Run")
		}
		d.Page.Pending = 0
		ran++
		c.Clean(false)
		HostLeave(c)
	}
	if ran != 10 || c.timers.n != 10 {
		t.Fatalf("%d of 10 woken, %d left", ran, c.timers.n)
	}
	for _, d := range ds {
		c.SetDeadline(d, 0)
	}
}

// TestSlice: a dispatcher is asked to yield when another of its class waits,
// and loses the CPU when it does not.
func TestSlice(t *testing.T) {
	c := machine(t)
	a, b := spawn(t, abi.RankApp), spawn(t, abi.RankApp)
	c.Post(a, abi.EventNotify)
	HostLeave(c)
	if c.Current != a {
		t.Fatal("a does not run")
	}
	a.Page.Pending = 0
	HostTime += 2 * slice
	HostLeave(c)
	if a.Page.Pending != 0 || c.Current != a {
		t.Fatal("asked to yield though nobody waits")
	}
	c.Post(b, abi.EventNotify)
	HostLeave(c)
	HostLeave(c) // the turn is over: the timer, set just now, comes at once
	if c.Current != a || a.Page.Pending&abi.EventYield == 0 {
		t.Fatal("not asked to yield")
	}
	HostTime += softGrace + 2 // the timer rounds up
	HostLeave(c)
	if c.Current != b || !a.Queued() || a.State != DispLive {
		t.Fatal("kept the CPU")
	}
}

// TestHandoffBorrows: calls to and fro within a turn do not make it longer.
func TestHandoffBorrows(t *testing.T) {
	c := machine(t)
	a, b, s := spawn(t, abi.RankApp), spawn(t, abi.RankApp), spawn(t, abi.RankFile)
	c.Post(a, abi.EventNotify)
	HostLeave(c)
	a.Page.Pending = 0
	c.Post(b, abi.EventNotify)
	for i := 0; i < 100; i++ {
		c.Clean(false)
		c.Handoff(s)
		HostTime += slice / 20
		c.Clean(false)
		c.Handoff(a)
		HostTime += slice / 20
		HostLeave(c)
		if c.Current == b {
			return // a had not yielded
		}
		if c.Current != a {
			t.Fatal("neither a nor b runs")
		}
		if a.Page.Pending&abi.EventYield != 0 {
			a.Page.Pending = 0
			c.Clean(true)
			HostLeave(c)
			if c.Current != b {
				t.Fatal("b does not run after a's yield")
			}
			if i > 12 {
				t.Fatalf("b waited for %d calls", i)
			}
			return
		}
	}
	t.Fatal("b starves")
}

// TestServersDoNotRenewTurns: one who is interrupted by servers again and
// again still has to give way.
func TestServersDoNotRenewTurns(t *testing.T) {
	c := machine(t)
	a, b, s := spawn(t, abi.RankApp), spawn(t, abi.RankApp), spawn(t, abi.RankFile)
	c.Post(a, abi.EventNotify)
	HostLeave(c)
	a.Page.Pending = 0
	c.Post(b, abi.EventNotify)
	for i := 0; i < 40; i++ {
		HostTime += slice / 10
		c.Post(s, abi.EventNotify)
		HostLeave(c)
		if c.Current != s {
			t.Fatal("a server does not come first")
		}
		s.Page.Pending = 0
		c.Clean(false)
		HostLeave(c)
		if c.Current == b {
			return
		}
	}
	t.Fatal("b starves")
}

// TestSuspend: a suspended process does not run whatever comes, and loses
// nothing of it.
func TestSuspend(t *testing.T) {
	for _, how := range []string{"idle", "running", "queued"} {
		c := machine(t)
		d := spawn(t, abi.RankApp)
		if how != "idle" {
			c.Post(d, abi.EventNotify)
		}
		if how == "running" {
			HostLeave(c)
			d.Page.Pending = 0
		}
		c.SuspendProcess(d.Proc)
		c.Notify(d.Proc, 5)
		c.SetDeadline(d, 500)
		HostTime += 1000
		HostLeave(c)
		if c.Current != nil || d.Queued() {
			t.Fatal(how, "runs while suspended")
		}
		c.ResumeProcess(d.Proc)
		HostLeave(c)
		const want = abi.EventStopped | abi.EventTimer | abi.EventNotify
		if c.Current != d || d.Page.Pending&want != want || d.Page.Notify&(1<<5) == 0 {
			t.Fatalf("%s: after resume pending %#x", how, d.Page.Pending)
		}
	}
}

func TestJobs(t *testing.T) {
	c := machine(t)
	busy, x, y := spawn(t, abi.RankApp), spawn(t, abi.RankApp), spawn(t, abi.RankApp)
	var order []*Process
	n := 0
	work := func(p *Process) bool {
		order = append(order, p)
		n++
		return n >= 5
	}
	begin(c, x.Proc, work)
	HostLeave(c) // idle: all of it
	if n != 5 || has(c, x.Proc) {
		t.Fatalf("%d steps while idle", n)
	}

	// A job that becomes another one within its own step is on the list once.
	n = 0
	begin(c, x.Proc, func(p *Process) bool {
		p.SetJob(work)
		return false
	})
	begin(c, y.Proc, work)
	order = nil
	HostLeave(c)
	if has(c, x.Proc) || c.jobs != nil && c.jobs != y.Proc {
		t.Fatal("jobs are left over")
	}
	for c.jobs != nil {
		c.step()
	}

	// While a dispatcher keeps the CPU, jobs go on at their pace.
	c.Post(busy, abi.EventNotify)
	HostLeave(c)
	busy.Page.Pending = 0
	n = -1000
	begin(c, x.Proc, work)
	HostLeave(c)
	if c.Current != busy || n != -1000 {
		t.Fatal("a job takes the CPU at once")
	}
	for i := 0; i < 100 && has(c, x.Proc); i++ {
		HostTime += jobPace
		HostLeave(c)
		if c.Current != busy {
			t.Fatal("jobs took the CPU away")
		}
	}
	if has(c, x.Proc) {
		t.Fatal("a job starves")
	}
}

func begin(c *CPU, p *Process, step func(*Process) bool) {
	p.SetJob(step)
	c.addJob(p)
}

func has(c *CPU, p *Process) bool {
	for q := c.jobs; q != nil; q = q.nextJob {
		if q == p {
			return true
		}
	}
	return false
}

// TestNothingIsLost: random posts, yields, suspensions and deadlines; whoever
// has something to do and may run is on a queue, or runs; the CPU is idle only
// if nobody is.
func TestNothingIsLost(t *testing.T) {
	c := machine(t)
	r := rand.New(rand.NewSource(4))
	ranks := []uint32{abi.RankApp, abi.RankFile, abi.RankApp, abi.RankProc, abi.RankApp}
	var ds []*Dispatcher
	for _, rank := range ranks {
		ds = append(ds, spawn(t, rank))
	}
	for n := 0; n < 100000; n++ {
		d := ds[r.Intn(len(ds))]
		switch r.Intn(8) {
		case 0:
			c.Notify(d.Proc, uint(r.Intn(64)))
		case 1:
			if d.Proc.State() == Running {
				c.SuspendProcess(d.Proc)
			} else {
				c.ResumeProcess(d.Proc)
			}
		case 2:
			c.SetDeadline(d, Now()+uint64(r.Intn(1e7)))
		case 3:
			HostTime += uint64(r.Intn(2e7))
		case 4, 5:
			if cur := c.Current; cur != nil {
				cur.Page.Pending, cur.Page.Notify = 0, 0
				cur.Page.Disabled = uint32(r.Intn(2))
			}
		default:
			if cur := c.Current; cur != nil && cur.Page.Pending == 0 {
				cur.Page.Deadline = 0
				c.Clean(r.Intn(4) == 0)
			}
		}
		HostLeave(c)
		if c.Current != nil && c.Current.Proc.State() != Running {
			t.Fatal("a suspended process runs")
		}
		waits := false
		for _, d := range ds {
			ready := d.Proc.State() == Running && d != c.Current && (d.State == DispLive || d.hasWork())
			if ready != d.queued {
				t.Fatalf("step %d: ready %v, queued %v", n, ready, d.queued)
			}
			waits = waits || ready
			if ready && (c.mercy == 0 || Now() >= c.mercy) && d.Proc.Class() == ClassServer && c.Current != nil && c.Current.Proc.Class() == ClassApp {
				t.Fatal("an application runs before a server")
			}
		}
		if c.Current == nil && waits {
			t.Fatal("idle though somebody is ready")
		}
	}
}
