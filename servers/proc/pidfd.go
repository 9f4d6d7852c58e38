package proc

import (
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
	"go42/ipc/server"
	"go42/servers/stream"
)

// pidfd is an open process descriptor. Guarded by Server.mu.
type pidfd struct {
	stream.Base
	s     *Server
	p     *process
	flags uint64
}

const anonInodeMagic = 0x09041934

// pidfdCall serves a call on a process descriptor.
func (s *Server) pidfdCall(c *ipc.Call) {
	o, ok := s.pidfds.Get(c.Object)
	if !ok {
		c.Status = -int64(syscall.EBADF)
		return
	}
	switch c.Method >> 8 {
	case proto.BaseFile:
		server.ServeFile(o, c)
	case proto.BasePidFD:
		server.ServePidFD(o, c)
	default:
		c.Status = -int64(syscall.ENOSYS)
	}
}

// Last forgets a process descriptor that no handle names any more.
func (s *Server) Last(id uint64) { s.pidfds.Remove(id) }

// PidOpen implements proto.Proc.
func (s *Server) PidOpen(c *ipc.Call, pid uint64) (g ipc.Grant, st int64) {
	st = s.known(c, func(p *process) error {
		if pid == 0 {
			return syscall.EINVAL
		}
		q := s.target(p, pid)
		if q == nil {
			return syscall.ESRCH
		}
		g = ipc.Object(s.pidfds.Add(&pidfd{s: s, p: q, flags: syscall.O_RDWR}))
		return nil
	})
	return g, st
}

// Target implements proto.PidFD.
func (o *pidfd) Target(c *ipc.Call) (pid uint64, st int64) {
	st = o.s.known(c, func(*process) error {
		if o.p.reaped {
			return syscall.ESRCH
		}
		pid = uint64(o.p.pid)
		return nil
	})
	return pid, st
}

// Signal implements proto.PidFD.
func (o *pidfd) Signal(c *ipc.Call, sig uint64, info *proto.Siginfo) int64 {
	return o.s.known(c, func(p *process) error {
		if sig > lastSig {
			return syscall.EINVAL
		}
		if info.Code > 0 && o.p != p {
			return syscall.EPERM
		}
		if o.p.reaped {
			return syscall.ESRCH
		}
		i := *info
		i.Signo, i.Pid, i.UID = int32(sig), p.pid, p.cred.UID
		return o.s.send(p, []*process{o.p}, sig, &i, false)
	})
}

// Poll implements proto.File.
func (o *pidfd) Poll(c *ipc.Call, mask uint64, wait uint64) (uint64, int64) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	var b uint64
	if o.p.state == zombie {
		b = proto.PollIn
	}
	return o.p.watchers.Poll(c.BadgePid, b, mask, wait), 0
}

// Read implements proto.File.
func (o *pidfd) Read(*ipc.Call, int64, uint64, ipc.Out) (uint64, uint64, int64) {
	return 0, 0, -int64(syscall.EINVAL)
}

// Write implements proto.File.
func (o *pidfd) Write(*ipc.Call, int64, uint64, uint64, ipc.In) (uint64, uint64, int64) {
	return 0, 0, -int64(syscall.EINVAL)
}

// Stat implements proto.File: of all anonymous inodes this is one.
func (o *pidfd) Stat(c *ipc.Call) (*proto.Stat, int64) {
	return &proto.Stat{Dev: 14, Ino: 1, Nlink: 1, Mode: 0o600, Blksize: 4096}, 0
}

// Statfs implements proto.File.
func (o *pidfd) Statfs(c *ipc.Call) (*proto.Statfs, int64) {
	return &proto.Statfs{Type: anonInodeMagic, Bsize: 4096, Frsize: 4096, Namelen: 255}, 0
}

// GetFlags implements proto.File.
func (o *pidfd) GetFlags(c *ipc.Call) (uint64, int64) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	return o.flags, 0
}

// SetFlags implements proto.File.
func (o *pidfd) SetFlags(c *ipc.Call, flags uint64) int64 {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.flags = o.flags&^stream.Settable | flags&stream.Settable
	return 0
}

// Control implements proto.File.
func (o *pidfd) Control(*ipc.Call, uint64, uint64, uint64, ipc.In, ipc.Out) (uint64, int64) {
	return 0, -int64(syscall.ENOTTY)
}

// Path implements proto.File.
func (o *pidfd) Path(c *ipc.Call, buf ipc.Out) (uint64, int64) { return 0, -int64(syscall.ENOENT) }
