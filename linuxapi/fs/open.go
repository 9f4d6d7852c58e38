package fs

import (
	"go42/ipc/client"
	"go42/ipc/proto"
)

const (
	validOpen = oAccMode | oCreat | oExcl | oNoCtty | oTrunc | oAppend | oNonBlock | oSync | oAsync | oDirect |
		oLargeFile | oDirectory | oNoFollow | oNoAtime | oCloexec | oPath | oTmpfile

	// Flags that describe the open and not the description.
	transient = oCreat | oExcl | oNoCtty | oTrunc | oCloexec
)

// Open is open(2).
func Open(addr, flags, mode uint64) int64 {
	return openat(fdcwd, addr, flags, mode)
}

// Creat is creat(2).
func Creat(addr, mode uint64) int64 {
	return openat(fdcwd, addr, oCreat|oWrOnly|oTrunc, mode)
}

// Openat is openat(2).
func Openat(dirfd, addr, flags, mode uint64) int64 { return openat(dirfd, addr, flags, mode) }

func openat(dirfd, addr, flags, mode uint64) int64 {
	flags &= validOpen
	if flags&oPath != 0 {
		flags &= oPath | oDirectory | oNoFollow | oCloexec
	}
	if flags&(oCreat|oTmpfile&^oDirectory) == 0 {
		mode = 0
	}
	if flags&(oTmpfile&^oDirectory) != 0 && (flags&oTmpfile != oTmpfile || flags&oAccMode == oRdOnly) {
		return -EINVAL
	}
	if flags&(oCreat|oDirectory) == oCreat|oDirectory && flags&oTmpfile != oTmpfile {
		return -EINVAL
	}
	var w walk
	if e := w.begin(dirfd, addr, false); e != 0 {
		return e
	}
	if e := noRoom(); e != 0 { // nothing is made or truncated then
		w.end()
		return e
	}
	f, e := w.open(flags, mode&0o7777&^uint64(umask))
	w.end()
	if e != 0 {
		return e
	}
	return install(f, 0, flags&oCloexec != 0)
}

// open opens what the walk leads to and returns the client object with one
// reference. mode has the umask applied.
func (w *walk) open(flags, mode uint64) (*File, int64) {
	wire := flags &^ oCloexec
	for {
		if w.fd >= 0 {
			return w.reopen(wire)
		}
		grantEnter()
		n, r, obj, st := client.FileSystem{C: conn(), H: w.dir}.Open(w.rest(), wire, mode, w.redir())
		if st == 0 {
			return opened(r, obj, flags, w)
		}
		grantLeave()
		if w.again(st, n) || w.magicNow() {
			continue
		}
		return nil, w.result(st)
	}
}

// opened makes the client object for an open that the server answered between
// grantEnter and the grantLeave that is here. It consumes obj.
func opened(r *proto.OpenResult, obj uint64, flags uint64, w *walk) (*File, int64) {
	what, mode, rdev := r.Kind, r.Stat.Mode, r.Stat.Rdev
	status := uint32(flags) &^ transient
	f := newFile(kindFile, status)
	if f == nil {
		drop(obj)
		grantLeave()
		return nil, -ENFILE
	}
	f.mode = mode
	if r.Flags&proto.OpenNoExec != 0 && mode&sIFMT == sIFREG {
		f.mode &^= 0o111 // what exec looks at
	}
	f.handle = obj
	f.mount = w.mount
	grantLeave()
	var e int64
	switch what {
	case proto.KindFile, proto.KindStream:
	case proto.KindDir:
		f.kind = kindDir
	case proto.KindPath:
		f.kind = kindPath
	case proto.KindNull:
		f.kind, f.rdev = kindNull, rdev
	case proto.KindZero:
		f.kind, f.rdev = kindZero, rdev
	case proto.KindFull:
		f.kind, f.rdev = kindFull, rdev
	case proto.KindRandom:
		f.kind, f.rdev = kindRandom, rdev
	case proto.KindTTY:
		f.rdev = rdev
		e = f.openTTY(flags)
	case proto.KindFIFO:
		e = f.openFIFO(flags)
	case proto.KindSocket:
		e = -ENXIO
	default:
		e = -EIO
	}
	if e != 0 {
		f.put()
		return nil, e
	}
	f.nameFromWalk(w)
	return f, 0
}

// openTTY turns an object that names a terminal into an open terminal.
func (f *File) openTTY(flags uint64) int64 {
	h, e := service(svcTTY)
	if e != 0 {
		return e
	}
	grantEnter()
	rdev, obj, st := client.TTY{C: conn(), H: h}.Open(flags&^oCloexec, client.Copy(f.handle))
	if st >= 0 {
		drop(f.handle)
		f.kind, f.ch, f.handle, f.rdev = kindTTY, chanTTY, obj, rdev
		st = 0
	}
	grantLeave()
	return st
}

// openFIFO turns an object that names a FIFO into one of its ends, waiting for
// the other side as open(2) does.
func (f *File) openFIFO(flags uint64) int64 {
	h, e := service(svcPipe)
	if e != 0 {
		return e
	}
	grantEnter()
	obj, st := client.Pipe{C: conn(), H: h}.OpenFIFO(flags&^oCloexec, client.Copy(f.handle))
	if st >= 0 {
		drop(f.handle)
		f.kind, f.ch, f.handle = kindPipe, chanPipe, obj
	}
	grantLeave()
	if st < 0 {
		return st
	}
	if flags&oNonBlock != 0 || flags&oAccMode == oRdWr {
		return 0
	}
	for {
		var s snapshot
		s.take()
		st := client.PipeEnd{C: conn(), H: obj}.Opened(proto.Wait(chanPipe))
		if st != -EAGAIN {
			return st
		}
		if e := s.wait(1<<chanPipe, forever); e != 0 {
			return e
		}
	}
}

// reopen opens one of our own descriptors anew (/proc/self/fd/N, /dev/fd/N).
func (w *walk) reopen(flags uint64) (*File, int64) {
	g := get(uint64(w.fd))
	if g == nil {
		return nil, -ENOENT
	}
	defer g.put()
	if flags&(oCreat|oExcl) == oCreat|oExcl {
		return nil, -EEXIST
	}
	switch g.kind {
	case kindFile, kindDir, kindPath, kindPipe, kindTTY:
	case kindNull, kindZero, kindFull, kindRandom:
		f := newFile(g.kind, uint32(flags)&^transient)
		if f == nil {
			return nil, -ENFILE
		}
		f.mode, f.rdev = g.mode, g.rdev
		if g.handle != 0 {
			grantEnter()
			_, obj, st := client.File{C: conn(), H: g.handle}.Reopen(flags)
			if st >= 0 {
				f.handle = obj
			}
			grantLeave()
		}
		f.copyName(g)
		return f, 0
	default:
		return nil, -ENXIO
	}
	w.mount = g.mountID()
	grantEnter()
	r, obj, st := client.File{C: conn(), H: g.handle}.Reopen(flags)
	if st < 0 {
		grantLeave()
	}
	if st == -ENXIO && g.kind == kindPipe && flags&oAccMode == uint64(g.getFlags()&oAccMode) {
		// A pipe without a name: its end serves again, with one description.
		g.hold()
		return g, 0
	}
	if st < 0 {
		return nil, st
	}
	if g.kind == kindPipe || g.kind == kindTTY {
		f := newFile(g.kind, uint32(flags)&^transient)
		if f == nil {
			drop(obj)
			grantLeave()
			return nil, -ENFILE
		}
		f.mode, f.rdev, f.ch, f.handle = g.mode, g.rdev, g.ch, obj
		grantLeave()
		f.copyName(g)
		return f, 0
	}
	f, e := opened(r, obj, flags, w)
	if f != nil {
		f.copyName(g)
	}
	return f, e
}

// OpenKernel opens an absolute path of the libOS's own (exec, loaders) and
// returns the object with one reference.
func OpenKernel(path []byte, flags uint64) (*File, int64) {
	b := takeBuf()
	if len(path) >= pathMax {
		b.give()
		return nil, -ENAMETOOLONG
	}
	var w walk
	if e := w.start(b, fdcwd, copy(b.path[:], path), false); e != 0 {
		return nil, e
	}
	f, e := w.open(flags, 0)
	w.end()
	return f, e
}

// OpenUser opens the program's path at addr relative to dirfd, without giving
// it a descriptor.
func OpenUser(dirfd, addr, flags uint64) (*File, int64) {
	var w walk
	if e := w.begin(dirfd, addr, false); e != 0 {
		return nil, e
	}
	f, e := w.open(flags, 0)
	w.end()
	return f, e
}
