package fs

import (
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
)

const (
	msRdOnly       = 1
	msBind         = 4096
	msNoSUID       = 2
	msNoDev        = 4
	msNoExec       = 8
	msEnforced     = msRdOnly | msNoSUID | msNoDev | msNoExec
	msRemount      = 32
	mntForce       = 1
	mntDetach      = 2
	mntExpire      = 4
	umountNoFollow = 8
)

// Mount is mount(2). A bind mount puts a directory of a file system at another
// place; a new instance of a file system that has a server of its own is its
// root put at a further place.
func Mount(source, target, fstype, flags, data uint64) int64 {
	if !superuser() {
		return -EPERM
	}
	if flags&msRemount != 0 {
		return remount(target, flags, data)
	}
	var info proto.MountInfo
	info.Flags = flags
	from := takeBuf()
	defer from.give()
	if flags&msBind == 0 {
		// The type names the server's first mount.
		n := from.fetch(fstype)
		if n < 0 {
			return n
		}
		return mountType(&info, from.path[:n], source, target, data)
	}
	var w walk
	if e := w.begin(fdcwd, source, false); e != 0 {
		return e
	}
	dir, e := w.lookupDir()
	w.end()
	if e != 0 {
		return e
	}
	describeMount(&info, dir.mount)
	r := putMount(&info, dir.handle, target)
	dir.put()
	return r
}

// describeMount gives a bind mount the type and source of what it shows.
func describeMount(info *proto.MountInfo, id uint64) {
	srv := client.Mount{C: conn(), H: abi.HandleMount}
	grantEnter()
	defer grantLeave()
	for i := uint64(0); ; i++ {
		_, r, root, st := srv.Entry(i)
		if st < 0 {
			return
		}
		found := r.ID == id
		if found {
			info.Type, info.Source = r.Type, r.Source
		}
		drop(root)
		if found {
			return
		}
	}
}

// mountType mounts the file system whose type is name.
func mountType(info *proto.MountInfo, name []byte, source, target, data uint64) int64 {
	if len(name) == 0 || len(name) >= len(info.Type) {
		return -ENODEV
	}
	if string(name) == "tmpfs" || string(name) == "ramfs" {
		return mountNew(info, name, source, target, data)
	}
	srv := client.Mount{C: conn(), H: abi.HandleMount}
	for i := uint64(0); ; i++ {
		_, r, root, st := srv.Entry(i)
		if st < 0 {
			return -ENODEV
		}
		same := r.Type[len(name)] == 0 && string(r.Type[:len(name)]) == string(name)
		if !same {
			drop(root)
			continue
		}
		info.Type, info.Source = r.Type, r.Source
		e := putMount(info, root, target)
		drop(root)
		return e
	}
}

// mountNew mounts an empty file system that the file server makes.
func mountNew(info *proto.MountInfo, name []byte, source, target, data uint64) int64 {
	copy(info.Type[:], name)
	b := takeBuf()
	defer b.give()
	n := int64(0)
	if source != 0 {
		if n = b.fetch(source); n < 0 {
			return n
		}
	}
	copy(info.Source[:len(info.Source)-1], b.path[:n])
	n = 0
	if data != 0 {
		if n = b.fetch(data); n < 0 {
			return n
		}
	}
	srv, st := client.Mount{C: conn(), H: abi.HandleMount}.Service("file", 0)
	if st < 0 {
		return -ENODEV
	}
	root, st := client.FileServer{C: conn(), H: srv}.NewFS("tmpfs", str(b.path[:n]))
	if st >= 0 && info.Flags&msEnforced != 0 {
		if st = (client.FileServer{C: conn(), H: srv}.SetFlags(client.Copy(root), info.Flags)); st < 0 {
			drop(root)
		}
	}
	drop(srv)
	if st < 0 {
		return st
	}
	e := putMount(info, root, target)
	drop(root)
	return e
}

// remount changes the flags of the file system that is mounted at target; all its
// mounts share them. Of its options nothing can be changed.
func remount(target, flags, data uint64) int64 {
	if flags&msBind != 0 {
		return -EINVAL
	}
	b := takeBuf()
	defer b.give()
	if data != 0 {
		if n := b.fetch(data); n != 0 {
			return min(n, -EINVAL)
		}
	}
	n, root, e := mountedAt(target, b)
	if e != 0 {
		return e
	}
	srv, st := client.Mount{C: conn(), H: abi.HandleMount}.Service("file", 0)
	if st < 0 {
		return -ENODEV
	}
	st = client.FileServer{C: conn(), H: srv}.SetFlags(client.Copy(root), flags&msEnforced)
	drop(srv)
	if st < 0 {
		return st
	}
	_, st = client.Mount{C: conn(), H: abi.HandleMount}.SetFlags(str(b.path[:n]), flags&^msRemount)
	return min(st, 0)
}

// mountedAt writes the path of the mount point target to b.path and returns its
// length and the handle of what is mounted there, which the mount table keeps.
// EINVAL: nothing is.
func mountedAt(target uint64, b *pathBuf) (n int64, root uint64, e int64) {
	var w walk
	if e := w.begin(fdcwd, target, false); e != 0 {
		return 0, 0, e
	}
	dir, e := w.lookupDir()
	w.end()
	if e != 0 {
		return 0, 0, e
	}
	n = dir.fullPath(b.path[:pathMax], b.redir[:])
	id := dir.mountID()
	dir.put()
	if n < 0 {
		return 0, 0, n
	}
	e = -EINVAL
	mountMu.Lock()
	if m := mountByID(id); m >= 0 && string(mounts[m].prefix()) == string(b.path[:n]) {
		root, e = mounts[m].root, 0
	} else if !mountsKnown() {
		e = -EIO
	}
	mountMu.Unlock()
	return n, root, e
}

// inUse says whether files of the file system with this root are open. One
// that is not the file server's is not asked, nor one that has several mounts.
func inUse(root uint64) bool {
	srv, st := client.Mount{C: conn(), H: abi.HandleMount}.Service("file", 0)
	if st < 0 {
		return false
	}
	n, st := client.FileServer{C: conn(), H: srv}.Users(client.Copy(root))
	drop(srv)
	return st >= 0 && n > 0
}

// putMount covers the directory at target with root.
func putMount(info *proto.MountInfo, root, target uint64) int64 {
	var w walk
	if e := w.begin(fdcwd, target, false); e != 0 {
		return e
	}
	dir, e := w.lookupDir()
	w.end()
	if e != 0 {
		return e
	}
	defer dir.put()
	b := takeBuf()
	n := dir.fullPath(b.path[:pathMax], b.redir[:])
	if n > 0 {
		if int(n) >= len(info.Point) {
			n = -ENAMETOOLONG
		} else {
			copy(info.Point[:], b.path[:n])
		}
	}
	b.give()
	if n < 0 {
		return n
	}
	_, cover, st := client.FileSystem{C: conn(), H: dir.handle}.Cover("", proto.Out{})
	if st != 0 {
		if st > 0 {
			st = -EBUSY
		}
		return st
	}
	_, st = client.Mount{C: conn(), H: abi.HandleMount}.Mount(info, client.Copy(root), client.Copy(cover))
	drop(cover)
	if st > 0 {
		st = 0
	}
	return st
}

// Umount2 is umount2(2).
func Umount2(target, flags uint64) int64 {
	flags = uint64(uint32(flags))
	if flags&^(mntForce|mntDetach|mntExpire|umountNoFollow) != 0 {
		return -EINVAL
	}
	if !superuser() {
		return -EPERM
	}
	b := takeBuf()
	defer b.give()
	n, root, e := mountedAt(target, b)
	if e == -EIO {
		return umountDead(target, flags)
	}
	if e != 0 {
		return e
	}
	if flags&mntDetach == 0 && inUse(root) {
		return -EBUSY
	}
	_, st := client.Mount{C: conn(), H: abi.HandleMount}.Umount(str(b.path[:n]), flags)
	return min(st, 0)
}

// umountDead takes away a mount whose server is gone, which cannot say where it
// is mounted: target has to be the mount point as the table has it.
func umountDead(target, flags uint64) int64 {
	b := takeBuf()
	defer b.give()
	n := b.fetch(target)
	if n < 0 {
		return n
	}
	_, st := client.Mount{C: conn(), H: abi.HandleMount}.Umount(str(b.path[:n]), flags)
	if st == -EINVAL {
		st = -EIO
	}
	return min(st, 0)
}

// mountRoot makes root the first mount, "/".
func mountRoot(info *proto.MountInfo, root uint64) int64 {
	_, st := client.Mount{C: conn(), H: abi.HandleMount}.Mount(info, client.Copy(root), abi.Grant{})
	return st
}
