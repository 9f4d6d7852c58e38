package vfs

import (
	"sync"
	"sync/atomic"

	"go42/ipc/proto"
)

// Events of file systems for who watches them (inotify.go). While nobody watches
// anything of this server, an event costs one load.

// IN_ bits of Linux.
const (
	inAccess       = 0x1
	inModify       = 0x2
	inAttrib       = 0x4
	inCloseWrite   = 0x8
	inCloseNoWrite = 0x10
	inOpen         = 0x20
	inMovedFrom    = 0x40
	inMovedTo      = 0x80
	inCreate       = 0x100
	inDelete       = 0x200
	inDeleteSelf   = 0x400
	inMoveSelf     = 0x800
	inAllEvents    = 0xfff
	inUnmount      = 0x2000
	inOverflow     = 0x4000
	inIgnored      = 0x8000
	inOnlyDir      = 0x1000000
	inDontFollow   = 0x2000000
	inExclUnlink   = 0x4000000
	inMaskCreate   = 0x10000000
	inMaskAdd      = 0x20000000
	inIsDir        = 0x40000000
	inOneShot      = 0x80000000
)

// watchTable is who watches what. Its lock is the last: FS.Lock may be held.
type watchTable struct {
	n      atomic.Int64 // watches
	mu     sync.Mutex   // guards the rest, and all instances
	byNode map[Node][]*watch
	count  int // instances
	cookie uint32
}

// watch is one instance's interest in one node.
type watch struct {
	in   *inotify
	fs   *FS
	node Node
	wd   int32
	mask uint32
}

func (t *watchTable) none() bool { return t.n.Load() == 0 }

// send queues an event of n for its watchers. unlinked: it is of a name that is
// there no more. mu is held.
func (t *watchTable) send(n Node, mask uint32, name string, cookie uint32, unlinked bool) {
	for _, w := range append([]*watch(nil), t.byNode[n]...) {
		if w.mask&mask&inAllEvents == 0 || unlinked && w.mask&inExclUnlink != 0 {
			continue
		}
		w.in.queue(event{w.wd, mask, cookie, name})
		if w.mask&inOneShot != 0 {
			t.remove(w)
		}
	}
}

// remove ends a watch, and says so. mu is held.
func (t *watchTable) remove(w *watch) {
	t.forget(w)
	delete(w.in.byWD, w.wd)
	w.in.queue(event{w.wd, inIgnored, 0, ""})
}

// forget takes w from its node. mu is held.
func (t *watchTable) forget(w *watch) {
	l := t.byNode[w.node]
	for i := range l {
		if l[i] == w {
			l = append(l[:i:i], l[i+1:]...)
			break
		}
	}
	if t.byNode[w.node] = l; len(l) == 0 {
		delete(t.byNode, w.node)
	}
	t.n.Add(-1)
}

// Watched: somebody watches something.
func (s *Server) Watched() bool { return !s.watches.none() }

func dirBit(n Node) uint32 {
	if _, ok := n.(Dir); ok {
		return inIsDir
	}
	return 0
}

// event is what happens to n itself: its watchers hear of it, and those of the
// directory that it lies in. FS.Lock is held.
func (fs *FS) event(n Node, mask uint32) {
	t := &fs.srv.watches
	if t.none() {
		return
	}
	mask |= dirBit(n)
	dir, name, there := n.Place()
	t.mu.Lock()
	defer t.mu.Unlock()
	if dir != nil {
		t.send(dir, mask, name, 0, !there)
	}
	t.send(n, mask, "", 0, false)
}

// eventOf is event for who does not hold FS.Lock.
func (o *Object) eventOf(mask uint32) {
	if o.fs.srv.watches.none() {
		return
	}
	o.fs.Lock.RLock()
	defer o.fs.Lock.RUnlock()
	o.fs.event(o.node, mask)
}

// changed is event for a change of attributes. FS.Lock is held.
func (fs *FS) changed(n Node, ch *Change) {
	mask := uint32(0)
	if ch.Size != nil {
		mask |= inModify
	}
	if ch.Mode != nil || ch.UID != nil || ch.GID != nil {
		mask |= inAttrib
	}
	switch {
	case ch.Atim != nil && ch.Mtim != nil:
		mask |= inAttrib
	case ch.Atim != nil:
		mask |= inAccess
	case ch.Mtim != nil:
		mask |= inModify
	}
	if mask != 0 {
		fs.event(n, mask)
	}
}

// made: n has a new name in dir. FS.Lock is held, as in what follows.
func (fs *FS) made(dir Dir, name string, n Node) {
	t := &fs.srv.watches
	if t.none() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.send(dir, inCreate|dirBit(n), name, 0, false)
}

// linked: n, which had one, has a further name.
func (fs *FS) linked(dir Dir, name string, n Node) {
	fs.linkCount(n)
	fs.made(dir, name, n)
}

// linkCount: n's number of links has changed.
func (fs *FS) linkCount(n Node) {
	t := &fs.srv.watches
	if t.none() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.send(n, inAttrib|dirBit(n), "", 0, false)
}

// removed: n has lost a name.
func (fs *FS) removed(dir Dir, name string, n Node) {
	t := &fs.srv.watches
	if t.none() {
		return
	}
	if dirBit(n) == 0 {
		fs.linkCount(n)
	}
	t.mu.Lock()
	t.send(dir, inDelete|dirBit(n), name, 0, false)
	t.mu.Unlock()
	fs.gone(n)
}

// moved: n went from one name to another, where it replaced old (nil: nothing).
func (fs *FS) moved(from Dir, fromName string, to Dir, toName string, n, old Node) {
	t := &fs.srv.watches
	if t.none() {
		return
	}
	d := dirBit(n)
	t.mu.Lock()
	t.cookie++
	t.send(from, inMovedFrom|d, fromName, t.cookie, false)
	t.send(to, inMovedTo|d, toName, t.cookie, false)
	t.mu.Unlock()
	if old != nil {
		fs.linkCount(old)
	}
	t.mu.Lock()
	t.send(n, inMoveSelf, "", 0, false)
	t.mu.Unlock()
	if old != nil {
		fs.gone(old)
	}
}

// gone ends the watches of a node that has no name and that nobody holds.
func (fs *FS) gone(n Node) {
	t := &fs.srv.watches
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.byNode[n]) == 0 {
		return
	}
	if _, _, there := n.Place(); there || fs.srv.objects.Any(func(o *Object) bool { return o.node == n }) {
		return
	}
	t.send(n, inDeleteSelf, "", 0, false)
	for _, w := range append([]*watch(nil), t.byNode[n]...) {
		t.remove(w)
	}
}

// closed is the end of an open object.
func (o *Object) closed() {
	if o.fs.srv.watches.none() {
		return
	}
	o.fs.Lock.RLock()
	defer o.fs.Lock.RUnlock()
	if o.open && o.kind != proto.KindPath {
		mask := uint32(inCloseNoWrite)
		if o.flags&oAccMode != 0 {
			mask = inCloseWrite
		}
		o.fs.event(o.node, mask)
	}
	o.fs.gone(o.node)
}

// unmounted ends the watches of a file system that goes.
func (fs *FS) unmounted() {
	t := &fs.srv.watches
	if t.none() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.byNode {
		for _, w := range append([]*watch(nil), l...) {
			if w.fs == fs {
				w.in.queue(event{w.wd, inUnmount, 0, ""})
				t.remove(w)
			}
		}
	}
}
