package main

// vdso finds a function of the vDSO by name (with its NUL), or 0.
func vdso(name string) uintptr {
	base := auxiliary(33) // AT_SYSINFO_EHDR
	if base == 0 {
		return 0
	}
	at := func(a uintptr) uintptr { return *(*uintptr)(ptr(a)) }
	half := func(a uintptr) uintptr { return uintptr(*(*uint16)(ptr(a))) }
	word := func(a uintptr) uintptr { return uintptr(*(*uint32)(ptr(a))) }
	// Program headers: the first PT_LOAD gives the bias, PT_DYNAMIC the rest.
	var dyn, bias uintptr
	found := false
	for i, p := uintptr(0), base+at(base+32); i < half(base+56); i, p = i+1, p+half(base+54) {
		switch word(p) {
		case 1:
			if !found {
				bias, found = base+at(p+8)-at(p+16), true
			}
		case 2:
			dyn = base + at(p+8)
		}
	}
	if dyn == 0 {
		return 0
	}
	var strs, syms, hash uintptr
	for ; at(dyn) != 0; dyn += 16 {
		switch v := bias + at(dyn+8); at(dyn) {
		case 4:
			hash = v
		case 5:
			strs = v
		case 6:
			syms = v
		}
	}
	if hash == 0 {
		return 0
	}
	for i := uintptr(0); i < word(hash+4); i++ {
		s := syms + i*24
		if half(s+6) != 0 && same(strs+word(s), name[:len(name)-1]) {
			return bias + at(s+8)
		}
	}
	return 0
}
