package mm

import "sync/atomic"

// lateSet is what Advise takes out of a locked half, to have it forgotten and to
// free it when the half is not locked any more: nobody waits for that, though it
// waits for other CPUs. A collector, or malloc, gives memory back a few pages at a
// time, and the other threads go on meanwhile.
//
// Until Advise returns, which is when the range has to be empty, a thread that uses
// it may find on its CPU what was there before, and lose what it writes there; no
// other process has these frames, since they are free only when all have forgotten
// them. So it is for pages of the half's own leaf alone, and only while that has no
// parent, whose pages siblings may take for their own. Whoever changes entries
// meanwhile may rely on what is forgotten, as if they were those of its own range
// (a range that is unmapped now and mapped again at once): while there is such a set (Half.late),
// flush makes CPUs forget everything.
type lateSet struct {
	fs    flushSet
	half  *Half  // in whose late the set counts; nil: it is empty
	pages uint32 // of the leaf, linked by frame.next
}

// begin counts the set in h, which is locked: before the first entry is changed.
func (l *lateSet) begin(h *Half) {
	if l.half == nil {
		l.half = h
		atomic.AddInt32(&h.late, 1)
	}
}

// page takes a frame over that the leaf's index does not name any more.
func (l *lateSet) page(pa uint64) {
	frameAt(pa).next = l.pages
	l.pages = uint32(pa >> PageShift)
}

// discardLate is discardRange for a region of anonymous memory of the half's own;
// ok is false if it is not that, and nothing has been done.
func (h *Half) discardLate(l *lateSet, r *Region, lo, hi uint64, budget *int) (at uint64, e Errno, ok bool) {
	if r.flags&(regShared|regPinned) != 0 || r.obj != nil {
		return lo, OK, false
	}
	leaf := h.leaf
	if leaf != nil {
		leaf.lock.Acquire()
		if leaf.parent != nil { // it gets none while the half is locked
			leaf.lock.Release()
			return lo, OK, false
		}
	}
	l.begin(h)
	if at = h.clear(&l.fs, lo, hi, budget); at < hi {
		e = EAGAIN
	}
	if leaf != nil {
		if at > lo {
			left := least(*budget)
			if i, le := leaf.discard(lo>>PageShift, at>>PageShift, &left, l); le != OK {
				at, e = i<<PageShift, le
			}
			*budget = min(*budget, left)
		}
		leaf.lock.Release()
	}
	return at, e, true
}

// end has the set forgotten and frees it. The half is locked, and is not any more
// when end returns.
func (l *lateSet) end(h *Half) {
	if l.half == nil {
		h.lock.Release()
		return
	}
	if atomic.LoadInt32(&h.late) > 1 {
		l.fs.n = flushPages + 1 // as flush does
	}
	barrier()
	cpus := h.active()
	h.lock.Release()
	h.outlook()
	if l.fs.n > 0 {
		shootDown(&l.fs, cpus)
	}
	atomic.AddInt32(&h.late, -1)
	h.freeTaken(&l.fs)
	for l.pages != 0 {
		pa := uint64(l.pages) << PageShift
		l.pages = frameAt(pa).next
		FreeFrame(h.acct, KindAnon, pa)
	}
}
