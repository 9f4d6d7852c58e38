package vfs

import (
	"strings"
	"syscall"
	"time"

	"go42/ipc"
	"go42/ipc/proto"
)

// Changes of attributes, by name or (file.go) by open object.

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
	for _, v := range [2]proto.Time{t.Atim, t.Mtim} {
		if v.NSec >= 1e9 && v.NSec != proto.TimeNow && v.NSec != proto.TimeOmit {
			return syscall.EINVAL
		}
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
