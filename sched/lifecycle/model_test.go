package lifecycle

import (
	"fmt"
	"math/rand"
	"testing"
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/sched"
)

// world is the kernel without a processor: what the libOSes would ask for is
// asked by the test.
type world struct {
	t       *testing.T
	r       *rand.Rand
	c       *sched.CPU
	manager *sched.Process
	live    map[uint64]*kid // started and not known to be dead
	embryos map[uint64]*kid
	died    map[uint64]uint64 // status, not noticed yet
	starved int               // execs that ended for want of memory
}

// kid is a process as the test knows it.
type kid struct {
	kpid, parent uint64
	handle       uint64 // of an embryo, in its parent's set
	resetting    bool
	data         byte // what its program memory holds at dataVA
	atFork       byte // data when the fork that is not done began
	flags        uint64
	parcel       byte // the last byte of what exec hands over
}

const (
	dataVA   = 0x40_0000
	dataLen  = 40 * abi.PageSize
	parcelVA = abi.LibOSHeapLo + 0x10_0000
	imageVA  = abi.LibOSBase
)

var ram []uint64

func newWorld(t *testing.T, seed int64) *world {
	if ram == nil {
		ram = make([]uint64, 64<<20/8)
		if err := mm.Init(&mm.Config{Usable: []mm.PhysRange{{Base: 4096, Size: 63 << 20}}, PhysToVirt: uintptr(unsafe.Pointer(&ram[0]))}); err != mm.OK {
			t.Fatal(err)
		}
		sched.Init(256, 256)
		sched.InitClock()
		ppc.Init(256, 2048, 256)
		info, _ := mm.AllocFrame(mm.RootAccount(), mm.KindKernel)
		Init(info, image, func(*sched.Process) {})
	}
	w := &world{t: t, r: rand.New(rand.NewSource(seed)), c: sched.This(), live: map[uint64]*kid{}, embryos: map[uint64]*kid{}, died: map[uint64]uint64{}}
	w.manager = w.boot(abi.RankProc, abi.RoleServer|abi.RoleProc)
	Manager = w.manager.KPid
	return w
}

// image stands for the libOS: some pages where its data would be.
func image(p *sched.Process) mm.Errno {
	_, err := p.Space.Map(&mm.MapSpec{Addr: imageVA, Len: 8 * abi.PageSize, Prot: 3, Flags: abi.MapLibOS | abi.MapFixed})
	return err
}

// boot makes a process as spawn does.
func (w *world) boot(rank, role uint32) *sched.Process {
	p := sched.NewProcess(mm.RootAccount())
	p.Rank, p.Role = rank, role
	var err mm.Errno
	if p.Space, err = mm.NewAddressSpace(p.Acct); err != mm.OK {
		w.t.Fatal(err)
	}
	if err := First(p, sched.This(), nil); err != 0 {
		w.t.Fatal(err)
	}
	if image(p) != mm.OK || w.program(p, 1) != mm.OK {
		w.t.Fatal("no memory for a boot process")
	}
	Run(w.c, p, abi.RunModule, 0)
	return p
}

// program is what a libOS does at first: memory for the program, and for the
// next exec's parcel.
func (w *world) program(p *sched.Process, b byte) mm.Errno {
	if _, err := p.Space.Map(&mm.MapSpec{Addr: dataVA, Len: dataLen, Prot: 3, Flags: abi.MapFixed}); err != mm.OK {
		return err
	}
	for va := uint64(dataVA); va < dataVA+dataLen; va += abi.PageSize {
		if mm.CopyOut(p.Space, va, []byte{b}) != 1 {
			return mm.ENOMEM
		}
	}
	return mm.OK
}

func (w *world) find(k *kid) *sched.Process {
	p := sched.Find(k.kpid)
	if p == nil {
		w.t.Fatalf("process %#x is gone", k.kpid)
	}
	return p
}

func (w *world) some(m map[uint64]*kid) *kid {
	if len(m) == 0 {
		return nil
	}
	n := w.r.Intn(len(m))
	// Maps have no order that a seed decides: take the n-th by kpid.
	var ids []uint64
	for id := range m {
		ids = append(ids, id)
	}
	for i := range ids {
		for j := i + 1; j < len(ids); j++ {
			if ids[j] < ids[i] {
				ids[i], ids[j] = ids[j], ids[i]
			}
		}
	}
	return m[ids[n]]
}

// gone: the embryo's fork was done, so its end is told; who made it need not.
func (w *world) gone(k *kid, status uint64) {
	delete(w.live, k.kpid)
	delete(w.embryos, k.kpid)
	w.died[k.kpid] = status
}

// holder says whether some live process may still hold the embryo's handle.
func (w *world) drain() {
	for i := 0; i < 10000 && w.c.Step(); i++ {
	}
}

// hunger lets memory run out soon, sometimes.
func (w *world) hunger() {
	frames, _, entries := Account.Usage()
	switch w.r.Intn(8) {
	case 0:
		Account.SetFrameLimit(frames + int64(w.r.Intn(20)))
	case 1:
		Account.SetEntryLimit(entries + int64(w.r.Intn(20)))
	}
}

func byteLimit(p *sched.Process) int64 {
	_, lim, _, _ := p.Acct.Limits()
	return lim
}

func plenty() {
	Account.SetFrameLimit(mm.NoLimit)
	Account.SetEntryLimit(mm.NoLimit)
}

func (w *world) notices() {
	va := uint64(dataVA)
	for NextExit(w.manager, va) == 0 {
		var n abi.ExitNotice
		b := unsafe.Slice((*byte)(unsafe.Pointer(&n)), unsafe.Sizeof(n))
		mm.CopyIn(w.manager.Space, b, va)
		if k := w.live[n.KPid]; k != nil && k.resetting {
			w.gone(k, Killed(SigKILL))
			w.starved++
		}
		if e := w.embryos[n.KPid]; e != nil { // its last handle went with another process
			w.gone(e, Killed(SigKILL))
		}
		status, ok := w.died[n.KPid]
		if !ok {
			w.t.Fatalf("exit notice of %#x, which is not dead or was told of before", n.KPid)
		}
		if status != n.Status {
			w.t.Fatalf("status %#x, want %#x", n.Status, status)
		}
		delete(w.died, n.KPid)
	}
}

func (w *world) fork(k *kid, p *sched.Process, flags uint64, giveUp int) {
	d := p.Disp[0]
	if child := sched.Find(d.Child); child == nil || child.State() != sched.Embryo {
		k.flags = flags
		k.atFork = k.data // what the child will have, however long it takes
	}
	if flags != k.flags { // one that was begun otherwise is not done
		if _, st := Fork(d, flags); st != -abi.EINVAL {
			w.t.Fatalf("a fork that became another: %d", st)
		}
		flags = k.flags
	}
	var kpid uint64
	var st int64
	for n := 0; ; n++ {
		kpid, st = Fork(d, flags)
		if st != -abi.EAGAIN {
			break
		}
		if n == giveUp {
			child := sched.Find(d.Child)
			if child == nil {
				return
			}
			switch w.r.Intn(3) {
			case 0: // whoever guesses the child's id and kills it
				if r := Manage(w.c, p, abi.NKill, child.KPid, SigKILL); r != 0 {
					w.t.Fatalf("kill of an unfinished child: %d", r)
				}
				if giveUp = -1; w.r.Intn(2) == 0 {
					return
				}
			case 1:
				w.exit(k, p, 0)
				return
			case 2:
				w.reset(k, p)
				return
			}
		}
		if w.r.Intn(3) == 0 {
			w.c.Step()
		}
	}
	if st >= 0 && flags != 0 {
		k.atFork = k.data // one memory
	}
	if st < 0 {
		if st != -abi.ENOMEM && st != -abi.ENFILE { // the limits that the test sets
			w.t.Fatalf("fork: %d", st)
		}
		return
	}
	c := &kid{kpid: kpid, parent: p.KPid, handle: uint64(st), data: k.atFork}
	w.embryos[kpid] = c
	plenty()
	if byteLimit(w.find(c)) != byteLimit(p) {
		w.t.Fatal("limits are not inherited")
	}
	var b [1]byte
	// A fork of memory that another fork is busy with takes it as it is after
	// that.
	ok := func(v byte) bool { return v == k.atFork || v == k.data }
	if mm.CopyIn(w.find(c).Space, b[:], dataVA+dataLen-abi.PageSize) != 1 || !ok(b[0]) {
		w.t.Fatalf("child has %d, parent had %d", b[0], c.data)
	}
	c.data = b[0]
}

func (w *world) exit(k *kid, p *sched.Process, status uint64) {
	Die(p, status)
	w.gone(k, status)
}

func (w *world) reset(k *kid, p *sched.Process) {
	if p.Space.Unmap(parcelVA, 8*abi.PageSize) != mm.OK {
		return
	}
	if _, err := p.Space.Map(&mm.MapSpec{Addr: parcelVA, Len: 8 * abi.PageSize, Prot: 3, Flags: abi.MapLibOS | abi.MapFixed}); err != mm.OK {
		return
	}
	n := uint64(1 + w.r.Intn(8*abi.PageSize))
	k.parcel = byte(w.r.Intn(256))
	if mm.CopyOut(p.Space, parcelVA+n-1, []byte{k.parcel}) != 1 {
		return
	}
	d := p.Disp[0]
	for _, bad := range [][2]uint64{{parcelVA + 1, n}, {parcelVA, 0}, {parcelVA, abi.MaxParcel + 1}, {dataVA, n},
		{parcelVA, 9 * abi.PageSize}, {abi.LibOSHeapHi - abi.PageSize, n + abi.PageSize}, {uint64(abi.DispatcherVA(0)), 8}} {
		if Reset(w.c, d, bad[0], bad[1]) >= 0 {
			w.t.Fatalf("reset takes parcel %#x, %#x", bad[0], bad[1])
		}
	}
	w.c.Notify(d.Proc, 3)
	if st := Reset(w.c, d, parcelVA, n); st != 0 {
		w.t.Fatalf("reset: %d", st)
	}
	w.c.Notify(d.Proc, 7)
	k.resetting = true
}

// settle looks at a process whose reset may be done.
func (w *world) settle(k *kid, p *sched.Process) bool {
	if !k.resetting {
		return true
	}
	if p.HasJob() {
		return false
	}
	k.resetting = false
	plenty()
	d := p.Disp[0]
	if d.State != sched.DispClean || d.Reason != abi.RunExec || d.Argument != p.Length {
		w.t.Fatalf("after reset: state %d, reason %d", d.State, d.Reason)
	}
	if d.Page.Notify&(1<<3|1<<7) != 1<<3|1<<7 || d.Page.Pending&abi.EventNotify == 0 {
		w.t.Fatal("notifications got lost in exec")
	}
	var b [1]byte
	if mm.CopyIn(p.Space, b[:], abi.ParcelVA+p.Length-1) != 1 || b[0] != k.parcel {
		w.t.Fatal("the parcel has not come")
	}
	if mm.CopyIn(p.Space, b[:], dataVA) != 0 {
		w.t.Fatal("the old program is still there")
	}
	d.Reason = abi.RunResume
	d.Page.Pending, d.Page.Notify = 0, 0
	if w.program(p, k.data) != mm.OK {
		w.t.Fatal("no memory")
	}
	return true
}

// TestModel forks, execs, kills, suspends at random, with jobs done late or
// never; each death is told once, children have what their parents had, and at
// the end everything has been given back.
func TestModel(t *testing.T) {
	for seed := int64(0); seed < 40; seed++ {
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { run(t, seed) }) {
			break // what is left over would fail the others
		}
	}
}

func run(t *testing.T, seed int64) {
	w := newWorld(t, seed)
	base := sched.Live()
	before := mm.ReadCounters().Kinds
	root := w.boot(abi.RankApp, 0)
	root.Acct.SetByteLimit(1 << 40)
	w.live[root.KPid] = &kid{kpid: root.KPid, data: 1}
	for n := 0; n < 4000; n++ {
		k := w.some(w.live)
		if k == nil {
			root := w.boot(abi.RankApp, 0)
			k = &kid{kpid: root.KPid, data: 1}
			w.live[k.kpid] = k
		}
		p := sched.Find(k.kpid)
		if p == nil || p.State() == sched.Dying {
			if !k.resetting {
				t.Fatal("a process died by itself")
			}
			w.gone(k, Killed(SigKILL)) // no memory for exec
			w.starved++
			continue
		}
		op := w.r.Intn(16)
		if op < 6 || op > 12 {
			w.hunger()
		}
		if op < 10 && (!w.settle(k, p) || p.State() == sched.Suspended) {
			op = 10 + w.r.Intn(6) // it does not run: only others act
		}
		switch op {
		case 0, 1, 2:
			if sched.Live() < 60 {
				w.fork(k, p, 0, w.r.Intn(6)-3)
			}
		case 3:
			if sched.Live() < 60 {
				w.fork(k, p, abi.ForkVfork, w.r.Intn(4)-2)
			}
		case 4:
			w.exit(k, p, uint64(w.r.Intn(256))<<8)
		case 5:
			w.reset(k, p)
		case 6: // writes
			k.data++
			st := mm.OK
			for va := uint64(dataVA); va < dataVA+dataLen; va += abi.PageSize {
				if mm.CopyOut(p.Space, va, []byte{k.data}) != 1 {
					st = mm.ENOMEM
				}
			}
			if st != mm.OK {
				w.t.Fatal("no memory")
			}
			w.sharers(k, p)
		case 7, 8, 9:
			e := w.some(w.embryos)
			if e == nil {
				break
			}
			if e.parent != k.kpid {
				// What number e's handle has with its parent is nothing to p,
				// but p may have an embryo of its own there.
				own := false
				for _, x := range w.embryos {
					own = own || x.parent == k.kpid && x.handle == e.handle
				}
				if !own && Start(w.c, p, e.handle, 7) == 0 {
					t.Fatal("a stranger started an embryo")
				}
				break
			}
			if e.handle == 0 {
				break
			}
			switch {
			case w.r.Intn(4) == 0:
				if Manage(w.c, p, abi.NKill, e.kpid, SigKILL) != 0 {
					t.Fatal("a parent cannot kill its embryo")
				}
				w.gone(e, Killed(SigKILL))
			default:
				if st := Start(w.c, p, e.handle, 7); st != 0 {
					t.Fatalf("start: %d", st)
				}
				if Start(w.c, p, e.handle, 7) == 0 {
					t.Fatal("started twice")
				}
				c := w.find(e)
				if c.Disp[0].Reason != abi.RunFork || !c.Disp[0].Queued() {
					t.Fatalf("a started child does not run: state %d, %d, reason %d", c.State(), c.Disp[0].State, c.Disp[0].Reason)
				}
				c.Disp[0].Reason = abi.RunResume
				delete(w.embryos, e.kpid)
				w.live[e.kpid] = e
			}
		case 10:
			if w.r.Intn(3) == 0 {
				if Manage(w.c, p, abi.NKill, p.KPid, SigKILL) != -abi.EPERM {
					t.Fatal("a process may kill")
				}
				if Manage(w.c, w.manager, abi.NKill, k.kpid, SigKILL) != 0 {
					t.Fatal("the manager cannot kill")
				}
				w.gone(k, SigKILL)
			}
		case 11:
			if p.State() == sched.Running {
				Manage(w.c, w.manager, abi.NSuspend, k.kpid, 0)
				if p.Disp[0].Queued() {
					t.Fatal("queued though suspended")
				}
			} else {
				Manage(w.c, w.manager, abi.NResume, k.kpid, 0)
			}
		case 12:
			w.notices()
		case 13:
			if h := uint64(abi.HandleFree + w.r.Intn(4)); p.State() == sched.Running {
				ppc.Handles.Drop(&p.Handles, h)
				for _, x := range w.embryos {
					if x.parent == k.kpid && x.handle == h {
						x.handle = 0
					}
				}
			}
			w.drain()
			w.notices()
		default:
			for i := w.r.Intn(20); i > 0; i-- {
				w.c.Step()
			}
		}
		plenty()
	}
	for len(w.live) > 0 {
		k := w.some(w.live)
		if p := sched.Find(k.kpid); p == nil || p.State() == sched.Dying {
			w.gone(k, Killed(SigKILL))
		} else {
			w.exit(k, p, 0)
		}
		if w.r.Intn(2) == 0 {
			w.drain()
		}
		w.notices()
	}
	w.drain()
	w.notices()
	w.drain()
	if len(w.died)+len(w.embryos) != 0 {
		t.Fatalf("%d deaths and %d embryos were not told of", len(w.died), len(w.embryos))
	}
	if err, what := mm.Check(); err != mm.OK {
		t.Fatal(what)
	}
	if sched.Live() != base {
		t.Fatalf("%d processes left, %d at start", sched.Live(), base)
	}
	after := mm.ReadCounters().Kinds
	for k := range after {
		if mm.Kind(k) != mm.KindFree && mm.Kind(k) != mm.KindPool && after[k] != before[k] {
			t.Errorf("frames of kind %d: %d at the end, %d at the start", k, after[k], before[k])
		}
	}
	if frames, bytes, entries := Account.Usage(); frames|bytes|entries != 0 {
		t.Errorf("%d frames, %d bytes, %d entries are still charged", frames, bytes, entries)
	}
	// The manager goes last, untold.
	Die(w.manager, 0)
	w.drain()
	for mm.Work(1000) {
	}
	if recs, lvs := ppc.Counts(); recs != 0 || lvs != 0 || sched.Live() != 0 {
		t.Fatalf("left %d records, %d leaves, %d processes", recs, lvs, sched.Live())
	}
	t.Log("execs that starved:", w.starved)
}

// sharers makes the test's knowledge of p's program half that of those who
// share it (vfork).
func (w *world) sharers(k *kid, p *sched.Process) {
	for _, m := range []map[uint64]*kid{w.live, w.embryos} {
		for _, o := range m {
			if q := sched.Find(o.kpid); q != nil && q.Space != nil && q.Space.Program == p.Space.Program {
				o.data = k.data
			}
		}
	}
}
