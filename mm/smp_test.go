package mm

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"go42/ipc/abi"
	"go42/mm/spin"
)

func rounds(n int) int {
	if raceEnabled {
		n /= 8
	}
	if testing.Short() {
		n /= 8
	}
	return n
}

// TestThreads: several CPUs run one address space, change its mappings and its
// protections at random, and look after each other's TLBs.
func TestThreads(t *testing.T) {
	for seed := int64(1); seed <= 4 && !t.Failed(); seed++ {
		bootSMP(t, 32)
		leak := leakCheck(t)
		eagerPages = [2]int64{8, 32}
		as := newSpace(t)
		file, _ := NewFileFCM(RootAccount(), 64<<12)
		const base, pages = 0x7d00_0000_0000, 96
		tag := func(va uint64) uint64 { return va>>12<<16 | 0x7a9 }
		onCPUs(t, 4, seed, func(v *vcpu) {
			v.load(as)
			for i := 0; i < rounds(3000) && !t.Failed(); i++ {
				va := base + uint64(v.r.Intn(pages))<<12
				n := uint64(1+v.r.Intn(12)) << 12
				switch k := v.r.Intn(100); {
				case k < 8:
					s := MapSpec{Addr: va, Len: n, Prot: rw, Flags: abi.MapFixed}
					if k == 7 {
						s.FCM, s.Flags, s.Offset = file, s.Flags|abi.MapShared, va-base
					}
					again(func() Errno { _, e := as.Map(&s); return e })
				case k < 14:
					again(func() Errno { return as.Unmap(va, n) })
				case k < 20:
					again(func() Errno { return as.Protect(va, n, [...]uint32{0, 1, 3}[v.r.Intn(3)]) })
				case k < 24:
					again(func() Errno { return as.Advise(va, n, abi.AdviseDontNeed) })
				case k < 26:
					again(func() Errno {
						_, e := as.Move(va, n, n, abi.MoveMayMove|abi.MoveFixed, base+pages<<12+va-base)
						return e
					})
				case k < 28:
					again(func() Errno { return file.Resize(uint64(v.r.Intn(100)) << 12) })
				case k < 30 && v.id == 0:
					if c := v.forkHere(as, v.r.Intn(2) == 0); c != nil {
						v.destroy(c)
					}
				case k < 35:
					v.audit(as, base)
				case k < 40:
					var b [64]byte
					CopyOut(as, va+2048, b[:])
					CopyIn(as, b[:], va+1024)
				case k < 41: // a page that is looked at stays
					if p, h := Pin(as, va, 8); p != nil {
						for range v.r.Intn(30) {
							runtime.Gosched()
							v.holds(PtrToPhys(p), KindAnon, KindFile, KindKernel)
						}
						h.Unpin()
					}
				case k < 42:
					var ri abi.RegionInfo
					as.Query(va, &ri)
					as.Usage()
				default:
					// What is read is what was written there, or nothing.
					if x, ok := v.access(va, false, 0); ok && x != 0 && x != tag(va) {
						if f := as.Program; f != nil {
							t.Errorf("page %#x shows %#x", va, x)
						}
					}
					if k < 80 {
						v.access(va, true, tag(va))
					}
				}
			}
		})
		settled(t)
		file.Put()
		destroy(t, as)
		leak()
	}
}

// TestForkWhileWriting: threads write on other CPUs while their process forks. No
// thread loses a write, and a child's memory stays as it was at its fork.
func TestForkWhileWriting(t *testing.T) {
	for seed := int64(1); seed <= 4 && !t.Failed(); seed++ {
		bootSMP(t, 64)
		leak := leakCheck(t)
		eagerPages = [2]int64{}
		if seed%2 == 0 {
			eagerPages = [2]int64{8, 32}
		}
		as := newSpace(t)
		const most = 24
		pages := uint64(most)
		if seed > 2 {
			pages = 3 // often the same
		}
		base := mapAnon(t, as, 0, pages<<12, 0)
		var stop atomic.Bool
		var begun atomic.Int32
		var mu sync.Mutex // for kids
		var kids []*AddressSpace
		onCPUs(t, 4, seed, func(v *vcpu) {
			if v.id == 3 { // what a child writes is seen by nobody else
				for !stop.Load() {
					mu.Lock()
					if n := len(kids); n > 0 {
						WriteU64(kids[n-1-v.r.Intn(n)/2], base+uint64(v.r.Intn(int(pages)))<<12+16, 1<<62)
					}
					mu.Unlock()
				}
				return
			}
			v.load(as)
			var mine [most]uint64
			step := func(x uint64) { // each CPU has a word in each page
				i := uint64(v.r.Intn(int(pages)))
				va := base + i<<12 + uint64(v.id)*8
				if v.r.Intn(4) == 0 { // the kernel's way to the same memory
					if was, ok := ReadU64(as, va); !ok || was != mine[i] {
						t.Errorf("seed %d: CPU %d, page %d: the kernel reads %d, last written %d", seed, v.id, i, was, mine[i])
						stop.Store(true)
					}
					WriteU64(as, va, x)
					mine[i] = x
				} else if was, ok := v.access(va, v.r.Intn(4) > 0, x); !ok || was != mine[i] {
					t.Errorf("seed %d: CPU %d, page %d: %d, last written %d", seed, v.id, i, was, mine[i])
					stop.Store(true)
				} else if v.tlbHas(va, x) {
					mine[i] = x
				}
			}
			for x := uint64(1); v.id > 0 && !stop.Load(); x++ {
				if x == 1000 {
					begun.Add(1)
				}
				step(x)
			}
			if v.id > 0 {
				return
			}
			for begun.Load() < 2 && !stop.Load() {
				runtime.Gosched()
			}
			for range rounds(200) {
				if c := v.forkHere(as, false); c != nil {
					mu.Lock()
					kids = append(kids, c)
					mu.Unlock()
					var seen [most]uint64
					for i := range pages {
						seen[i], _ = ReadU64(c, base+i<<12+8)
					}
					for range 20 {
						runtime.Gosched()
						i := v.r.Intn(int(pages))
						if x, _ := ReadU64(c, base+uint64(i)<<12+8); x != seen[i] {
							t.Errorf("seed %d: a child's page %d was %d and became %d", seed, i, seen[i], x)
							stop.Store(true)
						}
						step(uint64(i) + 1)
					}
				}
				v.audit(as, base)
				if len(kids) > v.r.Intn(6) {
					k := v.r.Intn(len(kids))
					mu.Lock()
					c := kids[k]
					kids = append(kids[:k], kids[k+1:]...)
					mu.Unlock()
					v.destroy(c)
				}
				if t.Failed() {
					break
				}
			}
			stop.Store(true)
			mu.Lock()
			for _, c := range kids {
				v.destroy(c)
			}
			kids = nil
			mu.Unlock()
		})
		settled(t)
		destroy(t, as)
		leak()
	}
}

// tlbHas says whether the word at va is x: what access was asked to write.
func (v *vcpu) tlbHas(va, x uint64) bool {
	got, ok := v.access(va, false, 0)
	return ok && got == x
}

// TestExecElsewhere: an exec leaves a program half that others have; the CPU that
// has the address space loaded forgets it.
func TestExecElsewhere(t *testing.T) {
	bootSMP(t, 32)
	leak := leakCheck(t)
	p := newSpace(t)
	a := mapAnon(t, p, 0, 4<<12, 0)
	put(t, p, a, 5)
	var c *AddressSpace
	turn := [3]chan bool{make(chan bool), make(chan bool), make(chan bool)}
	onCPUs(t, 2, 1, func(v *vcpu) {
		if v.id == 1 {
			<-turn[0]
			v.load(c)
			if x, ok := v.access(a, false, 0); x != 5 || !ok {
				t.Error("vfork's child sees", x, ok)
			}
			turn[1] <- true
			<-turn[2]
			if x, ok := v.access(a, false, 0); ok {
				t.Error("seen after exec:", x)
			}
			return
		}
		c = v.forkHere(p, true)
		turn[0] <- true
		<-turn[1]
		if e := again(func() Errno { return c.Reset(nil) }); e != OK {
			t.Error(e)
		}
		p.Unmap(a, 4<<12)
		turn[2] <- true
	})
	settled(t)
	destroy(t, c)
	destroy(t, p)
	leak()
}

// TestForkTree: the processes of one tree run, fork and end on all CPUs. Each sees
// what its ancestors wrote before it and what it wrote itself.
func TestForkTree(t *testing.T) {
	type proc struct {
		as   *AddressSpace
		vals []uint64
	}
	for seed := int64(1); seed <= 4 && !t.Failed(); seed++ {
		bootSMP(t, 64)
		leak := leakCheck(t)
		eagerPages = [2]int64{}
		if seed%2 == 0 {
			eagerPages = [2]int64{8, 32}
		}
		stepBudget = Budget
		if seed > 2 {
			stepBudget = 40
		}
		const pages = 40
		as := newSpace(t)
		base := mapAnon(t, as, 0, pages<<12, 0)
		var mu sync.Mutex
		ready := []*proc{{as, make([]uint64, pages)}}
		var stamp atomic.Uint64
		onCPUs(t, 4, seed, func(v *vcpu) {
			for range rounds(2000) {
				mu.Lock()
				var p *proc
				if n := len(ready); n > 0 {
					k := v.r.Intn(n)
					p = ready[k]
					ready[k] = ready[n-1]
					ready = ready[:n-1]
				}
				live := len(ready)
				mu.Unlock()
				if p == nil {
					runtime.Gosched()
					continue
				}
				v.load(p.as)
				for range 1 + v.r.Intn(12) {
					i := v.r.Intn(pages)
					va := base + uint64(i)<<12
					if x, ok := v.access(va, false, 0); !ok || x != p.vals[i] {
						t.Errorf("seed %d: page %d is %d, written was %d", seed, i, x, p.vals[i])
					}
					switch v.r.Intn(6) {
					case 0:
						again(func() Errno { return p.as.Advise(va, 4096, abi.AdviseDontNeed) })
						p.vals[i] = 0
					case 1, 2, 3:
						p.vals[i] = stamp.Add(1)
						v.access(va, true, p.vals[i])
					}
				}
				var child *proc
				if v.r.Intn(3) == 0 && live < 12 {
					if c := v.forkHere(p.as, false); c != nil {
						child = &proc{c, append([]uint64(nil), p.vals...)}
					}
				}
				if v.r.Intn(16) == 0 {
					v.audit(p.as, base)
				}
				v.load(nil)
				mu.Lock()
				if child != nil {
					ready = append(ready, child)
				}
				keep := len(ready) == 0 || v.r.Intn(4) > 0
				if keep {
					ready = append(ready, p)
				}
				mu.Unlock()
				if !keep {
					v.destroy(p.as)
				}
				if t.Failed() {
					return
				}
			}
		})
		settled(t)
		stepBudget = Budget
		for _, p := range ready {
			for i, x := range p.vals {
				want(t, p.as, base+uint64(i)<<12, x)
			}
			destroy(t, p.as)
		}
		leak()
	}
}

// TestIndependent: what processes on two CPUs do for themselves waits for no lock.
func TestIndependent(t *testing.T) {
	bootSMP(t, 128)
	eagerPages = [2]int64{8, 32}
	text, _ := AllocFrames(nil, KindKernel, 3)
	image, e := NewPhysFCM(FCMImage, text, 8<<12, false)
	if e != OK {
		t.Fatal(e)
	}
	leak := leakCheck(t)
	file, _ := NewFileFCM(RootAccount(), 64<<12)
	file.WriteAt(0, make([]byte, 64<<12))
	var spaces [2]*AddressSpace
	var at [2]uint64
	const pages = 200
	for i := range spaces {
		spaces[i] = newSpace(t)
		at[i] = mapAnon(t, spaces[i], 0, pages<<12, 0)
		mapAnon(t, spaces[i], 0, 16<<12, abi.MapLibOS)
		spaces[i].Map(&MapSpec{Addr: abi.LibOSLo, Len: 8 << 12, Prot: 5, FCM: image, Flags: abi.MapLibOS | abi.MapFixed})
		spaces[i].Map(&MapSpec{Addr: 1 << 30, Len: 64 << 12, Prot: 5, FCM: file, Flags: abi.MapFixed})
	}
	waited := func() (n [spin.NumRanks]uint64) {
		for r := range n {
			n[r] = spin.Contended(spin.Rank(r))
		}
		return n
	}
	var before [spin.NumRanks]uint64
	var warm sync.WaitGroup
	warm.Add(2)
	var once sync.Once
	onCPUs(t, 2, 1, func(v *vcpu) {
		as, a := spaces[v.id], at[v.id]
		for i := range rounds(1600) {
			if i == 20 { // the pools have what they need
				warm.Done()
				warm.Wait()
				once.Do(func() { before = waited() })
			}
			v.load(as)
			for k := uint64(0); k < pages; k++ {
				if !WriteU64(as, a+k<<12, k) {
					t.Error("no memory")
				}
			}
			c := v.forkHere(as, false)
			if c == nil {
				t.Error("no child")
				return
			}
			v.load(c)
			v.access(abi.LibOSLo, false, 0)
			for k := uint64(0); k < 64; k += 7 {
				v.access(1<<30+k<<12, false, 0)
			}
			for k := uint64(0); k < pages; k += 3 {
				v.access(a+k<<12, true, 1)
			}
			v.destroy(c)
			again(func() Errno { return as.Advise(a, pages<<12, abi.AdviseDontNeed) })
		}
	})
	for r, n := range waited() {
		if n -= before[r]; n != 0 {
			t.Errorf("%d acquisitions of locks of rank %d have waited", n, r)
		}
	}
	settled(t)
	for _, as := range spaces {
		destroy(t, as)
	}
	file.Put()
	leak()
}

// TestExhaust: memory, a pool and an account are exhausted only when nothing is
// left on any CPU.
func TestExhaust(t *testing.T) {
	bootSMP(t, 32)
	const cpus = 4
	for round := range 3 {
		free := FreeFrameCount()
		var got [cpus][]uint64
		onCPUs(t, cpus, int64(round), func(v *vcpu) {
			for range 300 { // frames that lie in this CPU's cache, and others'
				if pa, ok := AllocFrame(nil, KindKernel); ok {
					FreeFrame(nil, KindKernel, pa)
				}
			}
			for {
				pa, ok := allocFrameRaw(nil, KindKernel)
				if !ok {
					// Another CPU may hold frames for a moment.
					if pa, ok = allocFrameRaw(nil, KindKernel); !ok {
						return
					}
				}
				got[v.id] = append(got[v.id], pa)
			}
		})
		n := 0
		for i := range got {
			n += len(got[i])
		}
		if int64(n)+FreeFrameCount() != free || FreeFrameCount() > 2*cpus {
			t.Errorf("%d frames of %d, %d are left", n, free, FreeFrameCount())
		}
		mustCheck(t)
		onCPUs(t, cpus, int64(round), func(v *vcpu) {
			for _, pa := range got[(v.id+1)%cpus] {
				FreeFrame(nil, KindKernel, pa)
			}
		})
		if FreeFrameCount() != free {
			t.Errorf("%d frames free, were %d", FreeFrameCount(), free)
		}
		mustCheck(t)
		if pa, ok := AllocFrames(nil, KindKernel, maxOrder); !ok {
			t.Error("no large block, though all is free")
		} else {
			FreeFrames(nil, KindKernel, maxOrder, pa)
		}
	}

	var pool Pool[[96]byte]
	pool.Init("test", 3000)
	var held [cpus][]*[96]byte
	onCPUs(t, cpus, 9, func(v *vcpu) {
		for i := 0; i < 4000; i++ {
			if x, _, ok := pool.Alloc(nil); ok {
				held[v.id] = append(held[v.id], x)
			}
			if h := held[v.id]; len(h) > 0 && v.r.Intn(3) == 0 {
				pool.Free(h[len(h)-1])
				held[v.id] = h[:len(h)-1]
			}
		}
	})
	if x, _, ok := pool.Alloc(nil); ok {
		held[0] = append(held[0], x)
	}
	mustCheck(t)
	for pool.Live() < pool.Max() {
		x, _, ok := pool.Alloc(nil)
		if !ok {
			t.Errorf("pool exhausted with %d of %d", pool.Live(), pool.Max())
			break
		}
		held[0] = append(held[0], x)
	}
	onCPUs(t, cpus, 9, func(v *vcpu) {
		for _, x := range held[(v.id+1)%cpus] {
			pool.Free(x)
		}
	})
	if pool.Live() != 0 {
		t.Error(pool.Live(), "live entries")
	}
	mustCheck(t)

	top, _ := NewAccount(RootAccount())
	top.SetFrameLimit(10000)
	var below [cpus]*Account
	for i := range below {
		below[i], _ = NewAccount(top)
	}
	var charged atomic.Int64
	onCPUs(t, cpus, 9, func(v *vcpu) {
		a := below[v.id]
		own := int64(0)
		for range 20000 {
			n := int64(1 + v.r.Intn(3))
			if v.r.Intn(3) > 0 {
				if a.chargeFrames(n) {
					own += n
				}
			} else if own >= n {
				a.uncharge(countFrames, n)
				own -= n
			}
		}
		if u, _, _ := a.Usage(); u != own {
			t.Errorf("account is charged %d, should be %d", u, own)
		}
		charged.Add(own)
	})
	if charged.Load() > 10000 {
		t.Error("beyond the limit:", charged.Load())
	}
	for below[0].chargeFrames(1) {
		charged.Add(1)
	}
	if charged.Load() != 10000 {
		t.Error("limit of 10000 reached at", charged.Load())
	}
	for _, a := range below {
		n, _, _ := a.Usage()
		a.uncharge(countFrames, n)
		a.Put()
	}
	if n, _, _ := top.Usage(); n != 0 {
		t.Error("charge is left:", n)
	}
	top.Put()
}
