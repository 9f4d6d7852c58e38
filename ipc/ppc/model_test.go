package ppc

import (
	"math/rand"
	"testing"
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/handle"
	"go42/mm"
	"go42/sched"
)

// world is a machine without a processor: real sched, ppc, handle and mm over
// a byte slice, and libOSes that are state machines in this test.
type world struct {
	t     *testing.T
	rnd   *rand.Rand
	c     *sched.CPU
	procs []*proc
	calls map[uint64]*outstanding // by tag
	tag   uint64
}

type outstanding struct {
	caller  *proc
	callee  *proc
	answers int
}

type proc struct {
	p     *sched.Process
	d     *sched.Dispatcher
	rank  uint32
	dead  bool
	taken []uint64 // records that its threads work on
	tags  []uint64 // their tags
	lasts map[uint64]int
	to    map[uint64]*proc // handle -> server
}

const msgVA = 0x20000

var ram []uint64 // keeps the simulated memory alive

func newWorld(t *testing.T, seed int64) *world {
	if ram == nil {
		start(t)
	}
	return &world{t: t, rnd: rand.New(rand.NewSource(seed)), c: sched.This(), calls: map[uint64]*outstanding{}}
}

// start makes the machine: memory and pools are the process's, as a kernel's.
func start(t *testing.T) {
	ram = make([]uint64, 64<<20/8)
	if err := mm.Init(&mm.Config{Usable: []mm.PhysRange{{Base: 4096, Size: 63 << 20}}, PhysToVirt: uintptr(unsafe.Pointer(&ram[0]))}); err != mm.OK {
		t.Fatal(err)
	}
	sched.Init(256)
	sched.InitClock()
	Init(mm.RootAccount(), 512, 512, 256)
	modelCall, modelReturn = sched.OnCall, sched.OnReturn
}

var modelCall, modelReturn func(*sched.Dispatcher) bool

func (w *world) spawn(rank uint32) *proc {
	p := sched.NewProcess(mm.RootAccount())
	if p == nil {
		w.t.Fatal("process")
	}
	p.Rank = rank
	if rank < abi.RankApp {
		p.Role = abi.RoleServer
	}
	var err mm.Errno
	if p.Space, err = mm.NewAddressSpace(p.Acct); err != mm.OK {
		w.t.Fatal(err)
	}
	if _, err := p.Space.Map(&mm.MapSpec{Addr: msgVA, Len: 8192, Prot: 3, Flags: abi.MapFixed}); err != mm.OK {
		w.t.Fatal(err)
	}
	d := sched.NewDispatcher(p, 0, new(abi.DispatcherPage))
	pin = append(pin, d.Page)
	d.Page.Disabled = 1
	p.State = sched.Running
	d.State = sched.DispClean
	d.Reason = abi.RunModule
	w.c.Ready(d)
	x := &proc{p: p, d: d, rank: rank, lasts: map[uint64]int{}, to: map[uint64]*proc{}}
	w.procs = append(w.procs, x)
	return x
}

var pin []*abi.DispatcherPage

func (w *world) of(d *sched.Dispatcher) *proc {
	for _, p := range w.procs {
		if p.d == d && !p.dead {
			return p
		}
	}
	w.t.Fatal("a dead process runs")
	return nil
}

func (w *world) message(x *proc, m *abi.Message) {
	b := unsafe.Slice((*byte)(unsafe.Pointer(m)), unsafe.Sizeof(*m))
	if mm.CopyOut(x.p.Space, msgVA, b) != len(b) {
		w.t.Fatal("message")
	}
}

// enter looks at the upcall that the current dispatcher has been given.
func (w *world) enter(x *proc) {
	page := x.d.Page
	page.Pending = 0
	for TakeCall(x.d) == 0 {
		w.incoming(x)
	}
	for NextReturn(x.d) == 0 {
		w.returned(x)
	}
}

func (w *world) incoming(x *proc) {
	m := &x.d.Page.Call
	tag := m.Args[0]
	o := w.calls[tag]
	if o == nil || o.callee != x {
		w.t.Fatalf("call %d came to the wrong server", tag)
	}
	if m.BadgePid != o.caller.p.KPid {
		w.t.Fatal("wrong badge")
	}
	x.taken = append(x.taken, m.Record)
	x.tags = append(x.tags, tag)
}

func (w *world) returned(x *proc) {
	m := &x.d.Page.Return
	o := w.calls[m.Tag]
	if o == nil || o.caller != x {
		w.t.Fatalf("reply %d came to the wrong caller", m.Tag)
	}
	if m.Status == 0 && m.Args[0] != m.Tag {
		w.t.Fatalf("reply %d carries another's result", m.Tag)
	}
	if m.Status != 0 && m.Status != -abi.ECONNRESET {
		w.t.Fatalf("status %d", m.Status)
	}
	if m.Status == -abi.ECONNRESET && !o.callee.dead {
		w.t.Fatal("a live server's call failed")
	}
	delete(w.calls, m.Tag)
}

func (w *world) kill(x *proc) {
	w.c.Forget(x.d)
	x.p.State = sched.Dying
	x.dead = true
	for !Abandon(w.c, x.p, 1+w.rnd.Intn(3), true) {
	}
	for !Handles.Release(&x.p.Handles, 1) {
	}
	for tag, o := range w.calls {
		if o.caller == x {
			delete(w.calls, tag)
		}
	}
	for g := x.p.PopLast(); g != nil; g = x.p.PopLast() {
		Handles.Grants.Put(g)
	}
	for !mm.Destroy(x.p.Space) {
	}
	x.p.Space = nil
	sched.FreeDispatcher(x.d)
	x.p.Disp[0] = nil
	sched.FreeProcess(x.p)
	for i, p := range w.procs {
		if p == x {
			w.procs = append(w.procs[:i], w.procs[i+1:]...)
			break
		}
	}
}

// step lets the current dispatcher do something, as its libOS might.
func (w *world) step() {
	d := w.c.Current
	if d == nil {
		// Idle: some event comes from outside.
		x := w.procs[w.rnd.Intn(len(w.procs))]
		w.c.Notify(x.d, 3)
		sched.HostLeave(w.c)
		return
	}
	x := w.of(d)
	w.enter(x)
	switch w.rnd.Intn(12) {
	case 0, 1, 2, 3, 4: // call a server of lower rank
		if len(x.to) == 0 {
			break
		}
		var h uint64
		var s *proc
		n := w.rnd.Intn(len(x.to))
		for h, s = range x.to {
			if n--; n < 0 {
				break
			}
		}
		w.tag++
		tag := w.tag
		m := abi.Message{Len: 8}
		m.Args[0] = tag
		w.message(x, &m)
		d.Page.Runnable = uint32(w.rnd.Intn(2))
		w.calls[tag] = &outstanding{caller: x, callee: s}
		res := Invoke(w.c, d, h, 7, msgVA, tag)
		if res < 0 {
			delete(w.calls, tag)
			if res == -abi.ECONNRESET && !s.dead {
				w.t.Fatal("call of a live server failed")
			}
			if res != -abi.ECONNRESET && res != -abi.ENOMEM {
				w.t.Fatalf("invoke: %d", res)
			}
			if res == -abi.ECONNRESET {
				Handles.Drop(&x.p.Handles, h)
				delete(x.to, h)
			}
		} else {
			// What Invoke delivered by hand-off is looked at now.
			w.handed(s)
		}
	case 5, 6, 7, 8: // answer something
		if len(x.taken) == 0 {
			break
		}
		i := w.rnd.Intn(len(x.taken))
		rec, tag := x.taken[i], x.tags[i]
		x.taken = append(x.taken[:i], x.taken[i+1:]...)
		x.tags = append(x.tags[:i], x.tags[i+1:]...)
		m := abi.Message{}
		m.Args[0] = tag
		w.message(x, &m)
		receive := w.rnd.Intn(2) == 0
		d.Page.Accept = uint32(w.rnd.Intn(3))
		o := w.calls[tag]
		if res := Reply(w.c, d, rec, 0, msgVA, receive); res != 0 {
			w.t.Fatalf("reply: %d", res)
		}
		if Reply(w.c, d, rec, 0, msgVA, false) == 0 {
			w.t.Fatal("replied twice")
		}
		if o != nil && w.c.Current == o.caller.d && w.c.Current != d {
			w.returned(o.caller)
		}
	case 9:
		d.Page.Accept = uint32(w.rnd.Intn(3))
		w.c.Clean(w.rnd.Intn(2) == 0)
	case 10:
		sched.HostTime += uint64(w.rnd.Intn(20_000_000))
	case 11:
		if w.rnd.Intn(20) == 0 && x.rank == abi.RankApp && len(w.procs) > 4 {
			w.kill(x)
		} else if w.rnd.Intn(200) == 0 && x.rank != abi.RankApp {
			w.kill(x)
		}
	}
	sched.HostLeave(w.c)
}

// handed accounts for a call that Invoke delivered by hand-off to s.
func (w *world) handed(s *proc) {
	if w.c.Current != s.d || s.dead {
		return
	}
	m := &s.d.Page.Call
	for _, r := range s.taken {
		if r == m.Record {
			return
		}
	}
	w.incoming(s)
}

// TestModel runs servers of several ranks and clients through random
// interleavings of calls, replies, yields and deaths. Each call must be seen
// once by the server it was made to and answered once to the one who made it;
// at the end nothing is left.
func TestModel(t *testing.T) {
	for seed := int64(0); seed < 20; seed++ {
		w := newWorld(t, seed)
		// The Call and Return upcalls made by the scheduler fill the page as
		// TakeCall does; the model looks at each as it is made.
		sched.OnCall = func(d *sched.Dispatcher) bool {
			ok := modelCall(d)
			if ok {
				w.incoming(w.of(d))
			}
			return ok
		}
		sched.OnReturn = func(d *sched.Dispatcher) bool {
			ok := modelReturn(d)
			if ok {
				w.returned(w.of(d))
			}
			return ok
		}
		for n := 0; n < 20000; n++ {
			if len(w.procs) < 4 || (len(w.procs) < 12 && w.rnd.Intn(50) == 0) {
				rank := uint32(abi.RankApp)
				if w.rnd.Intn(2) == 0 {
					rank = uint32(1 + w.rnd.Intn(5))
				}
				x := w.spawn(rank)
				for _, s := range w.procs {
					if s.rank < x.rank {
						if h, ok := NewHandle(x.p, handle.KindObject, s.p.KPid, 5, nil); ok {
							x.to[h] = s
						}
					}
				}
				sched.HostLeave(w.c)
			}
			w.step()
		}
		if PPCs < 1000 {
			t.Fatalf("only %d calls were made", PPCs)
		}
		PPCs = 0
		for len(w.procs) > 0 {
			w.kill(w.procs[0])
		}
		if recs, lvs := Counts(); recs != 0 || lvs != 0 || grants.p.Live() != 0 || roots.p.Live() != 0 {
			t.Fatalf("seed %d: left %d records, %d leaves, %d grants, %d roots", seed, recs, lvs, grants.p.Live(), roots.p.Live())
		}
		if sched.Live != 0 {
			t.Fatalf("seed %d: %d processes left", seed, sched.Live)
		}
	}
}
