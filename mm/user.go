package mm

import (
	"sync/atomic"
	"unsafe"
)

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
		var h *Half
		pa := as.view(viewTo, va, write)
		if pa == 0 {
			if h, pa = as.pin(va, write); h == nil {
				break
			}
		}
		page := userBytes(pa)
		if write {
			page = page[:userCopy(page, b[done:])]
		} else {
			page = page[:userCopy(b[done:], page)]
		}
		if h != nil {
			h.lock.Release()
		} else {
			endView(viewTo)
		}
		done += len(page)
		va += uint64(len(page))
	}
	return done
}

// pin returns the physical address behind va and its half, locked so that it
// stays; nil if va cannot be accessed so.
func (as *AddressSpace) pin(va uint64, write bool) (*Half, uint64) {
	if write {
		as.prepare()
	}
	h := as.acquire(va)
	if h == nil {
		return nil, 0
	}
	e := h.peek(va)
	if e == 0 || write && e&pteWrite == 0 {
		c := &mem.cpus[cpuID()]
		c.copying = true
		h, _ = as.fault(h, va, write, false)
		c.copying = false
		if h == nil {
			return nil, 0
		}
		e = h.peek(va)
	}
	return h, e&pteAddr | va&pageMask
}

// CopyBetween copies n bytes from srcVA of src to dstVA of dst, at most 64
// pages a call, and returns bytes copied (short as for CopyIn).
func CopyBetween(dst *AddressSpace, dstVA uint64, src *AddressSpace, srcVA uint64, n uint64) uint64 {
	done := uint64(0)
	for i := 0; i < 2*maxCopyPages && done < n; i++ {
		c := min(n-done, PageSize-dstVA&pageMask, PageSize-srcVA&pageMask)
		if !copyWithin(dst, dstVA, src, srcVA, c) {
			break
		}
		done += c
		dstVA += c
		srcVA += c
	}
	return done
}

// copyWithin copies c bytes that cross no page bound on either side. false: one of
// them cannot be accessed. Neither half is locked but by the faults, as far as that
// will do.
func copyWithin(dst *AddressSpace, dstVA uint64, src *AddressSpace, srcVA, c uint64) bool {
	for try := 0; try < 8; try++ {
		d, s := dst.view(viewTo, dstVA, true), src.view(viewFrom, srcVA, false)
		if d != 0 && s != 0 {
			userCopy(userBytes(d)[:c], userBytes(s))
		}
		if d != 0 {
			endView(viewTo)
		}
		if s != 0 {
			endView(viewFrom)
		}
		if d != 0 && s != 0 {
			return true
		}
		if d == 0 && !copyFault(dst, dstVA, true) || s == 0 && !copyFault(src, srcVA, false) {
			return false
		}
	}
	// Others keep taking the pages away: one side after the other, which locks it.
	var b [256]byte
	for n := uint64(0); c > 0; c -= n {
		n = min(c, uint64(len(b)))
		if CopyIn(src, b[:n], srcVA) != int(n) || CopyOut(dst, dstVA, b[:n]) != int(n) {
			return false
		}
		dstVA, srcVA = dstVA+n, srcVA+n
	}
	return true
}

// copyFault is Fault for a copy of the kernel's.
func copyFault(as *AddressSpace, va uint64, write bool) bool {
	c := &mem.cpus[cpuID()]
	c.copying = true
	r := Fault(as, va, write, false, true)
	c.copying = false
	return r == FaultOK
}

// ReadU64 reads an aligned word of user memory.
func ReadU64(as *AddressSpace, va uint64) (v uint64, ok bool) {
	if va&7 != 0 {
		return 0, false
	}
	if pa := as.view(viewFrom, va, false); pa != 0 {
		v = userLoad(pa)
		endView(viewFrom)
		return v, true
	}
	h, pa := as.pin(va, false)
	if h == nil {
		return 0, false
	}
	v = userLoad(pa)
	h.lock.Release()
	return v, true
}

// WriteU64 writes an aligned word of user memory.
func WriteU64(as *AddressSpace, va uint64, v uint64) bool {
	if va&7 != 0 {
		return false
	}
	if pa := as.view(viewTo, va, true); pa != 0 {
		userStore(pa, v)
		endView(viewTo)
		return true
	}
	h, pa := as.pin(va, true)
	if h == nil {
		return false
	}
	userStore(pa, v)
	h.lock.Release()
	return true
}

// Pin returns a pointer to n bytes of user memory at va, readable, that stay until
// Unpin of the half returned; nil if they cross a page or cannot be read. What it
// points to may change at any time: ring 3 shares it. Until Unpin the CPU waits
// for nobody and calls nothing else of this package.
func Pin(as *AddressSpace, va, n uint64) (unsafe.Pointer, *Half) {
	if va&pageMask+n > PageSize {
		return nil, nil
	}
	if pa := as.view(viewPin, va, false); pa != 0 {
		return ptr(pa), as.half(va)
	}
	h, pa := as.pin(va, false)
	if h == nil {
		return nil, nil
	}
	return ptr(pa), h
}

// Unpin ends what Pin began.
func (h *Half) Unpin() {
	p := &mem.cpus[cpuID()].views[viewPin]
	if *p == addressOf(h) {
		atomic.StoreUintptr(p, 0)
	} else {
		h.lock.Release()
	}
}
