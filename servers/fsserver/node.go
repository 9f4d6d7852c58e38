package fsserver

import (
	"syscall"

	"go42/ipc/proto"
	"go42/servers/vfs"
)

// node is a file of any type as package vfs sees it; it is compared by value.
type node struct {
	s   *Server
	ino uint64
}

// fileNode is a regular file.
type fileNode struct{ node }

// dirNode is a directory; editNode one of a file system that can be written to.
type dirNode struct{ node }
type editNode struct{ dirNode }

// dir makes directory ino a node.
func (s *Server) dir(ino uint64) vfs.Dir {
	d := dirNode{node{s, ino}}
	if s.write != nil {
		return editNode{d}
	}
	return d
}

// Stat implements vfs.Node.
func (n node) Stat(*vfs.Ctx) proto.Stat { return n.s.attr(n.ino) }

// Place implements vfs.Node.
func (n node) Place() (vfs.Dir, string, bool) {
	if n.ino == Root {
		return nil, "", true
	}
	n.s.mu.Lock()
	p, ok := n.s.places[n.ino]
	n.s.mu.Unlock()
	if !ok {
		return nil, "", false
	}
	return n.s.dir(p.dir), p.name, true
}

// found makes the file ino, which has a name, a node.
func (s *Server) found(dir uint64, name string, ino uint64) (vfs.Node, error) {
	a, err := s.fs.Stat(ino)
	if err != nil {
		return nil, errno(err)
	}
	s.mu.Lock()
	s.places[ino] = place{dir, name}
	s.mu.Unlock()
	switch a.Mode & syscall.S_IFMT {
	case syscall.S_IFDIR:
		return s.dir(ino), nil
	case syscall.S_IFREG:
		return fileNode{node{s, ino}}, nil
	}
	return node{s, ino}, nil
}

// Lookup implements vfs.Dir.
func (d dirNode) Lookup(_ *vfs.Ctx, name string) (vfs.Node, error) {
	ino, err := d.s.fs.Lookup(d.ino, name)
	if err != nil {
		return nil, errno(err)
	}
	return d.s.found(d.ino, name, ino)
}

// firstCookie is that of a directory's first entry: 1 and 2 are vfs's.
const firstCookie = 3

// List implements vfs.Dir.
func (d dirNode) List(_ *vfs.Ctx, after uint64, emit func(vfs.Entry) bool) error {
	es, err := d.s.fs.ReadDir(d.ino)
	if err != nil {
		return errno(err)
	}
	for i := max(after+1, firstCookie) - firstCookie; i < uint64(len(es)); i++ {
		e := &es[i]
		if !emit(vfs.Entry{Name: e.Name, Cookie: i + firstCookie, Ino: e.Ino, Mode: e.Mode}) {
			break
		}
	}
	return nil
}

// Open implements vfs.Regular.
func (n fileNode) Open(*vfs.Ctx, uint64) (vfs.Data, error) {
	f, err := n.s.use(n.ino)
	if err != nil {
		return nil, err
	}
	return openFile{f}, nil
}

// Change implements vfs.Changer: only the size can be changed.
func (n fileNode) Change(ch *vfs.Change) error {
	if ch.Size == nil {
		if ch.Mode != nil || ch.UID != nil || ch.GID != nil {
			return syscall.EPERM
		}
		return nil // times are the file system's own
	}
	f, err := n.s.use(n.ino)
	if err != nil {
		return err
	}
	defer openFile{f}.Close()
	return f.setSize(*ch.Size)
}

// Make implements vfs.Editor.
func (d editNode) Make(name string, mode uint32, uid, gid uint32, _ uint64, _ string) (vfs.Node, error) {
	switch mode & syscall.S_IFMT {
	case syscall.S_IFREG, syscall.S_IFDIR:
	default:
		return nil, syscall.EPERM
	}
	ino, err := d.s.write.Make(d.ino, name, mode, uid, gid)
	if err != nil {
		return nil, errno(err)
	}
	return d.s.found(d.ino, name, ino)
}

// Temp implements vfs.Editor.
func (d editNode) Temp(uint32, uint32, uint32) (vfs.Node, error) { return nil, syscall.EOPNOTSUPP }

// Attach implements vfs.Editor.
func (d editNode) Attach(string, vfs.Node) error { return syscall.EPERM }

// Detach implements vfs.Editor.
func (d editNode) Detach(name string) error {
	ino, err := d.s.fs.Lookup(d.ino, name)
	if err != nil {
		return errno(err)
	}
	if err := d.s.write.Remove(d.ino, name); err != nil {
		return errno(err)
	}
	d.s.mu.Lock()
	delete(d.s.places, ino)
	f := d.s.files[ino]
	if f != nil {
		f.gone = true
		d.s.keep(f)
	}
	d.s.mu.Unlock()
	if f == nil {
		d.s.write.Forget(ino)
	} else {
		go d.s.letGo(f)
	}
	return nil
}

// Empty implements vfs.Editor.
func (d editNode) Empty() bool {
	es, err := d.s.fs.ReadDir(d.ino)
	return err == nil && len(es) == 0
}

// Move implements vfs.Editor: mv(1) copies.
func (d editNode) Move(string, vfs.Editor, string, bool) error { return syscall.EXDEV }
