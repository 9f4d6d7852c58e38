package fs

import (
	"unsafe"

	"go42/ipc/client"
	"go42/ipc/proto"
)

// anonIno is the inode number of objects that have none (anon_inode).
const anonIno = 1

// stat fills s for an open object.
func (f *File) stat(s *proto.Stat) int64 {
	if f.handle != 0 {
		r, st := client.File{C: conn(), H: f.handle}.Stat()
		if st < 0 {
			return st
		}
		*s = *r
		return 0
	}
	*s = proto.Stat{Dev: mkdev(0, 15), Ino: anonIno, Nlink: 1, Mode: 0o600, Blksize: 4096}
	switch f.kind {
	case kindNull, kindZero, kindFull, kindRandom:
		s.Mode, s.Rdev, s.Dev = sIFCHR|0o666, f.rdev, mkdev(0, 5)
	case kindLog:
		s.Mode, s.Rdev, s.Dev = sIFCHR|0o600, proto.RdevKmsg, mkdev(0, 5)
	}
	return 0
}

func putStat(addr uint64, s *proto.Stat) int64 {
	if !copyOut(addr, unsafe.Slice((*byte)(unsafe.Pointer(s)), unsafe.Sizeof(*s))) {
		return -EFAULT
	}
	return 0
}

// statPath fills s for a path; flags: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH.
func statPath(dirfd, addr, flags uint64, s *proto.Stat) int64 {
	var w walk
	if e := w.begin(dirfd, addr, flags&atEmptyPath != 0); e != 0 {
		return e
	}
	var r int64
	for {
		if w.fd >= 0 {
			r = fstat(uint64(w.fd), s)
			break
		}
		n, p, st := client.FileSystem{C: conn(), H: w.dir}.Stat(w.rest(), flags&atSymNoFollow, w.redir())
		if w.again(st, n) || w.magicNow() {
			continue
		}
		if r = w.result(st); r == 0 {
			*s = *p
		}
		break
	}
	w.end()
	return r
}

// magicNow tells whether the walk has just arrived at one of our descriptors.
func (w *walk) magicNow() bool { return w.err == 0 && w.fd >= 0 }

func fstat(fd uint64, s *proto.Stat) int64 {
	f := get(fd)
	if f == nil {
		return -EBADF
	}
	r := f.stat(s)
	f.put()
	return r
}

// Stat is stat(2).
func Stat(addr, buf uint64) int64 { return Newfstatat(fdcwd, addr, buf, 0) }

// Lstat is lstat(2).
func Lstat(addr, buf uint64) int64 { return Newfstatat(fdcwd, addr, buf, atSymNoFollow) }

// Fstat is fstat(2).
func Fstat(fd, buf uint64) int64 {
	var s proto.Stat
	if e := fstat(fd, &s); e != 0 {
		return e
	}
	return putStat(buf, &s)
}

// Newfstatat is newfstatat(2).
func Newfstatat(dirfd, addr, buf, flags uint64) int64 {
	flags = uint64(uint32(flags))
	if flags&^(atSymNoFollow|atEmptyPath|atNoAutomount) != 0 {
		return -EINVAL
	}
	var s proto.Stat
	if e := statPath(dirfd, addr, flags, &s); e != 0 {
		return e
	}
	return putStat(buf, &s)
}

// statx is struct statx.
type statx struct {
	Mask, Blksize              uint32
	Attributes                 uint64
	Nlink, UID, GID            uint32
	Mode                       uint16
	_                          uint16
	Ino, Size, Blocks, AttrMsk uint64
	Atime, Btime, Ctime, Mtime statxTime
	RdevMajor, RdevMinor       uint32
	DevMajor, DevMinor         uint32
	MntID                      uint64
	_                          [13]uint64
}

type statxTime struct {
	Sec  int64
	NSec uint32
	_    int32
}

const statxBasic = 0x7ff

func major(d uint64) uint32 { return uint32(d>>8&0xfff | d>>32&^0xfff) }
func minor(d uint64) uint32 { return uint32(d&0xff | d>>12&^0xff) }

// Statx is statx(2).
func Statx(dirfd, addr, flags, mask, buf uint64) int64 {
	flags = uint64(uint32(flags))
	if flags&^(atSymNoFollow|atEmptyPath|atNoAutomount|atStatxSyncMask) != 0 || flags&atStatxSyncMask == atStatxSyncMask || mask&(1<<31) != 0 {
		return -EINVAL
	}
	var s proto.Stat
	if e := statPath(dirfd, addr, flags, &s); e != 0 {
		return e
	}
	x := statx{
		Mask: statxBasic, Blksize: uint32(s.Blksize), Nlink: uint32(s.Nlink), UID: s.UID, GID: s.GID, Mode: uint16(s.Mode),
		Ino: s.Ino, Size: uint64(s.Size), Blocks: uint64(s.Blocks),
		Atime:     statxTime{Sec: s.Atim.Sec, NSec: uint32(s.Atim.NSec)},
		Ctime:     statxTime{Sec: s.Ctim.Sec, NSec: uint32(s.Ctim.NSec)},
		Mtime:     statxTime{Sec: s.Mtim.Sec, NSec: uint32(s.Mtim.NSec)},
		RdevMajor: major(s.Rdev), RdevMinor: minor(s.Rdev), DevMajor: major(s.Dev), DevMinor: minor(s.Dev),
	}
	if !copyOut(buf, unsafe.Slice((*byte)(unsafe.Pointer(&x)), unsafe.Sizeof(x))) {
		return -EFAULT
	}
	return 0
}

// Access is access(2).
func Access(addr, mode uint64) int64 { return Faccessat2(fdcwd, addr, mode, 0) }

// Faccessat is faccessat(2).
func Faccessat(dirfd, addr, mode uint64) int64 { return Faccessat2(dirfd, addr, mode, 0) }

// Faccessat2 is faccessat2(2).
func Faccessat2(dirfd, addr, mode, flags uint64) int64 {
	flags = uint64(uint32(flags))
	if uint32(mode)&^7 != 0 || flags&^(atSymNoFollow|atEAccess|atEmptyPath) != 0 {
		return -EINVAL
	}
	var w walk
	if e := w.begin(dirfd, addr, flags&atEmptyPath != 0); e != 0 {
		return e
	}
	for {
		if w.fd >= 0 {
			r := w.onFile(func(f *File) int64 { return f.access(mode, flags) })
			w.end()
			return r
		}
		n, st := client.FileSystem{C: conn(), H: w.dir}.Access(w.rest(), mode&7, flags&(atSymNoFollow|atEAccess), w.redir())
		if w.again(st, n) || w.magicNow() {
			continue
		}
		w.end()
		return w.result(st)
	}
}

// onFile applies do to the descriptor that the walk arrived at.
func (w *walk) onFile(do func(f *File) int64) int64 {
	f := get(uint64(w.fd))
	if f == nil {
		return -EBADF
	}
	r := do(f)
	f.put()
	return r
}

// access decides for an open object from its mode: an object without a name
// belongs to whoever holds it.
func (f *File) access(mode, flags uint64) int64 {
	if f.kind == kindDir || f.kind == kindPath {
		_, st := client.FileSystem{C: conn(), H: f.handle}.Access("", mode&7, flags&atEAccess, proto.Out{})
		return st
	}
	var s proto.Stat
	if e := f.stat(&s); e != 0 {
		return e
	}
	if mode&1 != 0 && s.Mode&0o111 == 0 {
		return -EACCES
	}
	return 0
}

// Statfs is statfs(2).
func Statfs(addr, buf uint64) int64 {
	var w walk
	if e := w.begin(fdcwd, addr, false); e != 0 {
		return e
	}
	for {
		if w.fd >= 0 {
			fd := w.fd
			w.end()
			return Fstatfs(uint64(fd), buf)
		}
		n, r, st := client.FileSystem{C: conn(), H: w.dir}.Statfs(w.rest(), w.redir())
		if w.again(st, n) || w.magicNow() {
			continue
		}
		e := w.result(st)
		var s proto.Statfs
		if e == 0 {
			s = *r
		}
		w.end()
		if e != 0 {
			return e
		}
		return putStatfs(buf, &s)
	}
}

func putStatfs(addr uint64, s *proto.Statfs) int64 {
	if !copyOut(addr, unsafe.Slice((*byte)(unsafe.Pointer(s)), unsafe.Sizeof(*s))) {
		return -EFAULT
	}
	return 0
}

const (
	anonInodeMagic = 0x09041934
	pipefsMagic    = 0x50495045
	sockfsMagic    = 0x534f434b
)

// Fstatfs is fstatfs(2).
func Fstatfs(fd, buf uint64) int64 {
	f := get(fd)
	if f == nil {
		return -EBADF
	}
	var s proto.Statfs
	st := int64(0)
	switch {
	case f.kind == kindPipe:
		s = proto.Statfs{Type: pipefsMagic, Bsize: 4096, Namelen: nameMax, Frsize: 4096}
	case f.kind == kindSock:
		s = proto.Statfs{Type: sockfsMagic, Bsize: 4096, Namelen: nameMax, Frsize: 4096}
	case f.handle == 0, f.kind == kindEvent, f.kind == kindTimer:
		s = proto.Statfs{Type: anonInodeMagic, Bsize: 4096, Namelen: nameMax, Frsize: 4096}
	default:
		var r *proto.Statfs
		r, st = client.File{C: conn(), H: f.handle}.Statfs()
		if st >= 0 {
			s = *r
		}
	}
	f.put()
	if st < 0 {
		return st
	}
	return putStatfs(buf, &s)
}
