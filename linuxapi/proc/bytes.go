package proc

import (
	"unsafe"

	"go42/ipc/proto"
)

// outBytes names a libOS buffer for a server's answer.
func outBytes(b []byte) proto.Out {
	return proto.Out{Addr: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), Len: uint64(len(b))}
}

// str is b as a string, without a copy: b must not change while it is used.
func str(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
