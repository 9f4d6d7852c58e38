package amd64

import "unsafe"

// The page-table format (Intel SDM volume 3, 4.5): four levels of 512 entries.
const (
	PageSize  = 1 << PageShift
	PageShift = 12
	LargePage = 2 << 20
	HugePage  = 1 << 30 // only with Features.Page1G

	Levels      = 4 // level 4 is the root, level 1 maps pages
	PTEsPerPage = 512
	KernelSlot  = 256 // first root slot of the kernel half

	// KernelBase is where the kernel image's physical 0 is mapped
	// (boot/bootinfo.KernelBase).
	KernelBase = 0xffff_ffff_8000_0000
	// DirectMap is where the kernel's own tables map physical memory, RAM and
	// the devices below 4 GiB: root slots 272 to 399.
	DirectMap     = 0xffff_8800_0000_0000
	DirectMapSize = 64 << 40
)

// PTE is an entry of any level.
type PTE uint64

const (
	PTEPresent  PTE = 1 << 0
	PTEWrite    PTE = 1 << 1
	PTEUser     PTE = 1 << 2
	PTEThrough  PTE = 1 << 3 // write-through
	PTENoCache  PTE = 1 << 4
	PTEAccessed PTE = 1 << 5
	PTEDirty    PTE = 1 << 6
	PTELarge    PTE = 1 << 7 // at level 2 or 3: maps 2 MiB or 1 GiB
	PTEGlobal   PTE = 1 << 8
	PTESoft0    PTE = 1 << 9 // free for software
	PTESoft1    PTE = 1 << 10
	PTESoft2    PTE = 1 << 11
	PTESoft3    PTE = 1 << 52
	PTESoft4    PTE = 1 << 53
	PTENoExec   PTE = 1 << 63

	PTEAddrMask PTE = 0x000f_ffff_ffff_f000
)

// MakePTE returns an entry for the frame or table at physical address pa.
func MakePTE(pa uint64, flags PTE) PTE { return PTE(pa)&PTEAddrMask | flags }

// Addr returns the physical address in e (of a large page: with its low bits
// clear).
func (e PTE) Addr() uint64 { return uint64(e & PTEAddrMask) }

// Flags returns e without its address.
func (e PTE) Flags() PTE { return e &^ PTEAddrMask }

// Has reports whether all the bits of f are set.
func (e PTE) Has(f PTE) bool { return e&f == f }

// Index returns the slot of va in its table of the given level, 4 to 1.
func Index(va uint64, level int) int { return int(va >> Shift(level) & (PTEsPerPage - 1)) }

// Shift returns log2 of the bytes that an entry of the given level spans.
func Shift(level int) uint { return uint(PageShift + 9*(level-1)) }

// Canonical reports whether va is a canonical 48-bit address.
func Canonical(va uint64) bool { return uint64(int64(va<<16)>>16) == va }

// IsUser reports whether va is in the user half.
func IsUser(va uint64) bool { return va < UserTop }

// directBase is where physical 0 is to be found: 0 under the boot page tables,
// which map the first 4 GiB at their own address.
var directBase uintptr

// SetDirectMap says that physical memory is at base from now on (DirectMap):
// called right after the kernel's own tables are loaded.
func SetDirectMap(base uint64) { directBase = uintptr(base) }

// Phys returns the kernel's pointer to physical address pa, RAM or device.
//
// Safe as far as pa is memory that the caller owns.
//
//go:nosplit
func Phys(pa uint64) unsafe.Pointer { return unsafe.Pointer(directBase + uintptr(pa)) }
