package tty

import (
	"syscall"
	"time"

	"go42/ipc"
	"go42/ipc/proto"
)

// open is an open terminal: of a pseudo-terminal, the program's side.
type open struct {
	device
	t       *terminal
	console bool // opened as /dev/console: survives hangups

	// guarded by t.mu
	hung  bool
	reads map[uint64]time.Time // until when a process's read waits (VTIME)
}

// chunk is the most that one call moves.
const chunk = 32 << 10

// Read implements proto.File.
func (o *open) Read(c *ipc.Call, off int64, wait uint64, buf ipc.Out) (uint64, uint64, int64) {
	t := o.t
	if !o.readable() {
		return 0, 0, -int64(syscall.EBADF)
	}
	if st := t.fromForeground(c, sigTTIN); st < 0 {
		return 0, 0, st
	}
	t.lock()
	defer t.unlock()
	if o.hung {
		return 0, t.state(o), 0
	}
	d := &t.d
	n := int(min(buf.Len(), chunk))
	if n == 0 {
		return 0, t.state(o), 0
	}
	switch left := o.missing(c, wait, n); {
	case left == enough:
	case left == none:
		delete(o.reads, c.BadgePid)
		return 0, t.state(o), 0
	default:
		if left != forever && wait != 0 {
			t.wakeAfter(left)
		}
		t.arm(c, wait, proto.PollIn)
		return 0, t.state(o), -int64(syscall.EAGAIN)
	}
	delete(o.reads, c.BadgePid)
	p, k := d.look(n)
	if _, err := buf.CopyOut(p, 0); err != nil {
		return 0, t.state(o), ipc.Errno(err)
	}
	d.drop(k)
	t.pump() // there is room again
	t.flush()
	t.wakeMaster()
	return uint64(len(p)), t.state(o), 0
}

// What missing answers beyond a time to wait.
const (
	enough  = -1           // the read can go on
	none    = -2           // the read ends with nothing
	forever = 1<<62 - 1<<9 // until input comes
)

// missing says how long a read of n bytes has to wait for more input, by
// VMIN and VTIME. mu is held.
func (o *open) missing(c *ipc.Call, wait uint64, n int) time.Duration {
	d := &o.t.d
	nonblock := wait == 0 || o.flags&syscall.O_NONBLOCK != 0
	have := d.readable(false)
	if d.canonical() {
		if have {
			return enough
		}
		return forever
	}
	least, tenths := min(int(d.cc[vMIN]), n), time.Duration(d.cc[vTIME])*100*time.Millisecond
	switch {
	case have && (least <= len(d.in) || nonblock):
		return enough
	case have && tenths > 0: // the time between characters
		if left := tenths - time.Since(o.t.lastInput); left > 0 {
			return left
		}
		return enough
	case have, d.cc[vMIN] > 0:
		return forever
	case tenths == 0:
		return none
	case nonblock:
		return forever
	}
	until, ok := o.reads[c.BadgePid]
	if !ok {
		until = time.Now().Add(tenths)
		if o.reads == nil {
			o.reads = map[uint64]time.Time{}
		}
		o.reads[c.BadgePid] = until
	}
	if left := time.Until(until); left > 0 {
		return left
	}
	return none
}

// Write implements proto.File.
func (o *open) Write(c *ipc.Call, off int64, wait uint64, limit uint64, in ipc.In) (uint64, uint64, int64) {
	t := o.t
	if !o.writable() {
		return 0, 0, -int64(syscall.EBADF)
	}
	t.lock()
	stop := t.d.l(lTOSTOP)
	t.unlock()
	if stop {
		if st := t.fromForeground(c, sigTTOU); st < 0 {
			return 0, 0, st
		}
	}
	p := make([]byte, min(in.Len(), chunk))
	if n, err := in.CopyIn(p, 0); err != nil && n == 0 {
		return 0, 0, ipc.Errno(err)
	} else {
		p = p[:n]
	}
	t.lock()
	defer t.unlock()
	if o.hung {
		return 0, t.state(o), -int64(syscall.EIO)
	}
	done := 0
	for done < len(p) {
		n := t.d.write(p[done:])
		done += n
		t.flush()
		if n == 0 {
			break
		}
	}
	t.wakeMaster()
	if done == 0 && len(p) > 0 {
		t.arm(c, wait, proto.PollOut)
		return 0, t.state(o), -int64(syscall.EAGAIN)
	}
	return uint64(done), t.state(o), 0
}

// Poll implements proto.File.
func (o *open) Poll(c *ipc.Call, mask uint64, wait uint64) (uint64, int64) {
	t := o.t
	t.lock()
	defer t.unlock()
	return t.waiters.Poll(c.BadgePid, t.state(o), mask, wait), 0
}

// GetFlags implements proto.File.
func (o *open) GetFlags(*ipc.Call) (uint64, int64) {
	o.t.lock()
	defer o.t.unlock()
	return o.flags, 0
}

// SetFlags implements proto.File.
func (o *open) SetFlags(_ *ipc.Call, flags uint64) int64 {
	o.t.lock()
	defer o.t.unlock()
	o.flags = o.flags&^settable | flags&settable
	return 0
}

// Control implements proto.File.
func (o *open) Control(c *ipc.Call, request uint64, arg uint64, wait uint64, in ipc.In, out ipc.Out) (uint64, int64) {
	o.t.lock()
	hung := o.hung
	o.t.unlock()
	if hung {
		if request == tiocSPGRP {
			return 0, -int64(syscall.ENOTTY)
		}
		return 0, -int64(syscall.EIO)
	}
	q := ioctl{c: c, t: o.t, req: request, arg: arg, wait: wait, in: in, out: out, read: o.readable()}
	return q.slave()
}

// Reopen implements proto.File.
func (o *open) Reopen(c *ipc.Call, flags uint64) (*proto.OpenResult, ipc.Grant, int64) {
	d, r, st := o.reopened(c, flags)
	if st < 0 {
		return nil, ipc.Grant{}, st
	}
	n := &open{device: d, t: o.t, console: o.console}
	o.t.lock()
	defer o.t.unlock()
	if o.hung {
		if d.handle != 0 {
			o.srv.kernel.Drop(d.handle)
		}
		return nil, ipc.Grant{}, -int64(syscall.EIO)
	}
	o.t.opens[n] = true
	return r, o.srv.grant(n), 0
}

// last: no handle names the open any more.
func (o *open) last() {
	t := o.t
	t.lock()
	defer t.unlock()
	if o.hung {
		return
	}
	delete(t.opens, o)
	if len(t.opens) > 0 {
		return
	}
	t.exclusive = false
	if t.master != nil {
		// The program's side of a pseudo-terminal is gone: its master reads
		// what is left, then EIO.
		t.d.flushInput()
		t.master.slaveClosed = true
		t.master.wake(t)
	}
}
