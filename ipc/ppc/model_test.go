package ppc

import (
	"math/rand"
	"sort"
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
	t      *testing.T
	rnd    *rand.Rand
	c      *sched.CPU
	procs  []*proc
	calls  map[uint64]*outstanding // by tag
	tag    uint64
	object uint64
	copied int
	passed int // handles that came with a message
}

// outstanding is a call as its caller knows it.
type outstanding struct {
	caller  *proc
	callee  *proc
	taken   bool
	failing bool // the callee resets: the call may fail
	orphan  bool // the caller resets: nobody waits for it
	area    int  // of the caller's memory that its ranges lie in; -1: none
	ranges  []abi.Range
	shadow  []byte // what the area should hold
}

// object is a server's.
type object struct {
	server *proc
	id     uint64
}

type proc struct {
	p         *sched.Process
	d         *sched.Dispatcher
	rank      uint32
	dead      bool
	resetting bool
	taken     []uint64          // records that its threads work on
	tags      []uint64          // their tags
	to        map[uint64]object // what its handles name
	granted   map[uint64]bool   // its objects that somebody was given
	lasts     map[uint64]bool   // those that it was told are gone
	revoked   map[uint64]bool
	areas     [nAreas]bool // in use by a call
	notified  uint64       // channels that it has not seen
	deadline  uint64
}

const (
	msgVA   = 0x20000
	areaVA  = 0x40000
	areaLen = 2 * abi.PageSize
	nAreas  = 8
	bufVA   = 0x80000 // where servers copy to and from
	rootObj = 5       // everyone starts with it: not one open instance
)

var ram []uint64 // keeps the simulated memory alive

func newWorld(t *testing.T, seed int64) *world {
	if ram == nil {
		start(t)
	}
	return &world{t: t, rnd: rand.New(rand.NewSource(seed)), c: sched.This(), calls: map[uint64]*outstanding{}, object: 1000}
}

// start makes the machine: memory and pools are the process's, as a kernel's.
func start(t *testing.T) {
	ram = make([]uint64, 64<<20/8)
	if err := mm.Init(&mm.Config{Usable: []mm.PhysRange{{Base: 4096, Size: 63 << 20}}, PhysToVirt: uintptr(unsafe.Pointer(&ram[0]))}); err != mm.OK {
		t.Fatal(err)
	}
	sched.Init(256, 256)
	sched.InitClock()
	SetHashKey(42)
	Init(512, 512, 256)
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
	for _, m := range [...][2]uint64{{msgVA, 8192}, {areaVA, nAreas * areaLen}, {bufVA, areaLen}} {
		if _, err := p.Space.Map(&mm.MapSpec{Addr: m[0], Len: m[1], Prot: 3, Flags: abi.MapFixed}); err != mm.OK {
			w.t.Fatal(err)
		}
	}
	d := sched.NewDispatcher(p, 0, sched.This(), new(abi.DispatcherPage))
	pin = append(pin, d.Page)
	d.Page.Disabled = 1
	sched.AddDispatcher(d)
	p.SetState(sched.Running)
	d.State = sched.DispClean
	d.Reason = abi.RunModule
	w.c.Ready(d)
	x := &proc{p: p, d: d, rank: rank, to: map[uint64]object{}, granted: map[uint64]bool{}, lasts: map[uint64]bool{}, revoked: map[uint64]bool{}}
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

func (w *world) message(x *proc, m *abi.Message) uint64 {
	at := uint64(msgVA)
	switch w.rnd.Intn(3) {
	case 0:
		at += abi.PageSize - uint64(8*w.rnd.Intn(60)) // across two pages
	case 1:
		x.d.Page.Out = *m
		return x.d.VA + abi.OffOut
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(m)), unsafe.Sizeof(*m))
	w.write(x, at, b)
	return at
}

func (w *world) write(x *proc, va uint64, b []byte) {
	if mm.CopyOut(x.p.Space, va, b) != len(b) {
		w.t.Fatal("write")
	}
}

func (w *world) read(x *proc, va uint64, n int) []byte {
	b := make([]byte, n)
	if mm.CopyIn(x.p.Space, b, va) != n {
		w.t.Fatal("read")
	}
	return b
}

// enter looks at the upcall that the current dispatcher has been given.
func (w *world) enter(x *proc) {
	page := x.d.Page
	if x.p.State() != sched.Running || x.resetting {
		w.t.Fatal("one that may not run runs")
	}
	if page.Notify != x.notified || x.notified != 0 && page.Pending&abi.EventNotify == 0 {
		w.t.Fatalf("channels %#x, want %#x", page.Notify, x.notified)
	}
	if page.Pending&abi.EventTimer != 0 {
		if x.deadline == 0 || x.deadline > sched.Now() {
			w.t.Fatal("a timer that was not due")
		}
		x.deadline = 0
	}
	x.notified = 0
	page.Pending, page.Notify = 0, 0
	for TakeCall(x.d) == 0 {
		w.incoming(x)
	}
	for NextReturn(x.d) == 0 {
		w.returned(x)
	}
	for g := x.p.PopLast(sched.AnyLasts); g != nil; g = x.p.PopLast(sched.AnyLasts) {
		w.last(x, g)
	}
	page.Pending = 0
}

func (w *world) last(x *proc, g *handle.Grant) {
	id := g.Object
	Handles.Grants.Put(g)
	if id == rootObj {
		return
	}
	if x.lasts[id] {
		w.t.Fatalf("object %d went twice", id)
	}
	if x.revoked[id] {
		w.t.Fatalf("object %d went after its revocation", id)
	}
	if n := w.holders(object{x, id}); n != 0 {
		w.t.Fatalf("object %d is gone, but %d slots name it", id, n)
	}
	x.lasts[id] = true
}

// holders counts the slots of live processes that name o.
func (w *world) holders(o object) (n int) {
	for _, p := range w.procs {
		for h := uint64(0); h < 512; h++ {
			if g, _ := p.p.Handles.Lookup(h); g != nil && g.Server == o.server.p.KPid && g.Object == o.id {
				n++
			}
		}
	}
	return n
}

func (w *world) incoming(x *proc) {
	m := &x.d.Page.Call
	tag := m.Args[0]
	o := w.calls[tag]
	if o == nil || o.callee != x {
		w.t.Fatalf("call %d came to the wrong server", tag)
	}
	if o.taken {
		w.t.Fatal("a call came twice")
	}
	o.taken = true
	if m.BadgePid != o.caller.p.KPid || m.BadgeCred != o.caller.p.Cred {
		w.t.Fatal("wrong badge")
	}
	if m.Len != 8 || m.Data[7] != byte(tag) || int(m.NRanges) != len(o.ranges) {
		w.t.Fatal("the message was changed")
	}
	for i, r := range o.ranges {
		if m.RangeLen[i] != r.Len {
			w.t.Fatal("wrong range")
		}
	}
	w.received(x, m.Handles[:])
	x.taken = append(x.taken, m.Record)
	x.tags = append(x.tags, tag)
}

// received enters what came with a message among x's handles.
func (w *world) received(x *proc, hs []uint64) {
	for _, h := range hs {
		if h == 0 {
			continue
		}
		g, _ := x.p.Handles.Lookup(h)
		if g == nil || g.Leaves() == 0 {
			w.t.Fatal("a handle that came names nothing")
		}
		w.passed++
		delete(x.to, h)
		for _, s := range w.procs {
			if s.p.KPid == g.Server {
				x.to[h] = object{s, g.Object}
			}
		}
		if _, ok := x.to[h]; !ok { // the server died on the way
			x.to[h] = object{&proc{dead: true, revoked: map[uint64]bool{g.Object: g.IsRevoked()}}, g.Object}
		}
	}
}

func (w *world) returned(x *proc) {
	m := &x.d.Page.Return
	o := w.calls[m.Tag]
	if o == nil || o.caller != x {
		w.t.Fatalf("reply %d came to the wrong caller", m.Tag)
	}
	switch m.Status {
	case 0:
		if m.Args[0] != m.Tag || !o.taken {
			w.t.Fatalf("reply %d carries another's result", m.Tag)
		}
	case -abi.EOWNERDEAD:
		if !o.callee.dead && !o.failing {
			w.t.Fatal("a live server's call failed")
		}
	case -abi.ENOMEM, -abi.ENFILE: // a handle could not be given
		if m.NGrants != 0 {
			w.t.Fatal("handles without room")
		}
	default:
		w.t.Fatalf("status %d", m.Status)
	}
	if o.orphan {
		w.t.Fatal("a reply to what an old program asked")
	}
	w.received(x, m.Handles[:])
	if o.area >= 0 {
		got := w.read(x, areaVA+uint64(o.area)*areaLen, areaLen)
		if string(got) != string(o.shadow) {
			w.t.Fatal("the caller's memory was changed outside of what was copied")
		}
		x.areas[o.area] = false
	}
	delete(w.calls, m.Tag)
}

func (w *world) kill(x *proc) {
	w.c.Forget(x.d)
	x.p.SetState(sched.Dying)
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
	for g := x.p.PopLast(sched.AnyLasts); g != nil; g = x.p.PopLast(sched.AnyLasts) {
		Handles.Grants.Put(g)
	}
	w.c.UnloadSpace(x.p.Space)
	for !mm.Destroy(x.p.Space) {
	}
	x.p.Space = nil
	sched.RemoveDispatcher(x.d)
	sched.FreeDispatcher(x.d)
	sched.FreeProcess(x.p)
	for i, p := range w.procs {
		if p == x {
			w.procs = append(w.procs[:i], w.procs[i+1:]...)
			break
		}
	}
}

// reset begins what exec does to calls; resetStep goes on with it.
func (w *world) reset(x *proc) {
	w.c.Forget(x.d)
	x.d.State = sched.DispEmbryo
	x.resetting = true
	x.deadline = 0
	x.taken, x.tags = nil, nil
	for _, o := range w.calls {
		if o.caller == x {
			o.orphan = true
		}
		if o.callee == x {
			o.failing = true
		}
	}
}

func (w *world) resetStep(x *proc) {
	if !Abandon(w.c, x.p, 1, true) {
		return
	}
	x.resetting = false
	x.areas = [nAreas]bool{}
	*x.d.Page = abi.DispatcherPage{Disabled: 1, Notify: x.notified}
	if x.notified != 0 {
		x.d.Page.Pending = abi.EventNotify
	}
	x.d.State, x.d.Reason = sched.DispClean, abi.RunExec
	w.c.Ready(x.d)
}

// outside lets something happen that the current dispatcher has no part in.
func (w *world) outside() {
	x := w.procs[w.rnd.Intn(len(w.procs))]
	switch w.rnd.Intn(6) {
	case 0:
		if x.p.State() == sched.Running {
			w.c.SuspendProcess(x.p)
			break
		}
		fallthrough
	case 1, 2:
		if x.p.State() == sched.Suspended {
			w.c.ResumeProcess(x.p)
		}
	case 3:
		ch := uint(w.rnd.Intn(64))
		x.notified |= 1 << ch
		w.c.Notify(x.p, ch)
	case 4:
		sched.HostTime += uint64(w.rnd.Intn(20_000_000))
	case 5:
		if x.resetting {
			w.resetStep(x)
		} else if w.rnd.Intn(40) == 0 && x.p.State() == sched.Running {
			w.reset(x)
		}
	}
}

// some returns one of x's handles whose object f likes.
func (w *world) some(x *proc, f func(object) bool) (h uint64, o object, ok bool) {
	var hs []uint64
	for h, o := range x.to {
		if f(o) {
			hs = append(hs, h)
		}
	}
	if len(hs) == 0 {
		return 0, object{}, false
	}
	sort.Slice(hs, func(i, j int) bool { return hs[i] < hs[j] })
	h = hs[w.rnd.Intn(len(hs))]
	return h, x.to[h], true
}

func anyObject(object) bool { return true }

func (w *world) drop(x *proc, h uint64) {
	if found, ok := Handles.Drop(&x.p.Handles, h); !found || !ok {
		w.t.Fatal("drop")
	}
	delete(x.to, h)
}

// call makes x, which is current, call a server of lower rank.
func (w *world) call(x *proc) {
	h, to, ok := w.some(x, func(o object) bool { return o.server.dead || o.server.rank < x.rank })
	if !ok {
		return
	}
	s := to.server
	w.tag++
	tag := w.tag
	m := abi.Message{Len: 8}
	m.Args[0] = tag
	m.Data[7] = byte(tag)
	o := &outstanding{caller: x, callee: s, area: -1, failing: s.resetting}
	if i := w.rnd.Intn(nAreas); !x.areas[i] && w.rnd.Intn(4) != 0 {
		o.area = i
		o.shadow = make([]byte, areaLen)
		w.rnd.Read(o.shadow)
		w.write(x, areaVA+uint64(i)*areaLen, o.shadow)
		for n := 1 + w.rnd.Intn(abi.MaxRanges); n > 0; n-- {
			off := uint64(w.rnd.Intn(areaLen))
			o.ranges = append(o.ranges, abi.Range{Addr: areaVA + uint64(i)*areaLen + off,
				Len: uint64(w.rnd.Intn(int(areaLen - off + 1))), Flags: uint64(1 + w.rnd.Intn(3))})
		}
		m.NRanges = uint32(copy(m.Ranges[:], o.ranges))
	}
	// A handle of its own goes with it, sometimes one that it has not got.
	stale := false
	if g, given, ok := w.some(x, anyObject); ok && w.rnd.Intn(4) == 0 {
		m.NGrants = 1
		m.Grants[0] = abi.Grant{Kind: abi.GrantCopy, Value: g}
		stale = given.server.revoked[given.id]
		if w.rnd.Intn(8) == 0 {
			m.NGrants = 3 // the second is none
			m.Grants[2] = abi.Grant{Kind: abi.GrantCopy, Value: 8000}
		}
	}
	at := w.message(x, &m)
	x.d.Page.Runnable = uint32(w.rnd.Intn(2))
	w.setDeadline(x)
	w.calls[tag] = o
	res := Invoke(w.c, x.d, h, 7, at, tag)
	if res < 0 {
		delete(w.calls, tag)
		switch {
		case res == -abi.EOWNERDEAD && s.dead:
			w.drop(x, h)
		case res == -abi.ESTALE && s.revoked[to.id]:
			w.drop(x, h)
		case res == -abi.ESTALE && stale:
		case res == -abi.EBADF && m.NGrants == 3:
		case res == -abi.ENOMEM:
		default:
			w.t.Fatalf("invoke: %d", res)
		}
		if w.c.Current != x.d {
			w.t.Fatal("a call that failed took the CPU")
		}
		w.c.SetDeadline(x.d, x.deadline)
		return
	}
	if o.area >= 0 {
		x.areas[o.area] = true
	}
	if s.revoked[to.id] || stale || m.NGrants == 3 {
		w.t.Fatal("a call with a handle that is none")
	}
	w.handed(s)
}

// setDeadline gives x a timer for when it is clean.
func (w *world) setDeadline(x *proc) {
	x.deadline = 0
	if w.rnd.Intn(4) == 0 {
		x.deadline = sched.Now() + uint64(w.rnd.Intn(30_000_000))
	}
	x.d.Page.Deadline = x.deadline
}

// copies lets the server x copy from and to the memory of some caller.
func (w *world) copies(x *proc) {
	if len(x.taken) == 0 {
		return
	}
	i := w.rnd.Intn(len(x.taken))
	rec, o := x.taken[i], w.calls[x.tags[i]]
	ri := uint64(w.rnd.Intn(abi.MaxRanges + 1))
	off, n := uint64(w.rnd.Intn(areaLen)), uint64(w.rnd.Intn(areaLen))
	if o != nil && len(o.ranges) > 0 && w.rnd.Intn(4) != 0 { // one that may well work
		ri = uint64(w.rnd.Intn(len(o.ranges)))
		off = uint64(w.rnd.Intn(int(o.ranges[ri].Len) + 1))
	}
	if w.rnd.Intn(10) == 0 {
		n = ^uint64(0) - off
	}
	in := w.rnd.Intn(2) == 0
	src := make([]byte, areaLen)
	w.rnd.Read(src)
	w.write(x, bufVA, src)
	got := Copy(x.p, rec, ri, off, bufVA, n, in)
	if o == nil || o.orphan {
		if got != -abi.ESRCH && (o == nil || !o.caller.resetting) {
			w.t.Fatalf("copy for a dead caller: %d", got)
		}
		return
	}
	if ri >= uint64(len(o.ranges)) || off > o.ranges[ri].Len {
		if got != -abi.EINVAL {
			w.t.Fatalf("copy beyond the ranges: %d", got)
		}
		return
	}
	r := o.ranges[ri]
	if in && r.Flags&abi.RangeIn == 0 || !in && r.Flags&abi.RangeOut == 0 {
		if got != -abi.EPERM {
			w.t.Fatalf("copy against the direction: %d", got)
		}
		return
	}
	n = min(n, r.Len-off)
	if got != int64(n) {
		w.t.Fatalf("copied %d of %d", got, n)
	}
	at := r.Addr - (areaVA + uint64(o.area)*areaLen) + off
	if in {
		if string(w.read(x, bufVA, int(n))) != string(o.shadow[at:at+n]) {
			w.t.Fatal("copied something else")
		}
	} else {
		copy(o.shadow[at:at+n], src)
	}
	w.copied++
	if other := w.procs[w.rnd.Intn(len(w.procs))]; other != x && Copy(other.p, rec, ri, off, bufVA, 1, true) != -abi.ESRCH {
		w.t.Fatal("another server copied through the record")
	}
}

// answer replies to something.
func (w *world) answer(x *proc) {
	if len(x.taken) == 0 {
		return
	}
	i := w.rnd.Intn(len(x.taken))
	rec, tag := x.taken[i], x.tags[i]
	o := w.calls[tag]
	m := abi.Message{}
	m.Args[0] = tag
	switch w.rnd.Intn(4) {
	case 0:
		w.object++
		m.NGrants = 1
		m.Grants[0] = abi.Grant{Kind: abi.GrantObject, Value: w.object}
		x.granted[w.object] = true // whether it arrives or not
	case 1:
		if h, to, ok := w.some(x, anyObject); ok && !to.server.revoked[to.id] {
			m.NGrants = 1
			m.Grants[0] = abi.Grant{Kind: abi.GrantCopy, Value: h}
		}
	}
	at := w.message(x, &m)
	receive := w.rnd.Intn(2) == 0
	x.d.Page.Accept = uint32(w.rnd.Intn(3))
	x.d.Page.Runnable = uint32(w.rnd.Intn(2))
	if receive {
		w.setDeadline(x)
	}
	if res := Reply(w.c, x.d, rec, 0, at, receive); res != 0 {
		w.t.Fatalf("reply: %d", res)
	}
	x.taken = append(x.taken[:i], x.taken[i+1:]...)
	x.tags = append(x.tags[:i], x.tags[i+1:]...)
	if Reply(w.c, x.d, rec, 0, at, false) == 0 {
		w.t.Fatal("replied twice")
	}
	if o != nil && o.orphan {
		delete(w.calls, tag)
	}
	if o != nil && !o.orphan && w.c.Current == o.caller.d && w.c.Current != x.d {
		w.returned(o.caller)
	}
}

// revoke lets the server x take back some of its newest objects.
func (w *world) revoke(x *proc) {
	if x.rank == abi.RankApp {
		if Revoke(x.p, rootObj) != -abi.EPERM {
			w.t.Fatal("a program revokes")
		}
		return
	}
	for id := w.object - 20; id <= w.object; id++ {
		if !x.granted[id] || x.lasts[id] || w.rnd.Intn(4) != 0 {
			continue
		}
		if Revoke(x.p, id) != 0 {
			w.t.Fatal("revoke")
		}
		// It may be gone, with the word on its way.
		for g := x.p.PopLast(sched.AnyLasts); g != nil; g = x.p.PopLast(sched.AnyLasts) {
			w.last(x, g)
		}
		x.revoked[id] = !x.lasts[id]
	}
}

// step lets the current dispatcher do something, as its libOS might.
func (w *world) step() {
	if w.rnd.Intn(4) == 0 {
		w.outside()
	}
	d := w.c.Current
	if d == nil {
		w.outside()
		sched.HostLeave(w.c)
		return
	}
	x := w.of(d)
	w.enter(x)
	switch w.rnd.Intn(16) {
	case 0, 1, 2, 3, 4:
		w.call(x)
	case 5, 6, 7, 8:
		w.answer(x)
	case 9:
		w.setDeadline(x)
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
	case 12, 13:
		w.copies(x)
	case 14:
		if h, _, ok := w.some(x, func(o object) bool { return o.id != rootObj || o.server.dead }); ok {
			w.drop(x, h)
		}
	case 15:
		w.revoke(x)
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

// check looks at what must hold between kernel entries.
func (w *world) check() {
	waits := false
	for _, x := range w.procs {
		d := x.d
		due := d.State == sched.DispLive || d.State == sched.DispClean &&
			(d.Page.Pending != 0 || !d.Calls.Replies.Empty() || !d.Calls.Waiting.Empty() && d.Page.Accept != 0)
		if due && x.p.State() == sched.Running && d != w.c.Current && !d.Queued() {
			w.t.Fatal("a dispatcher is lost")
		}
		waits = waits || d.Queued()
		if d.Queued() && (x.p.State() != sched.Running || x.resetting) {
			w.t.Fatal("one that may not run is queued")
		}
	}
	if w.c.Current == nil && waits {
		w.t.Fatal("idle though somebody waits")
	}
}

// objects: what a server has granted is named by some slot, or the server was
// told or will be, or has revoked it.
func (w *world) objects() {
	for _, s := range w.procs {
		pending := map[uint64]bool{}
		sched.HostLasts(s.p, func(g *handle.Grant) { pending[g.Object] = true })
		for id := range s.granted {
			named := false // by a slot, or by a call that waits
			for g := listOf(s.p.KPid, id).head; g != nil; g = g.HashNext {
				named = named || g.Server == s.p.KPid && g.Object == id
			}
			if w.holders(object{s, id}) > 0 && !named && !s.revoked[id] {
				w.t.Fatal("a grant that the table has not got")
			}
			gone := s.lasts[id] || pending[id]
			if named == gone && !s.revoked[id] {
				w.t.Fatalf("object %d: named %v, gone %v", id, named, gone)
			}
		}
	}
}

// TestModel runs servers of several ranks and clients through random
// interleavings of calls with copies and grants, replies, yields, timers,
// notifications, suspensions, execs and deaths. Each call must be seen once by
// the server it was made to and answered once to the one who made it; nobody
// who has something to do is forgotten; every object's end is told once; at the
// end nothing is left.
func TestModel(t *testing.T) {
	copied, passed := 0, 0
	for seed := int64(0); seed < 30; seed++ {
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
		for n := 0; n < 10000; n++ {
			if len(w.procs) < 4 || (len(w.procs) < 12 && w.rnd.Intn(50) == 0) {
				rank := uint32(abi.RankApp)
				if w.rnd.Intn(2) == 0 {
					rank = uint32(1 + w.rnd.Intn(5))
				}
				x := w.spawn(rank)
				for _, s := range w.procs {
					if s.rank < x.rank {
						if h, err := NewHandle(x.p, handle.KindObject, s.p.KPid, rootObj, nil); err == 0 {
							x.to[h] = object{s, rootObj}
						}
					}
				}
				sched.HostLeave(w.c)
			}
			w.step()
			w.check()
			if n%500 == 0 {
				w.objects()
			}
		}
		w.objects()
		w.bounds()
		for len(w.procs) > 0 {
			w.kill(w.procs[0])
		}
		if recs, lvs := Counts(); recs != 0 || lvs != 0 || grants.p.Live() != 0 || roots.p.Live() != 0 {
			t.Fatalf("seed %d: left %d records, %d leaves, %d grants, %d roots", seed, recs, lvs, grants.p.Live(), roots.p.Live())
		}
		if sched.Live() != 0 {
			t.Fatalf("seed %d: %d processes left", seed, sched.Live())
		}
		for mm.Work(1000) {
		}
		if _, _, entries := mm.RootAccount().Usage(); entries != 0 {
			t.Fatalf("seed %d: %d entries are still charged", seed, entries)
		}
		for i := range lists {
			if lists[i].head != nil {
				t.Fatalf("list %d is not empty", i)
			}
		}
		copied += w.copied
		passed += w.passed
	}
	if Made(0) < 20000 || copied < 1000 || passed < 1000 {
		t.Fatalf("only %d calls, %d copies and %d handles", Made(0), copied, passed)
	}
}
