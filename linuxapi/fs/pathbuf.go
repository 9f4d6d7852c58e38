package fs

import (
	"unsafe"

	"go42/linuxapi/errno"
	"go42/linuxapi/usercopy"
)

// pathBuf is the memory that a call with a path (or a transfer through the
// libOS) needs: too large for a libOS stack. Calls take one from a pool and
// wait when all are in use, which ends, because no holder waits for another.
type pathBuf struct {
	path  [pathMax + 256]byte // the path being walked; the excess is for prefixes
	redir [pathMax + 256]byte // where the server writes a redirect
	next  int32
}

const maxPathBufs = 64

var (
	bufs     [maxPathBufs + 1]pathBuf
	bufsUsed int32
	bufsFree int32
)

func takeBuf() *pathBuf {
	for {
		poolMu.Lock()
		i := bufsFree
		if i != 0 {
			bufsFree = bufs[i].next
		} else if bufsUsed < maxPathBufs {
			bufsUsed++
			i = bufsUsed
		}
		poolMu.Unlock()
		if i != 0 {
			return &bufs[i]
		}
		yield()
	}
}

func (b *pathBuf) give() {
	i := int32((uintptr(unsafe.Pointer(b)) - uintptr(unsafe.Pointer(&bufs[0]))) / unsafe.Sizeof(bufs[0]))
	poolMu.Lock()
	b.next = bufsFree
	bufsFree = i
	poolMu.Unlock()
}

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
