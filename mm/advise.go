package mm

import "go42/ipc/abi"

// Advise applies abi.AdviseX to [addr, addr+n). Parts that are not mapped are
// skipped and make the result ENOMEM, as Linux has it. EINVAL: not for such a
// region. EAGAIN: call again.
func (as *AddressSpace) Advise(addr, n uint64, advice uint32) Errno {
	h, end, e := as.acquireRange(addr, n)
	if e != OK {
		if n == 0 && addr&pageMask == 0 {
			return OK
		}
		return e
	}
	budget := stepBudget
	var late lateSet
	if h.forking() {
		e = EAGAIN
	} else {
		c := h.cursorFor(addr, n, advice)
		e = h.advise(c, end, advice, &budget, &late)
		if e != EAGAIN {
			c.next = 0
		}
		if e == OK && !h.covered(addr, end) {
			e = ENOMEM
		}
	}
	late.end(h)
	if budget > 0 && workWaits() {
		Work(budget)
	}
	return e
}

// cursorFor returns the progress of the operation with these arguments, a
// fresh one if there is none.
func (h *Half) cursorFor(addr, n uint64, what uint32) *cursor {
	for i := range h.cursors {
		if c := &h.cursors[i]; c.next != 0 && c.addr == addr && c.n == n && c.what == what {
			return c
		}
	}
	c := &h.cursors[cpuID()] // those who go on elsewhere are in nobody's way
	*c = cursor{addr, n, what, addr}
	return c
}

// covered says whether regions cover all of [lo, hi).
func (h *Half) covered(lo, hi uint64) bool {
	for r := h.find(lo); lo < hi; r = r.next {
		if r == nil || r.start > lo {
			return false
		}
		lo = r.end
	}
	return true
}

func (h *Half) advise(c *cursor, hi uint64, advice uint32, budget *int, late *lateSet) Errno {
	for c.next < hi {
		r := h.find(c.next)
		if r == nil || r.start >= hi {
			return OK
		}
		if *budget <= 0 {
			return EAGAIN
		}
		lo, end := max(r.start, c.next), min(r.end, hi)
		if r.flags&regPinned != 0 || r.moveFrom != 0 {
			return EINVAL
		}
		inherit, flags := r.inherit, r.flags
		switch advice {
		case abi.AdviseDontNeed, abi.AdviseFree, abi.AdviseDontNeedLocked:
			if r.flags&regLocked != 0 && advice != abi.AdviseDontNeedLocked {
				return EINVAL
			}
			if advice == abi.AdviseFree && (r.shared() || r.obj != nil) {
				return EINVAL
			}
			got, e, ok := h.discardLate(late, r, lo, end, budget)
			if !ok {
				got, e = h.discardRange(r, lo, end, budget)
			}
			c.next = got
			if e != OK {
				return e
			}
			continue
		case abi.AdviseWillNeed:
			if c.next = h.populate(lo, end, budget); c.next < end {
				return EAGAIN
			}
			continue
		case abi.AdviseDontFork:
			inherit = abi.InheritNone
		case abi.AdviseDoFork:
			inherit = abi.InheritCopy
		case abi.AdviseWipeOnFork:
			if r.shared() || r.obj != nil {
				return EINVAL
			}
			inherit = abi.InheritZero
		case abi.AdviseKeepOnFork:
			if r.inherit == abi.InheritZero {
				inherit = abi.InheritCopy
			}
		case abi.AdviseLock:
			flags |= regLocked
		case abi.AdviseUnlock:
			flags &^= regLocked
		default:
			return EINVAL
		}
		if r.shared() && inherit == abi.InheritCopy {
			inherit = abi.InheritShare
		}
		if inherit != r.inherit || flags != r.flags {
			if lo > r.start {
				if r = h.split(r, lo); r == nil {
					return ENOMEM
				}
			}
			if end < r.end && h.split(r, end) == nil {
				return ENOMEM
			}
			r.inherit = inherit
			h.lockRegion(r, flags&regLocked != 0)
			h.merge(r)
		}
		c.next = end
		*budget -= costRegion
	}
	return OK
}
