package vfs

import (
	"sync"
	"sync/atomic"
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
	"go42/ipc/server"
	"go42/servers/cred"
)

// Server holds the objects of a file server, of all its file systems.
type Server struct {
	Kernel  ipc.Kernel
	Creds   *cred.Cache
	objects ipc.Objects[*Object]
	locks   lockTable
	watches watchTable
	// Vouch tells the process server what a process may execute as whom
	// (proto.Proc.Vouch); nil: set-id bits do not count.
	Vouch func(v *proto.Vouched, image uint64) (set uint64, err error)
	// Alive says whether a process still exists (owners of record locks).
	Alive func(kpid uint64) bool
	// Settle, if set, returns when Last knows of all that was closed before: who has
	// been waited for has no file open, though this server has yet to be told.
	Settle func()
}

// FS is one file system.
type FS struct {
	Lock sync.RWMutex // names: see package comment

	srv     *Server
	root    Dir
	dev     uint64
	covered map[Dir]bool // guarded by Lock
	rootID  uint64
	// Statfs describes it.
	statfs func() proto.Statfs
	flags  atomic.Uint64 // how it is mounted: see Flags
	// users are the objects that somebody holds a handle on, other than the
	// root and covers; writers those that are open for writing.
	users, writers atomic.Int64
	// Transient: the root object goes with its last handle.
	Transient bool
}

// AddFS makes root a file system with device number dev. root's file system
// may use the FS's Lock.
func (s *Server) AddFS(root Dir, dev uint64, statfs func() proto.Statfs) *FS {
	fs := &FS{srv: s, root: root, dev: dev, covered: map[Dir]bool{}, statfs: statfs}
	fs.rootID = s.objects.Add(&Object{fs: fs, node: root})
	return fs
}

// RootID is the object that names the root directory; mount it.
func (fs *FS) RootID() uint64 { return fs.rootID }

// Object is what a handle names: a directory (open == nil), an open file or
// directory, or the cover of a mount point.
type Object struct {
	fs    *FS
	node  Node
	cover Dir // a cover: its last uncovers
	fence Dir // ".." does not lead above it; nil: above the file system's root

	inotify *inotify // not nil: an inotify instance, and nothing else

	open bool
	id   uint64
	data Data // regular and device files; nil for directories and names
	kind uint64

	mu    sync.Mutex
	flags uint64 // guarded by mu: O_ flags
	off   int64  // guarded by mu
	wait  ipc.Waiters
}

// Handle serves a call on any of the server's objects.
func (s *Server) Handle(c *ipc.Call) {
	o, ok := s.objects.Get(c.Object)
	if !ok || o.cover != nil {
		c.Status = -int64(syscall.EBADF)
		return
	}
	if o.inotify != nil {
		switch c.Method >> 8 {
		case proto.BaseFile:
			server.ServeFile(o.inotify, c)
		case proto.BaseInotify:
			server.ServeInotify(o.inotify, c)
		}
		return
	}
	switch c.Method >> 8 {
	case proto.BaseFileSystem:
		server.ServeFileSystem(names{o}, c)
	case proto.BaseFile:
		server.ServeFile(file{o}, c)
	}
}

// Last ends an object that no handle names any more.
func (s *Server) Last(id uint64) {
	o, ok := s.objects.Get(id)
	if ok && o.inotify != nil {
		s.objects.Remove(id)
		o.inotify.end()
		return
	}
	if !ok || id == o.fs.rootID && !o.fs.Transient {
		return // a root stays for as long as its server lives
	}
	if id == o.fs.rootID {
		o.fs.unmounted()
	}
	s.objects.Remove(id)
	defer o.closed()
	o.count(-1)
	if o.cover != nil {
		o.fs.Lock.Lock()
		delete(o.fs.covered, o.cover)
		o.fs.Lock.Unlock()
		return
	}
	if !o.open {
		return
	}
	s.locks.closed(s.Kernel, o)
	if cl, ok := o.data.(Closer); ok {
		cl.Close()
	}
}

// count adds n to the counts of o's file system that o belongs to.
func (o *Object) count(n int64) {
	if o.cover != nil || o.id == o.fs.rootID {
		return
	}
	o.fs.users.Add(n)
	if o.open && o.flags&oAccMode != syscall.O_RDONLY && o.node.Stat(nil).Mode&typeMask == syscall.S_IFREG {
		o.fs.writers.Add(n)
	}
}

// Flags of a file system: those of mount(2) that are enforced.
const Flags = syscall.MS_RDONLY | syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC

func (fs *FS) is(flag uint64) bool { return fs.flags.Load()&flag != 0 }

// SetFlags changes how the file system is mounted. EBUSY: it cannot become
// read-only while files are open for writing.
func (fs *FS) SetFlags(flags uint64) error {
	fs.Lock.Lock()
	defer fs.Lock.Unlock()
	if flags&syscall.MS_RDONLY != 0 && fs.writers.Load() > 0 {
		return syscall.EBUSY
	}
	fs.flags.Store(flags & Flags)
	return nil
}

// RootOf is the file system whose root object id is; nil: it is no root.
func (s *Server) RootOf(id uint64) *FS {
	o, ok := s.objects.Get(id)
	if !ok || o.inotify != nil || id != o.fs.rootID {
		return nil
	}
	return o.fs
}

// Users is the number of directories and files of it that somebody holds.
func (fs *FS) Users() uint64 { return uint64(max(fs.users.Load(), 0)) }

// Opened is the node and the flags of an open object, for a server whose
// files are names of something else.
func (s *Server) Opened(id uint64) (n Node, flags uint64, ok bool) {
	o, ok := s.objects.Get(id)
	if !ok || !o.open {
		return nil, 0, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.node, o.flags, true
}

// Objects is the number of live objects, for tests.
func (s *Server) Objects() int { return s.objects.Len() }

// ctx finds out who asks.
func (s *Server) ctx(c *ipc.Call) (*Ctx, error) {
	k, err := s.Creds.Get(c.BadgeCred)
	if err == syscall.ESRCH {
		err = syscall.EACCES // nobody's credentials
	}
	if err != nil {
		return nil, err
	}
	x, ok := c.Local.(*Ctx)
	if !ok {
		x = new(Ctx)
		c.Local = x
	}
	*x = Ctx{C: c, Cred: k}
	return x, nil
}

func (fs *FS) stat(x *Ctx, n Node) *proto.Stat {
	st := n.Stat(x)
	st.Dev = fs.dev
	if st.Blksize == 0 {
		st.Blksize = 4096
	}
	return &st
}

// add makes o an object and grants it.
func (s *Server) add(o *Object) ipc.Grant {
	o.id = s.objects.Add(o)
	o.count(1)
	return ipc.Object(o.id)
}

// Cover covers a directory of the file system for its own server, before it
// serves: the object's handle is to be given to the mount-point server.
func (fs *FS) Cover(name string) (object uint64, err error) {
	fs.Lock.Lock()
	defer fs.Lock.Unlock()
	x := &Ctx{Cred: cred.Root}
	p, red, err := fs.walk(x, fs.root, name, false)
	if err != nil {
		return 0, err
	}
	d, ok := p.node.(Dir)
	if red != nil || !ok {
		return 0, syscall.ENOTDIR
	}
	fs.covered[d] = true
	o := &Object{fs: fs, node: d, cover: d}
	o.id = fs.srv.objects.Add(o)
	return o.id, nil
}
