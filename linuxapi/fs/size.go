package fs

import (
	"go42/ipc/client"
)

// Sizes of files: truncate and fallocate.

// Truncate is truncate(2).
func Truncate(addr, size uint64) int64 {
	if int64(size) < 0 {
		return -EINVAL
	}
	if e := checkSize(size); e != 0 {
		return e
	}
	var w walk
	if e := w.begin(fdcwd, addr, false); e != 0 {
		return e
	}
	for {
		if w.fd >= 0 {
			return w.fail(w.onFile(func(f *File) int64 { return f.truncate(size) }))
		}
		n, st := client.FileSystem{C: conn(), H: w.dir}.Truncate(w.rest(), size, w.redir())
		if w.again(st, n) || w.magicNow() {
			continue
		}
		return w.fail(st)
	}
}

// checkSize applies RLIMIT_FSIZE.
func checkSize(size uint64) int64 {
	if size > fsizeLimit() {
		raise(sigXFSZ)
		return -EFBIG
	}
	return 0
}

func (f *File) truncate(size uint64) int64 {
	if f.kind != kindFile {
		return -EINVAL
	}
	return client.File{C: conn(), H: f.handle}.Truncate(size)
}

// Ftruncate is ftruncate(2).
func Ftruncate(fd, size uint64) int64 {
	if int64(size) < 0 {
		return -EINVAL
	}
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := int64(-EINVAL)
	if f.canWrite() && f.kind == kindFile {
		if r = checkSize(size); r == 0 {
			r = f.truncate(size)
		}
	}
	f.put()
	return r
}

// Mode bits of fallocate(2).
const (
	fallocKeepSize  = 1
	fallocPunchHole = 2
	fallocCollapse  = 8
	fallocZero      = 16
	fallocInsert    = 32
	fallocUnshare   = 64
)

// badMode is the error for a mode that contradicts itself, as Linux says it of
// every file; 0: it does not.
func badMode(mode uint32) int64 {
	const known = fallocKeepSize | fallocPunchHole | fallocCollapse | fallocZero | fallocInsert | fallocUnshare
	switch {
	case mode&^known != 0, mode&fallocPunchHole != 0 && mode&(fallocZero|fallocKeepSize) != fallocKeepSize:
		return -EOPNOTSUPP
	case mode&fallocCollapse != 0 && mode != fallocCollapse, mode&fallocInsert != 0 && mode != fallocInsert,
		mode&fallocUnshare != 0 && mode&^(fallocUnshare|fallocKeepSize) != 0:
		return -EINVAL
	}
	return 0
}

// Fallocate is fallocate(2).
func Fallocate(fd, mode, off, size uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	var r int64
	switch {
	case int64(off) < 0 || int64(size) <= 0:
		r = -EINVAL
	case badMode(uint32(mode)) != 0:
		r = badMode(uint32(mode))
	case !f.canWrite():
		r = -EBADF
	case f.kind == kindPipe:
		r = -ESPIPE
	case f.kind != kindFile:
		r = -ENODEV
	case off+size > 1<<63-1:
		r = -EFBIG
	default:
		r = client.File{C: conn(), H: f.handle}.Allocate(uint64(uint32(mode)), off, size, fsizeLimit())
		if r == -EFBIG {
			raise(sigXFSZ)
		}
	}
	f.put()
	return r
}
