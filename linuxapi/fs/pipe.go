package fs

import (
	"go42/ipc/client"
)

// Pipe is pipe(2).
func Pipe(fds uint64) int64 { return Pipe2(fds, 0) }

// Pipe2 is pipe2(2).
func Pipe2(fds, flags uint64) int64 {
	flags = uint64(uint32(flags))
	if flags&^(oCloexec|oNonBlock|oDirect) != 0 {
		return -EINVAL
	}
	h, e := service(svcPipe)
	if e != 0 {
		return e
	}
	grantEnter()
	ino, r, w, st := client.Pipe{C: conn(), H: h}.Create(flags &^ oCloexec)
	if st < 0 {
		grantLeave()
		return st
	}
	status := uint32(flags &^ oCloexec)
	a := pipeEnd(r, oRdOnly|status, ino)
	b := pipeEnd(w, oWrOnly|status, ino)
	grantLeave()
	if a == nil || b == nil {
		putBoth(a, b)
		return -ENFILE
	}
	return installPair(a, b, fds, flags&oCloexec != 0)
}

func pipeEnd(h uint64, flags uint32, ino uint64) *File {
	f := newFile(kindPipe, flags)
	if f == nil {
		drop(h)
		return nil
	}
	f.ch, f.handle, f.mode = chanPipe, h, sIFIFO|0o600
	f.setNumberedName("pipe:[", ino)
	return f
}
