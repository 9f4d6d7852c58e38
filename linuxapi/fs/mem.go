package fs

import (
	"go42/linuxapi/errno"
	"go42/linuxapi/usercopy"
)

// Short names for access to program memory, and little-endian words in
// buffers. All addresses are the program's.

func copyIn(dst []byte, addr uint64) bool  { return usercopy.CopyIn(dst, addr) == errno.OK }
func copyOut(addr uint64, src []byte) bool { return usercopy.CopyOut(addr, src) == errno.OK }
func get64(addr uint64) (uint64, bool)     { return usercopy.U64(addr) }
func get32(addr uint64) (uint32, bool)     { return usercopy.U32(addr) }
func put64(addr, v uint64) bool            { return usercopy.Put64(addr, v) }
func put32(addr uint64, v uint32) bool     { return usercopy.Put32(addr, v) }

func le32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func le64(b []byte) uint64 { return uint64(le32(b)) | uint64(le32(b[4:]))<<32 }

func put32b(b []byte, v uint32) {
	b[0], b[1], b[2], b[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
}

func put64b(b []byte, v uint64) {
	put32b(b, uint32(v))
	put32b(b[4:], uint32(v>>32))
}
