package pipe

import (
	"sync"
	"syscall"
	"time"

	"go42/ipc"
	"go42/ipc/proto"
	"go42/ipc/server"
	"go42/servers/stream"
)

// The eventfds and timerfds of several processes. As long as one process has such an
// object it is in that one's libOS; at a fork, or when it is sent in a message, it
// moves here. Whoever has a handle may use it: the descriptor is all there is.

const (
	anonDev   = 15
	anonMagic = 0x09041934
	maxCount  = ^uint64(0) - 1
)

// counter is what both have in common.
type counter struct {
	stream.Base
	s *Server

	mu      sync.Mutex // guards what the object has, too
	waiters ipc.Waiters
}

// event is an eventfd.
type event struct {
	counter
	count     uint64
	semaphore bool
}

// timer is a timerfd. Nothing runs when it expires, unless somebody waits.
type timer struct {
	counter
	expiry   time.Time     // zero: disarmed
	interval time.Duration // 0: once
	settings uint32        // how often it was set, or read, which begins a new wait for it
	alarm    *time.Timer   // nil: nobody has waited yet
}

// counters are the Counter and File of an object.
type counters interface {
	server.Counter
	server.File
}

func serveCounter(o counters, c *ipc.Call) {
	switch c.Method >> 8 {
	case proto.BaseFile:
		server.ServeFile(o, c)
	case proto.BaseCounter:
		server.ServeCounter(o, c)
	}
}

func (e *event) serve(c *ipc.Call) { serveCounter(e, c) }
func (t *timer) serve(c *ipc.Call) { serveCounter(t, c) }

func (e *event) last() {}

func (t *timer) last() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expiry = time.Time{}
	if t.alarm != nil {
		t.alarm.Stop()
	}
}

// Event implements proto.Pipe.
func (s *Server) Event(c *ipc.Call, count uint64, semaphore uint64) (ipc.Grant, int64) {
	if ipc.MemoryLow(ipc.ShareBuffer) {
		return ipc.Grant{}, -int64(syscall.ENFILE)
	}
	e := &event{counter: counter{s: s}, count: min(count, maxCount), semaphore: semaphore != 0}
	return ipc.Object(s.objects.Add(e)), 0
}

// Timer implements proto.Pipe.
func (s *Server) Timer(c *ipc.Call, armed uint64, delay int64, interval uint64) (ipc.Grant, int64) {
	if ipc.MemoryLow(ipc.ShareBuffer) {
		return ipc.Grant{}, -int64(syscall.ENFILE)
	}
	t := &timer{counter: counter{s: s}}
	t.set(armed, delay, interval)
	return ipc.Object(s.objects.Add(t)), 0
}

// What a File is asked for, and neither has.

func (*counter) Read(*ipc.Call, int64, uint64, ipc.Out) (uint64, uint64, int64) {
	return 0, 0, -int64(syscall.EINVAL)
}

func (*counter) Write(*ipc.Call, int64, uint64, uint64, ipc.In) (uint64, uint64, int64) {
	return 0, 0, -int64(syscall.EINVAL)
}

func (*counter) Path(*ipc.Call, ipc.Out) (uint64, int64) { return 0, -int64(syscall.ENOENT) }
func (*counter) GetFlags(*ipc.Call) (uint64, int64)      { return syscall.O_RDWR, 0 }
func (*counter) SetFlags(*ipc.Call, uint64) int64        { return 0 }

func (*counter) Control(*ipc.Call, uint64, uint64, uint64, ipc.In, ipc.Out) (uint64, int64) {
	return 0, -int64(syscall.ENOTTY)
}

func (*counter) Stat(*ipc.Call) (*proto.Stat, int64) {
	return &proto.Stat{Dev: anonDev, Ino: 1, Nlink: 1, Mode: 0o600, Blksize: 4096}, 0
}

func (*counter) Statfs(*ipc.Call) (*proto.Statfs, int64) {
	return &proto.Statfs{Type: anonMagic, Bsize: 4096, Frsize: 4096, Namelen: 255}, 0
}

// state is e's poll bits. e.mu is held.
func (e *event) state() (b uint64) {
	if e.count > 0 {
		b |= proto.PollIn
	}
	if e.count < maxCount {
		b |= proto.PollOut
	}
	return b
}

// Poll implements proto.File.
func (e *event) Poll(c *ipc.Call, mask uint64, wait uint64) (uint64, int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.waiters.Poll(c.BadgePid, e.state(), mask, wait), 0
}

// Take implements proto.Counter.
func (e *event) Take(c *ipc.Call, wait uint64) (value uint64, state uint64, st int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	value = e.count
	if e.semaphore {
		value = min(value, 1)
	}
	if value == 0 {
		e.waiters.Arm(c.BadgePid, wait, proto.PollIn)
		return 0, e.state(), -int64(syscall.EAGAIN)
	}
	e.count -= value
	e.waiters.Edge(e.s.kernel, proto.PollOut)
	return value, e.state(), 0
}

// Add implements proto.Counter.
func (e *event) Add(c *ipc.Call, value uint64, wait uint64) (uint64, int64) {
	if value > maxCount {
		return 0, -int64(syscall.EINVAL)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if maxCount-e.count < value {
		e.waiters.Arm(c.BadgePid, wait, proto.PollOut)
		return e.state(), -int64(syscall.EAGAIN)
	}
	e.count += value
	e.waiters.Edge(e.s.kernel, proto.PollIn)
	return e.state(), 0
}

// Set implements proto.Counter: an eventfd has no time.
func (*event) Set(*ipc.Call, uint64, int64, uint64) (uint64, uint64, int64) {
	return 0, 0, -int64(syscall.EINVAL)
}

// Left implements proto.Counter.
func (*event) Left(*ipc.Call) (uint64, uint64, int64) { return 0, 0, -int64(syscall.EINVAL) }

// set arms or disarms t. t.mu is held.
func (t *timer) set(armed uint64, delay int64, interval uint64) {
	t.settings++
	t.expiry, t.interval = time.Time{}, time.Duration(min(interval, 1<<62))
	if armed != 0 {
		t.expiry = time.Now().Add(time.Duration(min(delay, 1<<62)))
	}
}

// due is how often t has expired since it was read. t.mu is held.
func (t *timer) due(now time.Time) uint64 {
	switch {
	case t.expiry.IsZero() || now.Before(t.expiry):
		return 0
	case t.interval == 0:
		return 1
	}
	return 1 + uint64(now.Sub(t.expiry)/t.interval)
}

// next is when t expires again; zero: never. t.mu is held.
func (t *timer) next(now time.Time) time.Time {
	n := t.due(now)
	if n == 0 || t.interval != 0 {
		return t.expiry.Add(time.Duration(n) * t.interval)
	}
	return time.Time{}
}

// await rings at the next expiration, for who waits (wait != 0). t.mu is held.
func (t *timer) await(wait uint64, now time.Time) {
	if wait == 0 || t.expiry.IsZero() {
		return
	}
	d := t.expiry.Sub(now)
	if t.alarm == nil {
		t.alarm = time.AfterFunc(d, t.ring)
	} else {
		t.alarm.Reset(d)
	}
}

// ring wakes who waits; one that was set again meanwhile asks again.
func (t *timer) ring() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiters.Wake(t.s.kernel, proto.PollIn)
}

// Poll implements proto.File.
func (t *timer) Poll(c *ipc.Call, mask uint64, wait uint64) (uint64, int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	// An edge is the first expiration after each setting.
	b, edges := uint64(0), 2*t.settings
	if t.due(now) != 0 {
		b = proto.PollIn
		edges++
	} else {
		t.await(wait, now)
	}
	if b = t.waiters.Poll(c.BadgePid, b, mask, wait); mask&proto.PollEdges != 0 {
		b = proto.PollState(b, edges, 0)
	}
	return b, 0
}

// Take implements proto.Counter.
func (t *timer) Take(c *ipc.Call, wait uint64) (value uint64, state uint64, st int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	n := t.due(now)
	if n == 0 {
		t.waiters.Arm(c.BadgePid, wait, proto.PollIn)
		t.await(wait, now)
		return 0, 0, -int64(syscall.EAGAIN)
	}
	t.expiry = t.next(now)
	t.settings++
	t.waiters.Edge(t.s.kernel, proto.PollIn)
	return n, 0, 0
}

// Add implements proto.Counter: a timerfd cannot be written.
func (*timer) Add(*ipc.Call, uint64, uint64) (uint64, int64) { return 0, -int64(syscall.EINVAL) }

// Set implements proto.Counter.
func (t *timer) Set(c *ipc.Call, armed uint64, delay int64, interval uint64) (every, left uint64, st int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	every, left = t.left()
	t.set(armed, delay, interval)
	t.waiters.Edge(t.s.kernel, proto.PollIn)
	return every, left, 0
}

// Left implements proto.Counter.
func (t *timer) Left(c *ipc.Call) (every, left uint64, st int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	every, left = t.left()
	return every, left, 0
}

func (t *timer) left() (every, left uint64) {
	now := time.Now()
	if at := t.next(now); !at.IsZero() {
		left = uint64(at.Sub(now))
	}
	return uint64(t.interval), left
}
