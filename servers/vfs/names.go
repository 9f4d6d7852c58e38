package vfs

import (
	"strings"
	"syscall"
	"time"

	"go42/ipc"
	"go42/ipc/proto"
)

// names is an Object as proto.FileSystem.
type names struct{ *Object }

const (
	oAccMode  = 3
	oPath     = 0x200000
	oTmpfile  = 0x400000 // without O_DIRECTORY
	oNoFollow = syscall.O_NOFOLLOW
	oNoATime  = 0x40000
	oLarge    = 0x8000

	renameNoReplace = 1
	renameExchange  = 2

	permMask = 0o7777
	typeMask = syscall.S_IFMT
)

// redirect writes where the walk goes on, and gives the status.
func redirect(r *Redirect, redir ipc.Out) (uint64, int64) {
	if st := redir.Put([]byte(r.Path)); st < 0 {
		return 0, st
	}
	return uint64(len(r.Path)), r.Kind
}

// on walks to path with names locked (exclusively if change) and hands what is
// there to f, whose error becomes the status.
func (o names) on(c *ipc.Call, path string, follow, change bool, redir ipc.Out, f func(x *Ctx, p found) error) (uint64, int64) {
	x, err := o.ctx(c)
	if err != nil {
		return 0, ipc.Errno(err)
	}
	if change {
		if o.fs.is(syscall.MS_RDONLY) {
			return 0, -int64(syscall.EROFS)
		}
		o.fs.Lock.Lock()
		defer o.fs.Lock.Unlock()
	} else {
		o.fs.Lock.RLock()
		defer o.fs.Lock.RUnlock()
	}
	walk := o.fs.walk
	if change && !follow {
		walk = o.fs.walkName
	}
	p, red, err := walk(x, o.node, path, follow)
	if err != nil {
		return 0, ipc.Errno(err)
	}
	if red != nil {
		return redirect(red, redir)
	}
	return 0, ipc.Errno(f(x, p))
}

// ctx finds out who asks, and what the object keeps it to.
func (o names) ctx(c *ipc.Call) (*Ctx, error) {
	x, err := o.fs.srv.ctx(c)
	if err == nil {
		x.fence = o.fence
	}
	return x, err
}

// there is ENOENT for a walk that ended at no node.
func (p found) there() error {
	if p.node == nil {
		return syscall.ENOENT
	}
	return nil
}

// permitted checks permission bits of a node.
func permitted(x *Ctx, n Node, want uint32) bool {
	st := n.Stat(x)
	return x.Cred.Permitted(st.Mode, st.UID, st.GID, want)
}

// editor is the directory of p, if the caller may change names in it.
func (p found) editor(x *Ctx) (Editor, error) {
	e, ok := p.dir.(Editor)
	if !ok {
		return nil, syscall.EPERM
	}
	if _, _, there := p.dir.Place(); !there {
		return nil, syscall.ENOENT
	}
	if !permitted(x, p.dir, 3) {
		return nil, syscall.EACCES
	}
	return e, nil
}

// mayRemove is the sticky bit's rule.
func mayRemove(x *Ctx, d Dir, n Node) error {
	ds := d.Stat(x)
	if ds.Mode&syscall.S_ISVTX == 0 || x.Cred.FSUID == 0 || x.Cred.FSUID == ds.UID || x.Cred.FSUID == n.Stat(x).UID {
		return nil
	}
	return syscall.EPERM
}

// makeIn makes a node for the caller in p's directory.
func (fs *FS) makeIn(x *Ctx, p found, mode uint32, rdev uint64, target string) (Node, error) {
	if p.node != nil {
		return nil, syscall.EEXIST
	}
	e, err := p.editor(x)
	if err != nil {
		return nil, err
	}
	mode, gid := inherit(x, p.dir, mode)
	n, err := e.Make(p.name, mode, x.Cred.FSUID, gid, rdev, target)
	if err == nil {
		fs.made(p.dir, p.name, n)
	}
	return n, err
}

// inherit is the set-group-id directory's rule for what is made in it.
func inherit(x *Ctx, d Dir, mode uint32) (uint32, uint32) {
	ds := d.Stat(x)
	if ds.Mode&syscall.S_ISGID == 0 {
		return mode, x.Cred.FSGID
	}
	if mode&typeMask == syscall.S_IFDIR {
		mode |= syscall.S_ISGID
	} else if mode&(syscall.S_ISGID|0o010) == syscall.S_ISGID|0o010 && x.Cred.FSUID != 0 && !x.Cred.InGroup(ds.GID) {
		mode &^= syscall.S_ISGID
	}
	return mode, ds.GID
}

func (o names) Open(c *ipc.Call, path string, flags uint64, mode uint64, redir ipc.Out) (n uint64, r *proto.OpenResult, obj ipc.Grant, status int64) {
	create := flags&syscall.O_CREAT != 0 && flags&oPath == 0
	tmp := flags&oTmpfile != 0 && flags&oPath == 0
	if tmp && (flags&syscall.O_DIRECTORY == 0 || flags&oAccMode == syscall.O_RDONLY) {
		return 0, nil, obj, -int64(syscall.EINVAL)
	}
	if create && flags&syscall.O_DIRECTORY != 0 {
		return 0, nil, obj, -int64(syscall.EINVAL)
	}
	// A name to create with a slash behind it is refused before it is looked up.
	slash := create && strings.HasSuffix(path, "/")
	follow := flags&oNoFollow == 0 && !(create && flags&syscall.O_EXCL != 0) && !slash
	change := create || tmp
	if change && o.fs.is(syscall.MS_RDONLY) {
		change = false
	}
	var made bool
	n, status = o.on(c, path, follow, change, redir, func(x *Ctx, p found) error {
		if tmp {
			if err := p.there(); err != nil {
				return err
			}
			e, ok := p.node.(Editor)
			if !ok {
				return syscall.EOPNOTSUPP
			}
			if !permitted(x, e, 3) {
				return syscall.EACCES
			}
			m, gid := inherit(x, e, syscall.S_IFREG|uint32(mode)&permMask)
			t, err := e.Temp(m, x.Cred.FSUID, gid)
			if err != nil {
				return err
			}
			r, obj, err = o.fs.open(x, t, flags, true)
			return err
		}
		if slash && p.dir != nil {
			return syscall.EISDIR
		}
		if p.node == nil {
			if !create {
				return syscall.ENOENT
			}
			if p.slash {
				return syscall.EISDIR // from a symbolic link's target
			}
			if !change {
				return syscall.EROFS
			}
			node, err := o.fs.makeIn(x, p, syscall.S_IFREG|uint32(mode)&permMask, 0, "")
			if err != nil {
				return err
			}
			p.node, made = node, true
		} else if create {
			if flags&syscall.O_EXCL != 0 {
				return syscall.EEXIST
			}
			if _, ok := p.node.(Dir); ok {
				return syscall.EISDIR
			}
		}
		if _, ok := p.node.(Link); ok && flags&oPath == 0 {
			if flags&syscall.O_DIRECTORY != 0 {
				return syscall.ENOTDIR
			}
			return syscall.ELOOP
		}
		var err error
		r, obj, err = o.fs.open(x, p.node, flags, made)
		if r != nil && made {
			r.Flags |= proto.OpenCreated
		}
		return err
	})
	return n, r, obj, status
}

func (o names) Lookup(c *ipc.Call, path string, redir ipc.Out) (n uint64, r *proto.Stat, dir ipc.Grant, status int64) {
	n, status = o.on(c, path, true, false, redir, func(x *Ctx, p found) error {
		if err := p.there(); err != nil {
			return err
		}
		if _, ok := p.node.(Dir); !ok {
			return syscall.ENOTDIR
		}
		if !permitted(x, p.node, 1) {
			return syscall.EACCES
		}
		r = o.fs.stat(x, p.node)
		dir = o.fs.srv.add(&Object{fs: o.fs, node: p.node, fence: x.fence})
		return nil
	})
	return n, r, dir, status
}

func (o names) Stat(c *ipc.Call, path string, flags uint64, redir ipc.Out) (n uint64, r *proto.Stat, status int64) {
	n, status = o.on(c, path, flags&proto.AtNoFollow == 0, false, redir, func(x *Ctx, p found) error {
		if err := p.there(); err != nil {
			return err
		}
		r = o.fs.stat(x, p.node)
		return nil
	})
	return n, r, status
}

func (o names) Access(c *ipc.Call, path string, mode uint64, flags uint64, redir ipc.Out) (uint64, int64) {
	if mode&^7 != 0 {
		return 0, -int64(syscall.EINVAL)
	}
	x, err := o.ctx(c)
	if err != nil {
		return 0, ipc.Errno(err)
	}
	if flags&proto.AtEaccess == 0 {
		x.Cred = x.Cred.Real()
	}
	o.fs.Lock.RLock()
	defer o.fs.Lock.RUnlock()
	p, red, err := o.fs.walk(x, o.node, path, flags&proto.AtNoFollow == 0)
	if err != nil {
		return 0, ipc.Errno(err)
	}
	if red != nil {
		return redirect(red, redir)
	}
	if err := p.there(); err != nil {
		return 0, ipc.Errno(err)
	}
	st := p.node.Stat(x)
	if mode&2 != 0 && o.fs.is(syscall.MS_RDONLY) && (st.Mode&typeMask == syscall.S_IFREG || st.Mode&typeMask == syscall.S_IFDIR) {
		return 0, -int64(syscall.EROFS)
	}
	if mode&1 != 0 && o.fs.is(syscall.MS_NOEXEC) && st.Mode&typeMask == syscall.S_IFREG {
		return 0, -int64(syscall.EACCES)
	}
	if mode != 0 && !x.Cred.Permitted(st.Mode, st.UID, st.GID, uint32(mode)) {
		return 0, -int64(syscall.EACCES)
	}
	return 0, 0
}

func (o names) Mkdir(c *ipc.Call, path string, mode uint64, redir ipc.Out) (uint64, int64) {
	return o.on(c, path, false, true, redir, func(x *Ctx, p found) error {
		_, err := o.fs.makeIn(x, p, syscall.S_IFDIR|uint32(mode)&(0o777|syscall.S_ISVTX), 0, "")
		return err
	})
}

func (o names) Mknod(c *ipc.Call, path string, mode uint64, rdev uint64, redir ipc.Out) (uint64, int64) {
	return o.on(c, path, false, true, redir, func(x *Ctx, p found) error {
		m := uint32(mode)
		switch m & typeMask {
		case 0:
			m |= syscall.S_IFREG
			rdev = 0
		case syscall.S_IFREG, syscall.S_IFIFO, syscall.S_IFSOCK:
			rdev = 0
		case syscall.S_IFCHR, syscall.S_IFBLK:
			if p.node == nil && x.Cred.EUID != 0 {
				return syscall.EPERM
			}
		case syscall.S_IFDIR:
			return syscall.EPERM
		default:
			return syscall.EINVAL
		}
		if p.node == nil && p.slash {
			return syscall.ENOENT
		}
		_, err := o.fs.makeIn(x, p, m, rdev, "")
		return err
	})
}

func (o names) Symlink(c *ipc.Call, target string, path string, redir ipc.Out) (uint64, int64) {
	if target == "" {
		return 0, -int64(syscall.ENOENT)
	}
	return o.on(c, path, false, true, redir, func(x *Ctx, p found) error {
		if p.node == nil && p.slash {
			return syscall.ENOENT
		}
		_, err := o.fs.makeIn(x, p, syscall.S_IFLNK|0o777, 0, target)
		return err
	})
}

func (o names) Unlink(c *ipc.Call, path string, redir ipc.Out) (uint64, int64) {
	return o.on(c, path, false, true, redir, func(x *Ctx, p found) error {
		if p.dir == nil {
			return syscall.EISDIR
		}
		if err := p.there(); err != nil {
			return err
		}
		e, err := p.editor(x)
		if err != nil {
			return err
		}
		if err := mayRemove(x, p.dir, p.node); err != nil {
			return err
		}
		if _, ok := p.node.(Dir); ok {
			return syscall.EISDIR
		}
		if p.slash {
			return syscall.ENOTDIR
		}
		return o.fs.detach(e, p)
	})
}

func (o names) Rmdir(c *ipc.Call, path string, redir ipc.Out) (uint64, int64) {
	return o.on(c, path, false, true, redir, func(x *Ctx, p found) error {
		if p.dir == nil {
			switch {
			case lastName(path) == ".":
				return syscall.EINVAL
			case lastName(path) == "..":
				return syscall.ENOTEMPTY
			}
			return syscall.EBUSY
		}
		if err := p.there(); err != nil {
			return err
		}
		e, err := p.editor(x)
		if err != nil {
			return err
		}
		if err := mayRemove(x, p.dir, p.node); err != nil {
			return err
		}
		d, ok := p.node.(Editor)
		if !ok {
			if _, isDir := p.node.(Dir); isDir {
				return syscall.EPERM
			}
			return syscall.ENOTDIR
		}
		if !d.Empty() {
			return syscall.ENOTEMPTY
		}
		return o.fs.detach(e, p)
	})
}

// detach takes p's name away.
func (fs *FS) detach(e Editor, p found) error {
	err := e.Detach(p.name)
	if err == nil {
		fs.removed(p.dir, p.name, p.node)
	}
	return err
}

func lastName(path string) string {
	path = strings.TrimRight(path, "/")
	return path[strings.LastIndexByte(path, '/')+1:]
}

// other is the directory that dir2 names: nil for none given.
func (o names) other(g ipc.Given) (*Object, error) {
	if g.Handle() == 0 {
		return o.Object, nil
	}
	id, err := g.Object()
	if err != nil {
		return nil, err
	}
	p, ok := o.fs.srv.objects.Get(id)
	if !ok || p.cover != nil {
		return nil, syscall.EBADF
	}
	if p.fs != o.fs {
		return nil, syscall.EXDEV
	}
	return p, nil
}

// two walks both paths of a Rename or Link with names locked.
func (o names) two(c *ipc.Call, from, to string, follow, rename bool, dir2 ipc.Given, redir ipc.Out, f func(x *Ctx, a, b found) error) (n, which uint64, status int64) {
	x, err := o.ctx(c)
	if err != nil {
		return 0, 0, ipc.Errno(err)
	}
	if o.fs.is(syscall.MS_RDONLY) {
		return 0, 0, -int64(syscall.EROFS)
	}
	second, err := o.other(dir2)
	if err != nil && err != syscall.EXDEV {
		return 0, 0, ipc.Errno(err)
	}
	o.fs.Lock.Lock()
	defer o.fs.Lock.Unlock()
	walk := o.fs.walk
	if rename {
		walk = o.fs.walkName
	}
	a, red, werr := walk(x, o.node, from, follow)
	if werr != nil {
		return 0, 0, ipc.Errno(werr)
	}
	if red != nil {
		n, status = redirect(red, redir)
		return n, 0, status
	}
	if !rename {
		// What gets a further name is looked at before its new place is.
		if err := a.there(); err != nil {
			return 0, 0, ipc.Errno(err)
		}
	}
	if err != nil {
		return 0, 0, ipc.Errno(err)
	}
	x.fence = second.fence
	b, red, err := o.fs.walkName(x, second.node, to, false)
	if err != nil {
		return 0, 0, ipc.Errno(err)
	}
	if red != nil {
		n, status = redirect(red, redir)
		return n, 1, status
	}
	return 0, 0, ipc.Errno(f(x, a, b))
}

func (o names) Rename(c *ipc.Call, from string, to string, flags uint64, dir2 ipc.Given, redir ipc.Out) (uint64, uint64, int64) {
	if flags&^(renameNoReplace|renameExchange) != 0 || flags == renameNoReplace|renameExchange {
		return 0, 0, -int64(syscall.EINVAL)
	}
	return o.two(c, from, to, false, true, dir2, redir, func(x *Ctx, a, b found) error {
		return o.fs.rename(x, a, b, flags)
	})
}

// rename does what rename(2) says of two walks' ends. fs.Lock is held
// exclusively.
func (fs *FS) rename(x *Ctx, a, b found, flags uint64) error {
	if a.dir == nil {
		return syscall.EBUSY
	}
	if b.dir == nil {
		if flags&renameNoReplace != 0 {
			return syscall.EEXIST
		}
		return syscall.EBUSY
	}
	if err := a.there(); err != nil {
		return err
	}
	if b.node != nil && flags&renameNoReplace != 0 {
		return syscall.EEXIST
	}
	if b.node == nil && flags&renameExchange != 0 {
		return syscall.ENOENT
	}
	ae, err := a.editor(x)
	if err != nil {
		return err
	}
	be, err := b.editor(x)
	if err != nil {
		return err
	}
	ad, aIsDir := a.node.(Dir)
	bd, bIsDir := b.node.(Dir)
	exchange := flags&renameExchange != 0
	if !aIsDir && (a.slash || b.slash && !exchange) || exchange && !bIsDir && b.slash {
		return syscall.ENOTDIR
	}
	if err := mayRemove(x, a.dir, a.node); err != nil {
		return err
	}
	if b.node != nil {
		if err := mayRemove(x, b.dir, b.node); err != nil {
			return err
		}
	}
	// A directory cannot go into itself.
	if aIsDir && within(b.dir, ad) {
		return syscall.EINVAL
	}
	if bIsDir && within(a.dir, bd) {
		if flags&renameExchange != 0 {
			return syscall.EINVAL
		}
		return syscall.ENOTEMPTY
	}
	if b.node == a.node {
		return nil
	}
	// A directory that gets another parent is written to ("..").
	if aIsDir && a.dir != b.dir && !permitted(x, a.node, 2) {
		return syscall.EACCES
	}
	if flags&renameExchange == 0 && b.node != nil {
		if aIsDir && !bIsDir {
			return syscall.ENOTDIR
		}
		if !aIsDir && bIsDir {
			return syscall.EISDIR
		}
		if e, ok := bd.(Editor); bIsDir && (!ok || !e.Empty()) {
			return syscall.ENOTEMPTY
		}
	}
	if err := ae.Move(a.name, be, b.name, exchange); err != nil {
		return err
	}
	if exchange {
		fs.moved(a.dir, a.name, b.dir, b.name, a.node, nil)
		fs.moved(b.dir, b.name, a.dir, a.name, b.node, nil)
	} else {
		fs.moved(a.dir, a.name, b.dir, b.name, a.node, b.node)
	}
	return nil
}

// within: d is dir or lies under it.
func within(d, dir Dir) bool {
	for d != nil {
		if d == dir {
			return true
		}
		d, _, _ = d.Place()
	}
	return false
}

func (o names) Link(c *ipc.Call, from string, to string, flags uint64, dir2 ipc.Given, redir ipc.Out) (uint64, uint64, int64) {
	return o.two(c, from, to, flags&proto.AtFollow != 0, false, dir2, redir, func(x *Ctx, a, b found) error {
		if err := a.there(); err != nil {
			return err
		}
		if b.node != nil || b.dir == nil {
			return syscall.EEXIST
		}
		if b.slash {
			return syscall.ENOENT
		}
		if _, ok := a.node.(Dir); ok {
			return syscall.EPERM
		}
		e, err := b.editor(x)
		if err != nil {
			return err
		}
		err = e.Attach(b.name, a.node)
		if err == nil {
			o.fs.linked(b.dir, b.name, a.node)
		}
		return err
	})
}

func (o names) Readlink(c *ipc.Call, path string, buf ipc.Out, redir ipc.Out) (n uint64, size uint64, status int64) {
	var red *Redirect
	n, status = o.on(c, path, false, false, redir, func(x *Ctx, p found) error {
		if err := p.there(); err != nil {
			return err
		}
		l, ok := p.node.(Link)
		if !ok {
			return syscall.EINVAL
		}
		if d, ok := l.(Deferrer); ok {
			if red = d.Defer(x); red != nil {
				return nil
			}
		}
		s, err := l.Readlink(x)
		if err != nil {
			return err
		}
		if uint64(len(s)) > buf.Len() {
			s = s[:buf.Len()]
		}
		if _, err := buf.CopyOut([]byte(s), 0); err != nil {
			return err
		}
		size = uint64(len(s))
		return nil
	})
	if red != nil && status == 0 {
		n, status = redirect(red, redir)
	}
	return n, size, status
}

// change walks to a node and changes what f says.
func (o names) change(c *ipc.Call, path string, follow bool, redir ipc.Out, f func(x *Ctx, n Node, ch *Change) error) (uint64, int64) {
	if o.fs.is(syscall.MS_RDONLY) {
		return 0, -int64(syscall.EROFS)
	}
	return o.on(c, path, follow, false, redir, func(x *Ctx, p found) error {
		if err := p.there(); err != nil {
			return err
		}
		ch, err := changeNode(x, p.node, f)
		if err == nil {
			o.fs.changed(p.node, &ch)
		}
		return err
	})
}

func changeNode(x *Ctx, n Node, f func(x *Ctx, n Node, ch *Change) error) (ch Change, err error) {
	w, ok := n.(Changer)
	if !ok {
		return ch, syscall.EPERM
	}
	if err := f(x, n, &ch); err != nil {
		return ch, err
	}
	return ch, w.Change(&ch)
}

func (o names) Chmod(c *ipc.Call, path string, mode uint64, flags uint64, redir ipc.Out) (uint64, int64) {
	return o.change(c, path, flags&proto.AtNoFollow == 0, redir, func(x *Ctx, n Node, ch *Change) error {
		return chmod(x, n, mode, ch)
	})
}

func chmod(x *Ctx, n Node, mode uint64, ch *Change) error {
	st := n.Stat(x)
	if st.Mode&typeMask == syscall.S_IFLNK {
		return syscall.EOPNOTSUPP
	}
	if x.Cred.FSUID != 0 && x.Cred.FSUID != st.UID {
		return syscall.EPERM
	}
	m := uint32(mode) & permMask
	if x.Cred.FSUID != 0 && !x.Cred.InGroup(st.GID) {
		m &^= syscall.S_ISGID
	}
	ch.Mode = &m
	return nil
}

func (o names) Chown(c *ipc.Call, path string, uid uint64, gid uint64, flags uint64, redir ipc.Out) (uint64, int64) {
	return o.change(c, path, flags&proto.AtNoFollow == 0, redir, func(x *Ctx, n Node, ch *Change) error {
		return chown(x, n, uint32(uid), uint32(gid), ch)
	})
}

func chown(x *Ctx, n Node, uid, gid uint32, ch *Change) error {
	st := n.Stat(x)
	root := x.Cred.FSUID == 0
	if uid != proto.KeepID {
		if !root && (x.Cred.FSUID != st.UID || uid != st.UID) {
			return syscall.EPERM
		}
		ch.UID = &uid
	}
	if gid != proto.KeepID {
		if !root && (x.Cred.FSUID != st.UID || gid != st.GID && !x.Cred.InGroup(gid)) {
			return syscall.EPERM
		}
		ch.GID = &gid
	}
	if st.Mode&typeMask == syscall.S_IFREG && (uid != proto.KeepID || gid != proto.KeepID) {
		m := st.Mode & permMask &^ syscall.S_ISUID
		if m&0o010 != 0 {
			m &^= syscall.S_ISGID
		}
		if m != st.Mode&permMask {
			ch.Mode = &m
		}
	}
	return nil
}

func (o names) Utimens(c *ipc.Call, path string, t *proto.Times, flags uint64, redir ipc.Out) (uint64, int64) {
	return o.change(c, path, flags&proto.AtNoFollow == 0, redir, func(x *Ctx, n Node, ch *Change) error {
		return utimens(x, n, t, ch)
	})
}

func utimens(x *Ctx, n Node, t *proto.Times, ch *Change) error {
	st := n.Stat(x)
	now := Now()
	bothNow := t.Atim.NSec == proto.TimeNow && t.Mtim.NSec == proto.TimeNow
	if t.Atim.NSec == proto.TimeOmit && t.Mtim.NSec == proto.TimeOmit {
		return nil
	}
	if x.Cred.FSUID != 0 && x.Cred.FSUID != st.UID {
		if !bothNow {
			return syscall.EPERM
		}
		if !x.Cred.Permitted(st.Mode, st.UID, st.GID, 2) {
			return syscall.EACCES
		}
	}
	for _, s := range []struct {
		from proto.Time
		to   **proto.Time
	}{{t.Atim, &ch.Atim}, {t.Mtim, &ch.Mtim}} {
		v := s.from
		switch {
		case v.NSec == proto.TimeOmit:
			continue
		case v.NSec == proto.TimeNow:
			v = now
		case v.NSec < 0 || v.NSec >= 1e9:
			return syscall.EINVAL
		}
		*s.to = &v
	}
	return nil
}

// Now is the time for time stamps.
func Now() proto.Time {
	t := time.Now()
	return proto.Time{Sec: t.Unix(), NSec: int64(t.Nanosecond())}
}

func (o names) Truncate(c *ipc.Call, path string, size uint64, redir ipc.Out) (uint64, int64) {
	return o.change(c, path, true, redir, func(x *Ctx, n Node, ch *Change) error {
		st := n.Stat(x)
		if st.Mode&typeMask == syscall.S_IFDIR {
			return syscall.EISDIR
		}
		if st.Mode&typeMask != syscall.S_IFREG || int64(size) < 0 {
			return syscall.EINVAL
		}
		if !x.Cred.Permitted(st.Mode, st.UID, st.GID, 2) {
			return syscall.EACCES
		}
		sz := int64(size)
		ch.Size = &sz
		return nil
	})
}

func (o names) Statfs(c *ipc.Call, path string, redir ipc.Out) (n uint64, r *proto.Statfs, status int64) {
	n, status = o.on(c, path, true, false, redir, func(x *Ctx, p found) error {
		if err := p.there(); err != nil {
			return err
		}
		s := o.fs.statfs()
		r = &s
		return nil
	})
	return n, r, status
}

func (o names) Path(c *ipc.Call, buf ipc.Out) (uint64, int64) {
	o.fs.Lock.RLock()
	p, ok := placeOf(o.node)
	o.fs.Lock.RUnlock()
	if !ok {
		return 0, -int64(syscall.ENOENT)
	}
	return uint64(len(p)), buf.Put([]byte(p))
}

func (o names) Fence(c *ipc.Call) (dir ipc.Grant, status int64) {
	x, err := o.ctx(c)
	if err != nil || x.Cred.EUID != 0 {
		return dir, -int64(syscall.EPERM)
	}
	d, ok := o.node.(Dir)
	if !ok {
		return dir, -int64(syscall.ENOTDIR)
	}
	return o.fs.srv.add(&Object{fs: o.fs, node: d, fence: d}), 0
}

func (o names) Cover(c *ipc.Call, path string, redir ipc.Out) (n uint64, cover ipc.Grant, status int64) {
	x, err := o.ctx(c)
	if err != nil || x.Cred.EUID != 0 {
		return 0, cover, -int64(syscall.EPERM)
	}
	o.fs.Lock.Lock()
	defer o.fs.Lock.Unlock()
	p, red, err := o.fs.walk(x, o.node, path, true)
	if err != nil {
		return 0, cover, ipc.Errno(err)
	}
	if red != nil {
		n, status = redirect(red, redir)
		return n, cover, status
	}
	if p.node == nil {
		return 0, cover, -int64(syscall.ENOENT)
	}
	d, ok := p.node.(Dir)
	if !ok {
		return 0, cover, -int64(syscall.ENOTDIR)
	}
	if up, _, _ := d.Place(); up == nil || o.fs.covered[d] {
		return 0, cover, -int64(syscall.EBUSY)
	}
	o.fs.covered[d] = true
	return 0, o.fs.srv.add(&Object{fs: o.fs, node: d, cover: d}), 0
}

func (o names) Xattr(c *ipc.Call, path string, name string, op uint64, flags uint64, value ipc.In, redir ipc.Out) (uint64, int64) {
	return o.on(c, path, flags&proto.AtNoFollow == 0, false, redir, func(x *Ctx, p found) error {
		if err := p.there(); err != nil {
			return err
		}
		return xattr(x, p.node, name, op)
	})
}

// xattr answers for a file system without extended attributes, as Linux's
// tmpfs does: listing is empty, the name spaces it knows have no entries.
func xattr(x *Ctx, n Node, name string, op uint64) error {
	if op == proto.XattrList {
		return nil
	}
	if name == "" || len(name) > 255 {
		return syscall.ERANGE
	}
	if strings.HasPrefix(name, "security.") || strings.HasPrefix(name, "trusted.") {
		if op == proto.XattrGet || op == proto.XattrRemove {
			return syscall.ENODATA
		}
	}
	return syscall.EOPNOTSUPP
}
