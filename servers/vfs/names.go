package vfs

import (
	"strings"
	"syscall"

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
				if p.node.Stat(x).Mode&syscall.S_IFMT != syscall.S_IFDIR {
					return syscall.ENOTDIR
				}
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
