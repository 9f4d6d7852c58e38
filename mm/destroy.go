package mm

import "sync/atomic"

// Destroy gives back all that as holds; as must not be used for anything else
// any more, and its memory may be used for another from when it is done. done ==
// false: call again. It is not done while another CPU has as loaded (Active): the
// caller sees to that these load another. When it is done, what died with as has
// been freed.
func Destroy(as *AddressSpace) (done bool) {
	if mem.cpus[cpuID()].current == as {
		var kernel *AddressSpace
		kernel.Activate()
	}
	if as.Active() != 0 {
		return false
	}
	budget := stepBudget
	for as.Program != nil || as.LibOS != nil {
		h := as.Program
		if h == nil {
			h = as.LibOS
		}
		// The last one keeps the half until it is torn down.
		if as.dying == 0 && as.detach(h, false) {
			continue
		}
		as.dying = 1
		if !h.tearDown(&budget) {
			return false
		}
		as.detach(h, true)
		freeHalf(h)
		as.dying = 0
	}
	if as.Root != 0 {
		FreeFrame(as.acct, KindTable, as.Root)
		as.Root = 0
	}
	if Work(budget) {
		return false
	}
	a := as.acct
	mem.spaces.Free(as)
	a.Put()
	return true
}

// tearDown gives back all that a half holds that nobody runs any more.
func (h *Half) tearDown(budget *int) bool {
	h.acquire()
	done := h.tearDownLocked(budget)
	h.lock.Release()
	return done
}

func (h *Half) tearDownLocked(budget *int) bool {
	atomic.StoreUint32(&h.busy, gone)
	h.outlook()
	h.endFork()
	for r := h.last; r != nil; r = h.last {
		if *budget <= 0 {
			return false
		}
		*budget -= costRegion
		h.uncharge(r, r.end-r.start)
		h.drop(r)
	}
	if h.leaf != nil {
		h.leaf.abandon()
		h.leaf = nil
	}
	if h.fresh != nil {
		h.fresh.abandon()
		h.fresh = nil
	}
	return h.freeTables(budget)
}

// VRange is a range of virtual addresses.
type VRange struct{ Addr, Len uint64 }

func (k VRange) end() uint64 { return k.Addr + k.Len }

// Reset is exec's: it unmaps all but pinned pages and the keep ranges (page
// aligned, not overlapping). A shared program half is left to its other
// holders and replaced by an empty one. EAGAIN: call again, with nothing of as
// running meanwhile. ENOMEM on the first call: nothing has changed; on a later
// one (possible only if private pages are kept) as must be destroyed.
func (as *AddressSpace) Reset(keep []VRange) Errno {
	budget := stepBudget
	if !as.reset {
		if e := as.empty(keep, &budget); e != OK {
			return e
		}
		as.reset = true // doing it again would take the pages from the new leaf, too
	}
	if Work(budget) {
		return EAGAIN
	}
	as.reset = false
	return OK
}

// empty is Reset but for the pages that become free.
func (as *AddressSpace) empty(keep []VRange, budget *int) Errno {
	for _, h := range [2]*Half{as.Program, as.LibOS} {
		h.acquire()
		e := OK
		if h.refs == 1 {
			e = h.prepareReset(keep)
		}
		h.lock.Release()
		if e != OK {
			return e
		}
	}
	p := as.Program
	p.acquire()
	shared := p.refs > 1
	p.lock.Release()
	if shared {
		h := newHalf(as.acct, false)
		if h == nil {
			return ENOMEM
		}
		if as.detach(p, false) {
			as.attach(h)
		} else { // the others left meanwhile
			freeHalf(h)
			return EAGAIN
		}
	}
	for _, h := range [2]*Half{as.Program, as.LibOS} {
		h.acquire()
		e := h.reset(keep, budget)
		h.lock.Release()
		if e != OK {
			return e
		}
	}
	return OK
}

// prepareReset does what can fail: cuts regions at the bounds of keep, and
// makes the new leaf if private pages are to stay. Doing it twice does no harm.
func (h *Half) prepareReset(keep []VRange) Errno {
	for r := h.first; r != nil; r = r.next {
		if r.flags&regPinned != 0 {
			continue
		}
		stay, upTo := keepAt(keep, r.start)
		if upTo < r.end && h.split(r, upTo) == nil {
			return ENOMEM
		}
		if stay && !r.shared() && h.leaf != nil && h.fresh == nil {
			l, e := newLeaf(h.acct)
			if e != OK {
				return e
			}
			h.fresh = l
		}
	}
	return OK
}

// reset empties a half. The leaf is replaced as a whole, which is cheaper than
// covering with holes what a fork chain shows of it.
func (h *Half) reset(keep []VRange, budget *int) Errno {
	atomic.StoreUint64(&h.fork, 0)
	h.cursors = [maxCPU]cursor{} // what was begun is nobody's any more
	for r := h.first; r != nil; {
		next := r.next
		stay, _ := keepAt(keep, r.start)
		if stay || r.flags&regPinned != 0 {
			r = next
			continue
		}
		if *budget <= 0 {
			return EAGAIN
		}
		*budget -= costRegion
		r.moveFrom = 0
		c := h.zap(r.start, r.end, budget)
		done := c == r.end
		h.cut(r, c)
		if !done {
			return EAGAIN
		}
		r = next
	}
	old := h.leaf
	if old == nil {
		return OK
	}
	if h.fresh != nil {
		for r := h.first; r != nil; r = r.next {
			if r.flags&(regPinned|regShared) != 0 {
				continue
			}
			if h.zap(r.start, r.end, budget) < r.end {
				return EAGAIN
			}
			var e Errno
			if r.moved, e = h.fresh.takePages(old, max(r.start, r.moved), r.end, budget); e != OK {
				return e
			}
		}
		for r := h.first; r != nil; r = r.next {
			r.moved = 0
		}
	}
	h.leaf, h.fresh = h.fresh, nil
	old.abandon()
	return OK
}

// keepAt says whether va is to be kept, and up to where that answer holds.
func keepAt(keep []VRange, va uint64) (stay bool, upTo uint64) {
	upTo = ^uint64(0)
	for _, k := range keep {
		if va >= k.Addr && va < k.end() {
			return true, k.end()
		}
		if k.Len != 0 && k.Addr > va && k.Addr < upTo {
			upTo = k.Addr
		}
	}
	return false, upTo
}

// takePages moves the pages that old's chain shows at the addresses [lo, hi) to
// the new leaf, and returns how far it got.
func (leaf *FCM) takePages(old *FCM, lo, hi uint64, budget *int) (uint64, Errno) {
	old.lock.Acquire()
	e := OK
	i, end := lo>>PageShift, hi>>PageShift
	for i < end {
		at, ent, up := old.nextVisible(i, end, budget)
		if i = at; at >= end {
			break
		}
		if ent == 0 && !up { // found none within the budget
			e = EAGAIN
			break
		}
		if ent == 0 {
			if old.claim(at, 0) == 0 {
				e = ENOMEM
				break
			}
			*budget -= costPage
			continue
		}
		if !leaf.index.set(at, ent, leaf.acct, true) {
			e = ENOMEM
			break
		}
		// A hole, so that what shows from above is not taken in its place.
		old.index.set(at, entHole, old.acct, true)
		*budget -= costFree
		i = at + 1
	}
	old.lock.Release()
	return min(i, end) << PageShift, e
}
