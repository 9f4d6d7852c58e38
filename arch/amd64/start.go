package amd64

import "unsafe"

// Memory types of the loader's map (as E820).
const (
	MemRAM      = 1
	MemReserved = 2
	MemACPI     = 3
	MemNVS      = 4
	MemBad      = 5
)

// MemRange is a piece of the physical memory map; bytes.
type MemRange struct {
	Addr, Size uint64
	Type       uint32
}

// StartModule is a file that the loader put into memory.
type StartModule struct{ Addr, Size uint64 }

// Boot is what the loader handed over in hvm_start_info (Xen's PVH ABI,
// public/arch-x86/hvm/start_info.h). The slices are over static memory; module
// contents and nothing else still lie in the loader's.
var Boot struct {
	Cmdline []byte
	Memory  []MemRange
	Modules []StartModule // -initrd is the first
	RSDP    uint64
	// End is behind all that the loader placed: start info, map, strings, modules.
	End uint64
}

var (
	bootCmdline [2048]byte
	bootMemory  [128]MemRange
	bootModules [8]StartModule
)

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
	end := pa + uint64(len(b))
	cover := func(a, n uint64) { end = max(end, a+n) }

	Boot.RSDP = s.rsdp
	if s.cmdline != 0 {
		n := 0
		for c := physBytes(s.cmdline, uint64(len(bootCmdline))); n < len(c) && c[n] != 0; n++ {
			bootCmdline[n] = c[n]
		}
		Boot.Cmdline = bootCmdline[:n]
		cover(s.cmdline, uint64(n)+1)
	}
	nm := min(int(s.nmodules), len(bootModules))
	for i, m := 0, physBytes(s.modules, uint64(nm)*32); i < nm && m != nil; i++ {
		e := m[i*32:]
		bootModules[i] = StartModule{le.Uint64(e), le.Uint64(e[8:])}
		Boot.Modules = bootModules[:i+1]
		cover(bootModules[i].Addr, bootModules[i].Size)
	}
	cover(s.modules, uint64(nm)*32)
	if s.version >= 1 {
		n := min(int(s.memmapEntries), len(bootMemory))
		for i, m := 0, physBytes(s.memmap, uint64(n)*24); i < n && m != nil; i++ {
			e := m[i*24:]
			bootMemory[i] = MemRange{le.Uint64(e), le.Uint64(e[8:]), le.Uint32(e[16:])}
			Boot.Memory = bootMemory[:i+1]
		}
		cover(s.memmap, uint64(n)*24)
	}
	Boot.End = end
}
