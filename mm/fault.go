package mm

import "go42/ipc/abi"

// FaultResult is Fault's answer.
type FaultResult uint64

// Results of Fault; the errors are abi.TrapX.
const (
	FaultOK      FaultResult = 0
	FaultMapErr  FaultResult = abi.TrapMapErr
	FaultAccErr  FaultResult = abi.TrapAccErr
	FaultBus     FaultResult = abi.TrapBus
	FaultOOM     FaultResult = abi.TrapOOM
	FaultNoRoom  FaultResult = 9 // no memory for a page of a file: FaultBus to the program, if nobody gives way
	FaultPending FaultResult = 8 // a server must supply the page; the tag is in the upper 32 bits
)

// Code and Tag take a FaultResult apart.
func (r FaultResult) Code() FaultResult { return r & 0xff }

// Tag names the awaited page (FaultPending).
func (r FaultResult) Tag() uint32 { return uint32(r >> 32) }

// aroundPages is how many pages of an object a read fault maps at once, where
// they are in memory: an aligned block.
const aroundPages = 16

// aroundDepth is how many nodes above the leaf that looks at.
const aroundDepth = 4

// Fault resolves a page fault at va. user says that the access was made in
// ring 3 or on its behalf; nothing else may touch user memory.
func Fault(as *AddressSpace, va uint64, write, exec, user bool) FaultResult {
	if !user {
		return FaultMapErr
	}
	if write || as.stock != stockProgram {
		as.prepare()
	}
	h := as.acquire(va)
	if h == nil {
		return FaultMapErr
	}
	h, res := as.fault(h, va, write, exec)
	if h != nil {
		h.lock.Release()
	}
	return res
}

// fault is Fault with as's half h locked, which it still is if it is returned:
// if the result is FaultOK.
func (as *AddressSpace) fault(h *Half, va uint64, write, exec bool) (*Half, FaultResult) {
	res := h.fault(va, write, exec)
	if res == FaultOK {
		return h, res
	}
	h.lock.Release()
	if res != FaultOOM || !workWaits() {
		return nil, res
	}
	Work(Budget) // memory may be waiting to be freed
	if h = as.acquire(va); h == nil {
		return nil, FaultMapErr
	}
	if res = h.fault(va, write, exec); res == FaultOK {
		return h, res
	}
	h.lock.Release()
	return nil, res
}

// fault is Fault with h locked, which it may release meanwhile (flush).
func (h *Half) fault(va uint64, write, exec bool) FaultResult {
	va &^= pageMask
	r := h.find(va)
	if r == nil || va < r.start && !h.grow(r, va) {
		return FaultMapErr
	}
	if r.moveFrom > moveSource {
		return FaultMapErr // still being filled
	}
	need := uint8(abi.ProtRead | abi.ProtWrite | abi.ProtExec) // reading: any protection but none
	if write {
		need = abi.ProtWrite
	} else if exec {
		need = abi.ProtExec
	}
	if r.prot&need == 0 {
		return FaultAccErr
	}
	write = write || h.noZero && r.obj == nil && r.prot&abi.ProtWrite != 0
	e, f := h.entry(va, write)
	if e == nil {
		return FaultOOM
	}
	old := *e
	if old != 0 && (!write || old&pteWrite != 0) && (!exec || old&pteNX == 0) {
		return FaultOK // the way was not writable, or another CPU was faster
	}
	if r.flags&regPinned != 0 {
		return FaultAccErr
	}
	pte := uint64(ptePresent | pteUser | pteAccessed)
	if r.prot&abi.ProtExec == 0 {
		pte |= pteNX
	}
	var pa uint64
	if r.shared() {
		res := FaultOK
		if pa, res = r.obj.locked((r.off+(va-r.start))>>PageShift, h.acct, write); res != FaultOK {
			return res
		}
		// A clean page of a pager's is mapped to be read, so that the first
		// write is noticed.
		if r.prot&abi.ProtWrite != 0 && (write || r.obj.paging == nil) {
			pte |= pteWrite | pteDirty
		}
		if r.obj.kind == FCMDevice {
			pte |= pteCD | pteWT
		}
	} else {
		if write && old != 0 && !h.owns(va) {
			// What is mapped stays with the chain, or the object: nobody may
			// see it here any more when the page becomes another.
			*e = 0
			f.live--
			h.resident--
			old = 0
			fs := flushSet{}
			fs.add(va)
			h.flush(&fs)
		}
		own, res := false, FaultOK
		if pa, own, res = h.private(r, va, write); res != FaultOK {
			return res
		}
		pte |= ptePrivate
		if own && r.prot&abi.ProtWrite != 0 {
			pte |= pteWrite | pteDirty
		}
	}
	*e = pte | pa
	if old == 0 {
		f.live++
		h.resident++
		if !write && r.obj != nil {
			if !r.shared() {
				pte &^= pteWrite | pteDirty // the page itself may be the leaf's own
			}
			h.around(r, va, f, tableOf(e), pte)
		} else if h.ahead && write && r.obj == nil {
			h.behind(r, va, f, tableOf(e), pte)
		}
	} // else it is the same frame: CPUs with less permission fault, and look again
	return FaultOK
}

// owns says whether the leaf itself has va's page.
func (h *Half) owns(va uint64) bool {
	if h.leaf == nil {
		return false
	}
	h.leaf.lock.Acquire()
	e := h.leaf.index.get(va >> PageShift)
	h.leaf.lock.Release()
	return e&entPage != 0
}

// locked makes the page, for by, for a caller that does not hold the lock. write:
// the object itself is about to be written.
func (f *FCM) locked(i uint64, by *Account, write bool) (pa uint64, res FaultResult) {
	if f.phys() {
		return f.page(i, true, by)
	}
	if f.paging == nil {
		if pa = f.seen(i); pa != 0 {
			return pa, FaultOK
		}
	}
	f.lock.Acquire()
	if f.paging != nil {
		pa, res = f.paging.touched(i, write)
	} else {
		pa, res = f.page(i, true, by)
	}
	f.lock.Release()
	return
}

// private returns the frame of va in the private region r, for a write one
// that is the leaf's own.
func (h *Half) private(r *Region, va uint64, write bool) (pa uint64, own bool, res FaultResult) {
	i := va >> PageShift
	oi := (r.off + (va - r.start)) >> PageShift
	if r.obj != nil && oi >= (r.obj.Size()+pageMask)>>PageShift {
		return 0, false, FaultBus
	}
	leaf := h.leaf
	if write {
		if leaf == nil {
			var e Errno
			if leaf, e = newLeaf(h.acct); e != OK {
				return 0, false, FaultOOM
			}
			h.leaf = leaf
		}
		leaf.lock.Acquire()
		pa, res = leaf.claimOver(i, r.obj, oi)
		leaf.lock.Release()
		return pa, true, res
	}
	if leaf != nil {
		leaf.lock.Acquire()
		pa, own = leaf.lookup(i)
		leaf.lock.Release()
		if pa != 0 {
			return pa, own, FaultOK
		}
	}
	if r.obj != nil {
		pa, res = r.obj.locked(oi, h.acct, false)
		return pa, false, res
	}
	return mem.zero, false, FaultOK
}

// claimOver is claim where page oi of obj (if not nil) shows below the chain.
// obj's lock comes after the leaf's, as a parent's would.
func (leaf *FCM) claimOver(i uint64, obj *FCM, oi uint64) (pa uint64, res FaultResult) {
	if obj != nil {
		var own bool
		if pa, own = leaf.lookup(i); own {
			return pa, FaultOK
		}
	}
	switch {
	case obj == nil || pa != 0:
		pa = leaf.claim(i, 0)
	case obj.phys():
		below, _ := obj.page(oi, false, nil)
		pa = leaf.claim(i, below)
	default:
		if obj.paging == nil {
			if below := obj.seen(oi); below != 0 {
				pa = leaf.claim(i, below)
				break
			}
		}
		obj.lock.AcquireSecond()
		var below uint64
		below, res = obj.page(oi, obj.paging != nil, nil)
		if pa = 0; obj.paging == nil || res == FaultOK {
			pa = leaf.claim(i, below)
		}
		obj.lock.Release()
		if obj.paging != nil && res != FaultOK {
			return 0, res
		}
	}
	if pa == 0 {
		return 0, FaultOOM
	}
	return pa, FaultOK
}

// around maps what is in memory of the aligned block of pages of r's object
// around va, with the given entry flags; t is va's table, f describes it.
func (h *Half) around(r *Region, va uint64, f *frame, t *table, flags uint64) {
	lo0 := va &^ (aroundPages*PageSize - 1)
	lo, hi := max(lo0, r.start), min(lo0+aroundPages*PageSize, r.end)
	private := uint64(0) // pages of the block that the chain has, as a mask
	if leaf := h.leaf; !r.shared() && leaf != nil {
		leaf.lock.Acquire()
		var near bool
		if private, near = leaf.has(lo0 >> PageShift); !near {
			leaf.lock.Release()
			return
		}
	}
	o := r.obj
	if o.paging != nil {
		o.lock.AcquireSecond()
	}
	for a := lo; a < hi; a += PageSize {
		p := &t[a>>12&511]
		if *p != 0 || private>>(a>>PageShift%aroundPages)&1 != 0 {
			continue
		}
		i := (r.off + (a - r.start)) >> PageShift
		var pa uint64
		switch {
		case o.paging != nil:
			pa = o.awake(i)
		case o.phys():
			pa, _ = o.page(i, false, nil)
		default:
			pa = o.seen(i)
		}
		if pa != 0 {
			*p = pa | flags
			f.live++
			h.resident++
		}
	}
	if o.paging != nil {
		o.lock.Release()
	}
	if !r.shared() && h.leaf != nil {
		h.leaf.lock.Release()
	}
}

// has returns which pages of the aligned block of aroundPages from i on the
// chain has entries for; false: the chain is too long to look. The leaf is
// locked, so that no entry passes by the one that looks.
func (leaf *FCM) has(i uint64) (mask uint64, ok bool) {
	n := leaf
	for depth := 0; ; depth++ {
		if b := n.index.bottom(i); b != nil {
			mask |= b.used >> (i % nodeSlots) & (1<<aroundPages - 1)
		}
		up := n.parent
		if up != nil && depth < aroundDepth {
			up.lock.AcquireSecond()
		}
		if n != leaf {
			n.lock.Release()
		}
		if up == nil || depth == aroundDepth {
			return mask, up == nil
		}
		n = up
	}
}

// grow extends the region r, which grows down and lies above va, to va's page.
func (h *Half) grow(r *Region, va uint64) bool {
	if r.flags&regGrowsDown == 0 || va < r.growMin || va < h.lo {
		return false
	}
	if p := r.prev; p != nil && va < p.end+guardGap {
		return false
	}
	if !h.charge(r, r.start-va) {
		return false
	}
	h.setStart(r, va)
	return true
}
