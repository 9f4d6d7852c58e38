package fs

import (
	"go42/ipc/client"
	"go42/ipc/proto"
)

// Time stamps: utimensat and its elders.

// timesOf reads two struct timespec (0: now, now). Whether they are times is for
// those to say who know the file.
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
	if t.Atim.NSec == proto.TimeOmit && t.Mtim.NSec == proto.TimeOmit {
		return 0 // the name is not even looked at
	}
	flags = uint64(uint32(flags))
	if flags&^(atSymNoFollow|atEmptyPath) != 0 {
		return -EINVAL
	}
	if addr == 0 {
		if int32(dirfd) == atFdcwd {
			return -EFAULT
		}
		if flags != 0 {
			return -EINVAL
		}
		return futimens(dirfd, &t)
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

func futimens(fd uint64, t *proto.Times) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := f.utimens(t)
	f.put()
	return r
}

func utimens(dirfd, addr uint64, t *proto.Times, flags uint64) int64 {
	var w walk
	if e := w.begin(dirfd, addr, flags&atEmptyPath != 0); e != 0 {
		return e
	}
	for {
		if w.fd >= 0 {
			return w.fail(w.onFile(func(f *File) int64 { return f.utimens(t) }))
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
		return futimens(dirfd, &t)
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
