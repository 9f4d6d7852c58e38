package mm

import "unsafe"

func bufAddr(b *[256]byte) uint64 { return uint64(uintptr(unsafe.Pointer(b))) }
