package procfs

import (
	"bytes"
	"strconv"
	"sync"
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
	"go42/servers/vfs"
)

// key says which process, and which descriptor, a node is about; zero: none.
type key struct {
	pid  uint32
	kpid uint64
	task uint32 // within task/: the thread
	fd   int32
	cpu  int // within /sys: its number + 1
}

// entry is a line of a directory's table: exactly one of dir, text, link is
// set.
type entry struct {
	name string
	mode uint32 // permission bits
	dir  *dirDef
	text func(x *vfs.Ctx, t *target) ([]byte, error)
	// write takes what is written at once; nil: not writable.
	write func(x *vfs.Ctx, t *target, p []byte) error
	link  func(x *vfs.Ctx, t *target) (string, error)
	// private: for the same user and root. A private link is not followed by
	// its text but leads to the file itself.
	private bool
}

// dirDef is a kind of directory: a table, and further names.
type dirDef struct {
	name    string
	entries []entry
	mode    uint32 // 0: 0555
	parent  *dirDef
	// private: for the same user and root.
	private bool
	lookup  func(x *vfs.Ctx, d dirNode, name string) (vfs.Node, error)
	// list emits the further names with a cookie greater than after, which
	// begin at dynamic.
	list  func(x *vfs.Ctx, d dirNode, after uint64, emit func(vfs.Entry) bool) error
	index uint64 // part of inode numbers
}

// dynamic is the first cookie of names that are not in a table.
const dynamic = 1 << 16

// The nodes are values: two for the same thing are equal.
type (
	dirNode struct {
		srv *Server
		def *dirDef
		key key
	}
	fileNode struct {
		dir dirNode
		ent *entry
	}
	linkNode struct {
		dir dirNode
		ent *entry
	}
)

// inode numbers tell nodes apart: process, descriptor, CPU, place in the tables.
func inode(k key, n uint64) uint64 {
	return uint64(k.pid)<<36 | uint64(k.cpu)<<20 | uint64(uint32(k.fd)&0xffff)<<20 | uint64(k.task&0xff)<<12 | n + 1
}

func (d dirNode) ino() uint64 { return inode(d.key, d.def.index<<6) }

func (d dirNode) entryIno(e *entry) uint64 {
	for i := range d.def.entries {
		if &d.def.entries[i] == e {
			return inode(d.key, d.def.index<<6+uint64(i)+1)
		}
	}
	return d.ino()
}

// stat fills in what all nodes have. Files of a process belong to its user.
func (d dirNode) stat(x *vfs.Ctx, mode uint32, ino uint64) proto.Stat {
	st := proto.Stat{Ino: ino, Nlink: 1, Mode: mode, Blksize: 1024, Atim: d.srv.started, Mtim: d.srv.started, Ctim: d.srv.started}
	if mode&syscall.S_IFMT == syscall.S_IFDIR {
		st.Nlink = 2
	}
	if d.key.pid != 0 {
		if r, err := d.srv.recordIn(x, d.key.pid); err == nil && r.KPid == d.key.kpid {
			st.UID, st.GID = r.EUID, r.EGID
		}
	}
	return st
}

// Stat implements vfs.Node.
func (d dirNode) Stat(x *vfs.Ctx) proto.Stat {
	mode := d.def.mode
	if mode == 0 {
		mode = 0o555
	}
	return d.stat(x, syscall.S_IFDIR|mode, d.ino())
}

// Place implements vfs.Node.
func (d dirNode) Place() (vfs.Dir, string, bool) {
	if d.def == &rootDir || d.def == &sysfsDir {
		return nil, "", true
	}
	k, name := d.key, d.def.name
	switch d.def {
	case &pidDir:
		name = strconv.Itoa(int(k.pid))
		if k.task != 0 {
			name = strconv.Itoa(int(k.task))
		}
		k = key{}
	case &tidDir:
		name = strconv.Itoa(int(k.task))
		k.task = 0
	case &cpuDir:
		name = "cpu" + strconv.Itoa(k.cpu-1)
		k = key{}
	}
	there := true
	if d.key.pid != 0 {
		r, err := d.srv.record(d.key.pid)
		there = err == nil && r.KPid == d.key.kpid
	}
	return dirNode{d.srv, d.def.parent, k}, name, there
}

// Lookup implements vfs.Dir.
func (d dirNode) Lookup(x *vfs.Ctx, name string) (vfs.Node, error) {
	if d.def.private {
		if _, err := d.target(x, true); err != nil {
			return nil, err
		}
	}
	for i := range d.def.entries {
		if e := &d.def.entries[i]; e.name == name {
			if d.key.pid != 0 {
				if _, err := d.target(x, false); err != nil {
					return nil, err
				}
			}
			return d.node(e), nil
		}
	}
	if d.def.lookup == nil {
		return nil, syscall.ENOENT
	}
	return d.def.lookup(x, d, name)
}

func (d dirNode) node(e *entry) vfs.Node {
	switch {
	case e.dir != nil:
		return dirNode{d.srv, e.dir, d.key}
	case e.link != nil && e.private:
		return magicLink{linkNode{d, e}}
	case e.link != nil:
		return linkNode{d, e}
	}
	return fileNode{d, e}
}

func (e *entry) typ() uint32 {
	switch {
	case e.dir != nil:
		return syscall.S_IFDIR
	case e.link != nil:
		return syscall.S_IFLNK
	}
	return syscall.S_IFREG
}

// List implements vfs.Dir. Cookies are 3 + place in the table.
func (d dirNode) List(x *vfs.Ctx, after uint64, emit func(vfs.Entry) bool) error {
	if d.key.pid != 0 {
		if _, err := d.target(x, d.def.private); err != nil {
			return err
		}
	}
	for i := range d.def.entries {
		e := &d.def.entries[i]
		cookie := uint64(i) + 3
		if cookie <= after {
			continue
		}
		if !emit(vfs.Entry{Name: e.name, Cookie: cookie, Ino: d.entryIno(e), Mode: e.typ()}) {
			return nil
		}
	}
	if d.def.list == nil {
		return nil
	}
	return d.def.list(x, d, max(after, dynamic-1), emit)
}

// Stat implements vfs.Node.
func (f fileNode) Stat(x *vfs.Ctx) proto.Stat {
	mode := f.ent.mode
	if mode == 0 {
		mode = 0o444
	}
	st := f.dir.stat(x, syscall.S_IFREG|mode, f.dir.entryIno(f.ent))
	if f.dir.def.inSysFS() {
		st.Size = sysfsSize
	}
	return st
}

// Place implements vfs.Node.
func (f fileNode) Place() (vfs.Dir, string, bool) {
	if f.ent == &fdInfo {
		d, fd := f.dir, f.dir.key.fd-1
		d.key.fd = 0
		return d, strconv.Itoa(int(fd)), true
	}
	return f.dir, f.ent.name, true
}

// Open implements vfs.Regular.
func (f fileNode) Open(x *vfs.Ctx, flags uint64) (vfs.Data, error) {
	if flags&3 != syscall.O_RDONLY && f.ent.write == nil {
		return nil, syscall.EACCES
	}
	if _, err := f.dir.target(x, f.ent.private); err != nil {
		return nil, err
	}
	return &text{node: f}, nil
}

// text is an open file: what it said when it was read from its start.
type text struct {
	node fileNode
	mu   sync.Mutex
	b    []byte // guarded by mu
	made bool   // guarded by mu
}

// target is the process now; ESRCH: it has gone since the file was opened.
func (o *text) target(x *vfs.Ctx, private bool) (*target, error) {
	t, err := o.node.dir.target(x, private)
	if err == syscall.ENOENT {
		err = syscall.ESRCH
	}
	return t, err
}

// ReadTo implements vfs.Data.
func (o *text) ReadTo(x *vfs.Ctx, off int64, out ipc.Out) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if off == 0 || !o.made {
		t, err := o.target(x, o.node.ent.private)
		if err != nil {
			return 0, err
		}
		if o.node.ent.text == nil {
			return 0, syscall.EINVAL
		}
		if o.b, err = o.node.ent.text(x, t); err != nil {
			return 0, err
		}
		o.made = true
	}
	if off >= int64(len(o.b)) {
		return 0, nil
	}
	p := o.b[off:]
	if uint64(len(p)) > out.Len() {
		p = p[:out.Len()]
	}
	return out.CopyOut(p, 0)
}

// maxWrite is the longest value that can be written.
const maxWrite = 4096

// WriteFrom implements vfs.Data.
func (o *text) WriteFrom(x *vfs.Ctx, off int64, atEnd bool, limit uint64, in ipc.In) (int, int64, error) {
	if in.Len() > maxWrite {
		return 0, off, syscall.EINVAL
	}
	t, err := o.target(x, false)
	if err != nil {
		return 0, off, err
	}
	p := make([]byte, in.Len())
	if _, err := in.CopyIn(p, 0); err != nil {
		return 0, off, err
	}
	if err := o.node.ent.write(x, t, bytes.TrimRight(p, "\n")); err != nil {
		return 0, off, err
	}
	return len(p), off + int64(len(p)), nil
}

// Stat implements vfs.Node.
func (l linkNode) Stat(x *vfs.Ctx) proto.Stat {
	return l.dir.stat(x, syscall.S_IFLNK|0o777, l.dir.entryIno(l.ent))
}

// Place implements vfs.Node.
func (l linkNode) Place() (vfs.Dir, string, bool) { return l.dir, l.ent.name, true }

// Readlink implements vfs.Link.
func (l linkNode) Readlink(x *vfs.Ctx) (string, error) {
	t, err := l.dir.target(x, l.ent.private)
	if err != nil {
		return "", err
	}
	return l.ent.link(x, t)
}
