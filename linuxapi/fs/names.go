package fs

import (
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
)

// Calls that make, remove and change names and attributes.

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
			if f == nil || f.handle == 0 {
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

// Chmod is chmod(2).
func Chmod(addr, mode uint64) int64 { return Fchmodat(fdcwd, addr, mode) }

// Fchmodat is fchmodat(2).
func Fchmodat(dirfd, addr, mode uint64) int64 { return Fchmodat2(dirfd, addr, mode, 0) }

// Fchmodat2 is fchmodat2(2).
func Fchmodat2(dirfd, addr, mode, flags uint64) int64 {
	flags = uint64(uint32(flags))
	if flags&^(atSymNoFollow|atEmptyPath) != 0 {
		return -EINVAL
	}
	var w walk
	if e := w.begin(dirfd, addr, flags&atEmptyPath != 0); e != 0 {
		return e
	}
	for {
		if w.fd >= 0 {
			return w.fail(w.onFile(func(f *File) int64 { return f.chmod(mode & 0o7777) }))
		}
		n, st := client.FileSystem{C: conn(), H: w.dir}.Chmod(w.rest(), mode&0o7777, flags&atSymNoFollow, w.redir())
		if w.again(st, n) || w.magicNow() {
			continue
		}
		return w.fail(st)
	}
}

func (f *File) chmod(mode uint64) int64 {
	if f.handle == 0 {
		return -EPERM
	}
	if f.kind == kindPath { // by its name in /proc/self/fd
		_, st := client.FileSystem{C: conn(), H: f.handle}.Chmod("", mode, atSymNoFollow, proto.Out{})
		return st
	}
	return client.File{C: conn(), H: f.handle}.Chmod(mode)
}

// Fchmod is fchmod(2).
func Fchmod(fd, mode uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := f.chmod(mode & 0o7777)
	f.put()
	return r
}

// Chown is chown(2).
func Chown(addr, uid, gid uint64) int64 { return Fchownat(fdcwd, addr, uid, gid, 0) }

// Lchown is lchown(2).
func Lchown(addr, uid, gid uint64) int64 { return Fchownat(fdcwd, addr, uid, gid, atSymNoFollow) }

// Fchownat is fchownat(2).
func Fchownat(dirfd, addr, uid, gid, flags uint64) int64 {
	flags = uint64(uint32(flags))
	if flags&^(atSymNoFollow|atEmptyPath) != 0 {
		return -EINVAL
	}
	uid, gid = uint64(uint32(uid)), uint64(uint32(gid))
	var w walk
	if e := w.begin(dirfd, addr, flags&atEmptyPath != 0); e != 0 {
		return e
	}
	for {
		if w.fd >= 0 {
			return w.fail(w.onFile(func(f *File) int64 { return f.chown(uid, gid) }))
		}
		n, st := client.FileSystem{C: conn(), H: w.dir}.Chown(w.rest(), uid, gid, flags&atSymNoFollow, w.redir())
		if w.again(st, n) || w.magicNow() {
			continue
		}
		return w.fail(st)
	}
}

func (f *File) chown(uid, gid uint64) int64 {
	if f.handle == 0 {
		return -EPERM
	}
	if f.kind == kindPath { // by its name in /proc/self/fd, or as the directory descriptor
		_, st := client.FileSystem{C: conn(), H: f.handle}.Chown("", uid, gid, atSymNoFollow, proto.Out{})
		return st
	}
	return client.File{C: conn(), H: f.handle}.Chown(uid, gid)
}

// Fchown is fchown(2).
func Fchown(fd, uid, gid uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := f.chown(uint64(uint32(uid)), uint64(uint32(gid)))
	f.put()
	return r
}

// timesOf reads two struct timespec (0: now, now).
func timesOf(addr uint64, t *proto.Times) int64 {
	if addr == 0 {
		t.Atim.NSec, t.Mtim.NSec = proto.TimeNow, proto.TimeNow
		return 0
	}
	for i, p := range [2]*proto.Time{&t.Atim, &t.Mtim} {
		s, ok1 := get64(addr + uint64(i)*16)
		n, ok2 := get64(addr + uint64(i)*16 + 8)
		if !ok1 || !ok2 {
			return -EFAULT
		}
		if n >= nsPerSec && n != proto.TimeNow && n != proto.TimeOmit {
			return -EINVAL
		}
		p.Sec, p.NSec = int64(s), int64(n)
	}
	return 0
}

// timevalsOf reads two struct timeval (0: now, now).
func timevalsOf(addr uint64, t *proto.Times) int64 {
	if addr == 0 {
		return timesOf(0, t)
	}
	for i, p := range [2]*proto.Time{&t.Atim, &t.Mtim} {
		s, ok1 := get64(addr + uint64(i)*16)
		u, ok2 := get64(addr + uint64(i)*16 + 8)
		if !ok1 || !ok2 {
			return -EFAULT
		}
		if u >= 1e6 {
			return -EINVAL
		}
		p.Sec, p.NSec = int64(s), int64(u)*1000
	}
	return 0
}

// Utimensat is utimensat(2); addr 0 means the descriptor itself.
func Utimensat(dirfd, addr, times, flags uint64) int64 {
	var t proto.Times
	if e := timesOf(times, &t); e != 0 {
		return e
	}
	flags = uint64(uint32(flags))
	if flags&^(atSymNoFollow|atEmptyPath) != 0 {
		return -EINVAL
	}
	if t.Atim.NSec == proto.TimeOmit && t.Mtim.NSec == proto.TimeOmit {
		return 0
	}
	if addr == 0 {
		if int32(dirfd) == atFdcwd {
			return -EFAULT
		}
		if flags != 0 {
			return -EINVAL
		}
		f := getIO(dirfd)
		if f == nil {
			return -EBADF
		}
		r := f.utimens(&t)
		f.put()
		return r
	}
	return utimens(dirfd, addr, &t, flags)
}

func (f *File) utimens(t *proto.Times) int64 {
	if f.handle == 0 {
		return -EPERM
	}
	if f.kind == kindPath { // by its name in /proc/self/fd, or as the directory descriptor
		_, st := client.FileSystem{C: conn(), H: f.handle}.Utimens("", t, atSymNoFollow, proto.Out{})
		return st
	}
	return client.File{C: conn(), H: f.handle}.Utimens(t)
}

func utimens(dirfd, addr uint64, t *proto.Times, flags uint64) int64 {
	var w walk
	if e := w.begin(dirfd, addr, flags&atEmptyPath != 0); e != 0 {
		return e
	}
	for {
		if w.fd >= 0 {
			f := get(uint64(w.fd))
			if f == nil {
				return w.fail(-EBADF)
			}
			r := f.utimens(t)
			f.put()
			return w.fail(r)
		}
		n, st := client.FileSystem{C: conn(), H: w.dir}.Utimens(w.rest(), t, flags&atSymNoFollow, w.redir())
		if w.again(st, n) || w.magicNow() {
			continue
		}
		return w.fail(st)
	}
}

// Utimes is utimes(2).
func Utimes(addr, times uint64) int64 { return Futimesat(fdcwd, addr, times) }

// Futimesat is futimesat(2).
func Futimesat(dirfd, addr, times uint64) int64 {
	var t proto.Times
	if e := timevalsOf(times, &t); e != 0 {
		return e
	}
	if addr == 0 {
		f := getIO(dirfd)
		if f == nil {
			return -EBADF
		}
		r := f.utimens(&t)
		f.put()
		return r
	}
	return utimens(dirfd, addr, &t, 0)
}

// Utime is utime(2).
func Utime(addr, times uint64) int64 {
	var t proto.Times
	if times == 0 {
		timesOf(0, &t)
	} else {
		a, ok1 := get64(times)
		m, ok2 := get64(times + 8)
		if !ok1 || !ok2 {
			return -EFAULT
		}
		t.Atim.Sec, t.Mtim.Sec = int64(a), int64(m)
	}
	return utimens(fdcwd, addr, &t, 0)
}

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

// Fallocate is fallocate(2).
func Fallocate(fd, mode, off, size uint64) int64 {
	if int64(off) < 0 || int64(size) <= 0 {
		return -EINVAL
	}
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	var r int64
	switch {
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

// xattr does one operation on a path. No file system here keeps attributes, so
// whether a final symbolic link is followed makes no difference yet.
func xattr(addr, name, value, size, setFlags uint64, op uint64) int64 {
	var w walk
	if e := w.begin(fdcwd, addr, false); e != 0 {
		return e
	}
	t := takeBuf()
	k, e := xattrName(t, name, op)
	if e == 0 {
		for {
			if w.fd >= 0 {
				f := get(uint64(w.fd))
				e = -EBADF
				if f != nil {
					e = f.xattr(str(t.path[:k]), op, value, size, setFlags)
					f.put()
				}
				break
			}
			n, st := client.FileSystem{C: conn(), H: w.dir}.Xattr(w.rest(), str(t.path[:k]), op, setFlags, proto.In{Addr: value, Len: size}, w.redir())
			if w.again(st, n) || w.magicNow() {
				continue
			}
			if e = w.result(st); e == 0 {
				e = int64(n)
			}
			break
		}
	}
	t.give()
	w.end()
	return e
}

func xattrName(t *pathBuf, name, op uint64) (int64, int64) {
	if op == proto.XattrList {
		return 0, 0
	}
	k := t.fetch(name)
	if k < 0 {
		if k == -ENAMETOOLONG {
			k = -ERANGE
		}
		return 0, k
	}
	if k == 0 || k > nameMax {
		return 0, -ERANGE
	}
	return k, 0
}

func (f *File) xattr(name string, op, value, size, setFlags uint64) int64 {
	if f.handle == 0 {
		return -EOPNOTSUPP
	}
	n, st := client.File{C: conn(), H: f.handle}.Xattr(name, op, setFlags, proto.In{Addr: value, Len: size})
	if st < 0 {
		return st
	}
	return int64(n)
}

func fxattr(fd, name, value, size, setFlags, op uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	t := takeBuf()
	k, e := xattrName(t, name, op)
	if e == 0 {
		e = f.xattr(str(t.path[:k]), op, value, size, setFlags)
	}
	t.give()
	f.put()
	return e
}

// Setxattr and its kin are setxattr(2), getxattr(2), listxattr(2), removexattr(2).
func Setxattr(p, name, value, size, flags uint64) int64 {
	return xattr(p, name, value, size, flags, proto.XattrSet)
}
func Lsetxattr(p, name, value, size, flags uint64) int64 {
	return xattr(p, name, value, size, flags, proto.XattrSet)
}
func Fsetxattr(fd, name, value, size, flags uint64) int64 {
	return fxattr(fd, name, value, size, flags, proto.XattrSet)
}
func Getxattr(p, name, value, size uint64) int64 {
	return xattr(p, name, value, size, 0, proto.XattrGet)
}
func Lgetxattr(p, name, value, size uint64) int64 {
	return xattr(p, name, value, size, 0, proto.XattrGet)
}
func Fgetxattr(fd, name, value, size uint64) int64 {
	return fxattr(fd, name, value, size, 0, proto.XattrGet)
}
func Listxattr(p, list, size uint64) int64  { return xattr(p, 0, list, size, 0, proto.XattrList) }
func Llistxattr(p, list, size uint64) int64 { return xattr(p, 0, list, size, 0, proto.XattrList) }
func Flistxattr(fd, list, size uint64) int64 {
	return fxattr(fd, 0, list, size, 0, proto.XattrList)
}
func Removexattr(p, name uint64) int64  { return xattr(p, name, 0, 0, 0, proto.XattrRemove) }
func Lremovexattr(p, name uint64) int64 { return xattr(p, name, 0, 0, 0, proto.XattrRemove) }
func Fremovexattr(fd, name uint64) int64 {
	return fxattr(fd, name, 0, 0, 0, proto.XattrRemove)
}
