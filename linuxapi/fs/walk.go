package fs

import (
	"go42/ipc/proto"
	"go42/linuxapi/fs/path"
)

// A walk resolves one path: it picks the directory handle to start at, and
// follows the redirects that servers answer. It is used as
//
//	w.begin(dirfd, addr) ... for { st := call(w.dir, w.rest()); if !w.again(st, n) {break} } ... w.end()
//
// and lives on the caller's stack.
type walk struct {
	buf   *pathBuf
	lo    int // path left to walk: buf.path[lo:hi]
	hi    int
	dir   uint64 // handle that it starts from
	mount uint64 // id of the mount that dir lies in
	at    *File  // held while dir is its handle
	fd    int32  // a redirect named this descriptor of our own: it is the object; -1
	hops  int8
	err   int64 // why again said no, if that was an error
}

const maxHops = 40

// Current and root directory. fsMu guards the three.
var (
	fsMu    mutex
	cwd     *File  // kindPath or kindDir; nil: not known yet, "/"
	rootDir *File  // after chroot; nil: the name space's root
	umask   uint32 = 0o022
)

// begin takes the path at the program's address addr. An empty path is
// ENOENT unless empty allows it: then rest() is empty and the walk starts (and
// ends) at dirfd.
func (w *walk) begin(dirfd, addr uint64, empty bool) int64 {
	b := takeBuf()
	n := b.fetch(addr)
	if n < 0 {
		b.give()
		return n
	}
	return w.start(b, dirfd, int(n), empty)
}

// start begins a walk of b.path[:n]; b is given back on an error.
func (w *walk) start(b *pathBuf, dirfd uint64, n int, empty bool) int64 {
	*w = walk{buf: b, hi: n, fd: -1}
	var e int64
	switch {
	case n == 0 && !empty:
		e = -ENOENT
	case n > 0 && b.path[0] == '/':
		e = w.absolute()
	default:
		e = w.relative(dirfd)
	}
	if e != 0 {
		w.end()
	}
	return e
}

func (w *walk) rest() string { return str(w.buf.path[w.lo:w.hi]) }

func (w *walk) redir() proto.Out { return outBytes(w.buf.redir[:pathMax]) }

// end gives back what the walk holds.
func (w *walk) end() {
	if w.at != nil {
		w.at.put()
		w.at = nil
	}
	if w.buf != nil {
		w.buf.give()
		w.buf = nil
	}
}

// leave forgets the directory the walk was at.
func (w *walk) leave() {
	if w.at != nil {
		w.at.put()
		w.at = nil
	}
}

// absolute starts at the process's root.
func (w *walk) absolute() int64 {
	fsMu.Lock()
	r := rootDir
	if r != nil {
		r.hold()
	}
	fsMu.Unlock()
	if r != nil {
		w.leave()
		w.at, w.dir, w.mount = r, r.handle, r.mountID()
		w.lo = skipSlashes(w.buf.path[:w.hi], w.lo)
		return 0
	}
	return w.global()
}

// global starts at the mount that the (absolute) path begins in.
func (w *walk) global() int64 {
	w.leave()
	if e := knowMounts(); e < 0 {
		return e
	}
	mountMu.Lock()
	m, rest := findMount(w.buf.path[w.lo:w.hi])
	if m >= 0 {
		w.dir, w.mount = mounts[m].root, mounts[m].id
		w.lo += rest
	}
	mountMu.Unlock()
	if m < 0 {
		return -ENOENT
	}
	return 0
}

// relative starts at dirfd, or at the current directory.
func (w *walk) relative(dirfd uint64) int64 {
	w.leave()
	if int32(dirfd) == atFdcwd {
		fsMu.Lock()
		f := cwd
		if f != nil {
			f.hold()
		}
		fsMu.Unlock()
		if f == nil {
			return w.fromRoot()
		}
		w.at, w.dir, w.mount = f, f.handle, f.mountID()
		return 0
	}
	f := get(dirfd)
	if f == nil {
		return -EBADF
	}
	if w.lo == w.hi {
		// AT_EMPTY_PATH: the descriptor itself.
		f.put()
		w.fd = int32(dirfd)
		return 0
	}
	if f.kind != kindDir && !(f.kind == kindPath && f.mode&sIFMT == sIFDIR) {
		f.put()
		return -ENOTDIR
	}
	w.at, w.dir, w.mount = f, f.handle, f.mountID()
	return 0
}

// fromRoot starts a relative path at the root: a process whose first
// directory nobody has set yet.
func (w *walk) fromRoot() int64 {
	if e := knowMounts(); e < 0 {
		return e
	}
	mountMu.Lock()
	m, _ := findMount([]byte("/"))
	if m >= 0 {
		w.dir, w.mount = mounts[m].root, mounts[m].id
	}
	mountMu.Unlock()
	if m < 0 {
		return -ENOENT
	}
	return 0
}

func skipSlashes(p []byte, i int) int {
	for i < len(p) && p[i] == '/' {
		i++
	}
	return i
}

// again says whether the call has to be repeated because the walk left the
// file system: st is its status, n the length of what is in the redirect
// buffer. When it answers false, w.err is the error of the redirect, or 0.
func (w *walk) again(st int64, n uint64) bool {
	w.err = 0
	if st <= 0 {
		return false
	}
	if n > pathMax {
		w.err = -EIO
		return false
	}
	if w.hops++; w.hops > maxHops {
		w.err = -ELOOP
		return false
	}
	to := w.buf.redir[:n]
	w.lo = 0
	switch st {
	case proto.RedirectAbsolute:
		w.hi = copy(w.buf.path[:], to)
		w.err = w.absolute()
	case proto.RedirectUp:
		w.err = w.up(to)
	case proto.RedirectCovered:
		w.err = w.covered(to)
	case proto.RedirectFD:
		w.err = w.magic(to)
	default:
		w.err = -EIO
	}
	return w.err == 0 && w.fd < 0
}

// up continues at the parent of the mount point: after chroot from the root
// directory, if it lies below that, so that it stays fenced.
func (w *walk) up(rest []byte) int64 {
	fsMu.Lock()
	r := rootDir
	if r != nil {
		r.hold()
	}
	fsMu.Unlock()
	if r == nil {
		return w.upGlobal(rest)
	}
	b := takeBuf()
	n := r.fullPath(b.path[:pathMax-1], b.redir[:])
	r.put()
	e := int64(0)
	if n > 0 {
		if e = w.upGlobal(rest); e == 0 && w.below(b.path[:n]) {
			e = w.absolute()
		}
	}
	b.give()
	return min(n, e, 0)
}

// below says whether what upGlobal has found begins in the directory root, and
// makes it a path from there.
func (w *walk) below(root []byte) bool {
	b := takeBuf()
	defer b.give()
	mountMu.Lock()
	n := -1
	if m := mountByID(w.mount); m >= 0 {
		n = path.Join(b.path[:pathMax], mounts[m].prefix(), w.buf.path[w.lo:w.hi])
	}
	mountMu.Unlock()
	if n < 0 {
		return false
	}
	at := path.Match(root, b.path[:n])
	if at < 0 {
		return false
	}
	w.lo, w.hi = 0, copy(w.buf.path[:], b.path[at:n])
	return true
}

// upGlobal is up in the name space as a whole.
func (w *walk) upGlobal(rest []byte) int64 {
	mountMu.Lock()
	m := mountByID(w.mount)
	n := -1
	if m >= 0 {
		p := mounts[m].prefix()
		for len(p) > 1 && p[len(p)-1] != '/' {
			p = p[:len(p)-1]
		}
		n = path.Join(w.buf.path[:pathMax], p, rest)
	}
	mountMu.Unlock()
	if m < 0 {
		return -ENOENT
	}
	if n < 0 {
		return -ENAMETOOLONG
	}
	w.hi = n
	return w.global()
}

// covered continues at the mount that covers the path, which is from the root
// of this file system.
func (w *walk) covered(p []byte) int64 {
	mountMu.Lock()
	m := mountByID(w.mount)
	n := -1
	if m >= 0 {
		n = mounts[m].global(w.buf.path[:pathMax], p)
	}
	mountMu.Unlock()
	if m < 0 {
		return -ENOENT
	}
	if n < 0 {
		return -ENAMETOOLONG
	}
	w.hi = n
	return w.global()
}

// magic continues at one of our own descriptors.
func (w *walk) magic(p []byte) int64 {
	i := 0
	for i < len(p) && p[i] != '/' {
		i++
	}
	fd := path.Number(p[:i])
	if fd < 0 {
		return -ENOENT
	}
	rest := skipSlashes(p, i)
	if rest == len(p) {
		f := get(uint64(fd))
		if f == nil {
			return -ENOENT
		}
		f.put()
		w.leave()
		w.fd = int32(fd)
		w.hi = 0
		return 0
	}
	w.hi = copy(w.buf.path[:], p[rest:])
	if e := w.relative(uint64(fd)); e != 0 {
		if e == -EBADF {
			e = -ENOENT
		}
		return e
	}
	return 0
}

// result is what a call answers after the loop: the redirect's error or st.
func (w *walk) result(st int64) int64 {
	if w.err != 0 {
		return w.err
	}
	return st
}

// mountID returns the mount that a directory object was opened in.
func (f *File) mountID() uint64 { return f.mount }
