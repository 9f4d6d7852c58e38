package mm

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// PageSize and its logarithm.
const (
	PageSize  = 4096
	PageShift = 12
	pageMask  = PageSize - 1
)

// physBase is where physical address 0 appears in the kernel's address space
// (the direct map), or, on the host, the start of the byte slice that plays
// RAM. All unsafe access to physical memory goes through this file.
var physBase unsafe.Pointer

// ptr returns the kernel's pointer to physical address pa.
// It is safe while the frame belongs to the caller's object: the direct map
// covers all RAM for good.
func ptr(pa uint64) unsafe.Pointer { return unsafe.Add(physBase, pa) }

// physOf is ptr's inverse, for memory that lies in the direct map.
func physOf(p unsafe.Pointer) uint64 { return uint64(uintptr(p) - uintptr(physBase)) }

// pageBytes returns the 4 KiB frame at pa.
func pageBytes(pa uint64) *[PageSize]byte { return (*[PageSize]byte)(ptr(pa)) }

// tableAt returns the page table in the frame at pa.
func tableAt(pa uint64) *table { return (*table)(ptr(pa)) }

// tableOf returns the table that entry e lies in.
func tableOf(e *uint64) *table {
	return (*table)(unsafe.Add(unsafe.Pointer(e), -int(uintptr(unsafe.Pointer(e))&pageMask)))
}

// PhysToPtr returns the kernel's pointer to physical address pa (RAM only).
func PhysToPtr(pa uint64) unsafe.Pointer { return ptr(pa) }

// PtrToPhys returns the physical address behind a pointer into the direct map.
func PtrToPhys(p unsafe.Pointer) uint64 { return physOf(p) }

// PhysBytes returns n bytes of RAM at pa.
func PhysBytes(pa uint64, n int) []byte { return unsafe.Slice((*byte)(ptr(pa)), n) }

func zeroPage(pa uint64) { clear(pageBytes(pa)[:]) }

func copyPage(dst, src uint64) { copy(pageBytes(dst)[:], pageBytes(src)[:]) }

// setPhysBase sets physBase from an address given as a number. Converting
// through memory is what a linker-placed constant address needs: the
// direct map is no Go object.
func setPhysBase(va uintptr) { *(*uintptr)(unsafe.Pointer(&physBase)) = va }

func trailingZeros(x uint64) int { return bits.TrailingZeros64(x) }

func wordAt(pa uint64) *uint64 { return (*uint64)(ptr(pa)) }

// addressOf is how a view names a half.
func addressOf(h *Half) uintptr { return uintptr(unsafe.Pointer(h)) }

// loadPointer and storePointer are atomic.
func loadPointer[T any](p **T) unsafe.Pointer {
	return atomic.LoadPointer((*unsafe.Pointer)(unsafe.Pointer(p)))
}

func storePointer[T any](p **T, v *T) {
	atomic.StoreUintptr((*uintptr)(unsafe.Pointer(p)), uintptr(unsafe.Pointer(v)))
}
