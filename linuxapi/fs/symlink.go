package fs

import (
	"go42/ipc/client"
	"go42/ipc/proto"
)

// Symbolic links.

// Symlink is symlink(2).
func Symlink(target, addr uint64) int64 { return Symlinkat(target, fdcwd, addr) }

// Symlinkat is symlinkat(2).
func Symlinkat(target, dirfd, addr uint64) int64 {
	t := takeBuf()
	k := t.fetch(target)
	if k <= 0 {
		t.give()
		if k == 0 {
			return -ENOENT
		}
		return k
	}
	var w walk
	if e := w.begin(dirfd, addr, false); e != 0 {
		t.give()
		return e
	}
	for {
		if w.fd >= 0 {
			t.give()
			return w.fail(-EEXIST)
		}
		n, st := client.FileSystem{C: conn(), H: w.dir}.Symlink(str(t.path[:k]), w.rest(), w.redir())
		if w.again(st, n) || w.magicNow() {
			continue
		}
		t.give()
		return w.fail(st)
	}
}

// Readlink is readlink(2).
func Readlink(addr, buf, size uint64) int64 { return Readlinkat(fdcwd, addr, buf, size) }

// Readlinkat is readlinkat(2).
func Readlinkat(dirfd, addr, buf, size uint64) int64 {
	if int32(size) <= 0 {
		return -EINVAL
	}
	var w walk
	if e := w.begin(dirfd, addr, true); e != 0 {
		return e
	}
	if size > pathMax {
		size = pathMax
	}
	var first [1]byte
	empty := copyIn(first[:], addr) && first[0] == 0
	t := takeBuf()
	for {
		if w.fd >= 0 {
			// An empty path names an O_PATH descriptor of a symbolic link; a
			// magic link names one of ours: its name.
			var k int64
			if w.hops == 0 {
				k = w.onFile(func(f *File) int64 { return f.readlink(t.path[:size]) })
			} else {
				k = w.onFile(func(f *File) int64 { return f.path(t.path[:size]) })
			}
			return finishLink(&w, t, buf, k)
		}
		n, got, st := client.FileSystem{C: conn(), H: w.dir}.Readlink(w.rest(), outBytes(t.path[:size]), w.redir())
		if w.again(st, n) || w.magicNow() {
			continue
		}
		st = w.result(st)
		if st == -EINVAL && empty {
			st = -ENOENT // no link, and no name either
		}
		if st == 0 {
			st = int64(got)
			if got > size {
				st = -EIO
			}
		}
		return finishLink(&w, t, buf, st)
	}
}

// finishLink copies a link's k bytes out of t and ends the walk.
func finishLink(w *walk, t *pathBuf, buf uint64, k int64) int64 {
	if k > 0 && !copyOut(buf, t.path[:k]) {
		k = -EFAULT
	}
	t.give()
	w.end()
	return k
}

// readlink reads the link that an O_PATH|O_NOFOLLOW descriptor names.
func (f *File) readlink(dst []byte) int64 {
	if f.kind != kindPath || f.mode&sIFMT != sIFLNK {
		return -ENOENT
	}
	_, n, st := client.FileSystem{C: conn(), H: f.handle}.Readlink("", outBytes(dst), proto.Out{})
	if st != 0 {
		return -ENOENT
	}
	return int64(n)
}
