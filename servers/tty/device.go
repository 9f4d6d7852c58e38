package tty

import (
	"syscall"

	"go42/ipc"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/servers/vfs"
)

// device is what open objects have in common: the name that they were opened
// by, their flags, and Linux's answers to what makes no sense on a terminal.
type device struct {
	srv    *Server
	handle uint64   // kept: the opened name
	node   *ptsNode // instead, if that is a pseudo-terminal's
	flags  uint64   // O_ flags; guarded by the terminal's or host's mu
}

func (d *device) base() *device { return d }

// keep takes the name's handle over.
func (d *device) keep(dev ipc.Given) {
	if d.node == nil {
		d.handle = dev.Take()
	}
}

func (d *device) readable() bool { return d.flags&3 == syscall.O_RDONLY || d.flags&3 == syscall.O_RDWR }
func (d *device) writable() bool { return d.flags&3 == syscall.O_WRONLY || d.flags&3 == syscall.O_RDWR }

// settable are the flags that F_SETFL changes.
const settable = syscall.O_APPEND | syscall.O_NONBLOCK | syscall.O_ASYNC | syscall.O_DIRECT | 0x40000

func (d *device) Lseek(*ipc.Call, int64, uint64) (uint64, int64) {
	return 0, -int64(syscall.ESPIPE)
}

func (d *device) Getdents(*ipc.Call, ipc.Out) (uint64, int64) { return 0, -int64(syscall.ENOTDIR) }

func (d *device) Truncate(*ipc.Call, uint64) int64 { return -int64(syscall.EINVAL) }

func (d *device) Allocate(*ipc.Call, uint64, uint64, uint64, uint64) int64 {
	return -int64(syscall.ENODEV)
}

func (d *device) Sync(*ipc.Call, uint64) int64 { return -int64(syscall.EINVAL) }

func (d *device) Flock(*ipc.Call, uint64, uint64) int64 { return -int64(syscall.ENOLCK) }

func (d *device) SetLock(*ipc.Call, uint64, *proto.Lock, uint64) int64 {
	return -int64(syscall.ENOLCK)
}

func (d *device) GetLock(*ipc.Call, uint64, *proto.Lock) (*proto.Lock, int64) {
	return nil, -int64(syscall.ENOLCK)
}

func (d *device) Map(*ipc.Call, uint64, uint64) (uint64, ipc.Grant, int64) {
	return 0, ipc.Grant{}, -int64(syscall.ENODEV)
}

// The attributes are the name's, in the file system that it lies in. That one
// sees this server as the caller, so that the owner's rules are applied here.

func (d *device) file() client.File { return client.File{C: d.srv.kernel.Conn(), H: d.handle} }

func (d *device) Stat(*ipc.Call) (*proto.Stat, int64) {
	if d.node == nil {
		return d.file().Stat()
	}
	st := d.node.Stat(nil)
	st.Dev, st.Blksize = devPts, 1024
	return &st, 0
}

func (d *device) Path(c *ipc.Call, buf ipc.Out) (uint64, int64) {
	if d.node != nil {
		_, name, _ := d.node.Place()
		return uint64(len(name) + 1), buf.Put([]byte("/" + name))
	}
	b := make([]byte, 4096)
	n, st := d.file().Path(client.OutBytes(b))
	if st < 0 {
		return 0, st
	}
	return n, buf.Put(b[:min(n, uint64(len(b)))])
}

func (d *device) Statfs(*ipc.Call) (*proto.Statfs, int64) {
	if d.node != nil {
		s := ptsStatfs()
		return &s, 0
	}
	return d.file().Statfs()
}

func (d *device) ExecIDs(*ipc.Call) (uint64, int64) { return 0, -int64(syscall.EACCES) }

func (d *device) Xattr(*ipc.Call, string, uint64, uint64, ipc.In) (uint64, int64) {
	return 0, -int64(syscall.EOPNOTSUPP)
}

// owner: the caller owns the name, or is root.
func (d *device) owner(c *ipc.Call) bool {
	k, err := d.srv.creds.Get(c.BadgeCred)
	if err != nil {
		return false
	}
	if k.FSUID == 0 {
		return true
	}
	r, st := d.Stat(c)
	return st >= 0 && r.UID == k.FSUID
}

func (d *device) Chmod(c *ipc.Call, mode uint64) int64 {
	if !d.owner(c) {
		return -int64(syscall.EPERM)
	}
	if d.node != nil {
		m := uint32(mode) & 0o7777
		return ipc.Errno(d.node.Change(&vfs.Change{Mode: &m}))
	}
	return d.file().Chmod(mode)
}

func (d *device) Chown(c *ipc.Call, uid, gid uint64) int64 {
	if !d.srv.root(c) {
		return -int64(syscall.EPERM)
	}
	if d.node != nil {
		var ch vfs.Change
		u, g := uint32(uid), uint32(gid)
		if u != proto.KeepID {
			ch.UID = &u
		}
		if g != proto.KeepID {
			ch.GID = &g
		}
		return ipc.Errno(d.node.Change(&ch))
	}
	return d.file().Chown(uid, gid)
}

func (d *device) Utimens(c *ipc.Call, t *proto.Times) int64 {
	if !d.owner(c) {
		return -int64(syscall.EPERM)
	}
	if d.node != nil {
		return 0 // they are the terminal's, which has none to keep
	}
	return d.file().Utimens(t)
}

// reopened asks the name's file system whether the caller may open it with
// other flags, and answers the new device. The mode bits are checked here:
// the file system would check this server's.
func (d *device) reopened(c *ipc.Call, flags uint64) (n device, r *proto.OpenResult, st int64) {
	if flags&oPath != 0 {
		return n, nil, -int64(syscall.ENXIO)
	}
	stat, st := d.Stat(c)
	if st < 0 {
		return n, nil, st
	}
	k, err := d.srv.creds.Get(c.BadgeCred)
	if err != nil {
		return n, nil, -int64(syscall.EACCES)
	}
	want := uint32(6)
	switch flags & 3 {
	case syscall.O_RDONLY:
		want = 4
	case syscall.O_WRONLY:
		want = 2
	}
	if !k.Permitted(stat.Mode, stat.UID, stat.GID, want) {
		return n, nil, -int64(syscall.EACCES)
	}
	n = device{srv: d.srv, node: d.node, flags: flags &^ openOnly}
	r = &proto.OpenResult{Stat: *stat, Kind: proto.KindTTY}
	if d.node != nil {
		return n, r, 0
	}
	_, h, st := d.file().Reopen(uint64(syscall.O_RDWR | syscall.O_NOCTTY))
	if st < 0 {
		return n, nil, st
	}
	n.handle = h
	return n, r, 0
}
