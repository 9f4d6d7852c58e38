package amd64

import "unsafe"

// Features is what CPUID offers, as far as the kernel or a guest's /proc wants
// to know. Set by Init.
var Features struct {
	Vendor, Brand           [48]byte // NUL-padded
	Family, Model, Stepping uint32
	// Hypervisor is CPUID's signature of one, zero if none.
	Hypervisor [12]byte

	XSAVE, XSAVEOPT, AVX, AVX512 bool
	FSGSBase, SMEP, SMAP, UMIP   bool
	NX, Page1G, PCID, X2APIC     bool
	TSCDeadline, InvariantTSC    bool
	RDRAND, RDTSCP, ERMS         bool

	// XCR0 is what the vector images hold; 0 without XSAVE. XSaveSize is an
	// image's size in bytes (512 without XSAVE), at most a page.
	XCR0      uint64
	XSaveSize uint64

	// PhysBits is the width of physical addresses.
	PhysBits uint32
}

const (
	xcrX87    = 1 << 0
	xcrSSE    = 1 << 1
	xcrAVX    = 1 << 2
	xcrAVX512 = 7 << 5

	mxcsrInit = 0x1f80
	fcwInit   = 0x37f
)

// For assembly: whether XSAVE is used, and the 64-byte aligned image of the
// initial vector state (an XSAVE header that names no component; MXCSR and FCW
// are set for XRSTOR and FXRSTOR).
var (
	haveXSave bool
	initImage uintptr
	initSpace [1024 + 64]byte
)

// smapBroken deals with a page fault that ring 3 caused by an access of the
// processor's own. QEMU's TCG before 9.1 has IRETQ in ring 3 read its stack as
// the supervisor, which SMAP forbids: SMAP goes off on this CPU then, and the
// instruction is to be tried again. Elsewhere there is no such fault.
func smapBroken() bool {
	v := ReadCR4()
	if v&cr4SMAP == 0 || string(Features.Hypervisor[:]) != "TCGTCGTCGTCG" {
		return false
	}
	WriteCR4(v &^ cr4SMAP)
	Features.SMAP = false
	return true
}

func has(word uint32, bit uint) bool { return word>>bit&1 != 0 }

func putWords(b []byte, words ...uint32) {
	for i, w := range words {
		for j := range 4 {
			b[4*i+j] = byte(w >> (8 * j))
		}
	}
}

// detect reads CPUID.
func detect() {
	f := &Features
	max, b, c, d := CPUID(0, 0)
	putWords(f.Vendor[:12], b, d, c)
	a, _, c1, _ := CPUID(1, 0)
	f.Stepping = a & 15
	f.Model = a >> 4 & 15
	f.Family = a >> 8 & 15
	if f.Family == 6 || f.Family == 15 {
		f.Model |= a >> 16 & 15 << 4
	}
	if f.Family == 15 {
		f.Family += a >> 20 & 0xff
	}
	f.PCID = has(c1, 17)
	f.X2APIC = has(c1, 21)
	f.TSCDeadline = has(c1, 24)
	f.XSAVE = has(c1, 26)
	f.AVX = f.XSAVE && has(c1, 28)
	f.RDRAND = has(c1, 30)
	if has(c1, 31) {
		_, b, c, d := CPUID(0x40000000, 0)
		putWords(f.Hypervisor[:], b, c, d)
	}
	if max >= 7 {
		_, b, c, _ := CPUID(7, 0)
		f.FSGSBase = has(b, 0)
		f.SMEP = has(b, 7)
		f.ERMS = has(b, 9)
		f.AVX512 = f.AVX && has(b, 16)
		f.SMAP = has(b, 20)
		f.UMIP = has(c, 2)
	}
	ext, _, _, _ := CPUID(0x80000000, 0)
	f.PhysBits = 36
	if ext >= 0x80000001 {
		_, _, _, d := CPUID(0x80000001, 0)
		f.NX = has(d, 20)
		f.Page1G = has(d, 26)
		f.RDTSCP = has(d, 27)
	}
	if ext >= 0x80000004 {
		for i := range uint32(3) {
			a, b, c, d := CPUID(0x80000002+i, 0)
			putWords(f.Brand[16*i:], a, b, c, d)
		}
	}
	if ext >= 0x80000007 {
		_, _, _, d := CPUID(0x80000007, 0)
		f.InvariantTSC = has(d, 8)
	}
	if ext >= 0x80000008 {
		a, _, _, _ := CPUID(0x80000008, 0)
		f.PhysBits = a & 0xff
	}
}

// enable sets the control registers of the CPU that executes it.
func enable() {
	f := &Features
	WriteCR0(ReadCR0()&^(cr0EM|cr0TS) | cr0MP | cr0NE | cr0WP | cr0AM)
	v := ReadCR4()&^(cr4TSD|cr4PCE|cr4PCIDE|cr4PKE) | cr4PAE | cr4PGE | cr4MCE | cr4OSFXSR | cr4OSXMMEXCPT | cr4FSGSBASE
	if f.SMEP {
		v |= cr4SMEP
	}
	if f.SMAP {
		v |= cr4SMAP
	}
	if f.UMIP {
		v |= cr4UMIP
	}
	if f.XSAVE {
		v |= cr4OSXSAVE
	}
	WriteCR4(v)
	if f.XSAVE {
		setXCR0(f.XCR0)
	}
}

// chooseXCR0 decides what the vector images hold, for all CPUs.
func chooseXCR0() {
	f := &Features
	f.XSaveSize = 512
	if !f.XSAVE {
		return
	}
	f.XCR0 = xcrX87 | xcrSSE
	if f.AVX {
		f.XCR0 |= xcrAVX
	}
	lo, _, _, hi := CPUID(0xd, 0)
	f.XCR0 &= uint64(hi)<<32 | uint64(lo)
	if f.AVX512 && lo&xcrAVX512 == xcrAVX512 {
		f.XCR0 |= xcrAVX512
	}
	a, _, _, _ := CPUID(0xd, 1)
	f.XSAVEOPT = has(a, 0)
}

// initVectors finds out how large an image is, once XCR0 is set, and makes the
// initial one.
func initVectors() {
	f := &Features
	if f.XSAVE {
		_, size, _, _ := CPUID(0xd, 0)
		f.XSaveSize = uint64(size)
		if size > PageSize {
			panic("amd64: the vector state does not fit a page")
		}
		haveXSave = true
	}
	initImage = (uintptr(unsafe.Pointer(&initSpace)) + 63) &^ 63
	image := (*[512]byte)(unsafe.Pointer(initImage)) // within initSpace
	image[0], image[1] = fcwInit&0xff, fcwInit>>8
	image[24], image[25] = mxcsrInit&0xff, mxcsrInit>>8
}
