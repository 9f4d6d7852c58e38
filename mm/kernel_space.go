package mm

// KernelSpec describes what the kernel's own tables map. Physical ranges are
// page aligned; text, rodata and data are the image's, in any order.
type KernelSpec struct {
	RAMTop             uint64      // the direct map covers [0, RAMTop)
	DirectVA           uint64      // of physical address 0
	ImageVA            uint64      // the image appears at ImageVA + physical
	TextLo, TextHi     uint64      // read and execute
	RodataLo, RodataHi uint64      // read
	DataLo, DataHi     uint64      // read and write
	MMIO               []PhysRange // mapped uncached in the direct map
	GigaPages          bool        // the processor has 1 GiB pages
}

// BuildKernelSpace makes the kernel's tables and returns the root, which is
// not loaded; its upper half becomes the template of all later address spaces.
// Nothing is both writable and executable: all of the direct map is NX, and its
// alias of text and rodata read-only. ENOMEM: out of frames.
func BuildKernelSpace(s *KernelSpec) (root uint64, e Errno) {
	root, ok := AllocFrame(nil, KindKernel)
	if !ok {
		return 0, ENOMEM
	}
	const rw = ptePresent | pteWrite | pteNX | pteGlobal | pteAccessed | pteDirty
	const ro = ptePresent | pteNX | pteGlobal | pteAccessed
	const rx = ptePresent | pteGlobal | pteAccessed
	top := (s.RAMTop + span2 - 1) &^ (span2 - 1)
	for pa := uint64(0); pa < top; {
		size, flags := uint64(span2), uint64(rw|pteHuge)
		switch {
		case s.GigaPages && pa&(span3-1) == 0 && pa+span3 <= top && !s.special(pa, pa+span3):
			size = span3
		case s.special(pa&^(span2-1), pa&^(span2-1)+span2):
			size, flags = span1, rw
			if s.readOnly(pa) {
				flags = ro
			}
			if s.isMMIO(pa) {
				flags = rw | pteCD | pteWT
			}
		}
		if !kernelMap(root, s.DirectVA+pa, pa, size, flags) {
			return 0, ENOMEM
		}
		pa += size
	}
	for _, r := range s.MMIO {
		for pa := max(r.Base&^pageMask, top); pa < r.Base+r.Size; pa += PageSize {
			if !kernelMap(root, s.DirectVA+pa, pa, span1, rw|pteCD|pteWT) {
				return 0, ENOMEM
			}
		}
	}
	for _, p := range [3]struct{ lo, hi, flags uint64 }{
		{s.TextLo, s.TextHi, rx}, {s.RodataLo, s.RodataHi, ro}, {s.DataLo, s.DataHi, rw},
	} {
		for pa := p.lo; pa < p.hi; pa += PageSize {
			if !kernelMap(root, s.ImageVA+pa, pa, span1, p.flags) {
				return 0, ENOMEM
			}
		}
	}
	mem.rootTmpl = root
	return root, OK
}

// SetKernelRoot makes the upper half of the tables at root, built elsewhere,
// the template of all later address spaces.
func SetKernelRoot(root uint64) { mem.rootTmpl = root }

// special says whether [lo, hi) needs single pages: read-only or uncached ones.
func (s *KernelSpec) special(lo, hi uint64) bool {
	if lo < s.TextHi && s.TextLo < hi || lo < s.RodataHi && s.RodataLo < hi {
		return true
	}
	for _, r := range s.MMIO {
		if lo < r.Base+r.Size && r.Base < hi {
			return true
		}
	}
	return false
}

func (s *KernelSpec) readOnly(pa uint64) bool {
	return pa >= s.TextLo && pa < s.TextHi || pa >= s.RodataLo && pa < s.RodataHi
}

func (s *KernelSpec) isMMIO(pa uint64) bool {
	for _, r := range s.MMIO {
		if pa+PageSize > r.Base && pa < r.Base+r.Size {
			return true
		}
	}
	return false
}

// kernelMap enters one page of the given size (span1, span2 or span3).
func kernelMap(root, va, pa, size, flags uint64) bool {
	t := tableAt(root)
	for span := uint64(span4); span > size; span /= 512 {
		p := &t[va/span&511]
		if *p == 0 {
			n, ok := AllocFrame(nil, KindKernel)
			if !ok {
				return false
			}
			*p = n | ptePresent | pteWrite
		}
		t = tableAt(*p & pteAddr)
	}
	t[va/size&511] = pa | flags
	return true
}
