package vfs

import (
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
)

// Imager is Data of a file system whose set-id bits count.
type Imager interface {
	// Image calls f with the file's attributes and a copy of its content as an
	// FCM of size bytes, which nobody else can write. Neither changes, nor does
	// the handle go, before f returns.
	Image(f func(st proto.Stat, size int64, fcm uint64) error) error
}

// ExecIDs implements proto.File.
func (o file) ExecIDs(c *ipc.Call) (set uint64, st int64) {
	if o.kind == proto.KindPath {
		return 0, -int64(syscall.EBADF)
	}
	x, err := o.fs.srv.ctx(c)
	if err != nil {
		return 0, ipc.Errno(err)
	}
	if s := o.node.Stat(x); !x.Cred.Permitted(s.Mode, s.UID, s.GID, 1) {
		return 0, -int64(syscall.EACCES)
	} else if u, g := setIDs(&s); !gains(x, u, g) {
		return 0, 0
	}
	m, ok := o.data.(Imager)
	if !ok || o.fs.srv.Vouch == nil || o.fs.is(syscall.MS_NOSUID) {
		return 0, 0
	}
	err = m.Image(func(s proto.Stat, size int64, fcm uint64) error {
		// Asked again: only now they belong to the content.
		v := proto.Vouched{KPid: c.BadgePid, Cred: c.BadgeCred, Size: uint64(size), Dev: o.fs.dev, Ino: s.Ino}
		v.UID, v.GID = setIDs(&s)
		if !gains(x, v.UID, v.GID) {
			return nil
		}
		if !x.Cred.Permitted(s.Mode, s.UID, s.GID, 1) {
			return syscall.EACCES
		}
		var err error
		set, err = o.fs.srv.Vouch(&v, fcm)
		return err
	})
	return set, ipc.Errno(err)
}

// setIDs are the effective ids that a file's bits give who executes it. A set-gid
// bit without the group's execute bit means mandatory locking.
func setIDs(s *proto.Stat) (uid, gid uint32) {
	uid, gid = proto.KeepID, proto.KeepID
	if s.Mode&typeMask != syscall.S_IFREG {
		return uid, gid
	}
	if s.Mode&syscall.S_ISUID != 0 {
		uid = s.UID
	}
	if s.Mode&(syscall.S_ISGID|0o010) == syscall.S_ISGID|0o010 {
		gid = s.GID
	}
	return uid, gid
}

// gains: the ids are not those that the caller has.
func gains(x *Ctx, uid, gid uint32) bool {
	return uid != proto.KeepID && uid != x.Cred.EUID || gid != proto.KeepID && gid != x.Cred.EGID
}
