package amd64

import "unsafe"

// MemRange is a piece of the physical memory map; bytes. What is not Usable is
// reserved, ACPI's or bad.
type MemRange struct {
	Base, Size uint64
	Usable     bool
}

// Boot is what the loader handed over in hvm_start_info (Xen's PVH ABI,
// public/arch-x86/hvm/start_info.h), copied out of its way. Initramfs (-initrd; zero:
// none) still lies where the loader put it.
var Boot struct {
	Cmdline   []byte
	Memory    [64]MemRange
	NMemory   int
	Initramfs MemRange
	RSDP      uint64
}

var bootCmdline [2048]byte

const startMagic = 0x336ec578

// startInfo is hvm_start_info, version 1.
type startInfo struct {
	magic, version, flags, nmodules uint32
	modules, cmdline, rsdp, memmap  uint64
	memmapEntries, reserved         uint32
}

// parseStart copies the loader's information out of its way.
func parseStart(pa uint64) {
	b := physBytes(pa, uint64(unsafe.Sizeof(startInfo{})))
	if b == nil {
		panic("amd64: no PVH start information")
	}
	// Within b, and aligned as the loader must.
	s := (*startInfo)(unsafe.Pointer(unsafe.SliceData(b)))
	if s.magic != startMagic {
		panic("amd64: wrong magic number in the PVH start information")
	}
	Boot.RSDP = s.rsdp
	if s.cmdline != 0 {
		n := 0
		for c := physBytes(s.cmdline, uint64(len(bootCmdline))); n < len(c) && c[n] != 0; n++ {
			bootCmdline[n] = c[n]
		}
		Boot.Cmdline = bootCmdline[:n]
	}
	if s.nmodules > 0 {
		if m := physBytes(s.modules, 32); m != nil {
			Boot.Initramfs = MemRange{Base: le.Uint64(m), Size: le.Uint64(m[8:])}
		}
	}
	if s.version < 1 || int(s.memmapEntries) > len(Boot.Memory) {
		panic("amd64: no memory map, or too long a one")
	}
	m := physBytes(s.memmap, uint64(s.memmapEntries)*24)
	for ; len(m) > 0; m = m[24:] {
		const ram = 1
		Boot.Memory[Boot.NMemory] = MemRange{le.Uint64(m), le.Uint64(m[8:]), le.Uint32(m[16:]) == ram}
		Boot.NMemory++
	}
}
