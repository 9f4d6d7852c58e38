package vfs

import (
	"encoding/binary"
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
)

// file is an Object as proto.File.
type file struct{ *Object }

const pollRegular = proto.PollIn | proto.PollOut

// readable and writable go by the access mode. o.mu is held.
func (o *Object) readable() bool {
	return o.open && o.flags&oPath == 0 && (o.flags&oAccMode == syscall.O_RDONLY || o.flags&oAccMode == syscall.O_RDWR)
}

func (o *Object) writable() bool {
	return o.open && o.flags&oPath == 0 && (o.flags&oAccMode == syscall.O_WRONLY || o.flags&oAccMode == syscall.O_RDWR)
}

func (o file) Read(c *ipc.Call, off int64, wait uint64, buf ipc.Out) (size uint64, state uint64, st int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.readable() {
		return 0, 0, -int64(syscall.EBADF)
	}
	if o.kind == proto.KindDir {
		return 0, 0, -int64(syscall.EISDIR)
	}
	if o.data == nil {
		return 0, 0, -int64(syscall.EINVAL)
	}
	x, err := o.fs.srv.ctx(c)
	if err != nil {
		return 0, 0, ipc.Errno(err)
	}
	own := off == proto.OwnOffset
	if own {
		off = o.off
	} else if off < 0 {
		return 0, 0, -int64(syscall.EINVAL)
	}
	n, err := o.data.ReadTo(x, off, buf)
	if err != nil {
		return 0, 0, ipc.Errno(err)
	}
	if own {
		o.off = off + int64(n)
	}
	if n > 0 {
		o.eventOf(inAccess)
	}
	return uint64(n), pollRegular, 0
}

func (o file) Write(c *ipc.Call, off int64, wait uint64, limit uint64, buf ipc.In) (size uint64, state uint64, st int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.writable() {
		return 0, 0, -int64(syscall.EBADF)
	}
	if o.data == nil {
		return 0, 0, -int64(syscall.EINVAL)
	}
	x, err := o.fs.srv.ctx(c)
	if err != nil {
		return 0, 0, ipc.Errno(err)
	}
	own := off == proto.OwnOffset
	if own {
		off = o.off
	} else if off < 0 {
		return 0, 0, -int64(syscall.EINVAL)
	}
	// pwrite on an O_APPEND file appends, as Linux does.
	n, end, err := o.data.WriteFrom(x, off, o.flags&syscall.O_APPEND != 0, limit, buf)
	if err != nil {
		return 0, 0, ipc.Errno(err)
	}
	if own {
		o.off = end
	}
	if n > 0 {
		o.eventOf(inModify)
	}
	return uint64(n), pollRegular, 0
}

const (
	seekData = 3
	seekHole = 4
)

func (o file) Lseek(c *ipc.Call, off int64, whence uint64) (uint64, int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.open || o.flags&oPath != 0 {
		return 0, -int64(syscall.EBADF)
	}
	x, err := o.fs.srv.ctx(c)
	if err != nil {
		return 0, ipc.Errno(err)
	}
	switch o.kind {
	case proto.KindNull, proto.KindZero, proto.KindFull:
		o.off = 0
		return 0, 0
	case proto.KindTTY, proto.KindFIFO:
		return 0, -int64(syscall.ESPIPE)
	}
	switch whence {
	case 0:
	case 1:
		off += o.off
	case 2:
		if o.kind != proto.KindDir {
			off += o.node.Stat(x).Size
		}
	case seekData, seekHole:
		h, ok := o.data.(Holer)
		if !ok {
			return 0, -int64(syscall.EINVAL)
		}
		if off, err = h.SeekHole(off, whence == seekData); err != nil {
			return 0, ipc.Errno(err)
		}
	default:
		return 0, -int64(syscall.EINVAL)
	}
	if off < 0 {
		return 0, -int64(syscall.EINVAL)
	}
	o.off = off
	return uint64(off), 0
}

func (o file) Getdents(c *ipc.Call, buf ipc.Out) (uint64, int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.readable() {
		return 0, -int64(syscall.EBADF)
	}
	d, ok := o.node.(Dir)
	if !ok {
		return 0, -int64(syscall.ENOTDIR)
	}
	x, err := o.fs.srv.ctx(c)
	if err != nil {
		return 0, ipc.Errno(err)
	}
	o.fs.Lock.RLock()
	defer o.fs.Lock.RUnlock()
	if _, _, there := d.Place(); !there {
		return 0, -int64(syscall.ENOENT)
	}
	out := make([]byte, 0, min(buf.Len(), 64<<10))
	pos := uint64(o.off)
	full := false
	emit := func(e Entry) bool {
		n := (19 + len(e.Name) + 1 + 7) &^ 7
		if len(out)+n > cap(out) {
			full = true
			return false
		}
		at := len(out)
		out = out[:at+n]
		r := out[at:]
		clear(r)
		binary.LittleEndian.PutUint64(r, e.Ino)
		binary.LittleEndian.PutUint64(r[8:], e.Cookie)
		binary.LittleEndian.PutUint16(r[16:], uint16(n))
		r[18] = byte(e.Mode >> 12 & 15)
		copy(r[19:], e.Name)
		pos = e.Cookie
		return true
	}
	more := true
	if pos < 1 {
		more = emit(Entry{".", 1, d.Stat(x).Ino, syscall.S_IFDIR})
	}
	if more && pos < 2 {
		up, _, _ := d.Place()
		if up == nil {
			up = d
		}
		more = emit(Entry{"..", 2, up.Stat(x).Ino, syscall.S_IFDIR})
	}
	if more {
		if err := d.List(x, pos, emit); err != nil {
			return 0, ipc.Errno(err)
		}
	}
	if len(out) == 0 && full {
		return 0, -int64(syscall.EINVAL)
	}
	if _, err := buf.CopyOut(out, 0); err != nil {
		return 0, ipc.Errno(err)
	}
	o.off = int64(pos)
	o.fs.event(o.node, inAccess)
	return uint64(len(out)), 0
}

func (o file) Stat(c *ipc.Call) (*proto.Stat, int64) {
	x, err := o.fs.srv.ctx(c)
	if err != nil {
		return nil, ipc.Errno(err)
	}
	return o.fs.stat(x, o.node), 0
}

func (o file) Truncate(c *ipc.Call, size uint64) int64 {
	o.mu.Lock()
	ok := o.writable()
	o.mu.Unlock()
	if !ok {
		return -int64(syscall.EINVAL)
	}
	w, isChanger := o.node.(Changer)
	if o.kind != proto.KindFile || !isChanger || int64(size) < 0 {
		return -int64(syscall.EINVAL)
	}
	n := int64(size)
	err := w.Change(&Change{Size: &n})
	if err == nil {
		o.eventOf(inModify)
	}
	return ipc.Errno(err)
}

func (o file) Allocate(c *ipc.Call, mode uint64, off uint64, size uint64, limit uint64) int64 {
	o.mu.Lock()
	ok := o.writable()
	o.mu.Unlock()
	if !ok {
		return -int64(syscall.EBADF)
	}
	if int64(off) < 0 || int64(size) <= 0 {
		return -int64(syscall.EINVAL)
	}
	if int64(off+size) < 0 {
		return -int64(syscall.EFBIG)
	}
	a, isAlloc := o.data.(Allocator)
	if !isAlloc {
		if o.kind == proto.KindFIFO {
			return -int64(syscall.ESPIPE)
		}
		return -int64(syscall.ENODEV)
	}
	err := a.Allocate(mode, int64(off), int64(size), limit)
	if err == nil {
		o.eventOf(inModify)
	}
	return ipc.Errno(err)
}

// Sync: most files are in memory; there is nothing behind them.
func (o file) Sync(c *ipc.Call, dataOnly uint64) int64 {
	if s, ok := o.data.(Syncer); ok {
		return ipc.Errno(s.Sync(dataOnly != 0))
	}
	switch o.kind {
	case proto.KindFile, proto.KindDir:
		return 0
	case proto.KindPath:
		return -int64(syscall.EBADF)
	}
	return -int64(syscall.EINVAL)
}

func (o file) changed(c *ipc.Call, f func(x *Ctx, n Node, ch *Change) error) int64 {
	if o.kind == proto.KindPath {
		return -int64(syscall.EBADF)
	}
	if o.fs.is(syscall.MS_RDONLY) {
		return -int64(syscall.EROFS)
	}
	x, err := o.fs.srv.ctx(c)
	if err != nil {
		return ipc.Errno(err)
	}
	ch, err := changeNode(x, o.node, f)
	if err == nil && !o.fs.srv.watches.none() {
		o.fs.Lock.RLock()
		defer o.fs.Lock.RUnlock()
		o.fs.changed(o.node, &ch)
	}
	return ipc.Errno(err)
}

func (o file) Chmod(c *ipc.Call, mode uint64) int64 {
	return o.changed(c, func(x *Ctx, n Node, ch *Change) error { return chmod(x, n, mode, ch) })
}

func (o file) Chown(c *ipc.Call, uid uint64, gid uint64) int64 {
	return o.changed(c, func(x *Ctx, n Node, ch *Change) error { return chown(x, n, uint32(uid), uint32(gid), ch) })
}

func (o file) Utimens(c *ipc.Call, t *proto.Times) int64 {
	return o.changed(c, func(x *Ctx, n Node, ch *Change) error { return utimens(x, n, t, ch) })
}

func (o file) GetFlags(c *ipc.Call) (uint64, int64) {
	if !o.open {
		return 0, -int64(syscall.EBADF)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.flags, 0
}

// settable are the flags that F_SETFL changes.
const settable = syscall.O_APPEND | syscall.O_NONBLOCK | syscall.O_ASYNC | syscall.O_DIRECT | oNoATime

func (o file) SetFlags(c *ipc.Call, flags uint64) int64 {
	if !o.open || o.kind == proto.KindPath {
		return -int64(syscall.EBADF)
	}
	x, err := o.fs.srv.ctx(c)
	if err != nil {
		return ipc.Errno(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if flags&oNoATime != 0 && o.flags&oNoATime == 0 && x.Cred.FSUID != 0 && x.Cred.FSUID != o.node.Stat(x).UID {
		return -int64(syscall.EPERM)
	}
	o.flags = o.flags&^settable | flags&settable
	return 0
}

func (o file) Map(c *ipc.Call, prot uint64, share uint64) (uint64, ipc.Grant, int64) {
	o.mu.Lock()
	r, w := o.readable(), o.writable()
	o.mu.Unlock()
	if o.kind == proto.KindPath {
		return 0, ipc.Grant{}, -int64(syscall.EBADF)
	}
	if !r || share != 0 && prot&2 != 0 && !w {
		return 0, ipc.Grant{}, -int64(syscall.EACCES)
	}
	if prot&4 != 0 && o.fs.is(syscall.MS_NOEXEC) {
		return 0, ipc.Grant{}, -int64(syscall.EPERM)
	}
	m, ok := o.data.(Mapper)
	if !ok {
		return 0, ipc.Grant{}, -int64(syscall.ENODEV)
	}
	size, fcm, err := m.Map(share != 0 && w)
	if err != nil {
		return 0, ipc.Grant{}, ipc.Errno(err)
	}
	if share == 0 || !w {
		// Private changes need no way to write the file's own pages.
		return uint64(size), ipc.ReadOnly(fcm), 0
	}
	return uint64(size), ipc.CopyOf(fcm), 0
}

func (o file) Poll(c *ipc.Call, mask uint64, wait uint64) (uint64, int64) {
	if !o.open || o.kind == proto.KindPath {
		return proto.PollNval, -int64(syscall.EBADF)
	}
	return pollRegular, 0
}

const (
	fionread = 0x541b
)

func (o file) Control(c *ipc.Call, request uint64, arg uint64, wait uint64, in ipc.In, out ipc.Out) (uint64, int64) {
	if !o.open || o.kind == proto.KindPath {
		return 0, -int64(syscall.EBADF)
	}
	x, err := o.fs.srv.ctx(c)
	if err != nil {
		return 0, ipc.Errno(err)
	}
	if request == fionread && o.kind == proto.KindFile {
		o.mu.Lock()
		left := o.node.Stat(x).Size - o.off
		o.mu.Unlock()
		var b [4]byte
		binary.LittleEndian.PutUint32(b[:], uint32(left))
		_, err := out.CopyOut(b[:], 0)
		return 0, ipc.Errno(err)
	}
	if ctl, ok := o.data.(Controller); ok {
		res, err := ctl.Control(x, request, arg, in, out)
		return res, ipc.Errno(err)
	}
	return 0, -int64(syscall.ENOTTY)
}

func (o file) Path(c *ipc.Call, buf ipc.Out) (uint64, int64) {
	o.fs.Lock.RLock()
	p, ok := placeOf(o.node)
	o.fs.Lock.RUnlock()
	if !ok {
		p += " (deleted)"
	}
	return uint64(len(p)), buf.Put([]byte(p))
}

func (o file) Statfs(c *ipc.Call) (*proto.Statfs, int64) {
	s := o.fs.statfs()
	return &s, 0
}

func (o file) Xattr(c *ipc.Call, name string, op uint64, flags uint64, value ipc.In) (uint64, int64) {
	if o.kind == proto.KindPath {
		return 0, -int64(syscall.EBADF)
	}
	return 0, ipc.Errno(xattr(nil, o.node, name, op))
}

func (o file) Reopen(c *ipc.Call, flags uint64) (*proto.OpenResult, ipc.Grant, int64) {
	x, err := o.fs.srv.ctx(c)
	if err != nil {
		return nil, ipc.Grant{}, ipc.Errno(err)
	}
	o.fs.Lock.RLock()
	defer o.fs.Lock.RUnlock()
	if _, ok := o.node.(Link); ok && flags&oPath == 0 {
		return nil, ipc.Grant{}, -int64(syscall.ELOOP)
	}
	r, g, err := o.fs.open(x, o.node, flags, false)
	return r, g, ipc.Errno(err)
}
