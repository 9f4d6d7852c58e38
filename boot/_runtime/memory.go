package runtime

import "unsafe"

//go:noescape
func memmove(to, from unsafe.Pointer, n uintptr)

//go:noescape
func memclrNoHeapPointers(ptr unsafe.Pointer, n uintptr)

//go:noescape
func memequal(a, b unsafe.Pointer, size uintptr) bool

// memmoveBits selects memmove's AVX or rep-movs forms; zero selects SSE only:
// no VEX instruction may run here (uppers are not switched).
var memmoveBits uint8

// Read by compiled code. POPCNT is on every x86_64 CPU of the last fifteen
// years and the kernel's entry refuses to start without it.
var (
	x86HasPOPCNT = true
	x86HasSSE41  bool
	x86HasFMA    bool
)

const maxZero = 1024

//go:linkname zeroVal
var zeroVal [maxZero]byte

// writeBarrier exists because the compiler refers to it; code is built without
// write barriers.
var writeBarrier struct {
	enabled bool
	pad     [3]byte
	alignme uint64
}

func typedmemmove(typ *_type, dst, src unsafe.Pointer) {
	if dst != src {
		memmove(dst, src, typ.Size_)
	}
}

//go:linkname reflectlite_typedmemmove internal/reflectlite.typedmemmove
func reflectlite_typedmemmove(typ *_type, dst, src unsafe.Pointer) { typedmemmove(typ, dst, src) }

func typedmemclr(typ *_type, ptr unsafe.Pointer) { memclrNoHeapPointers(ptr, typ.Size_) }

func memclrHasPointers(ptr unsafe.Pointer, n uintptr) { memclrNoHeapPointers(ptr, n) }

func wbZero(typ *_type, dst unsafe.Pointer)      {}
func wbMove(typ *_type, dst, src unsafe.Pointer) {}

func slicecopy(to unsafe.Pointer, toLen int, from unsafe.Pointer, fromLen int, width uintptr) int {
	n := min(toLen, fromLen)
	if n == 0 || width == 0 {
		return n
	}
	memmove(to, from, uintptr(n)*width)
	return n
}

func typedslicecopy(typ *_type, to unsafe.Pointer, toLen int, from unsafe.Pointer, fromLen int) int {
	return slicecopy(to, toLen, from, fromLen, typ.Size_)
}
