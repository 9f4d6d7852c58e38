// Package fsserver makes a file system out of a few functions, in any program
// that root starts: in the manner of FUSE, with a page cache that the kernel
// keeps. The program implements FS (and WriteFS, if it can be written to) and
// calls Mount; servers/examples/notefs is one of 170 lines.
//
// The file system's data is read and written in pages. What has been read stays
// in the kernel, in a paged memory object (FCM) for each file, which all who map
// the file share, and from which read(2) is answered, too. The kernel asks for a
// page when somebody touches it and it is not there (NNextPage): the thread waits,
// its process goes on. Changed pages are given to WritePage at fsync, msync,
// when nobody maps or has the file open any more, and every few seconds. Clean
// ones go when memory is short.
//
// Objects: Server, file (what is cached of one), fileNode and dirNode (what
// package vfs asks), openFile (one open instance).
//
// Lock order: vfs.FS.Lock, file.flush, file.mu, Server.mu. FS is called with no
// more than FS.Lock and a file's flush and mu held, by several goroutines at once.
package fsserver

import (
	"fmt"
	"path"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/servers/cred"
	"go42/servers/mount"
	"go42/servers/vfs"
)

// PageSize is the size of a page in bytes.
const PageSize = abi.PageSize

// Root is the number of the root directory.
const Root = 1

// Attr describes a file.
type Attr struct {
	Mode     uint32 // type and permission bits, as in struct stat
	UID, GID uint32
	Size     int64
	Time     time.Time
}

// Entry is a name in a directory.
type Entry struct {
	Name string
	Ino  uint64
	Mode uint32 // type bits
}

// FS is a file system. Files are named by numbers, which are not used again.
// Errors are syscall.Errno values; others become EIO. Functions may take their
// time: only those who need the answer wait.
type FS interface {
	Stat(ino uint64) (Attr, error)
	// Lookup finds a name in a directory; ENOENT.
	Lookup(dir uint64, name string) (ino uint64, err error)
	// ReadDir lists a directory, without "." and "..", in an order that does
	// not change.
	ReadDir(dir uint64) ([]Entry, error)
	// ReadPage fills b, PageSize bytes of zeroes, with the file's bytes from
	// page*PageSize on. EIO: those who touch that page get SIGBUS or EIO.
	ReadPage(ino uint64, page int64, b []byte) error
}

// WriteFS is a file system that can be written to.
type WriteFS interface {
	FS
	// WritePage stores a page; b ends where the file does.
	WritePage(ino uint64, page int64, b []byte) error
	// SetSize is truncate. What lies behind the end reads as zero later.
	SetSize(ino uint64, size int64) error
	// Make makes a file or a directory (mode).
	Make(dir uint64, name string, mode, uid, gid uint32) (ino uint64, err error)
	// Remove takes a name away. The file is used until Forget.
	Remove(dir uint64, name string) error
	// Forget says that a file without a name is used no more.
	Forget(ino uint64)
}

// Config says how to mount.
type Config struct {
	Point  string // an existing directory
	Type   string // shown in /proc/mounts
	Source string
	// Parallel is how many calls of FS that wait there may be at a time
	// (default 16).
	Parallel int
	// Log takes messages; nil: the kernel log.
	Log func(line string)
}

// Server is a mounted file system.
type Server struct {
	fs    FS
	write WriteFS // nil: read-only
	cfg   Config
	vfs   vfs.Server
	tree  *vfs.FS
	slots chan struct{} // ReadPage calls for faults and read-ahead
	// aheads are those of the slots that read-ahead may have.
	aheads chan struct{}

	mu     sync.Mutex
	files  map[uint64]*file // by ino
	byName map[uint64]*file // by the name that the kernel has for the object
	closed []*file          // neither open nor mapped, the longest ago first
	next   uint64
	places map[uint64]place
	stats  Stats
}

// place is where a file was found.
type place struct {
	dir  uint64
	name string
}

// Stats counts what the kernel has asked for.
type Stats struct {
	Requests, Pages, Written int64
}

// device numbers of file systems of this kind begin here.
const device = 0x2a0000

// Mount mounts fs and serves it. It returns only if it could not be mounted, or
// if serving has failed.
func Mount(fs FS, cfg Config) error {
	s, err := New(fs, cfg)
	if err != nil {
		return err
	}
	return s.Run()
}

// New makes this process a server and mounts fs. Who uses it waits until Run.
// Root only.
func New(fs FS, cfg Config) (*Server, error) {
	if cfg.Parallel == 0 {
		cfg.Parallel = 16
	}
	if cfg.Log == nil {
		cfg.Log = ipc.Log
	}
	k := ipc.Native{}
	if st := (client.Proc{C: k.Conn(), H: abi.HandleProc}).Serve(); st < 0 && st != -int64(syscall.EBUSY) {
		return nil, fmt.Errorf("becoming a server: %w", syscall.Errno(-st))
	}
	s := &Server{fs: fs, cfg: cfg, slots: make(chan struct{}, cfg.Parallel), aheads: make(chan struct{}, max(1, cfg.Parallel/2)),
		files: map[uint64]*file{}, byName: map[uint64]*file{}, places: map[uint64]place{}}
	s.write, _ = fs.(WriteFS)
	s.vfs = vfs.Server{Kernel: k, Creds: &cred.Cache{Query: cred.Asker(k)}, Alive: ipc.Alive}
	s.tree = s.vfs.AddFS(s.dir(Root), device|uint64(syscall.Getpid()), s.statfs)
	if s.write == nil {
		s.tree.SetFlags(syscall.MS_RDONLY) // nobody has opened anything yet
	}
	return s, s.mount()
}

// Run serves; it returns when that fails.
func (s *Server) Run() error {
	if runtime.GOMAXPROCS(0) < s.cfg.Parallel {
		runtime.GOMAXPROCS(s.cfg.Parallel)
	}
	go func() {
		for range time.Tick(writeBackEvery) {
			s.Flush()
		}
	}()
	srv := &ipc.Server{Name: s.cfg.Type, Kernel: ipc.Native{}, Handle: s.vfs.Handle, Last: s.vfs.Last,
		Pages: s.news, Waiting: s.cfg.Parallel, Log: s.cfg.Log}
	return srv.Run()
}

// writeBackEvery is how long a changed page stays unwritten at most.
const writeBackEvery = 5 * time.Second

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

func (s *Server) statfs() proto.Statfs {
	st := proto.Statfs{Type: 0x65735546, Bsize: PageSize, Frsize: PageSize, Namelen: 255}
	if s.write == nil {
		st.Flags = 1
	}
	return st
}

// mount puts the root where the configuration says: it covers the directory in
// its file system and enters the root in the mount table, as mount(8) would.
func (s *Server) mount() error {
	c := ipc.Native{}.Conn()
	m := client.Mount{C: c, H: abi.HandleMount}
	_, info, dir, st := m.Lookup(s.cfg.Point)
	if st < 0 {
		return fmt.Errorf("mount point %s: %w", s.cfg.Point, syscall.Errno(-st))
	}
	defer ipc.Native{}.Drop(dir)
	at := mount.CString(info.Point[:])
	if at == path.Clean(s.cfg.Point) {
		return fmt.Errorf("mount point %s: %w", at, syscall.EBUSY)
	}
	redir := make([]byte, 64)
	_, cover, st := client.FileSystem{C: c, H: dir}.Cover(strings.TrimPrefix(s.cfg.Point, at), client.OutBytes(redir))
	if st > 0 {
		st = -int64(syscall.EBUSY)
	}
	if st < 0 {
		return fmt.Errorf("mount point %s: %w", s.cfg.Point, syscall.Errno(-st))
	}
	defer ipc.Native{}.Drop(cover)
	var flags uint64
	if s.write == nil {
		flags = syscall.MS_RDONLY
	}
	_, st = m.Mount(mount.Info(s.cfg.Point, s.cfg.Type, s.cfg.Source, flags), client.Object(s.tree.RootID()), client.Copy(cover))
	if st < 0 {
		return fmt.Errorf("mounting on %s: %w", s.cfg.Point, syscall.Errno(-st))
	}
	return nil
}

// errno makes an error one that can be told.
func errno(err error) error {
	if _, ok := err.(syscall.Errno); ok || err == nil {
		return err
	}
	return syscall.EIO
}
