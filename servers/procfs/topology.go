package procfs

import "math/bits"

// place is where a CPU is, as its APIC id says: the package, the core within it.
type place struct{ pkg, core uint32 }

// shifts are how many low bits of an APIC id tell threads of a core apart, and
// threads and cores of a package. All processors are alike.
func shifts() (smt, pkg uint) {
	top, vendor, _, _ := cpuid(0, 0)
	if top >= 0xb {
		if a, b, _, _ := cpuid(0xb, 0); b != 0 {
			smt = uint(a & 31)
			pkg = smt
			if a, b, _, _ := cpuid(0xb, 1); b != 0 {
				pkg = max(smt, uint(a&31))
			}
			return smt, pkg
		}
	}
	_, b1, _, d1 := cpuid(1, 0)
	if d1>>28&1 == 0 {
		return 0, 0
	}
	threads, cores := b1>>16&255, uint32(1)
	const intel = 0x756e6547 // "Genu"
	if ext, _, _, _ := cpuid(0x80000000, 0); vendor == intel && top >= 4 {
		a, _, _, _ := cpuid(4, 0)
		cores = a>>26 + 1
	} else if vendor != intel && ext >= 0x80000008 {
		_, _, c, _ := cpuid(0x80000008, 0)
		cores = c&255 + 1
	}
	pkg = uint(bits.Len32(max(threads, 1) - 1))
	return pkg - min(pkg, uint(bits.Len32(cores-1))), pkg
}

// places are where CPUs 0 to n-1 are.
func (s *Server) places() []place {
	smt, pkg := shifts()
	l := make([]place, s.cpus())
	for i := range l {
		id := uint32(s.machine.CPUInfo(i).APIC)
		l[i] = place{id >> pkg, id & (1<<pkg - 1) >> smt}
	}
	return l
}

// among are the CPUs for which f holds.
func among(l []place, f func(p place) bool) (set uint64) {
	for i, p := range l {
		if f(p) {
			set |= 1 << i
		}
	}
	return set
}

// sameCore and samePackage are the CPUs that share a core, a package, with CPU n.
func sameCore(l []place, n int) uint64 { return among(l, func(p place) bool { return p == l[n] }) }
func samePackage(l []place, n int) uint64 {
	return among(l, func(p place) bool { return p.pkg == l[n].pkg })
}

// coresOf is how many cores with a CPU the package of CPU n has.
func coresOf(l []place, n int) int {
	seen := map[place]bool{}
	for _, p := range l {
		if p.pkg == l[n].pkg {
			seen[p] = true
		}
	}
	return len(seen)
}
