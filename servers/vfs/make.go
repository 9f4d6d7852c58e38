package vfs

import (
	"strings"
	"syscall"

	"go42/ipc"
)

// Names that come and go: one walk, one directory.

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
		e, err := p.removable(x)
		if err != nil {
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
		e, err := p.removable(x)
		if err != nil {
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

// removable returns what can take p's name away for x.
func (p found) removable(x *Ctx) (Editor, error) {
	if err := p.there(); err != nil {
		return nil, err
	}
	e, err := p.editor(x)
	if err != nil {
		return nil, err
	}
	return e, mayRemove(x, p.dir, p.node)
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
