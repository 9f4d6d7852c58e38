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
// touch, as Linux gives them.
func (as *AddressSpace) RunAhead() { as.Program.ahead = true }

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
	for n := uint64(1); n < most && i+n < 512; n++ {
		a := va + n*PageSize
		if a >= r.end || t[i+n] != 0 || leaf.parent != nil || leaf.index.get(a>>PageShift) != 0 {
			break
		}
		pa := leaf.claim(a>>PageShift, 0)
		if pa == 0 {
			break
		}
		t[i+n] = flags | pa
		f.live++
		h.resident++
	}
	leaf.lock.Release()
}
