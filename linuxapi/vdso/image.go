// Package vdso makes the image of the virtual shared object: a small ELF whose
// functions answer clock_gettime, gettimeofday, time and getcpu from the kernel's
// pages, without a system call. It is position
// independent and mapped read-only and executable in the program half.
//
// A clock that the page does not hold goes to a real system call, whose
// instruction lies in the copy, hence outside the libOS's text, and is reflected
// like any other.
package vdso

import "unsafe"

// Size is the room that Build wants: one page.
const Size = 4096

func code() (clock, day, time, cpu, end uintptr)

const (
	phOff   = 64
	nph     = 2
	strOff  = phOff + nph*56
	nsym    = 5
	strings = "\x00__vdso_clock_gettime\x00__vdso_gettimeofday\x00__vdso_time\x00__vdso_getcpu\x00LINUX_2.6\x00linux-vdso.so.1\x00" +
		".dynstr\x00.dynsym\x00.hash\x00.gnu.version\x00.gnu.version_d\x00.dynamic\x00.text\x00"

	nameClock = 1
	nameDay   = nameClock + 21
	nameTime  = nameDay + 20
	nameCPU   = nameTime + 12
	nameVer   = nameCPU + 14
	nameSo    = nameVer + 10
	secStr    = nameSo + 16
	secSym    = secStr + 8
	secHash   = secSym + 8
	secVer    = secHash + 6
	secDef    = secVer + 13
	secDyn    = secDef + 15
	secText   = secDyn + 9

	symOff  = (strOff + len(strings) + 7) &^ 7
	hashOff = symOff + nsym*24
	verOff  = hashOff + (2+1+nsym)*4
	defOff  = (verOff + nsym*2 + 7) &^ 7
	dynOff  = (defOff + 2*28 + 7) &^ 7
	ndyn    = 10
	textOff = (dynOff + ndyn*16 + 31) &^ 31
	nsec    = 8
	secOff  = Size - nsec*64
)

// writer fills the page.
type writer struct {
	b *[Size]byte
	p int
}

func (w *writer) put(n int, v uint64) {
	for i := 0; i < n; i++ {
		w.b[w.p+i] = byte(v >> (8 * i))
	}
	w.p += n
}

func (w *writer) u16(v uint64) { w.put(2, v) }
func (w *writer) u32(v uint64) { w.put(4, v) }
func (w *writer) u64(v uint64) { w.put(8, v) }

func (w *writer) pair(a, b uint64) {
	w.u64(a)
	w.u64(b)
}

func hash(s string) uint64 {
	h := uint32(0)
	for i := 0; i < len(s); i++ {
		h = h<<4 + uint32(s[i])
		g := h & 0xf0000000
		h ^= g>>24 ^ g
	}
	return uint64(h)
}

// Build writes the image into b, which must be zero.
func Build(b *[Size]byte) {
	clock, day, time, cpu, end := code()
	n := int(end - clock)
	text := unsafe.Slice(*(**byte)(unsafe.Pointer(&clock)), n)
	copy(b[textOff:secOff], text)
	copy(b[strOff:], strings)
	w := writer{b: b}

	// ELF header.
	w.u64(0x00010102464c457f)
	w.u64(0)
	w.u16(3)
	w.u16(62)
	w.u32(1)
	w.u64(0)
	w.u64(phOff)
	w.u64(secOff)
	w.u32(0)
	w.u16(64)
	w.u16(56)
	w.u16(nph)
	w.u16(64)
	w.u16(nsec)
	w.u16(1)
	// PT_LOAD r-x, PT_DYNAMIC.
	for _, p := range [nph][5]uint64{{1, 5, 0, Size, 0x1000}, {2, 4, uint64(dynOff), ndyn * 16, 8}} {
		w.u32(p[0])
		w.u32(p[1])
		w.u64(p[2])
		w.u64(p[2])
		w.u64(p[2])
		w.u64(p[3])
		w.u64(p[3])
		w.u64(p[4])
	}

	w.p = symOff + 24
	for _, s := range [4][3]uint64{
		{nameClock, uint64(clock), uint64(day)}, {nameDay, uint64(day), uint64(time)},
		{nameTime, uint64(time), uint64(cpu)}, {nameCPU, uint64(cpu), uint64(end)},
	} {
		w.u32(s[0])
		w.u16(0x12) // GLOBAL FUNC
		w.u16(7)    // .text
		w.u64(uint64(textOff) + s[1] - uint64(clock))
		w.u64(s[2] - s[1])
	}
	// One bucket, one chain.
	w.p = hashOff
	w.u32(1)
	w.u32(nsym)
	w.u32(1)
	for _, c := range [nsym]uint64{0, 2, 3, 4, 0} {
		w.u32(c)
	}
	w.p = verOff
	w.u16(0)
	for i := 1; i < nsym; i++ {
		w.u16(2)
	}
	w.p = defOff
	verdef(&w, 1, 1, nameSo, hash("linux-vdso.so.1"), 28)
	verdef(&w, 0, 2, nameVer, hash("LINUX_2.6"), 0)

	w.p = dynOff
	w.pair(14, nameSo) // SONAME
	w.pair(4, uint64(hashOff))
	w.pair(5, strOff)
	w.pair(6, uint64(symOff))
	w.pair(10, uint64(len(strings)))
	w.pair(11, 24)
	w.pair(0x6ffffff0, uint64(verOff))
	w.pair(0x6ffffffc, uint64(defOff))
	w.pair(0x6ffffffd, 2)
	w.pair(0, 0)

	w.p = secOff + 64
	for _, s := range [nsec - 1][8]uint64{
		{secStr, 3, 2, strOff, uint64(len(strings)), 0, 0, 0},
		{secSym, 11, 2, uint64(symOff), nsym * 24, 1, 1, 24},
		{secHash, 5, 2, uint64(hashOff), (3 + nsym) * 4, 2, 0, 4},
		{secVer, 0x6fffffff, 2, uint64(verOff), nsym * 2, 2, 0, 2},
		{secDef, 0x6ffffffd, 2, uint64(defOff), 56, 1, 2, 0},
		{secDyn, 6, 2, uint64(dynOff), ndyn * 16, 1, 0, 16},
		{secText, 1, 6, uint64(textOff), uint64(n), 0, 0, 0},
	} {
		w.u32(s[0])
		w.u32(s[1])
		w.u64(s[2])
		w.u64(s[3])
		w.u64(s[3])
		w.u64(s[4])
		w.u32(s[5])
		w.u32(s[6])
		w.u64(8)
		w.u64(s[7])
	}
}

func verdef(w *writer, flags, ndx, name, hash, next uint64) {
	w.u16(1)
	w.u16(flags)
	w.u16(ndx)
	w.u16(1)
	w.u32(hash)
	w.u32(20)
	w.u32(next)
	w.u32(name)
	w.u32(0)
}
