package vfs

import (
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
)

// Rename and Link: two walks, with names locked over both.

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
