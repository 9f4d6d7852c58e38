package mm

import (
	"go42/ipc/abi"
	"math/rand"
	"testing"
)

func TestVfork(t *testing.T) {
	boot(t, 32)
	leak := leakCheck(t)
	p := newSpace(t)
	a := mapAnon(t, p, 0, 8<<12, 0)
	l := mapAnon(t, p, 0, 50<<12, abi.MapLibOS)
	put(t, p, a, 1)
	put(t, p, l, 2)
	c := forkSpace(t, p, true)
	mustCheck(t)
	put(t, c, a, 3) // the same memory
	put(t, c, l, 4) // its own
	want(t, p, a, 3)
	want(t, p, l, 2)
	b := mapAnon(t, c, 1<<40, 4096, abi.MapFixed) // a new top-level slot
	put(t, c, b, 5)
	want(t, p, b, 5)
	mustCheck(t)
	if e := again(func() Errno { return c.Reset(nil) }); e != OK { // exec
		t.Fatal(e)
	}
	mustCheck(t)
	want(t, p, b, 5)
	if _, ok := ReadU64(c, a); ok {
		t.Error("the parent's memory is there after exec")
	}
	mapAnon(t, c, a, 4096, abi.MapFixed)
	put(t, c, a, 9)
	want(t, p, a, 3)
	d := forkSpace(t, p, true)
	destroy(t, p) // the child keeps the half
	want(t, d, a, 3)
	mustCheck(t)
	destroy(t, d)
	destroy(t, c)
	leak()
}

func TestPinned(t *testing.T) {
	boot(t, 32)
	leak := leakCheck(t)
	pa, _ := AllocFrames(nil, KindKernel, 1)
	p := newSpace(t)
	va := uint64(abi.DispatcherVA(0)) - 4096
	if e := p.MapPinned(va, pa, 2, rw, 7); e != OK {
		t.Fatal(e)
	}
	put(t, p, va+8, 5)
	if *wordAt(pa + 8) != 5 {
		t.Error("not the frame")
	}
	for what, e := range map[string]Errno{
		"Unmap":   p.Unmap(va, 4096),
		"Protect": p.Protect(va, 4096, 0),
		"Advise":  p.Advise(va, 4096, abi.AdviseDontNeed) - EINVAL + EPERM,
		"Map": func() Errno {
			_, e := p.Map(&MapSpec{Addr: va, Len: 4096, Flags: abi.MapFixed | abi.MapLibOS})
			return e
		}(),
		"Move": func() Errno { _, e := p.Move(va, 4096, 4096, abi.MoveMayMove, 0); return e }(),
	} {
		if e != EPERM {
			t.Errorf("%s of a pinned page: %d", what, e)
		}
	}
	c := forkSpace(t, p, false)
	if _, ok := ReadU64(c, va); ok {
		t.Error("inherited a pinned page")
	}
	put(t, p, va, 6) // still writable after the fork
	if e := again(func() Errno { return p.Reset(nil) }); e != OK {
		t.Fatal(e)
	}
	want(t, p, va, 6)
	var ri abi.RegionInfo
	if e := p.Query(0, &ri); e != OK || ri.Addr != va || ri.Name != 7 || ri.Resident != 8192 {
		t.Errorf("Query: %d %+v", e, ri)
	}
	mustCheck(t)
	if e := p.UnmapPinned(va); e != OK {
		t.Error(e)
	}
	destroy(t, c)
	destroy(t, p)
	FreeFrames(nil, KindKernel, 1, pa)
	leak()
}

func TestStack(t *testing.T) {
	boot(t, 32)
	leak := leakCheck(t)
	p := newSpace(t)
	top := uint64(0x7d00_0000_0000)
	if _, e := p.Map(&MapSpec{Addr: top - 8192, Len: 8192, Prot: rw, Flags: abi.MapFixed | abi.MapGrowsDown, GrowMax: 4 << 20}); e != OK {
		t.Fatal(e)
	}
	put(t, p, top-8, 1)
	put(t, p, top-1<<20, 2)
	if WriteU64(p, top-4<<20-8, 1) {
		t.Error("grew beyond its limit")
	}
	put(t, p, top-4<<20, 3)
	if p.Program.count != 1 {
		t.Error("regions:", p.Program.count)
	}
	mustCheck(t)
	// A neighbour below stops it a guard gap before.
	mapAnon(t, p, top-8<<20, 3<<20, abi.MapFixed)
	q, _ := p.Map(&MapSpec{Len: 4096, Prot: rw, Below: top})
	if q >= top-5<<20 {
		t.Errorf("placed %#x in the stack's room", q)
	}
	destroy(t, p)
	leak()
}

func TestPhysAndPrivateFile(t *testing.T) {
	boot(t, 32)
	leak := leakCheck(t)
	var frames [4]uint64
	base, _ := AllocFrames(nil, KindKernel, 2)
	for i := range frames {
		*wordAt(base + uint64(i)<<12) = uint64(i) + 10
	}
	img, e := NewPhysFCM(FCMImage, base, 4<<12, true)
	if e != OK {
		t.Fatal(e)
	}
	p := newSpace(t)
	a, _ := p.Map(&MapSpec{Len: 5 << 12, Prot: rw, FCM: img})
	x, _ := p.Map(&MapSpec{Len: 4 << 12, Prot: 5, FCM: img})
	img.Put()
	want(t, p, a+1<<12, 11)
	put(t, p, a+1<<12, 99)
	want(t, p, x+1<<12, 11)
	want(t, p, x+3<<12, 13)
	if r := Fault(p, a+4<<12, false, false, true); r != FaultBus {
		t.Error("beyond the end:", r)
	}
	if r := Fault(p, x, false, true, true); r != FaultOK {
		t.Error("exec:", r)
	}
	if WriteU64(p, x, 1) {
		t.Error("wrote to text")
	}
	mustCheck(t)
	var vec [5]byte
	p.Advise(x, 4<<12, abi.AdviseWillNeed)
	if e := p.Mincore(x, vec[:4]); e != OK || vec != [5]byte{1, 1, 1, 1} {
		t.Error("Mincore:", e, vec)
	}
	destroy(t, p)
	leak()
}

func TestLimits(t *testing.T) {
	boot(t, 32)
	leak := leakCheck(t)
	p := newSpace(t)
	p.Account().SetByteLimit(1 << 20)
	if _, e := p.Map(&MapSpec{Len: 2 << 20, Prot: rw}); e != ENOMEM {
		t.Error("beyond RLIMIT_AS:", e)
	}
	a := mapAnon(t, p, 0, 1<<20, 0)
	f, _, _ := p.Account().Usage()
	p.Account().SetFrameLimit(f + 20)
	n := 0
	for ; n < 256 && Fault(p, a+uint64(n)<<12, true, false, true) == FaultOK; n++ {
	}
	if n < 10 || n > 20 {
		t.Error("pages within the limit:", n)
	}
	if r := Fault(p, a+255<<12, true, false, true); r != FaultOOM {
		t.Error("beyond the limit:", r)
	}
	if e := again(func() Errno { return p.Advise(a, 1<<20, abi.AdviseDontNeed) }); e != OK {
		t.Error(e)
	}
	put(t, p, a+255<<12, 1)
	p.Account().SetDataLimit(1<<20 + 4096)
	p.Account().SetByteLimit(NoLimit)
	b, e := p.Map(&MapSpec{Len: 8192, Prot: 1})
	if e != OK {
		t.Error(e)
	}
	if e := p.Protect(b, 8192, rw); e != ENOMEM {
		t.Error("beyond RLIMIT_DATA:", e)
	}
	mustCheck(t)
	destroy(t, p)
	leak()
}

// TestOutOfMemory fills memory and checks that everything comes back.
func TestOutOfMemory(t *testing.T) {
	boot(t, 16)
	leak := leakCheck(t)
	p := newSpace(t)
	a := mapAnon(t, p, 0, 64<<20, 0)
	for i := uint64(0); ; i++ {
		if r := Fault(p, a+i<<12, true, false, true); r != FaultOK {
			if r != FaultOOM {
				t.Error(r)
			}
			break
		}
	}
	mustCheck(t)
	acct, _ := NewAccount(RootAccount())
	c, e := NewAddressSpace(acct)
	if e == OK {
		t.Error("an address space out of nothing")
		destroy(t, c)
	}
	acct.Put()
	destroy(t, p)
	leak()
}

// TestKernelSpace looks through the kernel's tables for pages that are both
// writable and executable, and for aliases of its text that are writable.
func TestKernelSpace(t *testing.T) {
	boot(t, 64)
	root := mem.rootTmpl
	leaves := 0
	var walk func(pa, va uint64, level int)
	walk = func(pa, va uint64, level int) {
		for i, e := range tableAt(pa) {
			if e == 0 {
				continue
			}
			span := uint64(1) << (12 + 9*(level-1))
			at := va + uint64(i)*span
			if level > 1 && e&pteHuge == 0 {
				walk(e&pteAddr, at, level-1)
				continue
			}
			leaves++
			p := e & pteAddr &^ (span - 1)
			if e&pteWrite != 0 && e&pteNX == 0 {
				t.Errorf("%#x is writable and executable", at|0xffff<<48)
			}
			if e&pteWrite != 0 && p < 1<<20+0x50000 && p+span > 1<<20 {
				t.Errorf("%#x: writable alias of text or rodata", at|0xffff<<48)
			}
			if e&pteUser != 0 {
				t.Errorf("%#x is the user's", at|0xffff<<48)
			}
			if (p>>20 == 0xfee || p>>20 == 0xfec) && e&pteCD == 0 {
				t.Errorf("%#x: device memory is cached", at|0xffff<<48)
			}
		}
	}
	walk(root, 0, 4)
	if leaves < 256 {
		t.Error("kernel maps", leaves, "pages")
	}
	as := newSpace(t)
	if *tableAt(as.Root) == (table{}) || tableAt(as.Root)[511] != tableAt(root)[511] {
		t.Error("the kernel half is not in an address space")
	}
	destroy(t, as)
}

// TestFlushes counts what the processor is told, for an address space that runs.
func TestFlushes(t *testing.T) {
	boot(t, 32)
	leak := leakCheck(t)
	pages, all, loads := 0, 0, 0
	mem.hooks = Hooks{
		InvalidatePage: func(uint64) { pages++ },
		FlushAll:       func() { all++ },
		LoadRoot:       func(uint64) { loads++ },
	}
	p := newSpace(t)
	a := mapAnon(t, p, 0, 64<<12, 0)
	for i := uint64(0); i < 64; i++ {
		put(t, p, a+i<<12, i)
	}
	if pages+all != 0 {
		t.Error("flushed what cannot be cached:", pages, all)
	}
	p.Activate()
	p.Activate()
	c := forkSpace(t, p, false)
	if loads != 1 || pages != 0 || all != 1 {
		t.Error("fork:", loads, pages, all)
	}
	put(t, p, a, 1) // copied: another frame
	if pages != 1 || all != 1 {
		t.Error("copy on write:", pages, all)
	}
	p.Unmap(a, 3<<12)
	if pages != 4 || all != 1 {
		t.Error("unmap of three pages:", pages, all)
	}
	p.Unmap(a, 64<<12)
	if all != 2 {
		t.Error("unmap of many pages:", all)
	}
	destroy(t, p)
	if loads != 2 {
		t.Error("a running address space was destroyed without leaving it")
	}
	destroy(t, c)
	mem.hooks = Hooks{}
	leak()
}

// TestGap: the gap that is found is the highest, as a walk over all regions finds
// it, however deep the tree is.
func TestGap(t *testing.T) {
	for seed := int64(1); seed <= 20; seed++ {
		boot(t, 24)
		r := rand.New(rand.NewSource(seed))
		p := newSpace(t)
		h := p.Program
		const base, pages = 1 << 32, 4000
		for range 300 {
			s := MapSpec{Addr: base + r.Uint64()%pages<<12, Len: 1 + r.Uint64()%(5<<12), Prot: rw, Flags: abi.MapNoReplace}
			if r.Intn(20) == 0 {
				s.Flags |= abi.MapGrowsDown
				s.GrowMax = r.Uint64() % (20 << 12)
			}
			p.Map(&s)
		}
		if seed%2 == 0 { // a list
			for n, x := uint32(1), h.first; x != nil; n, x = n+1, x.next {
				x.prio = n
			}
			h.root = nil
			for x := h.first; x != nil; x = x.next {
				x.left, x.right, x.up = x.prev, nil, x.next
				x.maxGap = x.subtreeGap()
				h.root = x
			}
		}
		for range 500 {
			n, lo, hi := (1+r.Uint64()%40)<<12, base+r.Uint64()%pages<<12, base+r.Uint64()%pages<<12
			want := uint64(0)
			for x := h.last; x != nil && want == 0; x = x.prev {
				g0, g1 := h.lo, x.start
				if x.prev != nil {
					g0 = x.prev.end
				}
				if x.flags&regGrowsDown != 0 {
					g1 = min(g1, x.growMin) - guardGap
				}
				if g0, g1 = max(g0, lo), min(g1, hi); g1 > g0 && g1-g0 >= n {
					want = g1 - n
				}
			}
			if hi > lo && h.last.end < hi && hi-max(lo, h.last.end) >= n {
				want = hi - n
			}
			if hi <= lo || hi-lo < n {
				want = 0
			}
			if got := h.gapFor(n, lo, hi); got != want {
				t.Fatalf("seed %d: %d pages in [%#x, %#x): %#x, want %#x", seed, n>>12, lo, hi, got, want)
			}
		}
		destroy(t, p)
	}
}

// TestMoveBeyondObjects: a region does not grow past the last page number, where it
// would show an object's first pages.
func TestMoveBeyondObjects(t *testing.T) {
	boot(t, 24)
	p := newSpace(t)
	f, _ := NewFileFCM(RootAccount(), 4<<12)
	a, e := p.Map(&MapSpec{Len: 2 << 12, Prot: rw, Flags: abi.MapShared, FCM: f, Offset: ^uint64(3<<12 - 1)})
	if e != OK {
		t.Fatal(e)
	}
	for n := uint64(2); n < 6; n++ {
		_, e := p.Move(a, 2<<12, n<<12, abi.MoveMayMove, 0)
		if n > 2 != (e == EINVAL) {
			t.Errorf("%d pages: %v", n, e)
		}
	}
	destroy(t, p)
	f.Put()
}
