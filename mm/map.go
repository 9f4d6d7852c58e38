package mm

import (
	"sync/atomic"

	"go42/ipc/abi"
)

// MapSpec is what Map needs to know; Flags, Prot, Inherit are abi's.
type MapSpec struct {
	Addr, Len uint64
	Prot      uint32
	MaxProt   uint32 // what Protect may later allow; 0: everything
	Flags     uint32 // abi.MapX
	FCM       *FCM   // nil: anonymous; the region takes its own reference
	Offset    uint64 // in FCM, page aligned
	Inherit   uint32 // abi.InheritX; shared regions are shared unless None
	Name      uint64
	Below     uint64 // where Addr is open, search below this address; 0: the half's default
	GrowMax   uint64 // MapGrowsDown: bytes it may grow to; 0: 8 MiB
}

const (
	defaultStack = 8 << 20
	// programBelow is where open addresses of the program half start, downward.
	programBelow = abi.ProgramHi - 64<<30
)

// Map makes a region and returns its address. With MapPopulate the first 64
// pages are filled if memory allows; Advise(AdviseWillNeed) fills any number.
//
// Errors: EINVAL, ENOMEM (memory, account, or no room), EEXIST (MapNoReplace),
// EPERM (something in the way that cannot be replaced), EACCES (Prot beyond
// MaxProt; an image, which nobody can write, shared and writable), EAGAIN (a fork is in
// progress, or MapFixed has not yet unmapped all that was there).
func (as *AddressSpace) Map(s *MapSpec) (addr uint64, e Errno) {
	n := (s.Len + pageMask) &^ pageMask
	if n == 0 || n < s.Len || s.Offset&pageMask != 0 || s.Offset+n < s.Offset || s.Prot&^7 != 0 || s.Inherit > abi.InheritZero {
		return 0, EINVAL
	}
	shared := s.Flags&abi.MapShared != 0
	if shared && s.Inherit == abi.InheritZero || !shared && s.Inherit == abi.InheritShare ||
		s.Flags&abi.MapGrowsDown != 0 && (shared || s.FCM != nil) ||
		!shared && s.FCM != nil && s.FCM.kind == FCMDevice {
		return 0, EINVAL
	}
	most := s.MaxProt
	if most == 0 {
		most = abi.ProtRead | abi.ProtWrite | abi.ProtExec
	}
	if shared && s.FCM != nil && s.FCM.kind == FCMImage {
		most &^= abi.ProtWrite // every process has the libOS and the modules from these frames
	}
	if s.Prot&^most != 0 {
		return 0, EACCES
	}
	h := as.half(0)
	if s.Flags&abi.MapLibOS != 0 {
		h = as.half(abi.LibOSLo)
	}
	if h == nil {
		return 0, EFAULT
	}
	fixed := s.Flags&(abi.MapFixed|abi.MapNoReplace) != 0
	if fixed {
		if s.Addr&pageMask != 0 {
			return 0, EINVAL
		}
		if s.Addr < h.lo || s.Addr >= h.hi || n > h.hi-s.Addr {
			if s.Addr < abi.ProgramLo {
				return 0, EPERM
			}
			return 0, ENOMEM
		}
	}
	obj := s.FCM
	if obj == nil && shared {
		if obj, e = NewAnonFCM(h.acct, n); e != OK {
			return 0, e
		}
	} else if obj != nil {
		obj.Get()
	}
	r, ok := h.newRegion()
	if !ok {
		if obj != nil {
			obj.Put()
		}
		return 0, ENOMEM
	}
	r.prot, r.maxProt, r.inherit = uint8(s.Prot), uint8(most), uint8(s.Inherit)
	if shared {
		r.flags |= regShared
		if r.inherit == abi.InheritCopy {
			r.inherit = abi.InheritShare
		}
	}
	if s.Flags&abi.MapNoReserve != 0 {
		r.flags |= regNoReserve
	}
	if s.Flags&abi.MapLocked != 0 {
		r.flags |= regLocked
	}
	r.name, r.off, r.obj = s.Name, s.Offset, obj
	if obj != nil {
		r.zapEpoch = atomic.LoadUint32(&obj.zapEpoch)
	}
	budget := stepBudget
	e = EFAULT // the address space is being taken apart
	if as.acquire(h.lo) != nil {
		addr, e = h.place(r, s, n, fixed, &budget)
		if e == OK && s.Flags&abi.MapPopulate != 0 {
			h.populate(addr, addr+n, &budget)
		}
		h.lock.Release()
	}
	if e != OK {
		mem.regions.Free(r)
		if obj != nil {
			obj.Put()
		}
	}
	if budget > 0 && workWaits() {
		Work(budget)
	}
	return addr, e
}

// place finds room for r and links it.
func (h *Half) place(r *Region, s *MapSpec, n uint64, fixed bool, budget *int) (addr uint64, e Errno) {
	if h.forking() {
		return 0, EAGAIN
	}
	addr = s.Addr &^ pageMask
	switch {
	case s.Flags&abi.MapNoReplace != 0:
		if !h.isFree(addr, addr+n) {
			return 0, EEXIST
		}
	case fixed:
		if h.hasPinned(addr, addr+n) {
			return 0, EPERM
		}
		// What is there now does not count against the limits.
		if e := h.unmap(addr, addr+n, budget); e != OK {
			return 0, e
		}
	case addr != 0 && addr >= h.lo && addr < h.hi && n <= h.hi-addr && h.isFree(addr, addr+n):
	default:
		lo, hi := uint64(abi.ProgramLo), uint64(programBelow)
		if h.libos {
			lo, hi = abi.LibOSHeapLo, abi.LibOSHeapHi
		}
		if s.Below != 0 {
			hi = s.Below
		}
		if s.Flags&abi.MapLow != 0 {
			hi = 1 << 31
		}
		addr = h.gapFor(n, lo, hi)
		if addr == 0 && !h.libos && s.Flags&abi.MapLow == 0 {
			addr = h.gapFor(n, lo, h.hi)
		}
		if addr == 0 {
			return 0, ENOMEM
		}
	}
	if !h.charge(r, n) {
		return 0, ENOMEM
	}
	r.start, r.end = addr, addr+n
	if s.Flags&abi.MapGrowsDown != 0 {
		r.flags |= regGrowsDown
		most := s.GrowMax
		if most == 0 {
			most = defaultStack
		}
		r.growMin = h.lo
		if most < r.end && r.end-most > r.growMin {
			r.growMin = (r.end - most) &^ pageMask
		}
	}
	h.link(r)
	h.merge(r)
	return addr, OK
}

// isFree says whether no region touches [lo, hi).
func (h *Half) isFree(lo, hi uint64) bool {
	r := h.find(lo)
	return r == nil || r.start >= hi
}

// hasPinned says whether the kernel's own pages, or a region that Move is
// filling, lie in [lo, hi).
func (h *Half) hasPinned(lo, hi uint64) bool {
	for r := h.find(lo); r != nil && r.start < hi; r = r.next {
		if r.flags&regPinned != 0 || r.moveFrom != 0 {
			return true
		}
	}
	return false
}

// charge charges n bytes of address space of r's kind; uncharge undoes it.
func (h *Half) charge(r *Region, n uint64) bool {
	if !h.acct.charge(countBytes, int64(n)) {
		return false
	}
	if r.data() {
		if !h.acct.charge(countData, int64(n)) {
			h.acct.uncharge(countBytes, int64(n))
			return false
		}
		h.data += n
	}
	return true
}

func (h *Half) uncharge(r *Region, n uint64) {
	h.acct.uncharge(countBytes, int64(n))
	if r.data() {
		h.acct.uncharge(countData, int64(n))
		h.data -= n
	}
}

// populate faults in the absent pages of [lo, hi), as far as memory, protection
// and budget allow, and returns how far it got.
func (h *Half) populate(lo, hi uint64, budget *int) uint64 {
	for va := lo; va < hi; va += PageSize {
		if *budget <= 0 {
			return va
		}
		r := h.find(va)
		if r == nil {
			break
		}
		if va < r.start {
			if va = r.start; va >= hi {
				break
			}
		}
		if r.prot == 0 || r.flags&regPinned != 0 {
			va = r.end - PageSize
			continue
		}
		*budget--
		// A private page of an object is not copied before it is written.
		// One of a pager's is not made dirty.
		write := r.prot&abi.ProtWrite != 0 && (r.obj == nil || r.shared() && r.obj.paging == nil)
		if e := h.peek(va); e != 0 && (!write || e&pteWrite != 0) {
			continue
		}
		switch h.fault(va, write, false) {
		case FaultOK:
			*budget -= costPage
		case FaultPending: // it has been asked for: go on with those that are there
			*budget -= costFree
		default:
			return hi
		}
	}
	return hi
}

// Unmap removes what lies in [addr, addr+n), n rounded up to pages. EPERM: a
// pinned page; ENOMEM: no region for a split, or no node; EAGAIN: call again.
func (as *AddressSpace) Unmap(addr, n uint64) Errno {
	h, end, e := as.acquireRange(addr, n)
	if e != OK {
		return e
	}
	budget := stepBudget
	switch {
	case h.forking():
		e = EAGAIN
	case h.hasPinned(addr, end):
		e = EPERM
	default:
		e = h.unmap(addr, end, &budget)
	}
	h.lock.Release()
	if budget > 0 && workWaits() {
		Work(budget)
	}
	return e
}

// unmap removes what lies in [lo, hi), from the front, as far as the budget goes.
func (h *Half) unmap(lo, hi uint64, budget *int) Errno {
	for {
		r := h.find(lo)
		if r == nil || r.start >= hi {
			return OK
		}
		if *budget <= 0 {
			return EAGAIN
		}
		a, b := max(r.start, lo), min(r.end, hi)
		if a > r.start { // so that what is done can always be taken from the front
			if r = h.split(r, a); r == nil {
				return ENOMEM
			}
		}
		c, e := h.discardRange(r, a, b, budget)
		if c > a {
			h.cut(r, c)
		}
		if e != OK {
			return e
		}
		*budget -= costRegion
	}
}

// cut takes what lies below v (at most r.end) from r.
func (h *Half) cut(r *Region, v uint64) {
	h.uncharge(r, v-r.start)
	if v == r.end {
		h.drop(r)
	} else {
		h.setStart(r, v)
	}
}

// discardRange unmaps the pages of [lo, hi), a part of r, and frees what they
// hold of the leaf: the next access finds the object's page, or zeroes. It
// returns how far it got: EAGAIN at the budget's end, ENOMEM.
func (h *Half) discardRange(r *Region, lo, hi uint64, budget *int) (uint64, Errno) {
	e := OK
	c := h.zap(lo, hi, budget)
	if c < hi {
		e = EAGAIN
	}
	if r.flags&(regShared|regPinned) == 0 && h.leaf != nil && c > lo {
		left := least(*budget)
		h.leaf.lock.Acquire()
		i, le := h.leaf.discard(lo>>PageShift, c>>PageShift, &left, nil)
		h.leaf.lock.Release()
		*budget = min(*budget, left)
		if le != OK {
			c, e = i<<PageShift, le
		}
	}
	return c, e
}

// Protect sets the protection of [addr, addr+n). ENOMEM if part of it is not
// mapped, EACCES if a region does not allow it, EPERM at a pinned page: nothing
// has changed then. EAGAIN: call again.
func (as *AddressSpace) Protect(addr, n uint64, prot uint32) Errno {
	if prot&^7 != 0 {
		return EINVAL
	}
	h, end, e := as.acquireRange(addr, n)
	if e != OK {
		return e
	}
	budget := stepBudget
	if h.forking() {
		e = EAGAIN
	} else if e = h.mayProtect(addr, end, uint8(prot)); e == OK {
		e = h.protect(addr, end, uint8(prot), &budget)
	}
	h.lock.Release()
	return e
}

func (h *Half) mayProtect(lo, hi uint64, prot uint8) Errno {
	va := lo
	for r := h.find(lo); va < hi; r = r.next {
		if r == nil || r.start > va {
			return ENOMEM
		}
		if r.flags&regPinned != 0 || r.moveFrom != 0 {
			return EPERM
		}
		if prot&^r.maxProt != 0 {
			return EACCES
		}
		va = r.end
	}
	return OK
}

func (h *Half) protect(lo, hi uint64, prot uint8, budget *int) Errno {
	for lo < hi {
		r := h.find(lo)
		if r.prot == prot {
			lo = r.end
			continue
		}
		if *budget <= 0 {
			return EAGAIN
		}
		if lo > r.start {
			y := h.split(r, lo)
			if y == nil {
				return ENOMEM
			}
			r = y
		}
		c := min(r.end, hi)
		if prot == 0 {
			c = h.zap(lo, c, budget)
		} else if prot&r.prot != r.prot {
			c = h.restrict(lo, c, prot, budget)
		}
		if c < r.end && h.split(r, c) == nil {
			return ENOMEM // what was restricted faults back in
		}
		was := r.data()
		old := r.prot
		r.prot = prot
		if is := r.data(); is != was {
			n := int64(r.end - r.start)
			if is && !h.acct.charge(countData, n) {
				r.prot = old
				h.merge(r)
				return ENOMEM
			} else if is {
				h.data += uint64(n)
			} else {
				h.acct.uncharge(countData, n)
				h.data -= uint64(n)
			}
		}
		lo = c
		h.merge(r)
		*budget -= costRegion
	}
	return OK
}

// MapPinned maps n kernel-owned frames from pa on at va: never copy-on-write,
// not unmapped by the process, skipped at fork. The frames stay the caller's;
// they must outlive the address space, or be taken out by UnmapPinned.
func (as *AddressSpace) MapPinned(va, pa uint64, n int, prot uint32, name uint64) Errno {
	if pa&pageMask != 0 {
		return EINVAL
	}
	h, end, e := as.acquireRange(va, uint64(n)*PageSize)
	if e != OK {
		return EINVAL
	}
	r, _, ok := mem.regions.Alloc(h.acct)
	if !ok {
		h.lock.Release()
		return ENOMEM
	}
	r.flags, r.prot, r.maxProt, r.inherit, r.name = regPinned, uint8(prot), uint8(prot), abi.InheritNone, name
	r.start, r.end = va, end
	pte := uint64(ptePresent | pteUser | pteAccessed | pteDirty)
	if prot&abi.ProtWrite != 0 {
		pte |= pteWrite
	}
	if prot&abi.ProtExec == 0 {
		pte |= pteNX
	}
	if !h.isFree(va, end) {
		e = EEXIST
	} else if !h.charge(r, end-va) {
		e = ENOMEM
	} else {
		h.link(r)
		for a := va; a < end; a += PageSize {
			p, f := h.entry(a, true)
			if p == nil {
				budget := Budget
				h.zap(va, end, &budget)
				h.uncharge(r, end-va)
				h.unlink(r)
				e = ENOMEM
				break
			}
			*p = pte | (pa + (a - va))
			f.live++
			h.resident++
		}
	}
	h.lock.Release()
	if e != OK {
		mem.regions.Free(r)
	}
	return e
}

// UnmapPinned takes out what one MapPinned put at va.
func (as *AddressSpace) UnmapPinned(va uint64) Errno {
	h := as.acquire(va)
	if h == nil {
		return EINVAL
	}
	r := h.find(va)
	if r == nil || r.start != va || r.flags&regPinned == 0 {
		h.lock.Release()
		return ENOENT
	}
	budget := 1 << 30 // pinned ranges are a few pages
	h.zap(r.start, r.end, &budget)
	h.uncharge(r, r.end-r.start)
	h.drop(r)
	h.lock.Release()
	return OK
}
