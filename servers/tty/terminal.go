package tty

import (
	"math"
	"sync"
	"time"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/proto"
)

// terminal is a discipline with a device and a session.
type terminal struct {
	srv  *Server
	rdev uint64
	// put gives bytes to the device and returns how many it took. It is
	// called with mu held and does not wait.
	put func(b []byte) int
	// pump takes in what the device has, as far as there is room. mu is held.
	pump func()

	// mu guards the rest.
	mu         sync.Mutex
	d          discipline
	session    uint32 // 0: nobody's controlling terminal
	foreground uint32 // process group
	size       winsize
	exclusive  bool
	opens      map[*open]bool
	waiters    ipc.Waiters
	lastInput  time.Time
	retrying   bool // a timer is going to try output again
	master     *master
	signals    []signal // go at unlock
}

// winsize is struct winsize.
type winsize struct{ rows, cols, xpixel, ypixel uint16 }

// signal is one to send: to a group, or to one process.
type signal struct {
	group uint32
	pid   uint32
	sig   int
}

// Conditions of waiters beyond poll's.
const (
	condDrained = 1 << 32 // all output has gone to the device
	condAll     = math.MaxUint64
)

func (s *Server) newTerminal(rdev uint64) *terminal {
	return &terminal{srv: s, rdev: rdev, d: newDiscipline(), opens: map[*open]bool{}, pump: func() {}}
}

func (t *terminal) lock() { t.mu.Lock() }

// unlock sends the signals that have been collected.
func (t *terminal) unlock() {
	for _, sig := range t.d.signals {
		t.signalGroup(t.foreground, sig)
	}
	t.d.signals = t.d.signals[:0]
	list := t.signals
	t.signals = nil
	t.mu.Unlock()
	for _, x := range list {
		t.srv.procs.send(x)
	}
}

func (t *terminal) signalGroup(pgid uint32, sig int) {
	if pgid != 0 {
		t.signals = append(t.signals, signal{group: pgid, sig: sig})
	}
}

// input gives typed characters to the discipline and returns how many it
// took. mu is held.
func (t *terminal) input(p []byte) int {
	lines := t.d.canon
	n := t.d.typed(p)
	if n > 0 {
		t.lastInput = time.Now()
	}
	t.flush()
	if n > 0 && (!t.d.canonical() || t.d.canon > lines) {
		t.waiters.Edge(t.srv.kernel, proto.PollIn)
	} else {
		t.waiters.Wake(t.srv.kernel, proto.PollIn)
	}
	return n
}

// flush carries output to the device. mu is held.
func (t *terminal) flush() {
	d := &t.d
	full := !t.writable()
	for len(d.ready()) > 0 {
		n := t.put(d.ready())
		if n == 0 {
			break
		}
		d.took(n)
	}
	if len(d.ready()) > 0 && t.master == nil && !t.retrying {
		t.retrying = true
		time.AfterFunc(retryAfter, func() {
			t.lock()
			defer t.unlock()
			t.retrying = false
			t.flush()
		})
	}
	switch {
	case !t.writable():
	case full:
		t.waiters.Edge(t.srv.kernel, proto.PollOut)
	default:
		t.waiters.Wake(t.srv.kernel, proto.PollOut)
	}
	if len(d.out) == 0 {
		t.waiters.Wake(t.srv.kernel, condDrained)
	}
}

// retryAfter is how long a busy serial port is left alone.
const retryAfter = 2 * time.Millisecond

func (t *terminal) writable() bool { return len(t.d.out) < outMax/2 }

// state is poll's answer for the terminal's side. mu is held.
func (t *terminal) state(o *open) uint64 {
	if o.hung {
		return proto.PollIn | proto.PollOut | proto.PollErr | proto.PollHup
	}
	var s uint64
	if t.d.readable(true) {
		s |= proto.PollIn
	}
	if t.writable() {
		s |= proto.PollOut
	}
	return s
}

// resize sets the window size; the foreground group hears of a change. mu is
// held.
func (t *terminal) resize(w winsize) {
	if w == t.size {
		return
	}
	t.size = w
	t.signalGroup(t.foreground, sigWINCH)
}

// wakeAfter notifies waiting readers when d has passed.
func (t *terminal) wakeAfter(d time.Duration) {
	time.AfterFunc(d, func() {
		t.lock()
		defer t.unlock()
		t.waiters.Wake(t.srv.kernel, proto.PollIn)
	})
}

// hangup makes all opens useless but those of /dev/console (keep), as when
// the line has dropped. mu is held.
func (t *terminal) hangup(keepConsole bool) {
	for o := range t.opens {
		if !(keepConsole && o.console) {
			o.hung = true
			delete(t.opens, o)
		}
	}
	t.d.flushInput()
	t.d.flushOutput()
	t.d.stopped, t.d.byCall = false, false
	t.pump() // there is room again, and the device tells of more only when it was found empty
	t.waiters.Wake(t.srv.kernel, condAll)
}

// disown ends the terminal's part in its session. mu is held.
func (t *terminal) disown() { t.session, t.foreground = 0, 0 }

// leaderDied: the session's leader has exited. The process server has taken
// the terminal from the session already.
func (t *terminal) leaderDied(sid uint32) {
	t.lock()
	defer t.unlock()
	if t.session != sid {
		return
	}
	t.signalGroup(t.foreground, sigHUP)
	if t.master == nil {
		t.hangup(true)
	}
	t.disown()
}

// arm remembers the caller for cond and answers EAGAIN's state. mu is held.
func (t *terminal) arm(c *ipc.Call, wait, cond uint64) {
	t.waiters.Arm(c.BadgePid, wait, cond)
}

// serial makes the terminal of COM1.
func (s *Server) serial() *terminal {
	t := s.newTerminal(proto.RdevTTYS0)
	t.d.cflag = cB115200 | cCS8 | cCREAD | cHUPCL | cCLOCAL
	t.put = func(b []byte) int { return s.machine.Write(abi.DevConsole, b) }
	buf := make([]byte, 512)
	var left []byte
	t.pump = func() {
		for {
			if len(left) > 0 {
				n := t.input(left)
				if left = left[n:]; len(left) > 0 {
					return
				}
			}
			room := min(t.d.room(), len(buf))
			if room == 0 {
				return
			}
			n := s.machine.Read(abi.DevConsole, buf[:room])
			if n == 0 {
				return
			}
			left = buf[:n]
		}
	}
	return t
}
