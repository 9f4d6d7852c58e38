package runtime

import "unsafe"

// The bump allocator: memory for start-up, never returned. Package
// initialisers that run before SetArena use the small early arena in the
// image's bss. After seal, an allocation is a panic.
//
// Not safe for use by several CPUs: start-up runs on one.
var (
	earlyArena [16 << 10]byte
	arenaNext  uintptr
	arenaEnd   uintptr
	sealed     bool
	arenaUsed  uintptr
)

var zerobase uintptr

//go:linkname rt_setArena
func rt_setArena(addr, size uintptr) {
	arenaNext, arenaEnd = (addr+15)&^15, addr+size
}

//go:linkname rt_seal
func rt_seal() { sealed = true }

//go:linkname rt_arenaUsed
func rt_arenaUsed() uintptr { return arenaUsed }

func mallocgc(size uintptr, typ *_type, needzero bool) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(&zerobase)
	}
	if sealed {
		throw("allocation after start-up")
	}
	if arenaEnd == 0 {
		rt_setArena(uintptr(unsafe.Pointer(&earlyArena)), unsafe.Sizeof(earlyArena))
	}
	align := uintptr(8)
	if size >= 16 {
		align = 16
	}
	p := (arenaNext + align - 1) &^ (align - 1)
	if size > maxAlloc || p+size > arenaEnd {
		throw("start-up arena exhausted")
	}
	arenaNext = p + size
	arenaUsed += size
	memclrNoHeapPointers(unsafe.Pointer(p), size)
	return unsafe.Pointer(p)
}

func newobject(typ *_type) unsafe.Pointer { return mallocgc(typ.Size_, typ, true) }

//go:linkname reflectlite_unsafe_New internal/reflectlite.unsafe_New
func reflectlite_unsafe_New(typ *_type) unsafe.Pointer { return mallocgc(typ.Size_, typ, true) }

func newarray(typ *_type, n int) unsafe.Pointer {
	mem, over := mulUintptr(typ.Size_, uintptr(n))
	if over || mem > maxAlloc || n < 0 {
		throw("newarray: size out of range")
	}
	return mallocgc(mem, typ, true)
}

func panicmakeslicelen() { panic(errorString("makeslice: len out of range")) }
func panicmakeslicecap() { panic(errorString("makeslice: cap out of range")) }

func makeslice(et *_type, len, cap int) unsafe.Pointer {
	mem, over := mulUintptr(et.Size_, uintptr(cap))
	if over || mem > maxAlloc || len < 0 || len > cap {
		if mem, over := mulUintptr(et.Size_, uintptr(len)); over || mem > maxAlloc || len < 0 {
			panicmakeslicelen()
		}
		panicmakeslicecap()
	}
	return mallocgc(mem, et, true)
}

func makeslice64(et *_type, len64, cap64 int64) unsafe.Pointer {
	return makeslice(et, int(len64), int(cap64))
}

func makeslicecopy(et *_type, tolen, fromlen int, from unsafe.Pointer) unsafe.Pointer {
	to := makeslice(et, tolen, tolen)
	n := min(tolen, fromlen)
	memmove(to, from, uintptr(n)*et.Size_)
	return to
}

func growslice(old unsafe.Pointer, newLen, oldCap, num int, et *_type) slice {
	if newLen < 0 {
		panic(errorString("growslice: len out of range"))
	}
	if et.Size_ == 0 {
		return slice{unsafe.Pointer(&zerobase), newLen, newLen}
	}
	newCap := max(newLen, 2*oldCap, 8)
	p := makeslice(et, newCap, newCap)
	memmove(p, old, uintptr(newLen-num)*et.Size_)
	return slice{p, newLen, newCap}
}

func growsliceNoAlias(old unsafe.Pointer, newLen, oldCap, num int, et *_type) slice {
	return growslice(old, newLen, oldCap, num, et)
}

// growsliceBuf may use buf, room for bufLen elements on the caller's stack, as
// backing store.
func growsliceBuf(old unsafe.Pointer, newLen, oldCap, num int, et *_type, buf unsafe.Pointer, bufLen int) slice {
	if newLen > bufLen {
		return growslice(old, newLen, oldCap, num, et)
	}
	if n := newLen - num; old != buf && n != 0 {
		memmove(buf, old, uintptr(n)*et.Size_)
	}
	// The whole buffer becomes the slice: nothing is gained by holding back.
	memclrNoHeapPointers(add(buf, uintptr(newLen)*et.Size_), uintptr(bufLen-newLen)*et.Size_)
	return slice{buf, newLen, bufLen}
}

func growsliceBufNoAlias(old unsafe.Pointer, newLen, oldCap, num int, et *_type, buf unsafe.Pointer, bufLen int) slice {
	return growsliceBuf(old, newLen, oldCap, num, et, buf, bufLen)
}

// The moveSlice family copies a slice that turned out to outlive its stack
// buffer.

func moveSlice(et *_type, old unsafe.Pointer, len, cap int) (unsafe.Pointer, int, int) {
	return moveSliceNoScan(et.Size_, old, len, cap)
}

func moveSliceNoScan(elem uintptr, old unsafe.Pointer, len, cap int) (unsafe.Pointer, int, int) {
	if cap == 0 {
		if old != nil {
			old = unsafe.Pointer(&zerobase)
		}
		return old, 0, 0
	}
	p := mallocgc(uintptr(cap)*elem, nil, true)
	memmove(p, old, uintptr(cap)*elem)
	return p, len, cap
}

func moveSliceNoCap(et *_type, old unsafe.Pointer, len int) (unsafe.Pointer, int, int) {
	return moveSliceNoScan(et.Size_, old, len, len)
}

func moveSliceNoCapNoScan(elem uintptr, old unsafe.Pointer, len int) (unsafe.Pointer, int, int) {
	return moveSliceNoScan(elem, old, len, len)
}
