// Package pipe is the pipe server: pipes, FIFOs, and the eventfds and timerfds of
// several processes.
//
// Objects: Server (object 0), pipe (the buffer), end (an open instance: one
// handle object each), event and timer. A pipe end's rights belong to processes (policy
// Exact): the one it was made for, and its heirs. End of file and EPIPE are the
// kernel's last, counted in readers and writers.
//
// Lock order: Server.mu (the table of FIFOs), then pipe.mu; two pipes (splice)
// by their number.
package pipe

import (
	"encoding/binary"
	"math"
	"math/bits"
	"sync"
	"syscall"

	"go42/ipc"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/ipc/rights"
	"go42/ipc/server"
	"go42/servers/cred"
	"go42/servers/stream"
	"go42/servers/vfs"
)

const (
	defaultSize = 64 << 10
	minSize     = 4096
	maxSize     = 1 << 20
	pipeDev     = 13
	superMagic  = 0x50495045
	oPath       = 0x200000
)

// Server is the pipe server.
type Server struct {
	kernel  ipc.Kernel
	creds   *cred.Cache
	conns   sync.Pool
	objects ipc.Objects[object]

	mu      sync.Mutex
	fifos   map[fifoKey]*pipe
	lastIno uint64
}

// object is what a handle names.
type object interface {
	serve(c *ipc.Call)
	last() // nobody has a handle any more
}

type fifoKey struct{ dev, ino uint64 }

// pipe is one buffer.
type pipe struct {
	num  uint64 // order of locking
	key  fifoKey
	fifo bool
	stat proto.Stat // immutable but for times

	mu               sync.Mutex
	ring             []byte // grows with what is in the pipe, up to size
	size             int    // capacity
	head, count      int    // first byte, number of bytes
	readers, writers int
	opensR, opensW   uint64 // ever opened
	waiters          ipc.Waiters
}

// end is an open end.
type end struct {
	stream.Base
	s           *Server
	p           *pipe
	read, write bool
	sawR, sawW  uint64 // opensR, opensW when it was opened
	file        uint64 // FIFO: handle of its name

	mu     sync.Mutex
	flags  uint64
	rights rights.Set
}

// New makes the server.
func New(k ipc.Kernel, creds *cred.Cache) *Server {
	s := &Server{kernel: k, creds: creds, fifos: map[fifoKey]*pipe{}, lastIno: 1}
	s.conns.New = func() any { return k.Conn() }
	return s
}

// Handle serves a call.
func (s *Server) Handle(c *ipc.Call) {
	if c.Object == 0 {
		server.ServePipe(s, c)
		return
	}
	e, ok := s.objects.Get(c.Object)
	if !ok {
		c.Status = -int64(syscall.EBADF)
		return
	}
	e.serve(c)
}

func (e *end) serve(c *ipc.Call) {
	e.mu.Lock()
	err := e.rights.Check(c, rights.Attach)
	e.mu.Unlock()
	if err != nil {
		c.Status = ipc.Errno(err)
		return
	}
	switch c.Method >> 8 {
	case proto.BaseFile:
		server.ServeFile(e, c)
	case proto.BasePipeEnd:
		server.ServePipeEnd(e, c)
	}
}

// Last lets go of an object.
func (s *Server) Last(id uint64) {
	if e, ok := s.objects.Remove(id); ok {
		e.last()
	}
}

// last closes the end.
func (e *end) last() {
	s, p := e.s, e.p
	s.mu.Lock()
	p.mu.Lock()
	both := p.readers != 0 && p.writers != 0
	if e.read {
		p.readers--
	}
	if e.write {
		p.writers--
	}
	if p.readers == 0 && p.writers == 0 {
		p.ring, p.count, p.head = nil, 0, 0
		if p.fifo {
			delete(s.fifos, p.key)
		}
	}
	if both && (p.readers == 0) != (p.writers == 0) {
		p.waiters.Edge(s.kernel, math.MaxUint64)
	} else {
		p.waiters.Wake(s.kernel, math.MaxUint64)
	}
	p.mu.Unlock()
	s.mu.Unlock()
	if e.file != 0 {
		s.kernel.Drop(e.file)
	}
}

// newSize is the capacity of a new pipe: a page where memory is short, as
// Linux gives it to who has many.
func newSize() int {
	if ipc.MemoryLow(ipc.ShareLarge) {
		return minSize
	}
	return defaultSize
}

// add makes an end of p an object for the caller. p.mu is held.
func (s *Server) add(c *ipc.Call, p *pipe, flags, file uint64) (*end, ipc.Grant) {
	e := &end{s: s, p: p, flags: flags & (syscall.O_ACCMODE | stream.Settable), file: file, rights: rights.ForProcess(c.BadgePid, rights.All)}
	e.sawR, e.sawW = p.opensR, p.opensW
	e.read, e.write = stream.Access(flags)
	if e.read {
		p.readers++
		p.opensR++
	}
	if e.write {
		p.writers++
		p.opensW++
	}
	return e, ipc.Object(s.objects.Add(e))
}

// Create implements proto.Pipe.
func (s *Server) Create(c *ipc.Call, flags uint64) (ino uint64, r, w ipc.Grant, st int64) {
	if flags&^(syscall.O_NONBLOCK|syscall.O_CLOEXEC) != 0 {
		return 0, r, w, -int64(syscall.EINVAL)
	}
	k, err := s.creds.Get(c.BadgeCred)
	if err != nil {
		return 0, r, w, ipc.Errno(err)
	}
	if ipc.Short(ipc.ShareBuffer) {
		return 0, r, w, -int64(syscall.ENFILE)
	}
	s.mu.Lock()
	s.lastIno++
	ino = s.lastIno
	s.mu.Unlock()
	now := vfs.Now()
	p := &pipe{num: ino, size: newSize(), stat: proto.Stat{Dev: pipeDev, Ino: ino, Nlink: 1, Mode: syscall.S_IFIFO | 0o600,
		UID: k.FSUID, GID: k.FSGID, Blksize: 4096, Atim: now, Mtim: now, Ctim: now}}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, r = s.add(c, p, flags&stream.Settable|syscall.O_RDONLY, 0)
	_, w = s.add(c, p, flags&stream.Settable|syscall.O_WRONLY, 0)
	return ino, r, w, 0
}

// OpenFIFO implements proto.Pipe. What the file server says of the handle
// counts, not what the caller says.
func (s *Server) OpenFIFO(c *ipc.Call, flags uint64, fifo ipc.Given) (ipc.Grant, int64) {
	conn := s.conns.Get().(*client.Conn)
	defer s.conns.Put(conn)
	f := client.File{C: conn, H: fifo.Handle()}
	r, st := f.Stat()
	if st < 0 {
		return ipc.Grant{}, st
	}
	stat := *r
	may, st := f.GetFlags()
	if st < 0 {
		return ipc.Grant{}, st
	}
	if stat.Mode&syscall.S_IFMT != syscall.S_IFIFO || may&oPath != 0 {
		return ipc.Grant{}, -int64(syscall.EINVAL)
	}
	mr, mw := stream.Access(may)
	er, ew := stream.Access(flags)
	if er && !mr || ew && !mw || !er && !ew {
		return ipc.Grant{}, -int64(syscall.EACCES)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fifoKey{stat.Dev, stat.Ino}
	p := s.fifos[key]
	if ew && !er && flags&syscall.O_NONBLOCK != 0 && (p == nil || p.readers == 0) {
		return ipc.Grant{}, -int64(syscall.ENXIO)
	}
	if p == nil {
		if ipc.Short(ipc.ShareBuffer) {
			return ipc.Grant{}, -int64(syscall.ENFILE)
		}
		s.lastIno++
		p = &pipe{num: s.lastIno, key: key, fifo: true, size: newSize(), stat: stat}
		s.fifos[key] = p
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	met := [2]bool{p.writers > 0, p.readers > 0}
	e, g := s.add(c, p, flags, fifo.Take())
	// The other side may be gone again by the time that this one asks.
	if met[0] {
		e.sawW--
	}
	if met[1] {
		e.sawR--
	}
	if er && p.readers == 1 || ew && p.writers == 1 {
		p.waiters.Edge(s.kernel, proto.PollIn)
	}
	p.waiters.Wake(s.kernel, math.MaxUint64)
	return g, 0
}

// Opened implements proto.PipeEnd.
func (e *end) Opened(c *ipc.Call, wait uint64) int64 {
	p := e.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.read && e.write || e.read && (p.writers > 0 || p.opensW != e.sawW) || e.write && (p.readers > 0 || p.opensR != e.sawR) {
		return 0
	}
	p.waiters.Arm(c.BadgePid, wait, math.MaxUint64)
	return -int64(syscall.EAGAIN)
}

// state is the poll bits of an end. p.mu is held.
func (e *end) state() uint64 {
	p := e.p
	var b uint64
	if e.read {
		if p.count > 0 {
			b |= proto.PollIn
		}
		if p.writers == 0 && (!p.fifo || p.opensW != 0 && p.opensW != e.sawW) {
			b |= proto.PollHup
		}
	}
	if e.write {
		if !p.full() {
			b |= proto.PollOut
		}
		if p.readers == 0 {
			b |= proto.PollErr
		}
	}
	return b
}

// Read implements proto.File.
func (e *end) Read(c *ipc.Call, off int64, wait uint64, buf ipc.Out) (size uint64, state uint64, st int64) {
	if !e.read {
		return 0, 0, -int64(syscall.EBADF)
	}
	if off != proto.OwnOffset {
		return 0, 0, -int64(syscall.ESPIPE)
	}
	p := e.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if buf.Len() == 0 {
		return 0, e.state(), 0
	}
	if p.count == 0 {
		if p.writers == 0 {
			return 0, e.state(), 0
		}
		p.waiters.Arm(c.BadgePid, wait, proto.PollIn)
		return 0, e.state(), -int64(syscall.EAGAIN)
	}
	full := p.full()
	for size < buf.Len() && p.count > 0 {
		b := p.ring[p.head:min(p.head+p.count, len(p.ring))]
		if left := buf.Len() - size; uint64(len(b)) > left {
			b = b[:left]
		}
		n, err := buf.CopyOut(b, size)
		p.take(n)
		size += uint64(n)
		if err != nil {
			if size == 0 {
				return 0, e.state(), ipc.Errno(err)
			}
			break
		}
	}
	p.taken(e.s.kernel, full)
	return size, e.state(), 0
}

// full: who polls is told that there is no room. p.mu is held.
func (p *pipe) full() bool { return p.size-p.count < proto.PipeBuf }

// taken wakes writers; full: what was taken from was. p.mu is held.
func (p *pipe) taken(k ipc.Kernel, full bool) {
	if full {
		p.waiters.Edge(k, proto.PollOut)
	} else {
		p.waiters.Wake(k, proto.PollOut)
	}
}

// take drops n bytes from the front. p.mu is held.
func (p *pipe) take(n int) {
	p.count -= n
	p.head += n
	if p.head >= len(p.ring) {
		p.head -= len(p.ring)
	}
	if p.count == 0 {
		p.head = 0
	}
}

// room is the free space behind the data that lies in one piece. p.mu is held.
func (p *pipe) room() []byte {
	if p.count == len(p.ring) {
		if len(p.ring) >= p.size {
			return nil
		}
		p.resize(min(max(2*len(p.ring), minSize), p.size))
	}
	at := p.head + p.count
	if at >= len(p.ring) {
		at -= len(p.ring)
		return p.ring[at:p.head]
	}
	return p.ring[at:]
}

// resize gives the data, which must fit, a buffer of n bytes. p.mu is held.
func (p *pipe) resize(n int) {
	ring := make([]byte, n)
	if p.count > 0 {
		k := copy(ring, p.ring[p.head:min(p.head+p.count, len(p.ring))])
		copy(ring[k:], p.ring[:p.count-k])
	}
	p.ring, p.head = ring, 0
}

// Write implements proto.File.
func (e *end) Write(c *ipc.Call, off int64, wait uint64, limit uint64, buf ipc.In) (size uint64, state uint64, st int64) {
	if !e.write {
		return 0, 0, -int64(syscall.EBADF)
	}
	if off != proto.OwnOffset {
		return 0, 0, -int64(syscall.ESPIPE)
	}
	p := e.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if buf.Len() == 0 {
		return 0, e.state(), 0
	}
	if p.readers == 0 {
		return 0, e.state(), -int64(syscall.EPIPE)
	}
	free := p.size - p.count
	if atomic := buf.Len() <= proto.PipeBuf; free == 0 || atomic && uint64(free) < buf.Len() {
		p.waiters.Arm(c.BadgePid, wait, proto.PollOut)
		return 0, e.state(), -int64(syscall.EAGAIN)
	}
	// Copied behind the data, committed only when all of a small write is in.
	old := p.count
	for size < buf.Len() && p.count < p.size {
		b := p.room()
		if left := buf.Len() - size; uint64(len(b)) > left {
			b = b[:left]
		}
		n, err := buf.CopyIn(b, size)
		p.count += n
		size += uint64(n)
		if err != nil {
			if size == 0 || buf.Len() <= proto.PipeBuf {
				p.count = old
				return 0, e.state(), ipc.Errno(err)
			}
			break
		}
	}
	p.waiters.Edge(e.s.kernel, proto.PollIn)
	return size, e.state(), 0
}

// Poll implements proto.File.
func (e *end) Poll(c *ipc.Call, mask uint64, wait uint64) (uint64, int64) {
	p := e.p
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiters.Poll(c.BadgePid, e.state(), mask, wait), 0
}

// Stat implements proto.File.
func (e *end) Stat(c *ipc.Call) (*proto.Stat, int64) {
	if e.file == 0 {
		st := e.p.stat
		return &st, 0
	}
	conn := e.s.conns.Get().(*client.Conn)
	defer e.s.conns.Put(conn)
	r, st := client.File{C: conn, H: e.file}.Stat()
	s := *r
	return &s, st
}

// Path implements proto.File: a FIFO's name, which is the file server's.
func (e *end) Path(c *ipc.Call, buf ipc.Out) (uint64, int64) {
	if e.file == 0 {
		return 0, -int64(syscall.ENOENT)
	}
	conn := e.s.conns.Get().(*client.Conn)
	defer e.s.conns.Put(conn)
	b := make([]byte, 4096)
	n, st := client.File{C: conn, H: e.file}.Path(client.OutBytes(b))
	if st < 0 {
		return 0, st
	}
	return n, buf.Put(b[:n])
}

// Statfs implements proto.File.
func (e *end) Statfs(c *ipc.Call) (*proto.Statfs, int64) {
	return &proto.Statfs{Type: superMagic, Bsize: 4096, Frsize: 4096, Namelen: 255}, 0
}

// GetFlags implements proto.File.
func (e *end) GetFlags(c *ipc.Call) (uint64, int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.flags, 0
}

// SetFlags implements proto.File.
func (e *end) SetFlags(c *ipc.Call, flags uint64) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.flags = e.flags&^stream.Settable | flags&stream.Settable
	return 0
}

const fionread = 0x541b

// Control implements proto.File.
func (e *end) Control(c *ipc.Call, request uint64, arg uint64, wait uint64, in ipc.In, out ipc.Out) (uint64, int64) {
	p := e.p
	p.mu.Lock()
	defer p.mu.Unlock()
	switch request {
	case fionread:
		var b [4]byte
		binary.LittleEndian.PutUint32(b[:], uint32(p.count))
		return 0, out.Put(b[:])
	case proto.PipeGetSize:
		return uint64(p.size), 0
	case proto.PipeSetSize:
		if arg > 1<<31 {
			return 0, -int64(syscall.EINVAL)
		}
		n := 1 << bits.Len64(max(arg, minSize)-1)
		if n > maxSize || n > p.size && ipc.MemoryLow(ipc.ShareLarge) {
			return 0, -int64(syscall.EPERM)
		}
		if n < p.count {
			return 0, -int64(syscall.EBUSY)
		}
		if len(p.ring) > n {
			p.resize(n)
		}
		full := p.full()
		p.size = n
		p.taken(e.s.kernel, full)
		return uint64(n), 0
	}
	return 0, -int64(syscall.ENOTTY)
}

// Splice implements proto.PipeEnd.
func (e *end) Splice(c *ipc.Call, size uint64, tee uint64, wait uint64, to ipc.Given) (uint64, int64) {
	id, err := to.Object()
	if err != nil {
		return 0, -int64(syscall.EINVAL)
	}
	o, _ := e.s.objects.Get(id)
	w, ok := o.(*end)
	if !ok || !w.write || !e.read || w.p == e.p {
		return 0, -int64(syscall.EINVAL)
	}
	w.mu.Lock()
	err = w.rights.Check(c, rights.Write)
	w.mu.Unlock()
	if err != nil {
		return 0, ipc.Errno(err)
	}
	p, q := e.p, w.p
	first, second := p, q
	if q.num < p.num {
		first, second = q, p
	}
	first.mu.Lock()
	defer first.mu.Unlock()
	second.mu.Lock()
	defer second.mu.Unlock()
	if q.readers == 0 {
		return 0, -int64(syscall.EPIPE)
	}
	if p.count == 0 {
		if p.writers == 0 {
			return 0, 0
		}
		p.waiters.Arm(c.BadgePid, wait, proto.PollIn)
		return 0, -int64(syscall.EAGAIN)
	}
	if q.count == q.size {
		q.waiters.Arm(c.BadgePid, wait, proto.PollOut)
		return 0, -int64(syscall.EAGAIN)
	}
	head, count := p.head, p.count
	full := p.full()
	var n uint64
	for n < size && count > 0 && q.count < q.size {
		src := p.ring[head:min(head+count, len(p.ring))]
		dst := q.room()
		k := copy(dst[:min(uint64(len(dst)), size-n)], src)
		q.count += k
		count -= k
		if head += k; head >= len(p.ring) {
			head -= len(p.ring)
		}
		n += uint64(k)
	}
	if tee == 0 {
		p.head, p.count = head, count
		p.taken(e.s.kernel, full)
	}
	q.waiters.Edge(e.s.kernel, proto.PollIn)
	return n, 0
}
