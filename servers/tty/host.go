package tty

import (
	"sync"
	"syscall"
	"time"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/proto"
	"go42/qemu/runspec"
)

// host is the host tool's side of `go42 run PROGRAM`: frames from COM2 bring
// standard input, its end, and the window size of the console.
type host struct {
	srv *Server

	// mu guards the rest.
	mu      sync.Mutex
	decoder runspec.Decoder
	buf     []byte // input, not read yet
	eof     bool
	broken  bool // what comes makes no sense
	pumping bool // somebody is in pump
	sizes   []winsize
	waiters ipc.Waiters
}

// hostMax is how much input is kept; what is beyond stays in the device, and
// with the sender.
const hostMax = 64 << 10

func newHost(s *Server) *host { return &host{srv: s} }

// pump takes in what comes, until nothing does. A stream comes in small
// pieces; it lets some of them gather before it looks again.
func (h *host) pump() {
	h.mu.Lock()
	if h.pumping {
		h.mu.Unlock()
		return
	}
	h.pumping = true
	for h.take(true) {
		h.mu.Unlock()
		h.resize()
		time.Sleep(gather)
		h.mu.Lock()
	}
	h.pumping = false
	h.mu.Unlock()
	h.resize()
}

// gather is how long pieces of a stream may gather.
const gather = time.Millisecond

// take takes frames in as long as there is room. With some it answers true
// as soon as the device has given less than could be taken: there may be more
// soon. (A device that has been found empty notifies.) mu is held.
func (h *host) take(some bool) (more bool) {
	b := make([]byte, 512)
	had, ended := len(h.buf), h.eof
	for len(h.buf) < hostMax && !h.broken {
		n := h.srv.machine.Read(abi.DevControl, b)
		if n == 0 {
			break
		}
		h.decoder.Write(b[:n])
		h.frames()
		if some && n < len(b) {
			more = true
			break
		}
	}
	switch {
	case len(h.buf) > had || h.eof != ended:
		h.waiters.Edge(h.srv.kernel, condAll)
	case len(h.buf) > 0 || h.eof:
		h.waiters.Wake(h.srv.kernel, condAll)
	}
	return more
}

// resize gives the console the sizes that have come.
func (h *host) resize() {
	h.mu.Lock()
	sizes := h.sizes
	h.sizes = nil
	h.mu.Unlock()
	t := h.srv.console
	for _, w := range sizes {
		t.lock()
		t.resize(w)
		t.unlock()
	}
}

// frames takes the whole frames that have come. A stream that makes no sense
// ends the input.
func (h *host) frames() {
	for {
		kind, p, ok, err := h.decoder.Next()
		if err != nil {
			h.eof, h.broken = true, true
			ipc.Log("tty: " + err.Error())
			return
		}
		if !ok {
			return
		}
		switch kind {
		case runspec.FrameInput:
			if !h.eof {
				h.buf = append(h.buf, p...)
			}
		case runspec.FrameEOF:
			h.eof = true
		case runspec.FrameWindow:
			if rows, cols, ok := runspec.ParseWindow(p); ok {
				h.sizes = append(h.sizes, winsize{rows: rows, cols: cols})
			}
		}
	}
}

// stream is an open host stream.
type stream struct {
	device
	host *host
	rdev uint64
}

func (o *stream) state() uint64 {
	if o.rdev != proto.RdevHostIn {
		return proto.PollOut
	}
	var s uint64
	if len(o.host.buf) > 0 {
		s |= proto.PollIn
	}
	if o.host.eof {
		s |= proto.PollIn | proto.PollHup
	}
	return s
}

// Read implements proto.File.
func (o *stream) Read(c *ipc.Call, off int64, wait uint64, buf ipc.Out) (uint64, uint64, int64) {
	if !o.readable() {
		return 0, 0, -int64(syscall.EBADF)
	}
	if o.rdev != proto.RdevHostIn {
		return 0, o.state(), 0
	}
	h := o.host
	h.mu.Lock()
	n := int(min(uint64(len(h.buf)), buf.Len()))
	if n == 0 {
		defer h.mu.Unlock()
		if h.eof || buf.Len() == 0 {
			return 0, o.state(), 0
		}
		h.waiters.Arm(c.BadgePid, wait, proto.PollIn|proto.PollHup)
		return 0, o.state(), -int64(syscall.EAGAIN)
	}
	_, err := buf.CopyOut(h.buf[:n], 0)
	if err == nil {
		h.buf = append(h.buf[:0], h.buf[n:]...)
	}
	if !h.pumping {
		h.take(false)
	}
	defer h.resize()
	defer h.mu.Unlock()
	if err != nil {
		return 0, o.state(), ipc.Errno(err)
	}
	return uint64(n), o.state(), 0
}

// Write implements proto.File.
func (o *stream) Write(c *ipc.Call, off int64, wait uint64, limit uint64, in ipc.In) (uint64, uint64, int64) {
	dev := uint64(abi.DevOut)
	switch {
	case !o.writable():
		return 0, 0, -int64(syscall.EBADF)
	case o.rdev == proto.RdevHostErr:
		dev = abi.DevErr
	case o.rdev == proto.RdevHostIn:
		return 0, 0, -int64(syscall.EINVAL)
	}
	p := make([]byte, min(in.Len(), chunk))
	n, err := in.CopyIn(p, 0)
	if err != nil && n == 0 {
		return 0, 0, ipc.Errno(err)
	}
	// One write at a time, so that lines of several writers stay whole.
	o.host.mu.Lock()
	defer o.host.mu.Unlock()
	done := 0
	for done < n {
		k := o.srv.machine.Write(dev, p[done:n])
		if k == 0 {
			break
		}
		done += k
	}
	if done == 0 && n > 0 {
		return 0, o.state(), -int64(syscall.EIO)
	}
	return uint64(done), o.state(), 0
}

// Poll implements proto.File.
func (o *stream) Poll(c *ipc.Call, mask uint64, wait uint64) (uint64, int64) {
	h := o.host
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.waiters.Poll(c.BadgePid, o.state(), mask, wait), 0
}

// GetFlags implements proto.File.
func (o *stream) GetFlags(*ipc.Call) (uint64, int64) {
	o.host.mu.Lock()
	defer o.host.mu.Unlock()
	return o.flags, 0
}

// SetFlags implements proto.File.
func (o *stream) SetFlags(_ *ipc.Call, flags uint64) int64 {
	o.host.mu.Lock()
	defer o.host.mu.Unlock()
	o.flags = o.flags&^settable | flags&settable
	return 0
}

// Control implements proto.File: a stream is no terminal.
func (o *stream) Control(c *ipc.Call, req uint64, arg uint64, wait uint64, in ipc.In, out ipc.Out) (uint64, int64) {
	if req == fionREAD && o.rdev == proto.RdevHostIn {
		o.host.mu.Lock()
		n := len(o.host.buf)
		o.host.mu.Unlock()
		q := ioctl{out: out}
		return q.put32(uint32(n))
	}
	return 0, -int64(syscall.ENOTTY)
}

// Reopen implements proto.File.
func (o *stream) Reopen(c *ipc.Call, flags uint64) (*proto.OpenResult, ipc.Grant, int64) {
	d, r, st := o.reopened(c, flags)
	if st < 0 {
		return nil, ipc.Grant{}, st
	}
	return r, o.srv.grant(&stream{device: d, host: o.host, rdev: o.rdev}), 0
}

func (o *stream) last() {}
