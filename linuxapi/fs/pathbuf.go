package fs

import (
	"unsafe"

	"go42/linuxapi/errno"
	"go42/linuxapi/usercopy"
)

// pathBuf is the memory that a call with a path (or a small transfer through
// the libOS) needs.
type pathBuf struct {
	path  [pathMax + 256]byte // the path being walked; the excess is for prefixes
	redir [pathMax + 256]byte // where the server writes a redirect
	words selectSets          // results of a select
}

var bufs scratch[pathBuf]

func takeBuf() *pathBuf  { return bufs.take() }
func (b *pathBuf) give() { bufs.give(b) }

// bounce is the memory of a transfer between two descriptors.
type bounce struct {
	data [bounceSize]byte
}

const bounceSize = 64 << 10

var bounces scratch[bounce]

func takeBounce() *bounce { return bounces.take() }
func (b *bounce) give()   { bounces.give(b) }

func fileIndex(f *File) int32 {
	return int32((uintptr(unsafe.Pointer(f)) - uintptr(unsafe.Pointer(&files[0]))) / unsafe.Sizeof(files[0]))
}

// str views b as a string; it must not change while the string is in use.
func str(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// fetch copies the program's path at addr into b.path and returns its length,
// or -errno.
func (b *pathBuf) fetch(addr uint64) int64 {
	p, e := usercopy.String(b.path[:pathMax], addr)
	if e != errno.OK {
		return e.Ret()
	}
	return int64(len(p))
}
