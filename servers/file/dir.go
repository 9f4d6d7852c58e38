package file

import (
	"sort"
	"syscall"

	"go42/ipc/proto"
	"go42/servers/vfs"
)

// dir is a directory. Entries keep their cookies for life, so that reading a
// directory while names come and go neither misses nor repeats one that stays.
type dir struct {
	inode
	// Guarded by vfs.FS.Lock.
	ents  map[string]*entry
	order []*entry // by cookie; gone ones stay until half of them are
	gone  int
	next  uint64
}

type entry struct {
	name   string
	cookie uint64
	node   ramNode // nil: gone
}

// Stat implements vfs.Node.
func (d *dir) Stat(x *vfs.Ctx) proto.Stat {
	s := d.inode.Stat(x)
	s.Size = int64(len(d.ents)+2) * direntSize
	return s
}

// Lookup implements vfs.Dir.
func (d *dir) Lookup(_ *vfs.Ctx, name string) (vfs.Node, error) {
	e := d.ents[name]
	if e == nil {
		return nil, syscall.ENOENT
	}
	return e.node, nil
}

// List implements vfs.Dir.
func (d *dir) List(_ *vfs.Ctx, after uint64, emit func(vfs.Entry) bool) error {
	i := sort.Search(len(d.order), func(i int) bool { return d.order[i].cookie > after })
	for _, e := range d.order[i:] {
		if e.node == nil {
			continue
		}
		b := e.node.base()
		if !emit(vfs.Entry{Name: e.name, Cookie: e.cookie, Ino: b.ino, Mode: b.mode}) {
			return nil
		}
	}
	d.inode.mu.Lock()
	d.atim = vfs.Now()
	d.inode.mu.Unlock()
	return nil
}

// put enters a name; touch is the caller's.
func (d *dir) put(name string, n ramNode) {
	e := &entry{name, d.next, n}
	d.next++
	d.ents[name] = e
	d.order = append(d.order, e)
	b := n.base()
	b.places = append(b.places, place{d, name})
	if _, ok := n.(*dir); ok {
		d.links(1)
	}
}

// take removes a name.
func (d *dir) take(name string) ramNode {
	e := d.ents[name]
	delete(d.ents, name)
	n := e.node
	e.node = nil
	if d.gone++; d.gone > 16 && d.gone > len(d.order)/2 {
		keep := d.order[:0]
		for _, e := range d.order {
			if e.node != nil {
				keep = append(keep, e)
			}
		}
		clear(d.order[len(keep):])
		d.order, d.gone = keep, 0
	}
	b := n.base()
	for i, p := range b.places {
		if p.dir == d && p.name == name {
			b.places = append(b.places[:i], b.places[i+1:]...)
			break
		}
	}
	if len(b.places) == 0 {
		b.last = place{d, name}
	}
	if _, ok := n.(*dir); ok {
		d.links(-1)
	}
	return n
}

// touched: a name came or went.
func (d *dir) touched() {
	now := vfs.Now()
	d.inode.mu.Lock()
	d.mtim, d.ctim = now, now
	d.inode.mu.Unlock()
}

// Make implements vfs.Editor.
func (d *dir) Make(name string, mode uint32, uid, gid uint32, rdev uint64, target string) (vfs.Node, error) {
	if err := d.ram.mayGrow(); err != nil {
		return nil, err
	}
	n := d.ram.newNode(mode, uid, gid, rdev, target)
	if _, ok := n.(*dir); ok {
		n.base().nlink = 2
	} else {
		n.base().nlink = 1
	}
	d.put(name, n)
	d.touched()
	return n, nil
}

func (r *ram) newNode(mode uint32, uid, gid uint32, rdev uint64, target string) ramNode {
	switch mode & syscall.S_IFMT {
	case syscall.S_IFDIR:
		n := &dir{ents: map[string]*entry{}, next: 3}
		n.init(r, mode, uid, gid, 0)
		return n
	case syscall.S_IFLNK:
		n := &symlink{target: target}
		n.init(r, mode, uid, gid, 0)
		return n
	case syscall.S_IFREG:
		n := &regular{}
		n.init(r, mode, uid, gid, 0)
		return n
	}
	n := &special{}
	n.init(r, mode, uid, gid, rdev)
	return n
}

// Temp implements vfs.Editor.
func (d *dir) Temp(mode uint32, uid, gid uint32) (vfs.Node, error) {
	if err := d.ram.mayGrow(); err != nil {
		return nil, err
	}
	n := &regular{temp: true}
	n.init(d.ram, mode, uid, gid, 0)
	n.last = place{d, "#" + itoa(n.ino)}
	return n, nil
}

func itoa(n uint64) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// Attach implements vfs.Editor.
func (d *dir) Attach(name string, n vfs.Node) error {
	rn, ok := n.(ramNode)
	if !ok || rn.base().ram != d.ram {
		return syscall.EXDEV
	}
	b := rn.base()
	b.mu.RLock()
	links := b.nlink
	b.mu.RUnlock()
	if f, ok := rn.(*regular); links == 0 && (!ok || !f.temp) {
		return syscall.ENOENT
	}
	b.links(1)
	d.put(name, rn)
	d.touched()
	return nil
}

// Detach implements vfs.Editor.
func (d *dir) Detach(name string) error {
	n := d.take(name)
	d.touched()
	d.ram.unlinked(n)
	return nil
}

// unlinked counts a node's link down and frees what nobody can reach.
func (r *ram) unlinked(n ramNode) {
	if sub, ok := n.(*dir); ok {
		sub.links(-int(sub.nlink))
		r.nodes.Add(-1)
		return
	}
	n.base().links(-1)
	if f, ok := n.(*regular); ok {
		f.temp = false
		f.release()
	}
	if n.base().nlink == 0 {
		r.nodes.Add(-1)
	}
}

// Empty implements vfs.Editor.
func (d *dir) Empty() bool { return len(d.ents) == 0 }

// Move implements vfs.Editor.
func (d *dir) Move(name string, to vfs.Editor, toName string, exchange bool) error {
	t := to.(*dir)
	a := d.take(name)
	var b ramNode
	if t.ents[toName] != nil {
		b = t.take(toName)
	}
	t.put(toName, a)
	if exchange {
		d.put(name, b)
	} else if b != nil {
		d.ram.unlinked(b)
	}
	a.base().links(0)
	d.touched()
	if t != d {
		t.touched()
	}
	return nil
}
