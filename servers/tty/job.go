package tty

import (
	"sync"
	"syscall"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
)

// procs asks the process server.
type procs struct{ pool sync.Pool }

func newProcs(k ipc.Kernel) *procs {
	return &procs{sync.Pool{New: func() any { return k.Conn() }}}
}

func (p *procs) do(f func(client.Proc)) {
	conn := p.pool.Get().(*client.Conn)
	defer p.pool.Put(conn)
	f(client.Proc{C: conn, H: abi.HandleProc})
}

// info describes the caller.
func (p *procs) info(c *ipc.Call) (r proto.ProcRecord, err error) {
	p.do(func(s client.Proc) {
		q, st := s.InfoK(c.BadgePid)
		if st < 0 {
			err = syscall.Errno(-st)
			return
		}
		r = *q
	})
	return r, err
}

// group answers a group's session and whether it is an orphan.
func (p *procs) group(pgid uint32) (sid uint32, orphaned bool, err error) {
	p.do(func(s client.Proc) {
		n, o, st := s.GroupInfo(uint64(pgid))
		if st < 0 {
			err = syscall.Errno(-st)
			return
		}
		sid, orphaned = uint32(n), o != 0
	})
	return sid, orphaned, err
}

// setTerminal tells whose controlling terminal rdev is now.
func (p *procs) setTerminal(sid uint32, rdev uint64) (st int64) {
	p.do(func(s client.Proc) { st = s.SetTerminal(uint64(sid), rdev) })
	return st
}

// send sends a signal; one that nobody is there for is no error.
func (p *procs) send(x signal) {
	info := &proto.Siginfo{Signo: int32(x.sig), Code: siKernel}
	p.do(func(s client.Proc) {
		if x.group != 0 {
			s.KillGroup(uint64(x.group), uint64(x.sig), info)
		} else {
			s.Kill(int64(x.pid), uint64(x.sig), info)
		}
	})
}

// nextHangup answers a terminal whose session's leader has died.
func (p *procs) nextHangup() (rdev uint64, sid uint32, ok bool) {
	p.do(func(s client.Proc) {
		r, n, st := s.NextHangup()
		rdev, sid, ok = r, uint32(n), st >= 0
	})
	return rdev, sid, ok
}

const siKernel = 0x80

// fromForeground decides whether the caller may do what a background process of
// the terminal's session is stopped for with sig: 0; ERestart: its group has
// been sent sig; EIO: it cannot be stopped.
func (t *terminal) fromForeground(c *ipc.Call, sig int) int64 {
	t.lock()
	fg := t.foreground
	t.unlock()
	if fg == 0 {
		return 0
	}
	r, err := t.srv.procs.info(c)
	if err != nil {
		return -int64(syscall.EIO)
	}
	if uint64(r.TTY) != t.rdev || r.PGid == fg {
		return 0
	}
	if (r.Blocked|r.Ignored)>>(sig-1)&1 != 0 {
		if sig == sigTTIN {
			return -int64(syscall.EIO)
		}
		return 0
	}
	if _, orphaned, err := t.srv.procs.group(r.PGid); err != nil || orphaned {
		return -int64(syscall.EIO)
	}
	t.srv.procs.send(signal{group: r.PGid, sig: sig})
	return -proto.ERestart
}

// acquire makes the terminal the controlling one of the caller's session
// (TIOCSCTTY). force: taken from another session. read: the open is for
// reading.
func (t *terminal) acquire(c *ipc.Call, force, read bool) int64 {
	r, err := t.srv.procs.info(c)
	if err != nil {
		return -int64(syscall.EIO)
	}
	leader := r.Pid == r.Sid
	t.lock()
	owner := t.session
	t.unlock()
	if leader && owner == r.Sid {
		return 0
	}
	if !leader || r.TTY != 0 {
		return -int64(syscall.EPERM)
	}
	root := r.EUID == 0
	if owner != 0 && !(force && root) || !read && !root {
		return -int64(syscall.EPERM)
	}
	if owner != 0 {
		t.srv.procs.setTerminal(owner, 0)
	}
	if st := t.srv.procs.setTerminal(r.Sid, t.rdev); st < 0 {
		return st
	}
	t.lock()
	defer t.unlock()
	if t.session != owner {
		// Another session was faster.
		t.srv.procs.setTerminal(r.Sid, 0)
		return -int64(syscall.EPERM)
	}
	t.session, t.foreground = r.Sid, r.PGid
	return 0
}

// release is TIOCNOTTY. Only a whole session gives up its terminal here: the
// process server keeps one a session.
func (t *terminal) release(c *ipc.Call) int64 {
	r, err := t.srv.procs.info(c)
	if err != nil {
		return -int64(syscall.EIO)
	}
	if uint64(r.TTY) != t.rdev {
		return -int64(syscall.ENOTTY)
	}
	if r.Pid != r.Sid {
		return -int64(syscall.EPERM)
	}
	t.lock()
	if t.session == r.Sid {
		t.signalGroup(t.foreground, sigHUP)
		t.signalGroup(t.foreground, sigCONT)
		t.disown()
	}
	t.unlock()
	return t.srv.procs.setTerminal(r.Sid, 0)
}

// setForeground is TIOCSPGRP.
func (t *terminal) setForeground(c *ipc.Call, pgid int32) int64 {
	switch st := t.fromForeground(c, sigTTOU); {
	case st == -int64(syscall.EIO):
		return -int64(syscall.ENOTTY)
	case st < 0:
		return st
	}
	if pgid < 0 {
		return -int64(syscall.EINVAL)
	}
	r, err := t.srv.procs.info(c)
	if err != nil {
		return -int64(syscall.EIO)
	}
	t.lock()
	mine := uint64(r.TTY) == t.rdev && t.session == r.Sid
	t.unlock()
	if !mine {
		return -int64(syscall.ENOTTY)
	}
	sid, _, err := t.srv.procs.group(uint32(pgid))
	if err != nil {
		return -int64(syscall.ESRCH)
	}
	if sid != r.Sid {
		return -int64(syscall.EPERM)
	}
	t.lock()
	defer t.unlock()
	if t.session != r.Sid {
		return -int64(syscall.ENOTTY)
	}
	t.foreground = uint32(pgid)
	return 0
}

// controls: the terminal is the caller's controlling terminal.
func (t *terminal) controls(c *ipc.Call) bool {
	r, err := t.srv.procs.info(c)
	return err == nil && uint64(r.TTY) == t.rdev
}

// Foreground implements proto.TTY.
func (s *Server) Foreground(c *ipc.Call, rdev uint64) (uint64, int64) {
	t := s.find(rdev)
	if t == nil {
		return 0, -int64(syscall.ENXIO)
	}
	t.lock()
	defer t.unlock()
	return uint64(t.foreground), 0
}
