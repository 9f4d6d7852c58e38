package fs

import (
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/linuxapi/errno"
	"go42/linuxapi/fs/path"
	"go42/linuxapi/hook"
	"go42/linuxapi/proc"
	"go42/linuxapi/signal"
	"go42/linuxapi/thread"
)

// Process descriptors: objects of the process server, polled on its channel.

func init() {
	hook.FDRoom = func() errno.Errno { return errnoOf(noRoom()) }
	hook.PidOpen = func(pid uint64) int64 { return pidOpen(pid, 0) }
	hook.PidTarget = pidTarget
}

// PidfdOpen is pidfd_open(2).
func PidfdOpen(pid, flags uint64) int64 {
	if flags&^oNonBlock != 0 || int32(pid) <= 0 {
		return -EINVAL
	}
	if pid != uint64(proc.Me.Pid) && thread.Find(uint32(pid)) != nil {
		return -EINVAL // a thread that leads no process
	}
	return pidOpen(uint64(uint32(pid)), flags)
}

func pidOpen(pid, flags uint64) int64 {
	grantEnter()
	h, st := proc.Server(thread.Current()).PidOpen(pid)
	if st < 0 {
		grantLeave()
		return st
	}
	f := newFile(kindPidFD, oRdWr|uint32(flags))
	if f == nil {
		drop(h)
		grantLeave()
		return -ENFILE
	}
	f.ch, f.handle, f.mode = chanProc, h, 0o600
	f.setName("anon_inode:[pidfd]")
	fd := install(f, 0, true)
	grantLeave()
	return fd
}

// pidTarget is the pid that fd names: EBADF, or ESRCH once that process has
// been waited for.
func pidTarget(fd uint64) (pid uint64, nonblock bool, e errno.Errno) {
	f := get(fd)
	if f == nil {
		return 0, false, errno.EBADF
	}
	if f.kind != kindPidFD {
		f.put()
		return 0, false, errno.EBADF
	}
	pid, st := client.PidFD{C: conn(), H: f.handle}.Target()
	nonblock = f.nonblock()
	f.put()
	return pid, nonblock, errno.Of(min(st, 0))
}

// PidfdSendSignal is pidfd_send_signal(2). A directory /proc/PID does as well as
// a process descriptor.
func PidfdSendSignal(fd, sig, info, flags uint64) int64 {
	if flags != 0 {
		return -EINVAL
	}
	f := get(fd)
	if f == nil {
		return -EBADF
	}
	r := int64(-EBADF)
	switch f.kind {
	case kindPidFD:
		r = pidSignal(f.handle, uint32(sig), info)
	case kindDir:
		if r = f.procDir(); r > 0 {
			pid := r
			grantEnter()
			h, st := proc.Server(thread.Current()).PidOpen(uint64(pid))
			if r = st; st >= 0 {
				r = pidSignal(h, uint32(sig), info)
				drop(h)
			}
			grantLeave() // not before: a fork would give the child a copy of h
		}
	}
	f.put()
	return r
}

const procMagic = 0x9fa0 // statfs type of a proc file system

// procDir is the pid that a directory /proc/PID is about, wherever that is
// mounted: ESRCH when the process is no more, EBADF for any other directory.
func (f *File) procDir() int64 {
	if s, st := (client.File{C: conn(), H: f.handle}.Statfs()); st < 0 || s.Type != procMagic {
		return -EBADF
	}
	b := takeBuf()
	n, st := client.FileSystem{C: conn(), H: f.handle}.Path(outBytes(b.path[:pathMax]))
	pid := int64(-EBADF)
	switch {
	case st == -ENOENT:
		pid = -ESRCH
	case st >= 0 && n > 1 && n <= pathMax && b.path[0] == '/':
		if k := path.Number(b.path[1:n]); k > 0 {
			pid = int64(k)
		}
	}
	b.give()
	return pid
}

// pidSignal sends sig to the process of the process descriptor h.
func pidSignal(h uint64, sig uint32, addr uint64) int64 {
	s := proto.Siginfo{Signo: int32(sig)}
	if addr != 0 {
		var b [128]byte
		if !copyIn(b[:], addr) {
			return -EFAULT
		}
		if le32(b[:]) != sig {
			return -EINVAL
		}
		s.Code = int32(le32(b[8:]))
		s.Value = le64(b[24:])
		if s.Code >= 0 || s.Code == signal.SI_TKILL {
			pid, st := client.PidFD{C: conn(), H: h}.Target()
			if st < 0 {
				return st
			}
			if pid != uint64(proc.Me.Pid) {
				return -EPERM
			}
		}
	}
	return client.PidFD{C: conn(), H: h}.Signal(uint64(sig), &s)
}
