package tty

import (
	"encoding/binary"
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
)

// Requests of ioctl(2) for terminals.
const (
	tcGETS      = 0x5401
	tcSETS      = 0x5402
	tcSETSW     = 0x5403
	tcSETSF     = 0x5404
	tcGETA      = 0x5405
	tcSETA      = 0x5406
	tcSETAW     = 0x5407
	tcSETAF     = 0x5408
	tcSBRK      = 0x5409
	tcXONC      = 0x540a
	tcFLSH      = 0x540b
	tiocEXCL    = 0x540c
	tiocNXCL    = 0x540d
	tiocSCTTY   = 0x540e
	tiocGPGRP   = 0x540f
	tiocSPGRP   = 0x5410
	tiocOUTQ    = 0x5411
	tiocSTI     = 0x5412
	tiocGWINSZ  = 0x5413
	tiocSWINSZ  = 0x5414
	fionREAD    = 0x541b
	tiocNOTTY   = 0x5422
	tiocSETD    = 0x5423
	tiocGETD    = 0x5424
	tcSBRKP     = 0x5425
	tiocGSID    = 0x5429
	tiocVHANGUP = 0x5437
	tcGETS2     = 0x802c542a
	tcSETS2     = 0x402c542b
	tcSETSW2    = 0x402c542c
	tcSETSF2    = 0x402c542d
	tiocGPTN    = 0x80045430
	tiocSPTLCK  = 0x40045431
	tiocGDEV    = 0x80045432
	tiocGPTLCK  = 0x80045439
	tiocGEXCL   = 0x80045440
)

// ioctl is one ioctl.
type ioctl struct {
	c        *ipc.Call
	t        *terminal
	req, arg uint64
	wait     uint64
	in       ipc.In
	out      ipc.Out
	read     bool // the open is for reading
	master   bool // asked on a pseudo-terminal's master
}

func (q *ioctl) get(b []byte) int64 {
	_, err := q.in.CopyIn(b, 0)
	return ipc.Errno(err)
}

func (q *ioctl) put(b []byte) (uint64, int64) {
	_, err := q.out.CopyOut(b, 0)
	return 0, ipc.Errno(err)
}

func (q *ioctl) put32(v uint32) (uint64, int64) {
	return q.put(binary.LittleEndian.AppendUint32(nil, v))
}

func (q *ioctl) get32() (uint32, int64) {
	var b [4]byte
	st := q.get(b[:])
	return binary.LittleEndian.Uint32(b[:]), st
}

// slave serves what both sides of a terminal answer about the program's side.
func (q *ioctl) slave() (uint64, int64) {
	t := q.t
	switch q.req {
	case tcSETS, tcSETSW, tcSETSF, tcSETA, tcSETAW, tcSETAF, tcSETS2, tcSETSW2, tcSETSF2, tcSBRK, tcSBRKP, tcXONC, tcFLSH:
		if st := t.fromForeground(q.c, sigTTOU); st < 0 {
			return 0, st
		}
	}
	switch q.req {
	case tcGETS, tcGETS2, tcGETA:
		t.lock()
		s := t.d.termios
		t.unlock()
		switch q.req {
		case tcGETS:
			return q.put(s.encode()[:termiosSize])
		case tcGETS2:
			return q.put(s.encode())
		}
		return q.put(s.encodeOld())
	case tcSETS, tcSETS2, tcSETA:
		return 0, q.settings(false, false)
	case tcSETSW, tcSETSW2, tcSETAW:
		return 0, q.settings(true, false)
	case tcSETSF, tcSETSF2, tcSETAF:
		return 0, q.settings(true, true)
	case tcSBRK, tcSBRKP:
		// The line has no break to send; what is asked for is the wait.
		t.lock()
		defer t.unlock()
		return 0, q.drained()
	case tcXONC:
		return 0, q.flow()
	case tcFLSH:
		return 0, q.flush()
	case tiocEXCL, tiocNXCL:
		t.lock()
		t.exclusive = q.req == tiocEXCL
		t.unlock()
		return 0, 0
	case tiocGEXCL:
		t.lock()
		x := t.exclusive
		t.unlock()
		if x {
			return q.put32(1)
		}
		return q.put32(0)
	case tiocSCTTY:
		return 0, t.acquire(q.c, q.arg == 1, q.read)
	case tiocNOTTY:
		return 0, t.release(q.c)
	case tiocGPGRP, tiocGSID:
		if !q.master && !t.controls(q.c) {
			return 0, -int64(syscall.ENOTTY)
		}
		t.lock()
		fg, sid := t.foreground, t.session
		t.unlock()
		if q.req == tiocGPGRP {
			return q.put32(fg)
		}
		if sid == 0 {
			return 0, -int64(syscall.ENOTTY)
		}
		return q.put32(sid)
	case tiocSPGRP:
		n, st := q.get32()
		if st < 0 {
			return 0, st
		}
		return 0, t.setForeground(q.c, int32(n))
	case tiocOUTQ:
		t.lock()
		n := len(t.d.out)
		t.unlock()
		return q.put32(uint32(n))
	case fionREAD:
		t.lock()
		n := t.d.pending()
		t.unlock()
		return q.put32(uint32(n))
	case tiocSTI:
		return 0, q.simulate()
	case tiocGWINSZ:
		t.lock()
		w := t.size
		t.unlock()
		var b []byte
		for _, v := range []uint16{w.rows, w.cols, w.xpixel, w.ypixel} {
			b = binary.LittleEndian.AppendUint16(b, v)
		}
		return q.put(b)
	case tiocSWINSZ:
		var b [8]byte
		if st := q.get(b[:]); st < 0 {
			return 0, st
		}
		f := func(i int) uint16 { return binary.LittleEndian.Uint16(b[2*i:]) }
		t.lock()
		t.resize(winsize{f(0), f(1), f(2), f(3)})
		t.unlock()
		return 0, 0
	case tiocSETD:
		n, st := q.get32()
		if st == 0 && n != 0 {
			st = -int64(syscall.EINVAL) // there is no line discipline but N_TTY
		}
		return 0, st
	case tiocGETD:
		return q.put32(0)
	case tiocGDEV:
		return q.put32(uint32(t.rdev))
	case tiocVHANGUP:
		if !t.srv.root(q.c) {
			return 0, -int64(syscall.EPERM)
		}
		t.lock()
		sid := t.session
		if sid != 0 {
			t.signals = append(t.signals, signal{pid: sid, sig: sigHUP}, signal{pid: sid, sig: sigCONT})
		}
		t.hangup(true)
		t.disown()
		t.unlock()
		if sid != 0 {
			t.srv.procs.setTerminal(sid, 0)
		}
		return 0, 0
	}
	return 0, -int64(syscall.ENOTTY)
}

// drained: 0, or EAGAIN as long as the device has not taken all output. mu is
// held.
func (q *ioctl) drained() int64 {
	if len(q.t.d.out) == 0 || q.t.master != nil || q.wait == 0 {
		return 0
	}
	q.t.arm(q.c, q.wait, condDrained)
	return -int64(syscall.EAGAIN)
}

// settings is TCSETS and its forms.
func (q *ioctl) settings(drain, flush bool) int64 {
	t := q.t
	size := termiosSize
	switch q.req {
	case tcSETS2, tcSETSW2, tcSETSF2:
		size = termios2Size
	case tcSETA, tcSETAW, tcSETAF:
		size = termioSize
	}
	b := make([]byte, size)
	if st := q.get(b); st < 0 {
		return st
	}
	t.lock()
	defer t.unlock()
	if drain {
		if st := q.drained(); st < 0 {
			return st
		}
	}
	n := t.d.termios
	if size == termioSize {
		n.decodeOld(b)
	} else {
		n.decode(b)
	}
	if t.master != nil {
		n.cflag = n.cflag&^(cCSIZE|cPARENB) | cCS8 | cCREAD
	}
	if flush {
		t.d.flushInput()
	}
	t.d.set(n)
	t.pump()
	t.flush()
	t.wakeMaster()
	t.waiters.Wake(t.srv.kernel, proto.PollIn)
	return 0
}

// flow is TCXONC.
func (q *ioctl) flow() int64 {
	t := q.t
	t.lock()
	defer t.unlock()
	d := &t.d
	switch q.arg {
	case 0: // TCOOFF
		d.stopped, d.byCall = true, true
	case 1: // TCOON
		if d.byCall {
			d.stopped, d.byCall = false, false
		}
	case 2, 3: // TCIOFF, TCION: send STOP or START
		c := d.cc[vSTOP]
		if q.arg == 3 {
			c = d.cc[vSTART]
		}
		if c != 0 {
			t.put([]byte{c})
		}
	default:
		return -int64(syscall.EINVAL)
	}
	t.flush()
	t.wakeMaster()
	return 0
}

// flush is TCFLSH.
func (q *ioctl) flush() int64 {
	t := q.t
	t.lock()
	defer t.unlock()
	what := q.arg
	if what > 2 {
		return -int64(syscall.EINVAL)
	}
	if q.master { // its input is the program's output, and the other way round
		what = [3]uint64{1, 0, 2}[what]
	}
	if what != 1 {
		t.d.flushInput()
		t.pump()
	}
	if what != 0 {
		t.d.flushOutput()
	}
	t.flush()
	t.wakeMaster()
	return 0
}

// simulate is TIOCSTI. Typing for others is root's alone, as with Linux's
// dev.tty.legacy_tiocsti=0.
func (q *ioctl) simulate() int64 {
	if !q.t.srv.root(q.c) {
		return -int64(syscall.EIO)
	}
	var b [1]byte
	if st := q.get(b[:]); st < 0 {
		return st
	}
	q.t.lock()
	defer q.t.unlock()
	q.t.input(b[:])
	q.t.wakeMaster()
	return 0
}
