package fs

import (
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
)

// Calls that make, remove and change names.

// Mkdir is mkdir(2).
func Mkdir(addr, mode uint64) int64 { return Mkdirat(fdcwd, addr, mode) }

// Mkdirat is mkdirat(2).
func Mkdirat(dirfd, addr, mode uint64) int64 {
	var w walk
	if e := w.begin(dirfd, addr, false); e != 0 {
		return e
	}
	mode = mode & 0o1777 &^ uint64(umask)
	for {
		if w.fd >= 0 {
			return w.fail(-EEXIST)
		}
		n, st := client.FileSystem{C: conn(), H: w.dir}.Mkdir(w.rest(), mode, w.redir())
		if w.again(st, n) || w.magicNow() {
			continue
		}
		return w.fail(st)
	}
}

// fail ends the walk and answers its outcome.
func (w *walk) fail(st int64) int64 {
	w.end()
	return w.result(st)
}

// Mknod is mknod(2).
func Mknod(addr, mode, dev uint64) int64 { return Mknodat(fdcwd, addr, mode, dev) }

// Mknodat is mknodat(2).
func Mknodat(dirfd, addr, mode, dev uint64) int64 {
	mode = uint64(uint32(mode))
	switch mode & sIFMT {
	case 0:
		mode |= sIFREG
	case sIFREG, sIFCHR, sIFBLK, sIFIFO, sIFSOCK:
	case sIFDIR:
		return -EPERM
	default:
		return -EINVAL
	}
	var w walk
	if e := w.begin(dirfd, addr, false); e != 0 {
		return e
	}
	mode &^= uint64(umask)
	for {
		if w.fd >= 0 {
			return w.fail(-EEXIST)
		}
		n, st := client.FileSystem{C: conn(), H: w.dir}.Mknod(w.rest(), mode, dev, w.redir())
		if w.again(st, n) || w.magicNow() {
			continue
		}
		return w.fail(st)
	}
}

// Unlink is unlink(2).
func Unlink(addr uint64) int64 { return Unlinkat(fdcwd, addr, 0) }

// Rmdir is rmdir(2).
func Rmdir(addr uint64) int64 { return Unlinkat(fdcwd, addr, atRemoveDir) }

// Unlinkat is unlinkat(2).
func Unlinkat(dirfd, addr, flags uint64) int64 {
	flags = uint64(uint32(flags))
	if flags&^atRemoveDir != 0 {
		return -EINVAL
	}
	var w walk
	if e := w.begin(dirfd, addr, false); e != 0 {
		return e
	}
	for {
		if w.fd >= 0 {
			return w.fail(-EPERM)
		}
		var n uint64
		var st int64
		fsys := client.FileSystem{C: conn(), H: w.dir}
		if flags != 0 {
			n, st = fsys.Rmdir(w.rest(), w.redir())
		} else {
			n, st = fsys.Unlink(w.rest(), w.redir())
		}
		if w.again(st, n) || w.magicNow() {
			continue
		}
		return w.fail(st)
	}
}

// Rename is rename(2).
func Rename(from, to uint64) int64 { return Renameat2(fdcwd, from, fdcwd, to, 0) }

// Renameat is renameat(2).
func Renameat(fromfd, from, tofd, to uint64) int64 { return Renameat2(fromfd, from, tofd, to, 0) }

// Renameat2 is renameat2(2).
func Renameat2(fromfd, from, tofd, to, flags uint64) int64 {
	flags = uint64(uint32(flags))
	if flags&^7 != 0 || flags&3 == 3 || flags&6 == 6 {
		return -EINVAL
	}
	return twoPaths(fromfd, from, false, tofd, to, flags, (client.FileSystem).Rename)
}

// twoPaths is rename and link: op is asked at the directory of the first
// path, with the other's directory given along.
func twoPaths(fromfd, from uint64, empty bool, tofd, to, flags uint64,
	op func(client.FileSystem, string, string, uint64, abi.Grant, proto.Out) (uint64, uint64, int64)) int64 {
	var a, b walk
	if e := a.begin(fromfd, from, empty); e != 0 {
		return e
	}
	if e := b.begin(tofd, to, false); e != 0 {
		a.end()
		return e
	}
	r := int64(0)
	for {
		dir := a.dir
		if a.fd >= 0 {
			f := get(uint64(a.fd))
			if f == nil || f.handle == 0 || f.kind != kindFile && f.kind != kindDir && f.kind != kindPath {
				if f != nil {
					f.put()
				}
				r = -EXDEV
				break
			}
			a.leave()
			a.at, a.dir = f, f.handle
			a.lo, a.hi, a.fd = 0, 0, -1
			dir = a.dir
		}
		n, which, st := op(client.FileSystem{C: conn(), H: dir}, a.rest(), b.rest(), flags, client.Copy(b.dir), a.redir())
		w := &a
		if which != 0 {
			w = &b
			if st > 0 && n <= pathMax {
				copy(b.buf.redir[:n], a.buf.redir[:n])
			}
		}
		if w.again(st, n) || w.magicNow() {
			if b.fd >= 0 {
				r = -EEXIST
				break
			}
			continue
		}
		r = w.result(st)
		break
	}
	a.end()
	b.end()
	return r
}

// Link is link(2).
func Link(from, to uint64) int64 { return Linkat(fdcwd, from, fdcwd, to, 0) }

// Linkat is linkat(2).
func Linkat(fromfd, from, tofd, to, flags uint64) int64 {
	flags = uint64(uint32(flags))
	if flags&^(atSymFollow|atEmptyPath) != 0 {
		return -EINVAL
	}
	return twoPaths(fromfd, from, flags&atEmptyPath != 0, tofd, to, flags&atSymFollow, (client.FileSystem).Link)
}

// Umask is umask(2).
func Umask(mask uint64) int64 {
	fsMu.Lock()
	old := umask
	umask = uint32(mask) & 0o777
	procInfo.Umask = umask
	fsMu.Unlock()
	return int64(old)
}

// --- extended attributes ---
