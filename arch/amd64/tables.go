package amd64

import "unsafe"

// Descriptor tables (Intel SDM volume 3, chapters 3, 6, 7). Selectors are
// Linux's: SYSCALL loads CS 0x10, SS 0x18; SYSRET loads SS 0x2b, CS 0x33. There
// is no 32-bit code segment (the slot at 0x20 is null) and no LDT.
const (
	selTSS = 0x40

	descCode   = 0x00af9b000000ffff // 64-bit code, accessed
	descData   = 0x00cf93000000ffff
	descUser   = 0x0000600000000000 // DPL 3
	gateIntr   = 0x8e               // present interrupt gate
	gateUser   = 0x60               // DPL 3
	starKernel = kernelCS
	starUser   = 0x20 | 3
)

// split64 is a 64-bit address at a 4-byte aligned place.
type split64 [2]uint32

func split(v uint64) split64 { return split64{uint32(v), uint32(v >> 32)} }

// tss is the 64-bit task state segment: stack pointers only. ist[n] is IST n+1.
type tss struct {
	_          uint32
	rsp0       split64
	rsp1, rsp2 split64
	_          [2]uint32
	ist        [7]split64
	_          [2]uint32
	_          uint16
	ioMap      uint16
}

var idt [256][2]uint64

// Stacks of their own, as IST numbers.
const (
	istNMI = 1 + iota
	istDB
	istMC
	istDF
)

func gate(target uint64, ist, dpl uint64) [2]uint64 {
	return [2]uint64{
		target&0xffff | kernelCS<<16 | ist<<32 | (gateIntr|dpl)<<40 | target>>16&0xffff<<48,
		target >> 32,
	}
}

// initIDT fills the table that all CPUs share. Vectors that have no gate fault
// with #NP or #GP.
func initIDT() {
	_, stubs, _ := entryPoints()
	for v := range numVectors {
		ist, dpl := uint64(0), uint64(0)
		switch v {
		case VecNMI:
			ist = istNMI
		case VecDB:
			ist = istDB
		case VecMC:
			ist = istMC
		case VecDF:
			ist = istDF
		case VecBP, VecOF:
			dpl = gateUser
		}
		idt[v] = gate(uint64(stubs)+uint64(v)*16, ist, dpl)
	}
	idt[vecFlush] = gate(uint64(stubs)+numVectors*16, 0, 0)
}

// entryPoints returns the addresses of the system call entry, of the first
// vector stub (they are 16 bytes apart; vecFlush's is behind the last) and of
// the place where an application processor comes to Go.
func entryPoints() (syscall, stubs, ap uintptr)

// loadTables puts CPU number i on its descriptor tables, GS base and system
// call entry. The current g is kept.
func loadTables(i int) {
	p := &cpus[i]
	p.gdt[kernelCS/8] = descCode
	p.gdt[kernelSS/8] = descData
	p.gdt[UserSS/8] = descData | descUser
	p.gdt[UserCS/8] = descCode | descUser
	base := uint64(uintptr(unsafe.Pointer(&p.tss)))
	limit := uint64(unsafe.Sizeof(p.tss)) - 1
	p.gdt[selTSS/8] = limit | base&0xffffff<<16 | 0x89<<40 | base>>24&0xff<<56
	p.gdt[selTSS/8+1] = base >> 32
	p.tss.ioMap = uint16(unsafe.Sizeof(p.tss)) // none

	loadGDT(&p.gdt[0], uint16(unsafe.Sizeof(p.gdt))-1)
	loadSelectors(selTSS)
	loadIDT(&idt[0], uint16(unsafe.Sizeof(idt))-1)
	setGS(&p.CPU)
	WriteMSR(msrKernelGSBase, 0)

	syscall, _, _ := entryPoints()
	WriteMSR(msrEFER, ReadMSR(msrEFER)|eferSCE|eferNXE)
	WriteMSR(msrSTAR, starKernel<<32|starUser<<48)
	WriteMSR(msrLSTAR, uint64(syscall))
	WriteMSR(msrSFMASK, sysFlags)
	// CSTAR needs compatibility mode, which no segment gives; SYSENTER faults
	// while its CS is null.
	WriteMSR(msrSysenterCS, 0)
}
