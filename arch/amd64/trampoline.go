package amd64

import "unsafe"

// An application processor starts in real mode at a page below 1 MiB. The code
// here is copied there; it goes to protected mode and on to long mode under
// page tables of its own, which show the upper half of the kernel's and this
// one page at its own address, and jumps to apEntry. Behind it lie these tables.
const (
	lowPage = 0x8000 // page number 8 is the startup IPI's vector
	lowRoot = 0x9000
	lowPDPT = 0xa000
	lowPD   = 0xb000
	lowPT   = 0xc000
	lowEnd  = 0xd000

	lowGDT    = 0x100 // in the page: descriptors, then LGDT's operand
	lowGDTR   = lowGDT + 0x20
	lowParams = 0x200

	lowCode32 = 0x08
	lowData32 = 0x10
	lowCode64 = 0x18

	descCode32 = 0x00cf9b000000ffff

	trampCR0 = cr0PE | cr0MP | cr0ET | cr0NE | cr0WP | cr0PG
	trampCR4 = cr4PAE | cr4OSFXSR | cr4OSXMMEXCPT
	cr0ET    = 1 << 4
	cr0PG    = 1 << 31
	eferLME  = 1 << 8
)

// apParams is what apEntry finds at lowParams.
type apParams struct {
	entry uint64 // apEntry
	stack uint64 // top of the CPU's kernel stack
	cpu   uint64 // its GS base
}

// Offsets of the places that code jumps to.
const (
	at32 = 0x20
	at64 = 0x58
)

var trampoline = [...]byte{
	// 16 bits, CS:IP = 0x800:0.
	0xfa,       // cli
	0xfc,       // cld
	0x8c, 0xc8, // mov ax, cs
	0x8e, 0xd8, // mov ds, ax
	0x66, 0x0f, 0x01, 0x16, lowGDTR & 0xff, lowGDTR >> 8, // lgdt [lowGDTR], 32-bit base
	0x0f, 0x20, 0xc0, // mov eax, cr0
	0x0c, cr0PE, // or al, PE
	0x0f, 0x22, 0xc0, // mov cr0, eax
	0x66, 0xea, at32, lowPage >> 8, 0, 0, lowCode32, 0, // jmp code32:at32, 32-bit offset
	0x90, 0x90, 0x90, 0x90, // nop

	// at32: 32 bits, no paging.
	0xb8, lowData32, 0, 0, 0, // mov eax, data32
	0x8e, 0xd8, // mov ds, eax
	0xb8, trampCR4 & 0xff, trampCR4 >> 8 & 0xff, trampCR4 >> 16 & 0xff, trampCR4 >> 24, // mov eax, trampCR4
	0x0f, 0x22, 0xe0, // mov cr4, eax
	0xb8, lowRoot & 0xff, lowRoot >> 8, 0, 0, // mov eax, lowRoot
	0x0f, 0x22, 0xd8, // mov cr3, eax
	0xb9, 0x80, 0x00, 0x00, 0xc0, // mov ecx, EFER
	0x31, 0xd2, // xor edx, edx
	0xb8, eferSCE, (eferLME | eferNXE) >> 8, 0, 0, // mov eax, SCE | LME | NXE
	0x0f, 0x30, // wrmsr
	0xb8, trampCR0 & 0xff, trampCR0 >> 8 & 0xff, trampCR0 >> 16 & 0xff, trampCR0 >> 24, // mov eax, trampCR0
	0x0f, 0x22, 0xc0, // mov cr0, eax: long mode, compatible
	0xea, at64, lowPage >> 8, 0, 0, lowCode64, 0, // jmp code64:at64
	0x90, 0x90, 0x90, 0x90, // nop

	// at64: 64 bits.
	0x31, 0xc0, // xor eax, eax
	0x8e, 0xd8, // mov ds, eax
	0x8e, 0xc0, // mov es, eax
	0x8e, 0xd0, // mov ss, eax
	0x8e, 0xe0, // mov fs, eax
	0x8e, 0xe8, // mov gs, eax
	0xbf, lowParams & 0xff, (lowPage + lowParams) >> 8, 0, 0, // mov edi, params
	0xff, 0x27, // jmp [rdi], to apEntry
}

// setTrampoline copies the code, with its descriptor table, below 1 MiB and
// makes its page tables; root is the physical address of the kernel's.
func setTrampoline(root uint64) {
	page := unsafe.Slice((*byte)(Phys(lowPage)), PageSize)
	clear(page)
	copy(page, trampoline[:])
	gdt := page[lowGDT:]
	le.PutUint64(gdt[lowCode32:], descCode32)
	le.PutUint64(gdt[lowData32:], descData)
	le.PutUint64(gdt[lowCode64:], descCode)
	le.PutUint16(page[lowGDTR:], 0x1f)
	le.PutUint32(page[lowGDTR+2:], lowPage+lowGDT)

	type table = [PTEsPerPage]PTE
	low := func(pa uint64) *table { return (*table)(Phys(pa)) }
	kernel := low(root)
	*low(lowRoot), *low(lowPDPT), *low(lowPD), *low(lowPT) = table{}, table{}, table{}, table{}
	copy(low(lowRoot)[KernelSlot:], kernel[KernelSlot:])
	low(lowRoot)[0] = MakePTE(lowPDPT, PTEPresent|PTEWrite)
	low(lowPDPT)[0] = MakePTE(lowPD, PTEPresent|PTEWrite)
	low(lowPD)[0] = MakePTE(lowPT, PTEPresent|PTEWrite)
	low(lowPT)[lowPage>>PageShift] = MakePTE(lowPage, PTEPresent)
}

// params returns apEntry's.
func params() *apParams { return (*apParams)(Phys(lowPage + lowParams)) }

// clearTrampoline takes the identity mapping and the code away.
func clearTrampoline() {
	clear(unsafe.Slice((*byte)(Phys(lowPage)), lowEnd-lowPage))
}

// lowIsRAM reports whether the loader's map has memory at these pages.
func lowIsRAM() bool {
	for i := range Boot.Memory {
		m := &Boot.Memory[i]
		if m.Type == MemRAM && m.Addr <= lowPage && m.Addr+m.Size >= lowEnd {
			return true
		}
	}
	return false
}
