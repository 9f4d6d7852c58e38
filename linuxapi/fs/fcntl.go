package fs

import (
	"sync/atomic"

	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/linuxapi/fs/fdtable"
	"go42/linuxapi/proc"
)

// Fcntl is fcntl(2).
func Fcntl(fd, cmd, arg uint64) int64 {
	f := get(fd)
	if f == nil {
		return -EBADF
	}
	r := fcntl(f, int(int32(fd)), cmd, arg)
	f.put()
	return r
}

func fcntl(f *File, fd int, cmd, arg uint64) int64 {
	if f.kind == kindPath {
		switch cmd {
		case fDupfd, fDupfdCloexec, fGetfd, fSetfd, fGetfl:
		default:
			return -EBADF
		}
	}
	switch cmd {
	case fDupfd, fDupfdCloexec:
		if uint64(uint32(arg)) >= nofile() || uint32(arg) >= fdtable.Max {
			return -EINVAL
		}
		f.hold()
		return install(f, int(uint32(arg)), cmd == fDupfdCloexec)
	case fGetfd:
		tableMu.Lock()
		c := table.Cloexec(fd)
		tableMu.Unlock()
		if c {
			return fdCloexec
		}
		return 0
	case fSetfd:
		tableMu.Lock()
		table.SetCloexec(fd, arg&fdCloexec != 0)
		tableMu.Unlock()
		return 0
	case fGetfl:
		return int64(f.getFlags() | oLargeFileOf(f))
	case fSetfl:
		return f.setFlags(uint32(arg))
	case fGetlk, fOfdGetlk:
		return f.getLock(cmd, arg)
	case fSetlk, fSetlkw, fOfdSetlk, fOfdSetlkw:
		return f.setLock(cmd, arg)
	case fSetown:
		atomic.StoreInt32(&f.owner, int32(arg))
		return 0
	case fGetown:
		return int64(atomic.LoadInt32(&f.owner))
	case fSetownEx:
		t, ok1 := get32(arg)
		p, ok2 := get32(arg + 4)
		if !ok1 || !ok2 {
			return -EFAULT
		}
		if t > 2 {
			return -EINVAL
		}
		if t == 2 {
			p = -p
		}
		atomic.StoreInt32(&f.owner, int32(p))
		return 0
	case fGetownEx:
		p, t := atomic.LoadInt32(&f.owner), uint32(1)
		if p < 0 {
			p, t = -p, 2
		}
		if !put32(arg, t) || !put32(arg+4, uint32(p)) {
			return -EFAULT
		}
		return 0
	case fGetsig:
		return 0
	case fSetsig:
		if arg != 0 {
			return -EINVAL
		}
		return 0
	case fGetlease:
		return 2 // F_UNLCK
	case fSetlease, fNotify:
		return -EINVAL
	case fGetpipeSz, fSetpipeSz:
		if f.kind != kindPipe {
			return -EBADF
		}
		if cmd == fSetpipeSz && int32(arg) < 0 {
			return -EINVAL
		}
		n, st := client.File{C: conn(), H: f.handle}.Control(cmd, uint64(uint32(arg)), 0, proto.In{}, proto.Out{})
		if st < 0 {
			return st
		}
		return int64(n)
	case fAddSeals, fGetSeals:
		return -EINVAL
	}
	return -EINVAL
}

// oLargeFileOf is the bit that Linux shows for whatever open(2) opened on a
// 64-bit machine.
func oLargeFileOf(f *File) uint32 {
	switch f.kind {
	case kindFile, kindDir, kindNull, kindZero, kindFull, kindRandom, kindTTY:
		return oLargeFile
	}
	return 0
}

// setFlags is F_SETFL. What the server has to know (O_APPEND) it is told; the
// rest is decided here.
func (f *File) setFlags(flags uint32) int64 {
	flags &= setflMask
	old := f.getFlags()
	if flags&oAppend != old&oAppend || flags&oNonBlock != old&oNonBlock {
		switch f.kind {
		case kindFile, kindPipe, kindTTY, kindSock, kindInotify:
			st := client.File{C: conn(), H: f.handle}.SetFlags(uint64(old&^setflMask | flags))
			if st < 0 && flags&oAppend != old&oAppend {
				return st
			}
		}
	}
	atomic.StoreUint32(&f.flags, old&^setflMask|flags)
	return 0
}

func (f *File) setBlocking(on bool) int64 {
	fl := f.getFlags() &^ oNonBlock
	if !on {
		fl |= oNonBlock
	}
	return f.setFlags(fl)
}

// --- locks ---

// hasLocks: this process has taken a record lock on some file since it
// started, so that closing any descriptor of a file has to release them.
var hasLocks uint32

func getLock(addr uint64, l *proto.Lock) bool {
	var b [32]byte
	if !copyIn(b[:], addr) {
		return false
	}
	l.Type = int16(uint16(b[0]) | uint16(b[1])<<8)
	l.Whence = int16(uint16(b[2]) | uint16(b[3])<<8)
	l.Start, l.Len = int64(le64(b[8:])), int64(le64(b[16:]))
	l.Pid = int32(le32(b[24:]))
	return true
}

func putLock(addr uint64, l *proto.Lock) bool {
	var b [32]byte
	put32b(b[:], uint32(uint16(l.Type))|uint32(uint16(l.Whence))<<16)
	put64b(b[8:], uint64(l.Start))
	put64b(b[16:], uint64(l.Len))
	put32b(b[24:], uint32(l.Pid))
	return copyOut(addr, b[:])
}

const (
	fRdlck = 0
	fWrlck = 1
	fUnlck = 2
)

// lockRange checks the range of a lock on something that has neither position nor
// size.
func lockRange(l *proto.Lock) int64 {
	switch {
	case l.Whence < 0 || l.Whence > seekEnd, l.Start < 0, l.Len < 0 && l.Start+l.Len < 0:
		return -EINVAL
	case l.Len > 0 && l.Start+l.Len-1 < 0:
		return -EOVERFLOW
	}
	return 0
}

func (f *File) getLock(cmd, addr uint64) int64 {
	var l proto.Lock
	if !getLock(addr, &l) {
		return -EFAULT
	}
	if l.Type != fRdlck && l.Type != fWrlck {
		return -EINVAL
	}
	if cmd == fOfdGetlk && l.Pid != 0 {
		return -EINVAL
	}
	if f.kind != kindFile && f.kind != kindDir {
		if e := lockRange(&l); e != 0 {
			return e
		}
		l.Type = fUnlck
	} else {
		r, st := client.File{C: conn(), H: f.handle}.GetLock(cmd, &l)
		if st < 0 {
			return st
		}
		l = *r
	}
	if !putLock(addr, &l) {
		return -EFAULT
	}
	return 0
}

func (f *File) setLock(cmd, addr uint64) int64 {
	var l proto.Lock
	if !getLock(addr, &l) {
		return -EFAULT
	}
	if l.Whence != seekCur && l.Whence != seekEnd || f.kind != kindFile { // else its server knows
		if e := lockRange(&l); e != 0 {
			return e
		}
	}
	switch l.Type {
	case fRdlck:
		if !f.canRead() {
			return -EBADF
		}
	case fWrlck:
		if !f.canWrite() {
			return -EBADF
		}
	case fUnlck:
	default:
		return -EINVAL
	}
	if f.kind != kindFile && f.kind != kindDir {
		return lockRange(&l)
	}
	var wait uint64
	base := cmd
	switch cmd {
	case fSetlkw:
		base, wait = fSetlk, proto.Wait(chanFile)
	case fOfdSetlkw:
		base, wait = fOfdSetlk, proto.Wait(chanFile)
	}
	if (base == fOfdSetlk) && l.Pid != 0 {
		return -EINVAL
	}
	l.Pid = 0
	if base == fSetlk {
		l.Pid = int32(proc.Me.Pid) // what F_GETLK shows others
	}
	for {
		var s snapshot
		s.take()
		st := client.File{C: conn(), H: f.handle}.SetLock(base, &l, wait)
		if st >= 0 {
			if base == fSetlk && l.Type != fUnlck {
				atomic.StoreUint32(&hasLocks, 1)
			}
			return 0
		}
		if st != -EAGAIN || wait == 0 {
			return st
		}
		if e := s.wait(1<<chanFile, forever); e != 0 {
			// Who waits for a lock is in the way of others: deadlocks are refused.
			client.File{C: conn(), H: f.handle}.SetLock(base, &l, proto.WaitOver)
			return e
		}
	}
}

// closeLocks releases the process's record locks on f's file: closing any
// descriptor of a file does that. Called before the descriptor's reference
// goes.
func closeLocks(f *File) {
	if atomic.LoadUint32(&hasLocks) == 0 || f.kind != kindFile {
		return
	}
	l := proto.Lock{Type: fUnlck}
	client.File{C: conn(), H: f.handle}.SetLock(fSetlk, &l, 0)
}

// Flock is flock(2).
func Flock(fd, op uint64) int64 {
	op = uint64(uint32(op))
	switch op &^ lockNb {
	case lockSh, lockEx, lockUn:
	default:
		return -EINVAL
	}
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := f.flock(op)
	f.put()
	return r
}

func (f *File) flock(op uint64) int64 {
	if f.handle == 0 {
		return 0
	}
	var wait uint64
	if op&lockNb == 0 {
		wait = proto.Wait(chanFile)
	}
	for {
		var s snapshot
		s.take()
		st := client.File{C: conn(), H: f.handle}.Flock(op, wait)
		if st != -EAGAIN || wait == 0 {
			return st
		}
		if e := s.wait(1<<chanFile, forever); e != 0 {
			return e
		}
	}
}
