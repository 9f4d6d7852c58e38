package fs

import (
	"go42/ipc/client"
)

// inotify: an instance is an object of the file server's, which sees what happens
// in its file systems. Reading and polling are as of any stream.

const (
	inAllEvents  = 0xfff
	inDontFollow = 0x2000000
	inOnlyDir    = 0x1000000
	inMaskBits   = inAllEvents | 0x2000 | 0x4000 | 0x8000 | inOnlyDir | inDontFollow | 0x4000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x80000000
)

// InotifyInit1 is inotify_init1(2).
func InotifyInit1(flags uint64) int64 {
	if flags&^(oCloexec|oNonBlock) != 0 {
		return -EINVAL
	}
	srv, st := service(svcFile)
	if st < 0 {
		return st
	}
	grantEnter()
	h, st := client.FileServer{C: conn(), H: srv}.Inotify()
	if st < 0 {
		grantLeave()
		return st
	}
	f := newFile(kindInotify, oRdOnly|uint32(flags&oNonBlock))
	if f == nil {
		drop(h)
		grantLeave()
		return -ENFILE
	}
	f.ch, f.handle, f.mode = chanFile, h, 0o600
	f.setName("anon_inode:inotify")
	fd := install(f, 0, flags&oCloexec != 0)
	grantLeave()
	return fd
}

// getInotify is the instance at fd.
func getInotify(fd uint64) (*File, int64) {
	f := getIO(fd)
	if f == nil {
		return nil, -EBADF
	}
	if f.kind != kindInotify {
		f.put()
		return nil, -EINVAL
	}
	return f, 0
}

// InotifyAddWatch is inotify_add_watch(2).
func InotifyAddWatch(fd, addr, mask uint64) int64 {
	if mask&inMaskBits == 0 {
		return -EINVAL
	}
	f, e := getInotify(fd)
	if e != 0 {
		return e
	}
	defer f.put()
	var w walk
	if e := w.begin(fdcwd, addr, false); e != 0 {
		return e
	}
	for {
		if w.fd >= 0 {
			return w.fail(w.onFile(func(o *File) int64 { return f.watchFile(o, mask) }))
		}
		n, wd, st := client.FileSystem{C: conn(), H: w.dir}.Watch(w.rest(), mask&0xffffffff, client.Copy(f.handle), w.redir())
		if w.again(st, n) || w.magicNow() {
			continue
		}
		if st == 0 && w.err == 0 {
			w.end()
			return int64(wd)
		}
		return w.fail(st)
	}
}

// watchFile watches what o has open.
func (f *File) watchFile(o *File, mask uint64) int64 {
	if o.handle == 0 {
		return -EACCES
	}
	_, wd, st := client.FileSystem{C: conn(), H: o.handle}.Watch("", mask&0xffffffff, client.Copy(f.handle), outBytes(nil))
	if st < 0 {
		return st
	}
	return int64(wd)
}

// InotifyRmWatch is inotify_rm_watch(2).
func InotifyRmWatch(fd, wd uint64) int64 {
	f, e := getInotify(fd)
	if e != 0 {
		return e
	}
	st := client.Inotify{C: conn(), H: f.handle}.Remove(uint64(uint32(wd)))
	f.put()
	return st
}
