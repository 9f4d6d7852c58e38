package fs

import (
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/linuxapi/fs/path"
)

// Getdents64 is getdents64(2): the server writes the records into the
// program's memory itself.
func Getdents64(fd, buf, n uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := f.getdents(buf, uint64(uint32(n)))
	f.put()
	return r
}

func (f *File) getdents(buf, n uint64) int64 {
	if f.kind != kindDir {
		return -ENOTDIR
	}
	if n > 1<<16 {
		n = 1 << 16
	}
	for tries := 0; ; tries++ {
		if !touch(buf, n, true) {
			// The end of the buffer may be missing: what is there can be used.
			if n > 512 && touch(buf, 512, true) {
				n = 512
			} else {
				return -EFAULT
			}
		}
		got, st := client.File{C: conn(), H: f.handle}.Getdents(proto.Out{Addr: buf, Len: n})
		switch {
		case st >= 0:
			return int64(got)
		case st != -EFAULT || tries == maxTries:
			return st
		}
	}
}

// Getdents is getdents(2). Its records are as long as those of getdents64; the
// name stands where the type does there, and the type in the last byte.
func Getdents(fd, buf, n uint64) int64 {
	got := Getdents64(fd, buf, n)
	if got <= 0 {
		return got
	}
	b := takeBuf()
	st := int64(0)
	for at := buf; at < buf+uint64(got) && st >= 0; at += uint64(st) {
		st = oldDirent(at, b.path[:direntMax])
	}
	b.give()
	if st < 0 {
		return st
	}
	return got
}

// oldDirent makes the record of getdents64 at addr one of getdents, by way of r,
// and answers its size.
func oldDirent(addr uint64, r []byte) int64 {
	if !copyIn(r[:direntName], addr) {
		return -EFAULT
	}
	size := int(r[16]) | int(r[17])<<8
	if size <= direntName || size > len(r) {
		return -EIO // the program writes into it meanwhile
	}
	r = r[:size]
	if !copyIn(r, addr) {
		return -EFAULT
	}
	typ := r[direntName-1]
	copy(r[direntName-1:], r[direntName:])
	r[size-1] = typ
	if !copyOut(addr, r) {
		return -EFAULT
	}
	return int64(size)
}

// Of struct linux_dirent64: where the name begins, and its largest size.
const (
	direntName = 19
	direntMax  = direntName + 256 + 8
)

// lookupDir resolves the walk's path to a directory and returns an object that
// names it, with one reference.
func (w *walk) lookupDir() (*File, int64) {
	for {
		if w.fd >= 0 {
			return dirOf(uint64(w.fd))
		}
		grantEnter()
		n, r, dir, st := client.FileSystem{C: conn(), H: w.dir}.Lookup(w.rest(), w.redir())
		if st != 0 {
			grantLeave()
			if w.again(st, n) || w.magicNow() {
				continue
			}
			return nil, w.result(st)
		}
		mode := r.Mode
		f := newFile(kindPath, oPath)
		if f == nil {
			drop(dir)
			grantLeave()
			return nil, -ENFILE
		}
		f.handle, f.mode, f.mount = dir, mode, w.mount
		grantLeave()
		f.nameFromWalk(w)
		return f, 0
	}
}

// dirOf returns descriptor fd as a directory, after the check that chdir makes.
func dirOf(fd uint64) (*File, int64) {
	f := get(fd)
	if f == nil {
		return nil, -EBADF
	}
	if f.mode&sIFMT != sIFDIR || f.handle == 0 {
		f.put()
		return nil, -ENOTDIR
	}
	if _, st := (client.FileSystem{C: conn(), H: f.handle}).Access("", 1, proto.AtEaccess, proto.Out{}); st < 0 {
		f.put()
		return nil, st
	}
	return f, 0
}

// Chdir is chdir(2).
func Chdir(addr uint64) int64 {
	var w walk
	if e := w.begin(fdcwd, addr, false); e != 0 {
		return e
	}
	f, e := w.lookupDir()
	w.end()
	if e != 0 {
		return e
	}
	setCwd(f)
	return 0
}

// Fchdir is fchdir(2).
func Fchdir(fd uint64) int64 {
	f, e := dirOf(fd)
	if e != 0 {
		return e
	}
	setCwd(f)
	return 0
}

// setCwd makes f, whose reference it takes, the current directory.
func setCwd(f *File) {
	fsMu.Lock()
	old := cwd
	cwd = f
	fsMu.Unlock()
	if old != nil {
		old.put()
	}
	publishCwd()
}

// Chroot is chroot(2). The new root is fenced: its server lets no ".." lead above
// it, from whatever is found through it. As on Linux, a current directory that
// lies outside stays as it is.
func Chroot(addr uint64) int64 {
	if !superuser() {
		return -EPERM
	}
	var w walk
	if e := w.begin(fdcwd, addr, false); e != 0 {
		return e
	}
	f, e := w.lookupDir()
	w.end()
	if e != 0 {
		return e
	}
	grantEnter()
	fence, st := client.FileSystem{C: conn(), H: f.handle}.Fence()
	if st < 0 {
		grantLeave()
		f.put()
		return st
	}
	drop(f.handle)
	f.handle = fence
	grantLeave()
	fsMu.Lock()
	old := rootDir
	rootDir = f
	fsMu.Unlock()
	if old != nil {
		old.put()
	}
	return 0
}

// Getcwd is getcwd(2): the server knows where the directory is now.
func Getcwd(buf, size uint64) int64 {
	b := takeBuf()
	n := currentDir(b)
	if n > 0 {
		b.path[n] = 0
		switch {
		case uint64(n)+1 > size:
			n = -ERANGE
		case !copyOut(buf, b.path[:n+1]):
			n = -EFAULT
		default:
			n++
		}
	}
	b.give()
	return n
}

// currentDir writes the current directory's path to b.path and returns its
// length, or -errno.
func currentDir(b *pathBuf) int64 {
	fsMu.Lock()
	f, r := cwd, rootDir
	if f != nil {
		f.hold()
	}
	if r != nil {
		r.hold()
	}
	fsMu.Unlock()
	n := int64(1)
	b.path[0] = '/'
	if f != nil {
		n = f.fullPath(b.path[:pathMax-1], b.redir[:])
		if n > 0 && r != nil {
			n = cutRoot(b, n, r)
		}
		f.put()
	}
	if r != nil {
		r.put()
	}
	return n
}

// unreachable stands before the path of a current directory that is not below the
// root directory.
const unreachable = "(unreachable)"

// cutRoot makes the path b.path[:n] one from the root directory r.
func cutRoot(b *pathBuf, n int64, r *File) int64 {
	t := takeBuf()
	k := r.fullPath(t.path[:pathMax-1], t.redir[:])
	if k > 0 {
		if rest := path.Match(t.path[:k], b.path[:n]); rest >= 0 {
			m := copy(b.path[1:], b.path[rest:n])
			b.path[0] = '/'
			n = int64(1 + m)
		} else {
			copy(b.path[len(unreachable):], b.path[:n])
			n += int64(copy(b.path[:], unreachable))
		}
	}
	t.give()
	return n
}

// fullPath writes the path of a directory from the name space's root; tmp is
// scratch of the same size.
func (f *File) fullPath(dst, tmp []byte) int64 {
	n, st := client.FileSystem{C: conn(), H: f.handle}.Path(outBytes(tmp[:len(dst)]))
	if st < 0 {
		return st
	}
	if n > uint64(len(dst)) {
		return -EIO
	}
	return joinMount(f.mountID(), dst, tmp[:n])
}

// joinMount puts the mount point of mount id before rest.
func joinMount(id uint64, dst, rest []byte) int64 {
	if e := knowMounts(); e < 0 {
		return e // a mount that is not in the table may be there all the same
	}
	mountMu.Lock()
	k := -1
	if m := mountByID(id); m >= 0 {
		k = mounts[m].global(dst, rest)
	} else {
		k = path.Join(dst, nil, rest)
	}
	mountMu.Unlock()
	if k < 0 {
		return -ENAMETOOLONG
	}
	return int64(k)
}

// Sync is sync(2) and syncfs: all file systems here keep their data in memory
// that needs no writing back.
func Sync() int64 { return 0 }

// Syncfs is syncfs(2).
func Syncfs(fd uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	f.put()
	return 0
}

// Fsync is fsync(2).
func Fsync(fd uint64) int64 { return fsync(fd, 0) }

// Fdatasync is fdatasync(2).
func Fdatasync(fd uint64) int64 { return fsync(fd, 1) }

func fsync(fd, dataOnly uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := int64(-EINVAL)
	if f.kind == kindFile || f.kind == kindDir {
		r = client.File{C: conn(), H: f.handle}.Sync(dataOnly)
	}
	f.put()
	return r
}
