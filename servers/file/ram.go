package file

import (
	"sync"
	"sync/atomic"
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
	"go42/servers/vfs"
)

// ram is one file system in memory.
type ram struct {
	fs      *vfs.FS
	mem     Memory
	nextIno atomic.Uint64
	nodes   atomic.Int64
	used    atomic.Int64 // pages of data, not counting the initramfs
	limit   int64        // in pages
	root    *dir
}

const (
	pageSize   = 4096
	tmpfsMagic = 0x01021994
	direntSize = 20 // what tmpfs says a name costs
)

func newRam(srv *vfs.Server, mem Memory, dev uint64, mode uint32, limitPages int64) *ram {
	r := &ram{mem: mem, limit: limitPages}
	r.root = &dir{ents: map[string]*entry{}, next: 3}
	r.root.init(r, syscall.S_IFDIR|mode, 0, 0, 0)
	r.root.nlink = 2
	r.fs = srv.AddFS(r.root, dev, r.statfs)
	return r
}

func (r *ram) statfs() proto.Statfs {
	used := r.used.Load()
	free := max(r.limit-used, 0)
	return proto.Statfs{
		Type: tmpfsMagic, Bsize: pageSize, Frsize: pageSize, Namelen: 255,
		Blocks: uint64(r.limit), Bfree: uint64(free), Bavail: uint64(free),
		Files: uint64(r.limit), Ffree: uint64(max(r.limit-r.nodes.Load(), 0)),
		Flags: 0x20, // ST_VALID
	}
}

// charge takes n pages (negative: gives back); ENOSPC.
func (r *ram) charge(n int64) error {
	if n > 0 && ipc.Short(ipc.ShareGrow) {
		return syscall.ENOSPC
	}
	if r.used.Add(n) > r.limit && n > 0 {
		r.used.Add(-n)
		return syscall.ENOSPC
	}
	return nil
}

// mayGrow reports whether there may be one more node: as many as pages, as in
// Linux's tmpfs; ENOSPC.
func (r *ram) mayGrow() error {
	if r.nodes.Load() >= r.limit || ipc.Short(ipc.ShareGrow) {
		return syscall.ENOSPC
	}
	return nil
}

// place is one name of a node.
type place struct {
	dir  *dir
	name string
}

// inode is what all nodes have.
type inode struct {
	ram  *ram
	ino  uint64
	rdev uint64

	// Guarded by vfs.FS.Lock.
	places []place
	last   place // the last name it had, once it has none

	mu               sync.RWMutex
	mode, uid, gid   uint32
	nlink            uint64
	atim, mtim, ctim proto.Time
}

// ramNode is any of this file system's nodes.
type ramNode interface {
	vfs.Node
	base() *inode
}

func (i *inode) init(r *ram, mode, uid, gid uint32, rdev uint64) {
	now := vfs.Now()
	i.ram, i.ino = r, r.nextIno.Add(1)
	i.mode, i.uid, i.gid, i.rdev = mode, uid, gid, rdev
	i.atim, i.mtim, i.ctim = now, now, now
	r.nodes.Add(1)
}

func (i *inode) base() *inode { return i }

// Place implements vfs.Node.
func (i *inode) Place() (vfs.Dir, string, bool) {
	if i == &i.ram.root.inode {
		return nil, "", true
	}
	if len(i.places) == 0 {
		if i.last.dir == nil {
			return nil, "", false
		}
		return i.last.dir, i.last.name, false
	}
	return i.places[0].dir, i.places[0].name, true
}

// statLocked is the attributes but for size and blocks. i.mu is held.
func (i *inode) statLocked() proto.Stat {
	return proto.Stat{Ino: i.ino, Nlink: i.nlink, Mode: i.mode, UID: i.uid, GID: i.gid, Rdev: i.rdev,
		Atim: i.atim, Mtim: i.mtim, Ctim: i.ctim, Blksize: pageSize}
}

// Stat implements vfs.Node.
func (i *inode) Stat(*vfs.Ctx) proto.Stat {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.statLocked()
}

// Change implements vfs.Changer for nodes without data.
func (i *inode) Change(ch *vfs.Change) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if ch.Size != nil {
		return syscall.EINVAL
	}
	i.changeLocked(ch)
	return nil
}

func (i *inode) changeLocked(ch *vfs.Change) {
	i.ctim = vfs.Now()
	if ch.Mode != nil {
		i.mode = i.mode&syscall.S_IFMT | *ch.Mode
	}
	if ch.UID != nil {
		i.uid = *ch.UID
	}
	if ch.GID != nil {
		i.gid = *ch.GID
	}
	if ch.Atim != nil {
		i.atim = *ch.Atim
	}
	if ch.Mtim != nil {
		i.mtim = *ch.Mtim
	}
}

// links adds n to the number of links.
func (i *inode) links(n int) {
	i.mu.Lock()
	i.nlink += uint64(n)
	i.ctim = vfs.Now()
	i.mu.Unlock()
}

// symlink is a symbolic link.
type symlink struct {
	inode
	target string
}

// Readlink implements vfs.Link.
func (l *symlink) Readlink(*vfs.Ctx) (string, error) { return l.target, nil }

// Stat implements vfs.Node.
func (l *symlink) Stat(x *vfs.Ctx) proto.Stat {
	s := l.inode.Stat(x)
	s.Size = int64(len(l.target))
	return s
}

// special is a device, FIFO or socket: vfs knows what opening it means.
type special struct{ inode }
