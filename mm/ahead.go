package mm

// aheadPages is how many pages a write fault maps at once in memory that is filled
// in ascending order; aheadMost, where that has gone on for so long.
const (
	aheadPages = 16
	aheadMost  = 32
)

// RunAhead makes the program half of as, which nobody runs yet, get several pages
// of anonymous memory at a fault where the page before is there: a server's heap
// grows while calls on all CPUs wait for it. Programs get the pages that they
// touch, as Linux gives them. In both halves pages that are read are made, too,
// rather than shown as zeroes first: no CPU has to forget that when they are written.
func (as *AddressSpace) RunAhead() {
	as.Program.ahead, as.stock = true, stockAhead
	as.Program.noZero, as.LibOS.noZero = true, true
}

// behind maps fresh pages behind va, which has just been mapped with the given entry
// flags, its leaf's own. t is va's table, f describes it.
func (h *Half) behind(r *Region, va uint64, f *frame, t *table, flags uint64) {
	i := va >> PageShift & 511
	if i == 0 || t[i-1] == 0 || memoryShort() {
		return
	}
	most := uint64(aheadPages)
	if i >= aheadPages && t[i-aheadPages] != 0 {
		most = aheadMost
	}
	leaf := h.leaf
	leaf.lock.Acquire()
	n, b := uint64(1), (*node)(nil)
	for ; n < most && i+n < 512; n++ {
		a := va + n*PageSize
		b = leaf.index.bottomFrom(b, a>>PageShift)
		if a >= r.end || t[i+n] != 0 || leaf.parent != nil || b != nil && b.slots[a>>PageShift%nodeSlots] != 0 {
			break
		}
	}
	b = nil
	next, _ := allocCleared(leaf.acct, KindAnon, int64(n-1))
	for n, ok := uint64(1), true; next != 0; n++ {
		pa, at := uint64(next)<<PageShift, va>>PageShift+n
		next = frameOf(uint64(next)).next
		b = leaf.index.bottomFrom(b, at)
		if ok = ok && leaf.index.setAt(b, at, pa|entPage, leaf.acct); !ok {
			FreeFrame(leaf.acct, KindAnon, pa)
			continue
		}
		t[i+n] = flags | pa
		f.live++
		h.resident++
	}
	leaf.lock.Release()
}
