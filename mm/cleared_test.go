package mm

import (
	"testing"
)

// What is cleared ahead is free memory like all other: it is zeroes for who wants
// zeroes, whatever it held, and nobody lacks it.
func TestClearedFrames(t *testing.T) {
	boot(t, 32)
	c := &frames.cpu[0]
	c0 := ReadCounters()
	dirty := func(n int) (pas []uint64) {
		for range n {
			pa, ok := allocFrameRaw(nil, KindKernel)
			if !ok {
				break
			}
			for i := range pageBytes(pa) {
				pageBytes(pa)[i] = 0xa5
			}
			pas = append(pas, pa)
		}
		return pas
	}
	free := func(pas []uint64) {
		for _, pa := range pas {
			FreeFrame(nil, KindKernel, pa)
		}
	}
	free(dirty(100))
	c.stock(40)
	if c.zeroes != 40 || ReadCounters() != c0 {
		t.Errorf("%d cleared; counts %v, were %v", c.zeroes, ReadCounters(), c0)
	}
	mustCheck(t)
	// Beyond those that are cleared, too.
	var pas []uint64
	for i := range 50 {
		pa, ok := AllocFrame(nil, KindKernel)
		if !ok || *pageBytes(pa) != [PageSize]byte{} {
			t.Fatal("frame", i, "is not cleared")
		}
		pas = append(pas, pa)
	}
	if c.zeroes != 0 {
		t.Error("AllocFrame clears frames though others are cleared:", c.zeroes)
	}
	free(pas)
	// Who overwrites a frame leaves them alone, and takes them when there are no others.
	c.stock(10)
	pas = dirty(5)
	if c.zeroes != 10 {
		t.Error("cleared frames are taken to be overwritten:", c.zeroes)
	}
	free(pas)
	pas = dirty(1 << 30)
	if FreeFrameCount() != 0 || c.zeroes != 0 {
		t.Errorf("%d frames are free, %d cleared, and none is to be had", FreeFrameCount(), c.zeroes)
	}
	c.stock(10) // there is nothing
	if _, got := allocCleared(RootAccount(), KindAnon, 4); got != 0 {
		t.Error("a frame from nowhere")
	}
	free(pas)
	// The largest block is made of them.
	c.stock(33)
	if pa, ok := AllocFrames(nil, KindKernel, maxOrder); !ok {
		t.Error("no large block, though all is free")
	} else {
		FreeFrames(nil, KindKernel, maxOrder, pa)
	}
	if ReadCounters() != c0 {
		t.Errorf("counts %v, were %v", ReadCounters(), c0)
	}
	mustCheck(t)
}

// A run of cleared frames is charged for what it is, and not beyond a limit.
func TestClearedCharge(t *testing.T) {
	boot(t, 32)
	a, _ := NewAccount(RootAccount())
	frames.cpu[0].stock(8)
	a.SetFrameLimit(6)
	if _, got := allocCleared(a, KindAnon, 8); got != 0 {
		t.Error("beyond the limit:", got)
	}
	first, got := allocCleared(a, KindAnon, 5)
	if n, _, _ := a.Usage(); got != 5 || n != 5 || a.MaxFrames() != 5 {
		t.Errorf("got %d, charged %d, most %d", got, n, a.MaxFrames())
	}
	for first != 0 {
		pa := uint64(first) << PageShift
		first = frameOf(uint64(first)).next
		FreeFrame(a, KindAnon, pa)
	}
	a.SetFrameLimit(NoLimit)
	first, got = allocCleared(a, KindAnon, 8) // as many as there are
	if n, _, _ := a.Usage(); got != 3 || n != 3 || frames.cpu[0].zeroes != 0 {
		t.Errorf("got %d of 3, charged %d", got, n)
	}
	for first != 0 {
		pa := uint64(first) << PageShift
		first = frameOf(uint64(first)).next
		FreeFrame(a, KindAnon, pa)
	}
	a.Put()
	mustCheck(t)
}

// Clearing ahead while other CPUs take what they find: no frame is lost or had
// twice, and none is taken for zeroes that is not.
func TestClearedSMP(t *testing.T) {
	bootSMP(t, 16)
	const cpus = 4
	free := FreeFrameCount()
	for round := range 3 {
		onCPUs(t, cpus, int64(round), func(v *vcpu) {
			var mine []uint64
			drop := func() {
				pa := mine[len(mine)-1]
				mine = mine[:len(mine)-1]
				if p := tableAt(pa); p[0] != uint64(v.id+1) || p[511] != uint64(v.id+1) {
					t.Errorf("frame %#x of CPU %d has changed", pa, v.id)
				}
				FreeFrame(RootAccount(), KindAnon, pa)
			}
			take := func(pa uint64, zeroes bool) {
				if p := tableAt(pa); zeroes && *p != (table{}) {
					t.Errorf("frame %#x for CPU %d is not cleared", pa, v.id)
				} else {
					p[0], p[511] = uint64(v.id+1), uint64(v.id+1)
				}
				mine = append(mine, pa)
			}
			for range rounds(1500) {
				frames.cpu[v.id].stock(int64(v.r.Intn(40)))
				switch v.r.Intn(7) {
				case 0, 1:
					if pa, ok := AllocFrame(RootAccount(), KindAnon); ok {
						take(pa, true)
					}
				case 2:
					if pa, ok := allocFrameRaw(RootAccount(), KindAnon); ok {
						take(pa, false)
					}
				case 3:
					for f, _ := allocCleared(RootAccount(), KindAnon, int64(v.r.Intn(33))); f != 0; {
						next := frameOf(uint64(f)).next
						take(uint64(f)<<PageShift, true)
						f = next
					}
				case 4: // all that is left, here and elsewhere
					for v.r.Intn(2000) != 0 {
						pa, ok := AllocFrame(RootAccount(), KindAnon)
						if !ok {
							break
						}
						take(pa, true)
					}
				default:
					for len(mine) > 0 && v.r.Intn(500) != 0 {
						drop()
					}
				}
			}
			for len(mine) > 0 {
				drop()
			}
		})
		if FreeFrameCount() != free {
			t.Errorf("%d frames are free, were %d", FreeFrameCount(), free)
		}
		mustCheck(t)
	}
}
