package vfs

import (
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
)

// open makes an open object of n. made: it has just been created, so the mode
// bits say nothing about this opener. FS.Lock is held.
func (fs *FS) open(x *Ctx, n Node, flags uint64, made bool) (*proto.OpenResult, ipc.Grant, error) {
	st := fs.stat(x, n)
	o := &Object{fs: fs, node: n, fence: x.fence, open: true, flags: flags &^ (syscall.O_CREAT | syscall.O_EXCL | syscall.O_NOCTTY | syscall.O_TRUNC | syscall.O_CLOEXEC)}
	_, isDir := n.(Dir)
	if flags&syscall.O_DIRECTORY != 0 && !isDir && flags&oTmpfile == 0 {
		return nil, ipc.Grant{}, syscall.ENOTDIR
	}
	if flags&oPath != 0 {
		o.kind, o.flags = proto.KindPath, flags&(oPath|syscall.O_DIRECTORY|oNoFollow)
		return &proto.OpenResult{Stat: *st, Kind: o.kind}, fs.srv.add(o), nil
	}
	acc := flags & oAccMode
	var want uint32
	switch acc {
	case syscall.O_RDONLY:
		want = 4
	case syscall.O_WRONLY:
		want = 2
	default: // O_RDWR, and 3: checked for both, allows neither
		want = 6
	}
	if flags&syscall.O_TRUNC != 0 {
		want |= 2
	}
	if isDir && want&2 != 0 {
		return nil, ipc.Grant{}, syscall.EISDIR
	}
	if !made && !x.Cred.Permitted(st.Mode, st.UID, st.GID, want) {
		return nil, ipc.Grant{}, syscall.EACCES
	}
	if flags&oNoATime != 0 && x.Cred.FSUID != 0 && x.Cred.FSUID != st.UID {
		return nil, ipc.Grant{}, syscall.EPERM
	}
	typ := st.Mode & typeMask
	if fs.is(syscall.MS_RDONLY) && want&2 != 0 && typ == syscall.S_IFREG {
		if _, generated := n.(Changer); generated {
			return nil, ipc.Grant{}, syscall.EROFS
		}
	}
	switch typ {
	case syscall.S_IFDIR:
		o.kind = proto.KindDir
	case syscall.S_IFIFO:
		o.kind = proto.KindFIFO
	case syscall.S_IFSOCK:
		return nil, ipc.Grant{}, syscall.ENXIO
	case syscall.S_IFBLK:
		return nil, ipc.Grant{}, syscall.ENXIO
	case syscall.S_IFCHR:
		if fs.is(syscall.MS_NODEV) {
			return nil, ipc.Grant{}, syscall.EACCES
		}
		kind, d, err := openDevice(st.Rdev)
		if err != nil {
			return nil, ipc.Grant{}, err
		}
		o.kind, o.data = kind, d
	default:
		r, ok := n.(Regular)
		if !ok {
			return nil, ipc.Grant{}, syscall.ENXIO
		}
		if flags&syscall.O_TRUNC != 0 && !made && st.Size != 0 {
			if w, ok := n.(Changer); ok {
				zero := int64(0)
				if err := w.Change(&Change{Size: &zero}); err != nil {
					return nil, ipc.Grant{}, err
				}
				st = fs.stat(x, n)
			}
		}
		d, err := r.Open(x, flags)
		if err != nil {
			return nil, ipc.Grant{}, err
		}
		o.kind, o.data = proto.KindStream, d
		if _, ok := d.(Mapper); ok {
			o.kind = proto.KindFile
		}
	}
	fs.event(n, inOpen)
	if flags&syscall.O_TRUNC != 0 && !made && typ == syscall.S_IFREG {
		fs.event(n, inModify)
	}
	r := &proto.OpenResult{Stat: *st, Kind: o.kind}
	if fs.is(syscall.MS_NOEXEC) {
		r.Flags |= proto.OpenNoExec
	}
	return r, fs.srv.add(o), nil
}
