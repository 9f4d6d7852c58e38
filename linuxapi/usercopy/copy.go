package usercopy

import (
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/errno"
)

func copyBytes(dst, src, n uintptr) (left uintptr)
func clearBytes(dst, n uintptr) (left uintptr)
func copyString(dst, src, max uintptr) (n int)
func load32(addr uintptr) (v uint32, ok bool)
func load64(addr uintptr) (v uint64, ok bool)
func store32(addr uintptr, v uint32) (ok bool)
func store64(addr uintptr, v uint64) (ok bool)
func cas32(addr uintptr, old, new uint32) (prev uint32, ok bool)
func touch(addr uintptr) (ok bool)

// Valid reports whether [addr, addr+n) lies in the program half.
func Valid(addr, n uint64) bool {
	return addr+n >= addr && addr+n <= limit
}

// CopyIn fills dst from the program's memory at uaddr. On EFAULT dst may be
// partly filled.
func CopyIn(dst []byte, uaddr uint64) errno.Errno {
	if n := CopyInPart(dst, uaddr); n != len(dst) {
		return errno.EFAULT
	}
	return errno.OK
}

// CopyInPart is CopyIn that says how many bytes it got.
func CopyInPart(dst []byte, uaddr uint64) int {
	if len(dst) == 0 || !Valid(uaddr, uint64(len(dst))) {
		return 0
	}
	return len(dst) - int(copyBytes(uintptr(unsafe.Pointer(&dst[0])), uintptr(uaddr), uintptr(len(dst))))
}

// CopyOut writes src to the program's memory at uaddr. On EFAULT a prefix may
// have been written.
func CopyOut(uaddr uint64, src []byte) errno.Errno {
	if n := CopyOutPart(uaddr, src); n != len(src) {
		return errno.EFAULT
	}
	return errno.OK
}

// CopyOutPart is CopyOut that says how many bytes it wrote.
func CopyOutPart(uaddr uint64, src []byte) int {
	if len(src) == 0 || !Valid(uaddr, uint64(len(src))) {
		return 0
	}
	return len(src) - int(copyBytes(uintptr(uaddr), uintptr(unsafe.Pointer(&src[0])), uintptr(len(src))))
}

// Clear writes n zero bytes at uaddr.
func Clear(uaddr, n uint64) errno.Errno {
	if n == 0 {
		return errno.OK
	}
	if !Valid(uaddr, n) || clearBytes(uintptr(uaddr), uintptr(n)) != 0 {
		return errno.EFAULT
	}
	return errno.OK
}

// String copies a NUL-terminated string into dst and returns it without its
// NUL. EFAULT, or ENAMETOOLONG if there is no NUL within len(dst).
func String(dst []byte, uaddr uint64) ([]byte, errno.Errno) {
	max := uint64(len(dst))
	if uaddr >= limit {
		return nil, errno.EFAULT
	}
	short := false
	if uaddr+max > limit {
		max, short = limit-uaddr, true
	}
	if max == 0 {
		return nil, errno.ENAMETOOLONG
	}
	n := copyString(uintptr(unsafe.Pointer(&dst[0])), uintptr(uaddr), uintptr(max))
	switch {
	case n < 0, n == int(max) && short:
		return nil, errno.EFAULT
	case n == int(max):
		return nil, errno.ENAMETOOLONG
	}
	return dst[:n], errno.OK
}

// U32, U64 load a word; Put32, Put64 store one. ok is false on a bad address.
func U32(uaddr uint64) (v uint32, ok bool) {
	if !Valid(uaddr, 4) {
		return 0, false
	}
	return load32(uintptr(uaddr))
}

func U64(uaddr uint64) (v uint64, ok bool) {
	if !Valid(uaddr, 8) {
		return 0, false
	}
	return load64(uintptr(uaddr))
}

func Put32(uaddr uint64, v uint32) bool {
	return Valid(uaddr, 4) && store32(uintptr(uaddr), v)
}

func Put64(uaddr uint64, v uint64) bool {
	return Valid(uaddr, 8) && store64(uintptr(uaddr), v)
}

// Cas32 atomically replaces old by new at uaddr and returns what was there.
func Cas32(uaddr uint64, old, new uint32) (prev uint32, ok bool) {
	if !Valid(uaddr, 4) {
		return 0, false
	}
	return cas32(uintptr(uaddr), old, new)
}

// Touch brings every page of [uaddr, uaddr+n) in, writable if write is set: a
// server's copy that came back short is then asked for again.
func Touch(uaddr, n uint64, write bool) errno.Errno {
	if n == 0 {
		return errno.OK
	}
	if !Valid(uaddr, n) {
		return errno.EFAULT
	}
	for p := uaddr; p < uaddr+n; p = (p | (abi.PageSize - 1)) + 1 {
		ok := false
		if write {
			ok = touch(uintptr(p))
		} else {
			_, ok = load32(uintptr(p &^ 3))
		}
		if !ok {
			return errno.EFAULT
		}
	}
	return errno.OK
}

// Get and Put copy a plain struct (no pointers in it).
func Get[T any](dst *T, uaddr uint64) errno.Errno {
	return CopyIn(unsafe.Slice((*byte)(unsafe.Pointer(dst)), unsafe.Sizeof(*dst)), uaddr)
}

func Put[T any](uaddr uint64, src *T) errno.Errno {
	return CopyOut(uaddr, unsafe.Slice((*byte)(unsafe.Pointer(src)), unsafe.Sizeof(*src)))
}
