package mm

import "unsafe"

// The kernel reaches user memory through the direct map only: a software walk
// of the page tables, and Fault where they do not have the page.

// CopyIn copies from user memory at va to dst; returns bytes copied (short: the
// next byte cannot be read, or 64 pages were done).
func CopyIn(as *AddressSpace, dst []byte, va uint64) int { return as.copy(va, dst, false) }

// CopyOut copies src to user memory at va; returns bytes copied.
func CopyOut(as *AddressSpace, va uint64, src []byte) int { return as.copy(va, src, true) }

func (as *AddressSpace) copy(va uint64, b []byte, write bool) int {
	done := 0
	for n := 0; n < maxCopyPages && done < len(b); n++ {
		h := as.half(va)
		if h == nil {
			break
		}
		pa := as.pin(h, va, write)
		if pa == 0 {
			break
		}
		page := pageBytes(pa &^ pageMask)[va&pageMask:]
		if write {
			page = page[:copy(page, b[done:])]
		} else {
			page = page[:copy(b[done:], page)]
		}
		h.lock.Release()
		done += len(page)
		va += uint64(len(page))
	}
	return done
}

// pin returns the physical address behind va, with h locked so that it stays;
// 0, with h not locked, if va cannot be accessed so.
func (as *AddressSpace) pin(h *Half, va uint64, write bool) uint64 {
	for try := 0; try < 3; try++ {
		h.lock.Acquire()
		if e := h.peek(va); e != 0 && (!write || e&pteWrite != 0) {
			return e&pteAddr | va&pageMask
		}
		h.lock.Release()
		if Fault(as, va, write, false, true) != FaultOK {
			break
		}
	}
	return 0
}

// CopyBetween copies n bytes from srcVA of src to dstVA of dst, at most 64
// pages a call, and returns bytes copied (short as for CopyIn).
func CopyBetween(dst *AddressSpace, dstVA uint64, src *AddressSpace, srcVA uint64, n uint64) uint64 {
	done := uint64(0)
	for i := 0; i < 2*maxCopyPages && done < n; i++ {
		hd, hs := dst.half(dstVA), src.half(srcVA)
		if hd == nil || hs == nil {
			break
		}
		c := min(n-done, PageSize-dstVA&pageMask, PageSize-srcVA&pageMask)
		if !copyWithin(dst, hd, dstVA, src, hs, srcVA, c) {
			break
		}
		done += c
		dstVA += c
		srcVA += c
	}
	return done
}

// copyWithin copies c bytes that cross no page bound on either side.
func copyWithin(dst *AddressSpace, hd *Half, dstVA uint64, src *AddressSpace, hs *Half, srcVA, c uint64) bool {
	for try := 0; try < 4; try++ {
		lockBoth(hd, hs)
		ed, es := hd.peek(dstVA), hs.peek(srcVA)
		wok, rok := ed&pteWrite != 0, es != 0
		if wok && rok {
			d := pageBytes(ed & pteAddr)[dstVA&pageMask:]
			copy(d[:c], pageBytes(es & pteAddr)[srcVA&pageMask:])
		}
		hd.lock.Release()
		if hs != hd {
			hs.lock.Release()
		}
		if wok && rok {
			return true
		}
		if !wok && Fault(dst, dstVA, true, false, true) != FaultOK ||
			!rok && Fault(src, srcVA, false, false, true) != FaultOK {
			return false
		}
	}
	return false
}

func lockBoth(a, b *Half) {
	if addressOf(a) > addressOf(b) {
		a, b = b, a
	}
	a.lock.Acquire()
	if a != b {
		b.lock.AcquireSecond()
	}
}

// ReadU64 reads an aligned word of user memory.
func ReadU64(as *AddressSpace, va uint64) (v uint64, ok bool) {
	h := as.half(va)
	if h == nil || va&7 != 0 {
		return 0, false
	}
	pa := as.pin(h, va, false)
	if pa == 0 {
		return 0, false
	}
	v = *wordAt(pa)
	h.lock.Release()
	return v, true
}

// WriteU64 writes an aligned word of user memory.
func WriteU64(as *AddressSpace, va uint64, v uint64) bool {
	h := as.half(va)
	if h == nil || va&7 != 0 {
		return false
	}
	pa := as.pin(h, va, true)
	if pa == 0 {
		return false
	}
	*wordAt(pa) = v
	h.lock.Release()
	return true
}

// Pin returns a pointer to n bytes of user memory at va, readable, and the half
// that is locked until Unpin, so that they stay; nil if they cross a page or
// cannot be read. What it points to may change at any time: ring 3 shares it.
func Pin(as *AddressSpace, va, n uint64) (unsafe.Pointer, *Half) {
	h := as.half(va)
	if h == nil || va&pageMask+n > PageSize {
		return nil, nil
	}
	pa := as.pin(h, va, false)
	if pa == 0 {
		return nil, nil
	}
	return ptr(pa), h
}

// Unpin ends what Pin began.
func (h *Half) Unpin() { h.lock.Release() }
