package tty

import (
	"sync"
	"syscall"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/ipc/server"
	"go42/servers/cred"
	"go42/servers/vfs"
)

// Machine is the devices. Read and Write do not wait: they answer how many
// bytes there were, or could go.
type Machine interface {
	Read(dev uint64, b []byte) int
	Write(dev uint64, b []byte) int
	Attach(dev, channel uint64) error
}

// Server is the terminal server.
type Server struct {
	kernel  ipc.Kernel
	machine Machine
	procs   *procs
	creds   *cred.Cache
	names   vfs.Server // of pseudo-terminals
	pts     *vfs.FS
	ptsRoot *ptsDir
	objects ipc.Objects[object]
	console *terminal
	host    *host

	mu   sync.Mutex
	ptys map[uint32]*terminal // guarded by mu; by number
}

// object is what a handle names, apart from the names of pseudo-terminals.
type object interface {
	server.File
	base() *device
	last()
}

// ownID marks ids of this server's own objects; the others are those of the
// file system of names.
const ownID = 1 << 62

// Channels of the devices' notifications.
const (
	chanConsole = abi.ChanIRQ
	chanControl = abi.ChanIRQ + 1
)

// New makes the server and attaches it to its devices.
func New(k ipc.Kernel, m Machine, creds *cred.Cache) (*Server, error) {
	s := &Server{kernel: k, machine: m, creds: creds, procs: newProcs(k), ptys: map[uint32]*terminal{}}
	s.names = vfs.Server{Kernel: k, Creds: creds, Alive: func(uint64) bool { return true }}
	s.ptsRoot = &ptsDir{srv: s}
	s.pts = s.names.AddFS(s.ptsRoot, devPts, ptsStatfs)
	s.console = s.serial()
	s.host = newHost(s)
	if err := m.Attach(abi.DevConsole, chanConsole); err != nil {
		return nil, err
	}
	if err := m.Attach(abi.DevControl, chanControl); err != nil {
		return nil, err
	}
	return s, nil
}

// Pts is the root directory of the file system of pseudo-terminals.
func (s *Server) Pts() uint64 { return s.pts.RootID() }

// Handle serves a call.
func (s *Server) Handle(c *ipc.Call) {
	if c.Object == 0 {
		server.ServeTTY(s, c)
		return
	}
	if c.Object&ownID == 0 {
		s.names.Handle(c)
		return
	}
	o, ok := s.objects.Get(c.Object &^ ownID)
	if !ok {
		c.Status = -int64(syscall.EBADF)
		return
	}
	server.ServeFile(o, c)
}

// Last ends an object.
func (s *Server) Last(id uint64) {
	if id&ownID == 0 {
		s.names.Last(id)
		return
	}
	o, ok := s.objects.Remove(id &^ ownID)
	if !ok {
		return
	}
	o.last()
	if h := o.base().handle; h != 0 {
		s.kernel.Drop(h)
	}
}

// Notified takes input of the devices, and hangups.
func (s *Server) Notified(channels uint64) {
	if channels&(1<<chanConsole) != 0 {
		s.console.lock()
		s.console.pump()
		s.console.unlock()
	}
	if channels&(1<<chanControl) != 0 {
		s.host.pump()
	}
	s.hangups()
}

// hangups ends the sessions whose leaders have died.
func (s *Server) hangups() {
	for {
		rdev, sid, ok := s.procs.nextHangup()
		if !ok {
			return
		}
		if t := s.find(rdev); t != nil {
			t.leaderDied(sid)
		}
	}
}

// find is the terminal with a device number, or nil.
func (s *Server) find(rdev uint64) *terminal {
	if rdev == proto.RdevTTYS0 {
		return s.console
	}
	if rdev>>8 != ptsMajor {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ptys[uint32(rdev&0xff)]
}

func (s *Server) grant(o object) ipc.Grant { return ipc.Object(s.objects.Add(o) | ownID) }

// Open implements proto.TTY.
func (s *Server) Open(c *ipc.Call, flags uint64, dev ipc.Given) (uint64, ipc.Grant, int64) {
	s.hangups()
	fail := func(e syscall.Errno) (uint64, ipc.Grant, int64) { return 0, ipc.Grant{}, -int64(e) }
	d := device{srv: s, flags: flags &^ openOnly}
	rdev, st := s.describe(dev, &d, flags)
	if st < 0 {
		return 0, ipc.Grant{}, st
	}
	noctty := flags&syscall.O_NOCTTY != 0
	o := &open{device: d}
	switch rdev {
	case proto.RdevHostIn, proto.RdevHostOut, proto.RdevHostErr:
		x := &stream{device: d, host: s.host, rdev: rdev}
		x.keep(dev)
		return rdev, s.grant(x), 0
	case proto.RdevPtmx:
		t, st := s.newPty(c)
		if st < 0 {
			return 0, ipc.Grant{}, st
		}
		x := &masterOpen{device: d, t: t}
		x.keep(dev)
		return rdev, s.grant(x), 0
	case proto.RdevConsole:
		o.t, o.console, noctty = s.console, true, true
	case proto.RdevTTY:
		r, err := s.procs.info(c)
		if err != nil || r.TTY == 0 {
			return fail(syscall.ENXIO)
		}
		o.t, noctty = s.find(uint64(r.TTY)), true
	default:
		o.t = s.find(rdev)
	}
	t := o.t
	if t == nil {
		return fail(syscall.ENXIO)
	}
	t.lock()
	if t.master != nil && (t.master.locked || t.master.closed) {
		t.unlock()
		return fail(syscall.EIO)
	}
	if t.exclusive && len(t.opens) > 0 && !s.root(c) {
		t.unlock()
		return fail(syscall.EBUSY)
	}
	t.opens[o] = true
	if t.master != nil {
		t.master.opened()
	}
	t.unlock()
	if !noctty && o.readable() {
		// Only a session leader without a terminal gets this one: anybody
		// else is refused, and that is no error of the open.
		t.lock()
		free := t.session == 0
		t.unlock()
		if free {
			t.acquire(c, false, true)
		}
	}
	o.keep(dev)
	return t.rdev, s.grant(o), 0
}

// openOnly are flags that say something of the open alone.
const openOnly = syscall.O_CREAT | syscall.O_EXCL | syscall.O_NOCTTY | syscall.O_TRUNC | syscall.O_CLOEXEC

// describe finds out which device dev names, and that its file server has let
// the caller open it as flags say.
func (s *Server) describe(dev ipc.Given, d *device, flags uint64) (rdev uint64, st int64) {
	h := dev.Handle()
	if h == 0 {
		return 0, -int64(syscall.EBADF)
	}
	var have uint64
	if id, err := dev.Object(); err == nil {
		n, f, ok := s.names.Opened(id)
		p, isPts := n.(*ptsNode)
		if !ok || !isPts {
			return 0, -int64(syscall.EBADF)
		}
		d.node, rdev, have = p, p.rdev(), f
	} else {
		conn := s.kernel.Conn()
		f := client.File{C: conn, H: h}
		r, st := f.Stat()
		if st < 0 {
			return 0, st
		}
		if r.Mode&syscall.S_IFMT != syscall.S_IFCHR {
			return 0, -int64(syscall.ENXIO)
		}
		rdev = r.Rdev
		if have, st = f.GetFlags(); st < 0 {
			return 0, st
		}
	}
	if have&oPath != 0 || have&3 != syscall.O_RDWR && have&3 != flags&3 {
		return 0, -int64(syscall.EACCES)
	}
	return rdev, 0
}

const oPath = 0x200000

// root: the caller acts as root.
func (s *Server) root(c *ipc.Call) bool {
	k, err := s.creds.Get(c.BadgeCred)
	return err == nil && k.EUID == 0
}
