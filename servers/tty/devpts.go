package tty

import (
	"sort"
	"strconv"
	"sync"
	"syscall"

	"go42/ipc/proto"
	"go42/servers/vfs"
)

// devPts is the file system's device number.
const devPts = 25

// ptsDir is the root of the file system of pseudo-terminals' names.
type ptsDir struct{ srv *Server }

// ptsNode is one name: it is there as long as the pseudo-terminal is.
type ptsNode struct {
	srv *Server
	num uint32

	mu             sync.Mutex
	mode, uid, gid uint32 // guarded by mu
	made           proto.Time
}

// ttyGroup is the group that may write to terminals (mesg, wall).
const ttyGroup = 5

func newPtsNode(s *Server, num, uid, gid uint32) *ptsNode {
	return &ptsNode{srv: s, num: num, mode: 0o620, uid: uid, gid: ttyGroup, made: vfs.Now()}
}

func (n *ptsNode) rdev() uint64 { return ptsMajor<<8 | uint64(n.num) }

// Stat implements vfs.Node.
func (d *ptsDir) Stat(*vfs.Ctx) proto.Stat {
	return proto.Stat{Ino: 1, Nlink: 2, Mode: syscall.S_IFDIR | 0o755, Blksize: 1024}
}

// Place implements vfs.Node.
func (d *ptsDir) Place() (vfs.Dir, string, bool) { return nil, "", true }

// Lookup implements vfs.Dir.
func (d *ptsDir) Lookup(_ *vfs.Ctx, name string) (vfs.Node, error) {
	num, err := strconv.ParseUint(name, 10, 32)
	if err != nil || strconv.FormatUint(num, 10) != name {
		return nil, syscall.ENOENT
	}
	d.srv.mu.Lock()
	defer d.srv.mu.Unlock()
	t := d.srv.ptys[uint32(num)]
	if t == nil {
		return nil, syscall.ENOENT
	}
	return t.master.node, nil
}

// List implements vfs.Dir. Cookies are numbers + 3.
func (d *ptsDir) List(_ *vfs.Ctx, after uint64, emit func(vfs.Entry) bool) error {
	d.srv.mu.Lock()
	var nums []int
	for n := range d.srv.ptys {
		nums = append(nums, int(n))
	}
	d.srv.mu.Unlock()
	sort.Ints(nums)
	for _, n := range nums {
		cookie := uint64(n) + 3
		if cookie <= after {
			continue
		}
		if !emit(vfs.Entry{Name: strconv.Itoa(n), Cookie: cookie, Ino: cookie, Mode: syscall.S_IFCHR}) {
			break
		}
	}
	return nil
}

// Stat implements vfs.Node.
func (n *ptsNode) Stat(*vfs.Ctx) proto.Stat {
	n.mu.Lock()
	defer n.mu.Unlock()
	return proto.Stat{Ino: uint64(n.num) + 3, Nlink: 1, Mode: syscall.S_IFCHR | n.mode, UID: n.uid, GID: n.gid,
		Rdev: n.rdev(), Blksize: 1024, Atim: n.made, Mtim: n.made, Ctim: n.made}
}

// Place implements vfs.Node.
func (n *ptsNode) Place() (vfs.Dir, string, bool) {
	n.srv.mu.Lock()
	defer n.srv.mu.Unlock()
	t := n.srv.ptys[n.num]
	return n.srv.ptsRoot, strconv.Itoa(int(n.num)), t != nil && t.master.node == n
}

// Change implements vfs.Changer.
func (n *ptsNode) Change(ch *vfs.Change) error {
	if ch.Size != nil {
		return syscall.EINVAL
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if ch.Mode != nil {
		n.mode = *ch.Mode & 0o7777
	}
	if ch.UID != nil {
		n.uid = *ch.UID
	}
	if ch.GID != nil {
		n.gid = *ch.GID
	}
	return nil
}

func ptsStatfs() proto.Statfs {
	return proto.Statfs{Type: 0x1cd1, Bsize: 4096, Namelen: 255, Frsize: 4096}
}
