package image

import (
	"encoding/binary"

	"go42/boot/bootinfo"
)

// Layout of the boot segment, from bootinfo.BootPhys.
const (
	bootStart = bootinfo.BootPhys // 32-bit start code, GDT, note
	bootGDT   = bootinfo.BootPhys + 0x800
	bootNote  = bootinfo.BootPhys + 0xc00
	bootPML4  = bootinfo.BootPhys + 0x2000
	bootPDPT0 = bootinfo.BootPhys + 0x3000 // identity
	bootPDPT1 = bootinfo.BootPhys + 0x4000 // high half
	bootPD    = bootinfo.BootPhys + 0x5000 // four of them: 4 GiB
	bootSize  = bootinfo.BootEnd - bootinfo.BootPhys
)

// Bits of control registers and page-table entries (Intel SDM volume 3, 2.5
// and 4.5).
const (
	cr0PE = 1 << 0
	cr0MP = 1 << 1
	cr0ET = 1 << 4
	cr0NE = 1 << 5
	cr0WP = 1 << 16
	cr0PG = 1 << 31

	cr4PAE        = 1 << 5
	cr4OSFXSR     = 1 << 9
	cr4OSXMMEXCPT = 1 << 10

	msrEFER = 0xc0000080
	eferSCE = 1 << 0
	eferLME = 1 << 8
	eferNXE = 1 << 11

	pteP  = 1 << 0
	pteRW = 1 << 1
	ptePS = 1 << 7
	pteNX = 1 << 63

	selCode64 = 0x08
)

// bootSegment returns the bytes of the boot segment: the PVH entry point, which
// QEMU enters in 32-bit protected mode without paging and with EBX = physical
// address of hvm_start_info, a GDT, the boot page tables, and info.
//
// The tables map physical 0 to 4 GiB at its own address and, through the same
// page directory, physical 0 to 1 GiB at bootinfo.KernelBase, all writable; only
// the first GiB is executable. The kernel replaces them by its own, W^X ones.
func bootSegment(entry uint64, info []byte) []byte {
	seg := make([]byte, bootSize)
	at := func(phys int) []byte { return seg[phys-bootinfo.BootPhys:] }
	le := binary.LittleEndian

	copy(at(bootStart), start32(entry))

	// GDT: null, 64-bit code, data; behind it the pointer that LGDT reads.
	gdt := at(bootGDT)
	le.PutUint64(gdt[selCode64:], 0x00af9b000000ffff)
	le.PutUint64(gdt[0x10:], 0x00cf93000000ffff)
	le.PutUint16(gdt[0x20:], 0x17)
	le.PutUint32(gdt[0x22:], bootGDT)

	// The note QEMU looks for: name "Xen", type 18 (XEN_ELFNOTE_PHYS32_ENTRY).
	note := at(bootNote)
	le.PutUint32(note[0:], 4)
	le.PutUint32(note[4:], 8)
	le.PutUint32(note[8:], 18)
	copy(note[12:], "Xen\x00")
	le.PutUint64(note[16:], bootStart)

	copy(at(bootinfo.Phys), info)

	le.PutUint64(at(bootPML4)[0:], bootPDPT0|pteP|pteRW)
	le.PutUint64(at(bootPML4)[511*8:], bootPDPT1|pteP|pteRW)
	for i := range 4 {
		le.PutUint64(at(bootPDPT0)[i*8:], uint64(bootPD+i*0x1000)|pteP|pteRW)
	}
	le.PutUint64(at(bootPDPT1)[510*8:], bootPD|pteP|pteRW)
	for i := range 4 * 512 {
		le.PutUint64(at(bootPD)[i*8:], uint64(i)<<21|pteP|pteRW|ptePS)
	}
	for i := 1; i < 4; i++ {
		e := at(bootPDPT0)[i*8:]
		le.PutUint64(e, le.Uint64(e)|pteNX)
	}
	return seg
}

const noteSize = 24

// start32 emits the 32-bit start: long mode with paging, NX, write protection
// and SSE on, then a jump to entry with RDI = hvm_start_info.
func start32(entry uint64) []byte {
	var c code
	c.b(0xfa, 0xfc)                                            // cli; cld
	c.b(0x0f, 0x01, 0x15).d(bootGDT + 0x20)                    // lgdt [gdtptr]
	c.b(0xb8).d(cr4PAE | cr4OSFXSR | cr4OSXMMEXCPT)            // mov eax, ...
	c.b(0x0f, 0x22, 0xe0)                                      // mov cr4, eax
	c.b(0xb8).d(bootPML4)                                      // mov eax, pml4
	c.b(0x0f, 0x22, 0xd8)                                      // mov cr3, eax
	c.b(0xb9).d(msrEFER)                                       // mov ecx, EFER
	c.b(0x31, 0xd2)                                            // xor edx, edx
	c.b(0xb8).d(eferSCE | eferLME | eferNXE)                   // mov eax, ...
	c.b(0x0f, 0x30)                                            // wrmsr
	c.b(0xb8).d(cr0PE | cr0MP | cr0ET | cr0NE | cr0WP | cr0PG) // mov eax, ...
	c.b(0x0f, 0x22, 0xc0)                                      // mov cr0, eax
	c.b(0xea).d(bootStart + uint32(len(c)) + 6)                // jmp far code64:next
	c.b(selCode64, 0)
	c.b(0x31, 0xc0)                         // xor eax, eax
	c.b(0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0) // mov ds, es, ss = 0
	c.b(0x8e, 0xe0, 0x8e, 0xe8)             // mov fs, gs = 0
	c.b(0x89, 0xdf)                         // mov edi, ebx
	c.b(0x48, 0xb8).q(entry)                // movabs rax, entry
	c.b(0xff, 0xe0)                         // jmp rax
	return c
}

// code collects instruction bytes.
type code []byte

func (c *code) b(bs ...byte) *code { *c = append(*c, bs...); return c }
func (c *code) d(v uint32) *code   { *c = binary.LittleEndian.AppendUint32(*c, v); return c }
func (c *code) q(v uint64) *code   { *c = binary.LittleEndian.AppendUint64(*c, v); return c }
