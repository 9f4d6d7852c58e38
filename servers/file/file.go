package file

import (
	"sync/atomic"
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
	"go42/ipc/server"
	"go42/servers/cred"
	"go42/servers/vfs"
)

// Server is the file server.
type Server struct {
	vfs  vfs.Server
	Root *vfs.FS
	Dev  *vfs.FS
	Tmp  *vfs.FS

	// PullLasts, if set, learns of what nobody holds any more.
	PullLasts func()

	memory  Memory
	limit   int64 // pages that a file system may hold
	nextDev atomic.Uint64
}

// Config says what a Server works with.
type Config struct {
	Kernel    ipc.Kernel
	Creds     *cred.Cache
	Memory    Memory
	Initramfs []byte
	Alive     func(kpid uint64) bool
	MemTotal  uint64 // bytes of memory: each file system may hold half
}

// Device numbers of the instances (struct stat's st_dev).
const (
	devRoot = 2
	devDev  = 5
	devTmp  = 24

	devFirst = 40 // of those made later
)

// New makes the server with its three file systems.
func New(c Config) (*Server, error) {
	s := &Server{vfs: vfs.Server{Kernel: c.Kernel, Creds: c.Creds, Alive: c.Alive}}
	s.vfs.Vouch = voucher(c.Kernel)
	limit := int64(c.MemTotal / 2 / pageSize)
	s.memory, s.limit = c.Memory, limit
	s.nextDev.Store(devFirst)
	root := newRam(&s.vfs, c.Memory, devRoot, 0o755, limit)
	tmp := newRam(&s.vfs, c.Memory, devTmp, 0o1777, limit)
	if err := root.load(c.Initramfs, tmp); err != nil {
		return nil, err
	}
	// Mount points must be there whatever the archive holds.
	for _, d := range []struct {
		name string
		mode uint32
	}{{"/dev", 0o755}, {"/proc", 0o555}, {"/tmp", 0o1777}, {"/root", 0o700}, {"/sys", 0o555}, {"/etc", 0o755}, {"/var", 0o755}} {
		if root.root.ents[d.name[1:]] == nil {
			if _, err := root.enter(d.name, syscall.S_IFDIR|d.mode, 0, 0, 0, nil, vfs.Now()); err != nil {
				return nil, err
			}
		}
	}
	dev := newRam(&s.vfs, c.Memory, devDev, 0o755, limit)
	if err := fillDev(dev); err != nil {
		return nil, err
	}
	s.Root, s.Dev, s.Tmp = root.fs, dev.fs, tmp.fs
	return s, nil
}

// fillDev makes the nodes of /dev.
func fillDev(r *ram) error {
	for _, n := range []struct {
		name string
		mode uint32
		rdev uint64
		link string
	}{
		{"/null", syscall.S_IFCHR | 0o666, proto.RdevNull, ""},
		{"/zero", syscall.S_IFCHR | 0o666, proto.RdevZero, ""},
		{"/full", syscall.S_IFCHR | 0o666, proto.RdevFull, ""},
		{"/random", syscall.S_IFCHR | 0o666, proto.RdevRandom, ""},
		{"/urandom", syscall.S_IFCHR | 0o666, proto.RdevURandom, ""},
		{"/kmsg", syscall.S_IFCHR | 0o644, proto.RdevKmsg, ""},
		{"/tty", syscall.S_IFCHR | 0o666, proto.RdevTTY, ""},
		{"/console", syscall.S_IFCHR | 0o600, proto.RdevConsole, ""},
		{"/ttyS0", syscall.S_IFCHR | 0o660, proto.RdevTTYS0, ""},
		{"/ptmx", syscall.S_IFCHR | 0o666, proto.RdevPtmx, ""},
		{"/hostin", syscall.S_IFCHR | 0o666, proto.RdevHostIn, ""},
		{"/hostout", syscall.S_IFCHR | 0o666, proto.RdevHostOut, ""},
		{"/hosterr", syscall.S_IFCHR | 0o666, proto.RdevHostErr, ""},
		{"/pts", syscall.S_IFDIR | 0o755, 0, ""},
		{"/shm", syscall.S_IFDIR | 0o1777, 0, ""},
		{"/fd", syscall.S_IFLNK | 0o777, 0, "/proc/self/fd"},
		{"/stdin", syscall.S_IFLNK | 0o777, 0, "/proc/self/fd/0"},
		{"/stdout", syscall.S_IFLNK | 0o777, 0, "/proc/self/fd/1"},
		{"/stderr", syscall.S_IFLNK | 0o777, 0, "/proc/self/fd/2"},
	} {
		if _, err := r.enter(n.name, n.mode, 0, 0, n.rdev, []byte(n.link), vfs.Now()); err != nil {
			return err
		}
	}
	return nil
}

// Settle sets vfs.Server.Settle. Before the first call.
func (s *Server) Settle(f func()) { s.vfs.Settle = f }

// Handle serves a call.
func (s *Server) Handle(c *ipc.Call) {
	if s.PullLasts != nil && s.vfs.Watched() {
		s.PullLasts() // closes come before what their callers do next
	}
	if c.Object == 0 {
		server.ServeFileServer(s, c)
		return
	}
	s.vfs.Handle(c)
}

// Objects is the number of live objects.
func (s *Server) Objects() int { return s.vfs.Objects() }

// Last ends an object.
func (s *Server) Last(id uint64) { s.vfs.Last(id) }
