package tty

import (
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
)

// master is the other side of a pseudo-terminal: guarded by its terminal's mu.
type master struct {
	num         uint32
	node        *ptsNode
	buf         []byte // the program's output, not read yet
	more        bool   // of it has come since wake
	full        bool   // what was typed found no room
	locked      bool   // TIOCSPTLCK: the program's side cannot be opened yet
	closed      bool
	slaveClosed bool // all opens of the program's side have gone
	waiters     ipc.Waiters
}

// masterOpen is the open master: there is one.
type masterOpen struct {
	device
	t *terminal
}

const (
	ptsMajor = 136
	maxPtys  = 256
	// masterMax is how much of the program's output waits for the master.
	masterMax = 8192
)

// newPty makes a pseudo-terminal, whose name belongs to the caller.
func (s *Server) newPty(c *ipc.Call) (*terminal, int64) {
	k, err := s.creds.Get(c.BadgeCred)
	if err != nil {
		return nil, -int64(syscall.EACCES)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	num := uint32(0)
	for s.ptys[num] != nil {
		num++
	}
	if num >= maxPtys {
		return nil, -int64(syscall.ENOSPC)
	}
	t := s.newTerminal(ptsMajor<<8 | uint64(num))
	t.d.cflag = cB38400 | cCS8 | cCREAD
	m := &master{num: num, locked: true, node: newPtsNode(s, num, k.FSUID, k.FSGID)}
	t.master = m
	t.put = func(b []byte) int {
		n := min(len(b), masterMax-len(m.buf))
		m.buf = append(m.buf, b[:n]...)
		m.more = m.more || n > 0
		return n
	}
	s.ptys[num] = t
	return t, 0
}

// opened: the program's side has been opened. mu is held.
func (m *master) opened() { m.slaveClosed = false }

// wake tells the master's waiters of a change. mu is held.
func (m *master) wake(t *terminal) {
	if m.more {
		m.waiters.Edge(t.srv.kernel, proto.PollIn)
		m.more = false
	}
	if m.full && t.d.room() > 0 {
		m.waiters.Edge(t.srv.kernel, proto.PollOut)
		m.full = false
	}
	m.waiters.Wake(t.srv.kernel, m.state(t)|proto.PollErr)
}

// wakeMaster does so if there is a master.
func (t *terminal) wakeMaster() {
	if t.master != nil {
		t.master.wake(t)
	}
}

func (m *master) state(t *terminal) uint64 {
	var s uint64
	if len(m.buf) > 0 {
		s |= proto.PollIn
	}
	if m.slaveClosed {
		s |= proto.PollHup
	}
	if t.d.room() > 0 {
		s |= proto.PollOut
	}
	return s
}

// Read implements proto.File.
func (o *masterOpen) Read(c *ipc.Call, off int64, wait uint64, buf ipc.Out) (uint64, uint64, int64) {
	if !o.readable() {
		return 0, 0, -int64(syscall.EBADF)
	}
	t, m := o.t, o.t.master
	t.lock()
	defer t.unlock()
	if buf.Len() == 0 {
		return 0, m.state(t), 0
	}
	if len(m.buf) == 0 {
		if m.slaveClosed {
			return 0, m.state(t), -int64(syscall.EIO)
		}
		m.waiters.Arm(c.BadgePid, wait, proto.PollIn|proto.PollHup)
		return 0, m.state(t), -int64(syscall.EAGAIN)
	}
	n := int(min(uint64(len(m.buf)), buf.Len()))
	if _, err := buf.CopyOut(m.buf[:n], 0); err != nil {
		return 0, m.state(t), ipc.Errno(err)
	}
	m.buf = append(m.buf[:0], m.buf[n:]...)
	t.flush()
	if m.more {
		m.wake(t)
	}
	return uint64(n), m.state(t), 0
}

// Write implements proto.File: it types.
func (o *masterOpen) Write(c *ipc.Call, off int64, wait uint64, limit uint64, in ipc.In) (uint64, uint64, int64) {
	if !o.writable() {
		return 0, 0, -int64(syscall.EBADF)
	}
	p := make([]byte, min(in.Len(), chunk))
	n, err := in.CopyIn(p, 0)
	if err != nil && n == 0 {
		return 0, 0, ipc.Errno(err)
	}
	t, m := o.t, o.t.master
	t.lock()
	defer t.unlock()
	done := t.input(p[:n])
	m.full = m.full || done < n
	m.wake(t)
	if done == 0 && n > 0 {
		m.waiters.Arm(c.BadgePid, wait, proto.PollOut)
		return 0, m.state(t), -int64(syscall.EAGAIN)
	}
	return uint64(done), m.state(t), 0
}

// Poll implements proto.File.
func (o *masterOpen) Poll(c *ipc.Call, mask uint64, wait uint64) (uint64, int64) {
	t, m := o.t, o.t.master
	t.lock()
	defer t.unlock()
	return m.waiters.Poll(c.BadgePid, m.state(t), mask, wait), 0
}

// GetFlags implements proto.File.
func (o *masterOpen) GetFlags(*ipc.Call) (uint64, int64) {
	o.t.lock()
	defer o.t.unlock()
	return o.flags, 0
}

// SetFlags implements proto.File.
func (o *masterOpen) SetFlags(_ *ipc.Call, flags uint64) int64 {
	o.t.lock()
	defer o.t.unlock()
	o.flags = o.flags&^settable | flags&settable
	return 0
}

// Control implements proto.File. Settings, window size and groups are those
// of the program's side.
func (o *masterOpen) Control(c *ipc.Call, req uint64, arg uint64, wait uint64, in ipc.In, out ipc.Out) (uint64, int64) {
	t, m := o.t, o.t.master
	q := ioctl{c: c, t: t, req: req, arg: arg, wait: wait, in: in, out: out, read: o.readable(), master: true}
	switch req {
	case tiocGPTN:
		return q.put32(m.num)
	case tiocSPTLCK:
		v, st := q.get32()
		if st < 0 {
			return 0, st
		}
		t.lock()
		m.locked = v != 0
		t.unlock()
		return 0, 0
	case tiocGPTLCK:
		t.lock()
		v := m.locked
		t.unlock()
		if v {
			return q.put32(1)
		}
		return q.put32(0)
	case fionREAD:
		t.lock()
		n := len(m.buf)
		t.unlock()
		return q.put32(uint32(n))
	case tiocOUTQ:
		return q.put32(0)
	case tiocGDEV:
		return q.put32(proto.RdevPtmx)
	}
	return q.slave()
}

// Reopen implements proto.File. Opening /dev/ptmx again makes another
// pseudo-terminal, which is not what was asked for.
func (o *masterOpen) Reopen(*ipc.Call, uint64) (*proto.OpenResult, ipc.Grant, int64) {
	return nil, ipc.Grant{}, -int64(syscall.ENXIO)
}

// last: the master has been closed; the line is dead.
func (o *masterOpen) last() {
	t := o.t
	o.srv.mu.Lock()
	delete(o.srv.ptys, t.master.num)
	o.srv.mu.Unlock()
	t.lock()
	t.master.closed = true
	sid := t.session
	if sid != 0 {
		t.signals = append(t.signals, signal{pid: sid, sig: sigHUP}, signal{pid: sid, sig: sigCONT})
		t.signalGroup(t.foreground, sigHUP)
	}
	t.hangup(false)
	t.disown()
	t.unlock()
	if sid != 0 {
		o.srv.procs.setTerminal(sid, 0)
	}
}
