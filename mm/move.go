package mm

import "go42/ipc/abi"

// moveSource marks (in Region.moveFrom) the region that a Move empties.
const moveSource = 1

// Move is mremap, for one region. Errors as there: EINVAL, EFAULT (not one
// region), ENOMEM, EPERM (pinned). EAGAIN: call again with the same arguments.
func (as *AddressSpace) Move(addr, oldLen, newLen uint64, flags uint32, newAddr uint64) (uint64, Errno) {
	old, n := (oldLen+pageMask)&^pageMask, (newLen+pageMask)&^pageMask
	if addr&pageMask != 0 || n == 0 || n < newLen || old < oldLen || flags&^7 != 0 ||
		flags&(abi.MoveFixed|abi.MoveDontUnmap) != 0 && flags&abi.MoveMayMove == 0 ||
		flags&abi.MoveDontUnmap != 0 && old != n {
		return 0, EINVAL
	}
	h := as.acquire(addr)
	if h == nil {
		return 0, EFAULT
	}
	if addr+old < addr || addr+old > h.hi {
		h.lock.Release()
		return 0, EFAULT
	}
	if flags&abi.MoveFixed != 0 {
		if newAddr&pageMask != 0 || newAddr < h.lo || newAddr >= h.hi || n > h.hi-newAddr ||
			newAddr < addr+old && addr < newAddr+n {
			h.lock.Release()
			return 0, EINVAL
		}
	}
	budget := stepBudget
	e := EAGAIN
	if !h.forking() {
		newAddr, e = h.move(addr, old, n, flags, newAddr, &budget)
	}
	h.lock.Release()
	if budget > 0 && workWaits() {
		Work(budget)
	}
	if e != OK {
		newAddr = 0
	}
	return newAddr, e
}

func (h *Half) move(addr, old, n uint64, flags uint32, newAddr uint64, budget *int) (uint64, Errno) {
	src := h.find(addr)
	if src == nil || src.start > addr {
		return 0, EFAULT
	}
	if src.moveFrom == moveSource && src.start == addr {
		for d := h.first; d != nil; d = d.next { // rare: a Move of more than one step
			if d.moveFrom == addr {
				return h.moveOn(src, d, flags, budget)
			}
		}
	}
	if src.flags&regPinned != 0 || src.moveFrom != 0 {
		return 0, EPERM
	}
	fixed := flags&abi.MoveFixed != 0
	if old == 0 {
		if !src.shared() || flags&abi.MoveMayMove == 0 {
			return 0, EINVAL
		}
	} else if !fixed && flags&abi.MoveDontUnmap == 0 && n <= old {
		if h.hasPinned(addr+n, addr+old) {
			return 0, EPERM
		}
		return addr, h.unmap(addr+n, addr+old, budget)
	}
	tail := old // a Move to less does not ask what lies behind, as it may be gone already
	if fixed && n < old {
		old = n
	}
	if addr+old > src.end {
		return 0, EFAULT
	}
	if src.obj != nil && src.off+(addr-src.start)+n < n {
		return 0, EINVAL // beyond the end of all objects
	}
	if old != 0 && !fixed && flags&abi.MoveDontUnmap == 0 && addr+old == src.end &&
		n <= h.hi-addr && h.isFree(src.end, addr+n) {
		if !h.charge(src, n-old) {
			return 0, ENOMEM
		}
		h.setEnd(src, addr+n)
		h.merge(src)
		return addr, OK
	}
	if flags&abi.MoveMayMove == 0 {
		return 0, ENOMEM
	}
	if fixed {
		if h.hasPinned(newAddr, newAddr+n) {
			return 0, EPERM
		}
		if e := h.unmap(newAddr, newAddr+n, budget); e != OK {
			return 0, e
		}
		if tail > old {
			if h.hasPinned(addr+old, addr+tail) {
				return 0, EPERM
			}
			if e := h.unmap(addr+old, addr+tail, budget); e != OK {
				return 0, e
			}
		}
		src = h.find(addr)
	} else {
		lo, hi := h.searchBounds()
		if newAddr = h.gapFor(n, lo, hi); newAddr == 0 {
			return 0, ENOMEM
		}
	}
	// Room found; now make the source a region of its own and the target one.
	if old != 0 && addr > src.start {
		if src = h.split(src, addr); src == nil {
			return 0, ENOMEM
		}
	}
	if old != 0 && addr+old < src.end && h.split(src, addr+old) == nil {
		h.merge(src)
		return 0, ENOMEM
	}
	d, ok := h.newRegion()
	if ok && !h.charge(src, n) {
		mem.regions.Free(d)
		ok = false
	}
	if !ok {
		if old != 0 {
			h.merge(src)
		}
		return 0, ENOMEM
	}
	d.prot, d.maxProt, d.inherit, d.flags = src.prot, src.maxProt, src.inherit, src.flags&^regGrowsDown
	d.obj, d.off, d.name, d.zapEpoch = src.obj, src.off+(addr-src.start), src.name, src.zapEpoch
	if d.obj != nil {
		d.obj.Get()
	}
	d.start, d.end = newAddr, newAddr+n
	h.link(d)
	if old == 0 {
		h.merge(d)
		return newAddr, OK
	}
	src.moveFrom, d.moveFrom = moveSource, addr
	return h.moveOn(src, d, flags, budget)
}

// searchBounds is where addresses are chosen when nothing is said.
func (h *Half) searchBounds() (lo, hi uint64) {
	if h.libos {
		return abi.LibOSHeapLo, abi.LibOSHeapHi
	}
	return abi.ProgramLo, programBelow
}

// moveOn moves what src holds of the leaf to d, as far as the budget goes, and
// then ends the Move. Until then accesses to d fail.
func (h *Half) moveOn(src, d *Region, flags uint32, budget *int) (uint64, Errno) {
	e := OK
	from := max(src.start, d.moved)
	d.moved = h.zap(from, src.end, budget)
	if !src.shared() && h.leaf != nil {
		left := least(*budget)
		h.leaf.lock.Acquire()
		d.moved, e = h.leaf.movePages(from, d.moved, d.start+(from-src.start), &left)
		h.leaf.lock.Release()
	}
	if e == EAGAIN || e == OK && d.moved < src.end {
		return 0, EAGAIN
	}
	if e != OK { // take back what was moved; what is left in d goes
		h.leaf.lock.Acquire()
		all := 1 << 30
		n := min(src.end-src.start, d.end-d.start)
		h.leaf.movePages(d.start, d.start+n, src.start, &all)
		h.leaf.lock.Release()
		h.discardRange(d, d.start, d.end, &all)
		h.uncharge(d, d.end-d.start)
		h.drop(d)
		src.moveFrom = 0
		h.merge(src)
		return 0, e
	}
	to := d.start
	src.moveFrom, d.moveFrom, d.moved = 0, 0, 0
	if flags&abi.MoveDontUnmap == 0 {
		// Other threads may have touched what was moved already.
		all := 1 << 30
		if c, e := h.discardRange(src, src.start, src.end, &all); e == OK {
			h.cut(src, c)
		}
	}
	h.merge(d)
	return to, OK
}

// movePages gives the pages that the chain shows at the addresses [lo, hi) those
// from to on: own ones change their place, others are copied. It returns how far
// it got. The leaf is locked.
func (leaf *FCM) movePages(lo, hi, to uint64, budget *int) (uint64, Errno) {
	for i, end := lo>>PageShift, hi>>PageShift; i < end; {
		at, e, up := leaf.nextVisible(i, end, budget)
		if at >= end {
			break
		}
		if e == 0 && !up { // found none within the budget
			return at << PageShift, EAGAIN
		}
		if e&entPage != 0 {
			if !leaf.index.set(at-lo>>PageShift+to>>PageShift, e, leaf.acct, true) {
				return at << PageShift, ENOMEM
			}
			if up {
				leaf.index.set(at, entHole, leaf.acct, true) // in place: cannot fail
			} else {
				leaf.index.remove(at, leaf.acct)
			}
			*budget -= costFree
		} else {
			pa := leaf.claim(at, 0)
			if pa == 0 {
				return at << PageShift, ENOMEM
			}
			*budget -= costPage
			continue // it is own now
		}
		i = at + 1
	}
	return hi, OK
}
