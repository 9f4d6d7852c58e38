// Package sock is the socket server: local (AF_UNIX) stream, datagram and
// sequenced-packet sockets, with names, passed files and credentials; and stream
// and datagram sockets of the internet families between processes of this
// machine (inet.go).
//
// Objects: Server, sock (an open socket; one handle object each), message (what
// is under way to a socket). Object ids are the process's, which serves pipes
// too: this server's have IDBase added.
//
// A passed file is a handle that the server holds from the send to the
// receive. Sockets that are only in flight inside each other's queues keep each
// other alive (Linux collects those).
//
// Lock: Server.mu guards everything; no server is called with it held.
package sock

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"syscall"

	"go42/ipc"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/ipc/server"
	"go42/servers/cred"
	"go42/servers/stream"
	"go42/servers/vfs"
)

// IDBase is added to the ids of this server's objects; IDBase itself is the
// root object.
const IDBase = 1 << 40

const (
	sockDev     = 8
	defaultBuf  = 212992
	maxDatagram = 10 // messages that may wait at a datagram socket
	maxName     = 108
)

// Server is the socket server.
type Server struct {
	kernel  ipc.Kernel
	creds   *cred.Cache
	conns   sync.Pool
	objects ipc.Objects[*sock]

	mu      sync.Mutex
	names   map[string]*sock // bound sockets by key
	lastIno uint64
	auto    uint64
}

type who struct{ pid, uid, gid uint32 }

// message is bytes under way, with what travels beside them.
type message struct {
	data  []byte
	files []passed
	from  who
	name  string // sender's, for datagrams
}

type passed struct {
	handle uint64 // 0: the description says all
	file   proto.SockFile
}

// sock is one socket.
type sock struct {
	stream.Base
	s    *Server
	id   uint64
	typ  uint64
	fam  uint64 // AF_INET, AF_INET6; 0: local
	stat proto.Stat
	own  who

	flags     uint64
	name, key string
	key2      string // an IPv6 wildcard's key for IPv4
	listening bool
	limit     int     // of pending
	pending   []*sock // connections not yet accepted
	peer      *sock   // connected stream; a datagram socket's default target
	peerWho   who
	peerName  string
	peerKey   string // of a connected internet datagram socket
	connected bool
	hungUp    bool // the peer has been closed
	reset     bool // with data that nobody had read, before it was accepted, or by linger
	refused   bool // a datagram found nobody
	shutR     bool
	shutW     bool
	closed    bool
	queue     []*message
	bytes     int
	opts      map[uint64]uint64
	waiters   ipc.Waiters
}

// New makes the server.
func New(k ipc.Kernel, creds *cred.Cache) *Server {
	s := &Server{kernel: k, creds: creds, names: map[string]*sock{}}
	s.conns.New = func() any { return k.Conn() }
	return s
}

// Handle serves a call.
func (s *Server) Handle(c *ipc.Call) {
	if c.Object == IDBase {
		server.ServeSock(s, c)
		return
	}
	o, ok := s.objects.Get(c.Object - IDBase)
	if !ok {
		c.Status = -int64(syscall.EBADF)
		return
	}
	switch c.Method >> 8 {
	case proto.BaseFile:
		server.ServeFile(o, c)
	case proto.BaseSockEnd:
		server.ServeSockEnd(o, c)
	}
}

// caller is who makes the call.
func (s *Server) caller(c *ipc.Call) (who, *cred.Cred, error) {
	k, err := s.creds.Get(c.BadgeCred)
	if err != nil {
		return who{}, nil, err
	}
	w := who{uid: k.EUID, gid: k.EGID}
	conn := s.conns.Get().(*client.Conn)
	defer s.conns.Put(conn)
	if r, st := (client.Proc{C: conn, H: 1}).InfoK(c.BadgePid); st >= 0 {
		w.pid = r.Pid
	}
	return w, k, nil
}

// add makes a socket.
func (s *Server) add(typ, flags uint64, w who) (*sock, ipc.Grant) {
	s.lastIno++
	now := vfs.Now()
	o := &sock{s: s, typ: typ & 0xff, fam: typ >> 8, own: w, flags: flags&stream.Settable | syscall.O_RDWR, opts: map[uint64]uint64{}}
	o.stat = proto.Stat{Dev: sockDev, Ino: s.lastIno, Nlink: 1, Mode: syscall.S_IFSOCK | 0o777, UID: w.uid, GID: w.gid, Blksize: 4096, Atim: now, Mtim: now, Ctim: now}
	o.id = s.objects.Add(o)
	return o, ipc.Object(IDBase + o.id)
}

func validType(typ uint64) bool {
	if fam := typ >> 8; fam != 0 {
		typ &= 0xff
		return (fam == syscall.AF_INET || fam == syscall.AF_INET6) && (typ == syscall.SOCK_STREAM || typ == syscall.SOCK_DGRAM)
	}
	return typ == syscall.SOCK_STREAM || typ == syscall.SOCK_DGRAM || typ == syscall.SOCK_SEQPACKET
}

// Socket implements proto.Sock.
func (s *Server) Socket(c *ipc.Call, typ uint64, flags uint64) (uint64, ipc.Grant, int64) {
	if !validType(typ) {
		return 0, ipc.Grant{}, -int64(syscall.ESOCKTNOSUPPORT)
	}
	if ipc.Short(ipc.ShareBuffer) {
		return 0, ipc.Grant{}, -int64(syscall.ENFILE)
	}
	w, _, err := s.caller(c)
	if err != nil {
		return 0, ipc.Grant{}, ipc.Errno(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, g := s.add(typ, flags, w)
	return o.stat.Ino, g, 0
}

// Pair implements proto.Sock.
func (s *Server) Pair(c *ipc.Call, typ uint64, flags uint64) (uint64, ipc.Grant, ipc.Grant, int64) {
	if !validType(typ) {
		return 0, ipc.Grant{}, ipc.Grant{}, -int64(syscall.ESOCKTNOSUPPORT)
	}
	if typ>>8 != 0 {
		return 0, ipc.Grant{}, ipc.Grant{}, -int64(syscall.EOPNOTSUPP)
	}
	if ipc.Short(ipc.ShareBuffer) {
		return 0, ipc.Grant{}, ipc.Grant{}, -int64(syscall.ENFILE)
	}
	w, _, err := s.caller(c)
	if err != nil {
		return 0, ipc.Grant{}, ipc.Grant{}, ipc.Errno(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ga := s.add(typ, flags, w)
	b, gb := s.add(typ, flags, w)
	join(a, b)
	return a.stat.Ino, ga, gb, 0
}

func join(a, b *sock) {
	a.peer, b.peer = b, a
	a.connected, b.connected = true, true
	a.peerWho, b.peerWho = b.own, a.own
	a.peerName, b.peerName = b.name, a.name
}

// wake tells everyone who waits at o. s.mu is held.
func (o *sock) wake() { o.waiters.Wake(o.s.kernel, math.MaxUint64) }

// edge is wake with news of the kinds of events in mask (ipc.Waiters.Edge); changed
// of a change of the connection, which is of every kind.
func (o *sock) edge(mask uint64) { o.waiters.Edge(o.s.kernel, mask) }
func (o *sock) changed()         { o.edge(math.MaxUint64) }

// Last closes a socket that no handle names any more.
func (s *Server) Last(id uint64) {
	o, ok := s.objects.Remove(id - IDBase)
	if !ok {
		return
	}
	s.mu.Lock()
	drops := o.close()
	s.mu.Unlock()
	s.kernel.Drop(drops...)
}

// close ends the socket and returns the handles that were under way to it.
// s.mu is held.
func (o *sock) close() []uint64 {
	var drops []uint64
	o.closed = true
	for _, k := range [2]string{o.key, o.key2} {
		if k != "" && o.s.names[k] == o {
			delete(o.s.names, k)
		}
	}
	for _, m := range o.queue {
		for _, f := range m.files {
			if f.handle != 0 {
				drops = append(drops, f.handle)
			}
		}
	}
	reset := len(o.queue) > 0 || o.aborts()
	o.queue, o.bytes = nil, 0
	for _, q := range o.pending {
		// Connected, but nobody will accept it.
		if q.peer != nil {
			q.peer.reset = true
		}
		drops = append(drops, q.close()...)
	}
	o.pending = nil
	if p := o.peer; p != nil && p.peer == o && o.typ != syscall.SOCK_DGRAM {
		p.hungUp, p.reset = true, p.reset || reset
		p.peer = nil
		p.changed()
	}
	o.peer = nil
	o.wake()
	return drops
}

// aborts: closing o breaks the connection, as SO_LINGER with no seconds asks of
// TCP. s.mu is held.
func (o *sock) aborts() bool {
	v := o.opts[soLinger]
	return o.fam != 0 && uint32(v) != 0 && v>>32 == 0
}

// key identifies an address: an inode for a path, the bytes for an abstract name.
func (s *Server) key(name string, node ipc.Given) (string, error) {
	if name == "" || len(name) > maxName {
		return "", syscall.EINVAL
	}
	if name[0] == 0 {
		return name, nil
	}
	if node.Handle() == 0 {
		return "", syscall.EINVAL
	}
	conn := s.conns.Get().(*client.Conn)
	defer s.conns.Put(conn)
	r, st := client.File{C: conn, H: node.Handle()}.Stat()
	if st < 0 {
		return "", syscall.Errno(-st)
	}
	if r.Mode&syscall.S_IFMT != syscall.S_IFSOCK {
		return "", syscall.ECONNREFUSED
	}
	return fmt.Sprintf("/%d/%d", r.Dev, r.Ino), nil
}

// Bind implements proto.SockEnd.
func (o *sock) Bind(c *ipc.Call, name string, node ipc.Given) int64 {
	s := o.s
	if o.fam != 0 {
		return o.bindInet(name)
	}
	var key string
	if name != "" {
		var err error
		if key, err = s.key(name, node); err != nil {
			return ipc.Errno(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.key != "" {
		return -int64(syscall.EINVAL)
	}
	for name == "" {
		s.auto++
		n := fmt.Sprintf("\x00%05x", s.auto&0xfffff)
		if s.names[n] == nil {
			name, key = n, n
		}
	}
	if s.names[key] != nil {
		return -int64(syscall.EADDRINUSE)
	}
	o.name, o.key = name, key
	s.names[key] = o
	return 0
}

// Listen implements proto.SockEnd.
func (o *sock) Listen(c *ipc.Call, backlog uint64) int64 {
	w, _, err := o.s.caller(c)
	if err != nil {
		return ipc.Errno(err)
	}
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	switch {
	case o.typ == syscall.SOCK_DGRAM:
		return -int64(syscall.EOPNOTSUPP)
	case o.fam != 0 && o.key == "":
		if st := o.bindLocked(""); st < 0 {
			return st
		}
	case o.connected || o.key == "":
		return -int64(syscall.EINVAL)
	}
	o.listening, o.own = true, w
	o.limit = int(min(uint64(uint32(backlog)), 4096))
	o.wake()
	return 0
}

// Connect implements proto.SockEnd.
func (o *sock) Connect(c *ipc.Call, name string, wait uint64, node ipc.Given) int64 {
	s := o.s
	if name == "" && o.typ == syscall.SOCK_DGRAM { // AF_UNSPEC
		s.mu.Lock()
		o.peer, o.connected = nil, false
		s.mu.Unlock()
		return 0
	}
	var key string
	var err error
	if o.fam != 0 {
		key, err = o.target(name)
	} else {
		key, err = s.key(name, node)
	}
	if err != nil {
		return ipc.Errno(err)
	}
	w, _, err := s.caller(c)
	if err != nil {
		return ipc.Errno(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.fam != 0 && o.key == "" && !o.connected {
		if st := o.bindLocked(""); st < 0 {
			return st
		}
	}
	t := s.names[key]
	if o.fam != 0 && o.typ == syscall.SOCK_DGRAM {
		// Nobody has to be there, nor to stay.
		o.peer, o.connected, o.peerKey = t, true, key
		o.settle(name)
		o.wake()
		return 0
	}
	if t == nil || t.closed {
		return -int64(syscall.ECONNREFUSED)
	}
	if t.typ != o.typ {
		return -int64(syscall.EPROTOTYPE)
	}
	if o.typ == syscall.SOCK_DGRAM {
		o.peer, o.connected, o.peerName, o.peerWho = t, true, t.name, t.own
		o.wake()
		return 0
	}
	switch {
	case o.connected:
		return -int64(syscall.EISCONN)
	case o.listening:
		return -int64(syscall.EINVAL)
	case !t.listening || t.shutR:
		return -int64(syscall.ECONNREFUSED)
	case len(t.pending) > t.limit && o.fam == 0:
		t.waiters.Arm(c.BadgePid, wait, math.MaxUint64)
		return -int64(syscall.EAGAIN)
	}
	o.own = w
	// The other end exists from now on; Accept gives it a handle.
	e := &sock{s: s, typ: o.typ, fam: t.fam, own: t.own, flags: syscall.O_RDWR, opts: map[uint64]uint64{}, name: t.name}
	s.lastIno++
	e.stat = t.stat
	e.stat.Ino = s.lastIno
	join(o, e)
	o.peerName = t.name
	if o.fam != 0 {
		o.named(name, e)
	}
	t.pending = append(t.pending, e)
	t.edge(proto.PollIn)
	if o.fam != 0 {
		o.changed()
	} else {
		o.wake()
	}
	return 0
}

// Accept implements proto.SockEnd.
func (o *sock) Accept(c *ipc.Call, flags uint64, wait uint64) (uint64, ipc.Grant, int64) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	switch {
	case o.typ == syscall.SOCK_DGRAM:
		return 0, ipc.Grant{}, -int64(syscall.EOPNOTSUPP)
	case !o.listening:
		return 0, ipc.Grant{}, -int64(syscall.EINVAL)
	case len(o.pending) == 0 && o.shutR:
		return 0, ipc.Grant{}, -int64(syscall.EINVAL)
	case len(o.pending) == 0:
		o.waiters.Arm(c.BadgePid, wait, math.MaxUint64)
		return 0, ipc.Grant{}, -int64(syscall.EAGAIN)
	}
	e := o.pending[0]
	o.pending = o.pending[1:]
	e.flags = flags&stream.Settable | syscall.O_RDWR
	for k, v := range o.opts {
		e.opts[k] = v
	}
	e.id = o.s.objects.Add(e)
	o.wake() // room in the backlog
	return e.stat.Ino, ipc.Object(IDBase + e.id), 0
}

// Name implements proto.SockEnd.
func (o *sock) Name(c *ipc.Call, peer uint64, buf ipc.Out) (uint64, int64) {
	o.s.mu.Lock()
	n := o.name
	ok := true
	if peer != 0 {
		n, ok = o.peerName, o.connected
	}
	o.s.mu.Unlock()
	if !ok {
		return 0, -int64(syscall.ENOTCONN)
	}
	return uint64(len(n)), buf.Put([]byte(n))
}

// Shutdown implements proto.SockEnd.
func (o *sock) Shutdown(c *ipc.Call, how uint64) int64 {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if how > 2 {
		return -int64(syscall.EINVAL)
	}
	if !o.connected && !o.listening && o.fam != 0 {
		return -int64(syscall.ENOTCONN)
	}
	if how != 1 {
		o.shutR = true
	}
	if how != 0 {
		o.shutW = true
	}
	if p := o.peer; p != nil && o.typ != syscall.SOCK_DGRAM {
		p.shutR = p.shutR || how != 0
		p.shutW = p.shutW || how != 1
		p.changed()
	}
	o.changed()
	return 0
}

// Socket options (asm-generic/socket.h).
const (
	soType       = 3
	soError      = 4
	soSndbuf     = 7
	soRcvbuf     = 8
	soLinger     = 13 // value: on or off, and the seconds times 1<<32
	soRcvtimeo   = 20 // value: microseconds, 0: none
	soSndtimeo   = 21
	soPasscred   = 16
	soAcceptconn = 30
	soProtocol   = 38
	soDomain     = 39
)

// kept are the options of SOL_SOCKET whose values are kept and shown though they
// change nothing: DEBUG, REUSEADDR, DONTROUTE, BROADCAST, KEEPALIVE, OOBINLINE,
// NO_CHECK, PRIORITY, REUSEPORT, RCVLOWAT, SNDLOWAT, TIMESTAMP, TIMESTAMPNS.
var kept = map[uint64]bool{1: true, 2: true, 5: true, 6: true, 9: true, 10: true, 11: true, 12: true, 15: true, 18: true, 19: true, 29: true, 35: true}

// known says whether there is such an option. Those of other levels are the
// caller's business (level*65536 + option, two small numbers): none is more than a
// word in this socket.
func known(option uint64) bool {
	switch option {
	case soType, soError, soSndbuf, soRcvbuf, soLinger, soRcvtimeo, soSndtimeo, soPasscred, soAcceptconn, soProtocol, soDomain:
		return true
	}
	return kept[option] || option>>16 != 0 && option>>16 <= 41 && option&0xffff <= 67
}

// Option implements proto.SockEnd.
func (o *sock) Option(c *ipc.Call, option uint64, set uint64, value uint64) (uint64, int64) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if !known(option) {
		return 0, -int64(syscall.ENOPROTOOPT)
	}
	if set != 0 {
		switch option {
		case soType, soError, soAcceptconn, soProtocol, soDomain: // read only
			return 0, -int64(syscall.ENOPROTOOPT)
		case soSndbuf, soRcvbuf:
			value = min(max(2*value, 4608), 2*defaultBuf)
		case soLinger:
			if uint32(value) == 0 {
				value = o.opts[option] >> 32 << 32 // the seconds stay
			} else {
				value = value>>32<<32 | 1
			}
		}
		o.opts[option] = value
		return 0, 0
	}
	switch option {
	case soType:
		return o.typ, 0
	case soDomain:
		if o.fam != 0 {
			return o.fam, 0
		}
		return syscall.AF_UNIX, 0
	case soProtocol:
		switch {
		case o.fam == 0:
			return 0, 0
		case o.typ == syscall.SOCK_STREAM:
			return syscall.IPPROTO_TCP, 0
		}
		return syscall.IPPROTO_UDP, 0
	case soAcceptconn:
		if o.listening {
			return 1, 0
		}
		return 0, 0
	case soError:
		if o.reset {
			o.reset = false
			return uint64(syscall.ECONNRESET), 0
		}
		if o.refused {
			o.refused = false
			return uint64(syscall.ECONNREFUSED), 0
		}
		return 0, 0
	case soSndbuf, soRcvbuf:
		if v, ok := o.opts[option]; ok {
			return v, 0
		}
		return defaultBuf, 0
	}
	return o.opts[option], 0
}

// PeerCred implements proto.SockEnd.
func (o *sock) PeerCred(c *ipc.Call) (uint64, uint64, uint64, int64) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if !o.connected || o.fam != 0 || o.typ == syscall.SOCK_DGRAM && o.peerWho == (who{}) {
		none := uint64(math.MaxUint32)
		return 0, none, none, 0
	}
	return uint64(o.peerWho.pid), uint64(o.peerWho.uid), uint64(o.peerWho.gid), 0
}

// state is the poll bits. s.mu is held.
func (o *sock) state() uint64 {
	var b uint64
	if o.listening {
		if len(o.pending) > 0 {
			b |= proto.PollIn
		}
		return b
	}
	if len(o.queue) > 0 || o.shutR || o.hungUp {
		b |= proto.PollIn
	}
	if o.shutR || o.hungUp {
		b |= proto.PollRDHup
	}
	if o.hungUp || o.shutR && o.shutW {
		b |= proto.PollHup
	}
	if o.reset || o.refused {
		b |= proto.PollErr
	}
	if o.typ == syscall.SOCK_DGRAM {
		// What there is no room for at the other end of the internet is lost.
		if o.peer == nil || o.fam != 0 || o.peer.room() {
			b |= proto.PollOut
		}
		return b
	}
	if !o.connected {
		return b | proto.PollOut | proto.PollHup
	}
	if o.hungUp || o.shutW || o.peer != nil && o.peer.room() {
		b |= proto.PollOut
	}
	return b
}

// again is the state that goes with EAGAIN; option limits the wait. s.mu is held.
func (o *sock) again(option uint64) uint64 {
	b := o.state()
	if o.opts[option] != 0 {
		b |= proto.Timed
	}
	return b
}

// room: more can be queued at o. s.mu is held.
func (o *sock) room() bool {
	if len(o.queue) > 0 && ipc.Short(ipc.ShareBuffer) {
		return false
	}
	if o.typ == syscall.SOCK_DGRAM {
		return len(o.queue) <= maxDatagram
	}
	return o.bytes < defaultBuf*3/4
}

// Poll implements proto.File.
func (o *sock) Poll(c *ipc.Call, mask uint64, wait uint64) (uint64, int64) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if b := o.state(); b&(mask|proto.PollErr|proto.PollHup) == 0 {
		o.waiters.Arm(c.BadgePid, wait, math.MaxUint64)
	}
	// The room that datagrams need is their target's, who need not know of o.
	if p := o.peer; o.typ == syscall.SOCK_DGRAM && mask&proto.PollOut != 0 && p != nil && !p.room() {
		p.waiters.Arm(c.BadgePid, wait, proto.PollOut)
	}
	return o.waiters.Poll(c.BadgePid, o.state(), mask, wait), 0
}

// Stat implements proto.File.
func (o *sock) Stat(c *ipc.Call) (*proto.Stat, int64) {
	st := o.stat
	return &st, 0
}

// Path implements proto.File.
func (o *sock) Path(c *ipc.Call, buf ipc.Out) (uint64, int64) { return 0, -int64(syscall.ENOENT) }

// Statfs implements proto.File.
func (o *sock) Statfs(c *ipc.Call) (*proto.Statfs, int64) {
	return &proto.Statfs{Type: 0x534f434b, Bsize: 4096, Frsize: 4096, Namelen: 255}, 0
}

// GetFlags implements proto.File.
func (o *sock) GetFlags(c *ipc.Call) (uint64, int64) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	return o.flags, 0
}

// SetFlags implements proto.File.
func (o *sock) SetFlags(c *ipc.Call, flags uint64) int64 {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.flags = o.flags&^stream.Settable | flags&stream.Settable
	return 0
}

// Control implements proto.File.
func (o *sock) Control(c *ipc.Call, request uint64, arg uint64, wait uint64, in ipc.In, out ipc.Out) (uint64, int64) {
	const fionread, siocoutq = 0x541b, 0x5411
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	n := 0
	switch request {
	case fionread:
		if o.listening {
			return 0, -int64(syscall.EINVAL)
		}
		if n = o.bytes; o.typ != syscall.SOCK_STREAM {
			n = 0
			if len(o.queue) > 0 {
				n = len(o.queue[0].data)
			}
		}
	case siocoutq:
		if o.peer != nil {
			n = o.peer.bytes
		}
	default:
		return 0, -int64(syscall.ENOTTY)
	}
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], uint32(n))
	return 0, out.Put(b[:])
}
