package fs

import (
	"go42/ipc/client"
	"go42/ipc/proto"
)

// Extended attributes: file systems here have none, and say so as Linux's do.

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
	if len(name) >= 5 && name[:5] == "user." && f.kind != kindFile && f.kind != kindDir && op != proto.XattrList {
		if op == proto.XattrGet {
			return -ENODATA
		}
		return -EPERM // xattr(7): only files and directories have them
	}
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
