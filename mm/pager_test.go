package mm

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"go42/ipc/abi"
)

// The model of TestPagerModel: files with what their pager has on its disk and
// what is to be seen, processes with what they have written privately.
type pagedModel struct {
	t     *testing.T
	r     *rand.Rand
	pager *Pager
	dead  bool
	src   *AddressSpace // the pager's own memory, one page
	files []*pagedFile
	procs []*pagedProc
	told  int
	asked int
}

const pagerBuf = 0x100000

type pagedFile struct {
	f    *FCM
	size uint64            // pages
	disk map[uint64]uint64 // what the pager has
	want map[uint64]uint64 // what mappers see
	bad  map[uint64]bool   // pages that the pager fails
}

type pagedMap struct {
	file   *pagedFile
	va     uint64
	off, n uint64 // pages
	shared bool
	own    map[uint64]uint64 // private pages
}

type pagedProc struct {
	as    *AddressSpace
	waits [3]Waiter
	maps  []*pagedMap
	// pending is the page it waits for, nil map: none. told: it has been.
	pending *pagedMap
	page    uint64
	write   bool
	told    bool
}

func (m *pagedModel) fail(f string, a ...any) { m.t.Helper(); m.t.Fatalf(f, a...) }

func (m *pagedModel) newFile() {
	n := uint64(1 + m.r.IntN(150))
	f, e := NewPagedFCM(RootAccount(), n<<PageShift, uint64(len(m.files)), m.pager)
	if e != OK {
		m.fail("NewPagedFCM: %d", e)
	}
	x := &pagedFile{f: f, size: n, disk: map[uint64]uint64{}, want: map[uint64]uint64{}, bad: map[uint64]bool{}}
	for i := range n {
		v := m.r.Uint64() | 1
		x.disk[i], x.want[i] = v, v
	}
	if m.r.IntN(3) == 0 {
		x.bad[m.r.Uint64N(n)] = true
	}
	m.files = append(m.files, x)
}

func (m *pagedModel) mapIn(p *pagedProc) {
	x := m.files[m.r.IntN(len(m.files))]
	off := m.r.Uint64N(x.size)
	n := 1 + m.r.Uint64N(x.size-off)
	k := &pagedMap{file: x, off: off, n: n, shared: m.r.IntN(3) != 0, own: map[uint64]uint64{}}
	s := MapSpec{Len: n << PageShift, Prot: abi.ProtRead | abi.ProtWrite, FCM: x.f, Offset: off << PageShift}
	if k.shared {
		s.Flags = abi.MapShared
	}
	if m.r.IntN(4) == 0 {
		s.Flags |= abi.MapPopulate
	}
	va, e := p.as.Map(&s)
	if e != OK {
		m.fail("Map: %d", e)
	}
	k.va = va
	p.maps = append(p.maps, k)
}

// access touches a page of p; what has to wait is noted.
func (m *pagedModel) access(p *pagedProc) {
	if p.pending == nil {
		if len(p.maps) == 0 {
			m.mapIn(p)
			return
		}
		p.pending = p.maps[m.r.IntN(len(p.maps))]
		p.page, p.write = m.r.Uint64N(p.pending.n), m.r.IntN(3) == 0
	} else if !p.told {
		return
	}
	k, i := p.pending, p.page
	fi := k.off + i
	va := k.va + i<<PageShift
	p.told = false
	res := Fault(p.as, va, p.write, false, true)
	if res == FaultPending {
		switch res = Await(p.as, va, p.write, p.waits[:], unsafe.Pointer(p), 100); res {
		case FaultPending:
			return
		case FaultOK:
			p.told = true
			return
		}
	}
	p.pending = nil
	own, isOwn := k.own[i]
	switch {
	case res == FaultBus && (fi >= k.file.size || m.dead || k.file.bad[fi]):
		return
	case res == FaultOOM && failAlloc == 0 && FreeFrameCount() < 8:
		return
	case res != FaultOK:
		m.fail("access to page %d: %d, size %d", fi, res, k.file.size)
	}
	if fi >= k.file.size {
		m.fail("access beyond the end")
	}
	want := k.file.want[fi]
	if isOwn {
		want = own
	}
	if got, ok := ReadU64(p.as, va); !ok || got != want {
		m.fail("page %d: %#x %v, want %#x (own %v)", fi, got, ok, want, isOwn)
	}
	if p.write {
		v := m.r.Uint64()
		if !WriteU64(p.as, va, v) {
			m.fail("write")
		}
		if k.shared {
			k.file.want[fi] = v
		} else {
			k.own[i] = v
		}
	}
}

// tell delivers what waiters are to be told.
func (m *pagedModel) tell() {
	for o := NextWaiter(); o != nil; o = NextWaiter() {
		(*pagedProc)(o).told = true
		m.told++
	}
	for NextPoke() != 0 {
	}
}

// serve answers one piece of news.
func (m *pagedModel) serve() {
	n, ok := m.pager.NextPage()
	if !ok {
		return
	}
	x := m.files[n.Cookie]
	if n.N > 0 {
		m.asked++
	}
	if n.Sync != 0 {
		m.clean(x, true)
		x.f.Synced(n.Sync, false)
	}
	for i := n.First; i < n.First+n.N; {
		if x.bad[i] || m.r.IntN(200) == 0 {
			x.bad[i] = true
			x.f.Fail(i, 1)
			i++
			continue
		}
		if !WriteU64(m.src, pagerBuf, x.disk[i]) {
			m.fail("pager's memory")
		}
		done, e := x.f.Supply(m.src, i, pagerBuf, 8)
		if e == ENOMEM {
			if _, more := ReclaimCache(8); !more {
				x.f.Fail(i, n.First+n.N-i)
				return
			}
			m.tell()
			continue
		}
		if e != OK || done != 8 {
			m.fail("Supply: %d %d", done, e)
		}
		i++
	}
}

// clean writes some dirty pages of a file back.
func (m *pagedModel) clean(x *pagedFile, all bool) {
	from := uint64(0)
	for k := 0; all || k < 3; k++ {
		lo, n, e := x.f.NextDirty(from)
		if e == EAGAIN {
			continue
		}
		if n == 0 && lo == NoPage {
			return
		}
		for i := lo; i < lo+n; i++ {
			if n, _ := x.f.Transfer(m.src, pagerBuf, i<<PageShift, 8, false); n != 8 {
				m.fail("dirty page %d is not there", i)
			}
			v, _ := ReadU64(m.src, pagerBuf)
			x.disk[i] = v
		}
		from = lo + n
	}
}

func (m *pagedModel) resize(x *pagedFile) {
	n := 1 + m.r.Uint64N(100)
	for {
		if e := x.f.Resize(n << PageShift); e == OK {
			break
		} else if e != EAGAIN {
			m.fail("Resize: %d", e)
		}
	}
	for i := min(n, x.size); i < max(n, x.size); i++ {
		delete(x.bad, i)
		x.disk[i], x.want[i] = 0, 0
		for _, p := range m.procs {
			for _, k := range p.maps {
				if k.file == x && i >= k.off && n < x.size {
					delete(k.own, i-k.off)
				}
			}
		}
	}
	x.size = n
}

func (m *pagedModel) unmap(p *pagedProc, j int) {
	k := p.maps[j]
	if e := again(func() Errno { return p.as.Unmap(k.va, k.n<<PageShift) }); e != OK {
		m.fail("Unmap: %d", e)
	}
	p.maps = append(p.maps[:j], p.maps[j+1:]...)
	if p.pending == k {
		// Its thread faults again at the next word, and gets a signal.
		p.pending, p.told = nil, false
	}
}

func (m *pagedModel) fork(p *pagedProc) {
	c := &pagedProc{as: forkSpace(m.t, p.as, false)}
	for _, k := range p.maps {
		d := *k
		d.own = map[uint64]uint64{}
		for i, v := range k.own {
			d.own[i] = v
		}
		c.maps = append(c.maps, &d)
	}
	m.procs = append(m.procs, c)
}

func (m *pagedModel) exit(j int) {
	p := m.procs[j]
	Unwait(p.waits[:])
	destroy(m.t, p.as)
	m.procs = append(m.procs[:j], m.procs[j+1:]...)
}

func (m *pagedModel) check() {
	m.tell()
	mustCheck(m.t)
	for _, p := range m.procs {
		if p.pending != nil && !p.told {
			// It will be told only if something is under way.
			live := false
			for i := range p.waits {
				if f := p.waits[i].object(); f != nil {
					if _, _, asked := f.Paging(); asked > 0 || f.paging.syncDone != f.paging.syncWant {
						live = true
					}
				}
			}
			if !live {
				m.fail("a process waits for nothing")
			}
		}
	}
}

func runPagerModel(t *testing.T, seed uint64, mib, steps int) {
	boot(t, mib)
	m := &pagedModel{t: t, r: rand.New(rand.NewPCG(seed, 7))}
	m.src = newSpace(t)
	if _, e := m.src.Map(&MapSpec{Addr: pagerBuf, Len: PageSize, Prot: 3, Flags: abi.MapFixed}); e != OK {
		t.Fatal(e)
	}
	WriteU64(m.src, pagerBuf, 0)
	leaks := leakCheck(t)
	m.pager = NewPager(RootAccount(), 42, 50)
	if seed%3 == 0 {
		paged.most = 70 // of the files' 200 pages
	}
	for range 4 {
		m.newFile()
	}
	m.procs = []*pagedProc{{as: newSpace(t)}}
	for step := range steps {
		j := m.r.IntN(len(m.procs))
		p := m.procs[j]
		x := m.files[m.r.IntN(len(m.files))]
		switch op := m.r.IntN(100); {
		case op < 55:
			m.access(p)
		case op < 75:
			m.serve()
		case op < 80:
			m.clean(x, m.r.IntN(8) == 0)
		case op < 85:
			ReclaimCache(1 + m.r.IntN(20))
		case op < 88:
			if len(p.maps) < 6 {
				m.mapIn(p)
			}
		case op < 90:
			if len(p.maps) > 0 {
				m.unmap(p, m.r.IntN(len(p.maps)))
			}
		case op < 92:
			if len(m.procs) < 8 {
				m.fork(p)
			}
		case op < 94:
			if len(m.procs) > 1 {
				m.exit(j)
			}
		case op < 95:
			m.resize(x)
		default:
			m.tell()
		}
		if step%97 == 0 {
			m.check()
		}
	}
	// Everybody's wait ends, by the pages or by the pager's death.
	if seed%2 == 0 {
		m.dead = true
		for next := 0; !m.pager.PagerDied(&next); {
		}
	}
	for round := 0; ; round++ {
		busy := false
		m.tell()
		for _, p := range m.procs {
			if p.pending != nil {
				busy = true
				m.access(p)
			}
		}
		if !busy {
			break
		}
		if round > 10000 {
			m.fail("waits do not end")
		}
		if !m.dead {
			m.serve()
		}
	}
	m.check()
	if !m.dead {
		for _, x := range m.files {
			m.clean(x, true)
			for i := range x.size {
				if x.disk[i] != x.want[i] {
					m.fail("page %d: %#x on disk, want %#x", i, x.disk[i], x.want[i])
				}
			}
		}
	}
	for len(m.procs) > 0 {
		m.exit(0)
	}
	for _, x := range m.files {
		x.f.Put()
	}
	for Work(Budget) {
		m.tell()
	}
	if !m.dead {
		for next := 0; !m.pager.PagerDied(&next); {
		}
	}
	m.tell()
	if pages, dirty := CachedPages(); pages != 0 || dirty != 0 {
		m.fail("%d pages, %d dirty are left of nothing", pages, dirty)
	}
	if a, b := paged.objects.Live(), paged.pagers.Live(); a != 0 || b != 0 {
		m.fail("%d objects, %d pagers leaked", a, b)
	}
	leaks()
	destroy(t, m.src)
	t.Logf("seed %d: %d requests, told %d times", seed, m.asked, m.told)
}

// Random interleavings of faults, supplies, errors, write-back, reclaim, unmap,
// fork, exit, truncation and the pager's death, against a model.
func TestPagerModel(t *testing.T) {
	for seed := range uint64(20) {
		runPagerModel(t, seed, 64, 4000)
	}
}

// The same with steps cut short, so that passes are interrupted.
func TestPagerModelSmallSteps(t *testing.T) {
	defer func(b int) { stepBudget = b }(stepBudget)
	stepBudget = 40
	for seed := range uint64(20) {
		runPagerModel(t, 100+seed, 64, 4000)
	}
}

// In order, the window doubles up to its bound; out of order, it is one page.
func TestReadAhead(t *testing.T) {
	boot(t, 64)
	p := NewPager(RootAccount(), 1, 50)
	f, e := NewPagedFCM(RootAccount(), 1000<<PageShift, 7, p)
	if e != OK {
		t.Fatal(e)
	}
	as := newSpace(t)
	va, e := as.Map(&MapSpec{Len: 1000 << PageShift, Prot: 1, Flags: abi.MapShared, FCM: f})
	if e != OK {
		t.Fatal(e)
	}
	touch := func(i uint64) uint64 {
		if r := Fault(as, va+i<<PageShift, false, false, true); r == FaultOK {
			return 0
		} else if r != FaultPending {
			t.Fatal("fault: ", r)
		}
		n, ok := p.NextPage()
		if !ok || n.First != i || n.Cookie != 7 {
			t.Fatalf("page %d: news %+v %v", i, n, ok)
		}
		for k := n.First; k < n.First+n.N; k++ {
			f.put(k, mustFrame(t))
		}
		return n.N
	}
	var sizes []uint64
	for i := uint64(0); i < 200; i++ {
		if n := touch(i); n != 0 {
			sizes = append(sizes, n)
		}
	}
	for i, n := range sizes {
		if want := min(uint64(1)<<i, MaxWindow); n != want {
			t.Errorf("request %d of an ordered reader: %d pages, want %d", i, n, want)
		}
	}
	for _, i := range []uint64{900, 500, 700} {
		if n := touch(i); n != 1 {
			t.Errorf("request out of order: %d pages", n)
		}
	}
}

func mustFrame(t *testing.T) uint64 {
	t.Helper()
	pa, ok := AllocFrame(RootAccount(), KindFile)
	if !ok {
		t.Fatal("no frame")
	}
	return pa
}

// Reclaim passes over a page that was touched since it last came by.
func TestReclaimSecondChance(t *testing.T) {
	boot(t, 64)
	p := NewPager(RootAccount(), 1, 50)
	f, _ := NewPagedFCM(RootAccount(), 64<<PageShift, 0, p)
	as := newSpace(t)
	va, _ := as.Map(&MapSpec{Len: 64 << PageShift, Prot: 3, Flags: abi.MapShared, FCM: f})
	for i := uint64(0); i < 64; i++ {
		f.put(i, mustFrame(t))
		if r := Fault(as, va+i<<PageShift, i < 8, false, true); r != FaultOK {
			t.Fatal(r)
		}
	}
	freed := 0
	for range 1000 {
		n, more := ReclaimCache(4)
		freed += n
		for i := uint64(8); i < 16; i++ { // in use all the time
			if r := Fault(as, va+i<<PageShift, false, false, true); r != FaultOK {
				t.Fatalf("page %d in use was taken: %d", i, r)
			}
		}
		mustCheck(t)
		if freed >= 48 || !more {
			break
		}
	}
	if freed != 48 {
		t.Errorf("%d pages reclaimed, want the 48 that are clean and not in use", freed)
	}
	if pages, dirty, _ := f.Paging(); pages != 16 || dirty != 8 {
		t.Errorf("%d pages, %d dirty are left", pages, dirty)
	}
}

// However many clean pages are looked at before the dirty ones, these are found.
func TestNextDirtyBehindClean(t *testing.T) {
	defer func(b int) { stepBudget = b }(stepBudget)
	stepBudget = 100
	for clean := range uint64(250) {
		boot(t, 64)
		f, _ := NewPagedFCM(RootAccount(), 300<<PageShift, 0, NewPager(RootAccount(), 1, 50))
		as := newSpace(t)
		va, _ := as.Map(&MapSpec{Len: 300 << PageShift, Prot: 3, Flags: abi.MapShared, FCM: f})
		for i := range clean + maxClean {
			f.put(i, mustFrame(t))
			if r := Fault(as, va+i<<PageShift, i >= clean, false, true); r != FaultOK {
				t.Fatal(r)
			}
		}
		from, got := uint64(0), uint64(0)
		for calls := 0; ; calls++ {
			lo, n, e := f.NextDirty(from)
			if e == EAGAIN {
				lo = from
			}
			got += n
			if lo == NoPage {
				break
			}
			if from = lo + n; calls == 100 {
				t.Fatalf("%d clean pages: page %d again and again", clean, from)
			}
		}
		if got != maxClean {
			t.Fatalf("%d clean pages: %d dirty ones, want %d", clean, got, maxClean)
		}
	}
}

// What NextDirty has given stays until the next call: the pager is still storing it.
func TestReclaimWhileStored(t *testing.T) {
	boot(t, 64)
	f, _ := NewPagedFCM(RootAccount(), 64<<PageShift, 0, NewPager(RootAccount(), 1, 50))
	as := newSpace(t)
	va, _ := as.Map(&MapSpec{Len: 64 << PageShift, Prot: 3, Flags: abi.MapShared, FCM: f})
	for i := uint64(0); i < 64; i++ {
		f.put(i, mustFrame(t))
		if r := Fault(as, va+i<<PageShift, i < 8, false, true); r != FaultOK {
			t.Fatal(r)
		}
	}
	lo, n, e := f.NextDirty(0)
	for ; e == EAGAIN; lo, n, e = f.NextDirty(0) {
	}
	if lo != 0 || n != 8 {
		t.Fatalf("dirty: %d pages from %d", n, lo)
	}
	all := func() {
		for more := true; more; {
			_, more = ReclaimCache(64)
		}
	}
	if all(); f.index.pages != 8 {
		t.Errorf("%d pages are left while 8 are stored", f.index.pages)
	}
	for range 100 { // who has no memory would look for ever
		if _, more := ReclaimCache(64); more {
			t.Fatal("there is something to reclaim, but nothing has changed")
		}
	}
	f.NextDirty(n)
	if all(); f.index.pages != 0 {
		t.Errorf("%d pages are left", f.index.pages)
	}
	mustCheck(t)
}

// Pages of a request come in any order, and what has come can be asked for again.
func TestSupplyOutOfOrder(t *testing.T) {
	boot(t, 64)
	f, _ := NewPagedFCM(RootAccount(), 64<<PageShift, 0, NewPager(RootAccount(), 1, 50))
	g := f.paging
	f.lock.Acquire()
	defer f.lock.Release()
	g.req[0] = request{first: 8, n: 32}
	for _, i := range []uint64{20, 9, 39, 38, 10} {
		g.arrived(i)
	}
	if r := g.req[0]; r.first != 8 || r.n != 30 {
		t.Fatalf("asked: %d pages from %d", r.n, r.first)
	}
	if g.asked(20) != nil || g.asked(21) == nil || g.asked(8) == nil {
		t.Error("what has come is asked for, or what has not is not")
	}
	g.arrived(8)
	if r := g.req[0]; r.first != 11 || r.n != 27 || g.asked(20) != nil {
		t.Fatalf("asked: %d pages from %d", r.n, r.first)
	}
	for i := uint64(37); i > 10; i-- {
		g.arrived(i)
	}
	if r := g.req[0]; r.n != 0 || r.got != 0 {
		t.Errorf("asked: %d pages from %d after all have come", r.n, r.first)
	}
}

// Clean pages that a locked region maps stay, and are counted; its child's are not.
func TestLockedPagesStay(t *testing.T) {
	boot(t, 64)
	f, _ := NewPagedFCM(RootAccount(), 64<<PageShift, 0, NewPager(RootAccount(), 1, 50))
	as := newSpace(t)
	va, _ := as.Map(&MapSpec{Len: 64 << PageShift, Prot: 3, Flags: abi.MapShared, FCM: f})
	for i := uint64(0); i < 64; i++ {
		f.put(i, mustFrame(t))
		if r := Fault(as, va+i<<PageShift, false, false, true); r != FaultOK {
			t.Fatal(r)
		}
	}
	lock := func(advice uint32, want uint64) {
		if e := again(func() Errno { return as.Advise(va+8<<PageShift, 8<<PageShift, advice) }); e != OK {
			t.Fatal(e)
		}
		if _, _, n := as.Usage(); n != want<<PageShift {
			t.Fatalf("%d bytes are locked, want %d pages", n, want)
		}
		mustCheck(t)
	}
	all := func(want int64) {
		for more := true; more; {
			_, more = ReclaimCache(64)
		}
		if f.index.pages != want {
			t.Fatalf("%d pages are left, want %d", f.index.pages, want)
		}
		mustCheck(t)
	}
	lock(abi.AdviseLock, 8)
	if e := as.Advise(va+15<<PageShift, 2<<PageShift, abi.AdviseDontNeed); e != EINVAL {
		t.Errorf("locked pages are not needed: %v", e)
	}
	all(8)
	lock(abi.AdviseUnlock, 0)
	f.put(63, mustFrame(t)) // something changes
	all(0)
}
