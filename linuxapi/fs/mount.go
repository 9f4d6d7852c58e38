package fs

import (
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
)

const (
	msRdOnly       = 1
	msBind         = 4096
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
		return -EINVAL
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
	if info.Flags&msRdOnly != 0 {
		if n+3 > pathMax {
			return -EINVAL
		}
		n += int64(copy(b.path[n:], ",ro"))
	}
	srv, st := client.Mount{C: conn(), H: abi.HandleMount}.Service("file", 0)
	if st < 0 {
		return -ENODEV
	}
	root, st := client.FileServer{C: conn(), H: srv}.NewFS("tmpfs", str(b.path[:n]))
	drop(srv)
	if st < 0 {
		return st
	}
	e := putMount(info, root, target)
	drop(root)
	return e
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
	var w walk
	if e := w.begin(fdcwd, target, false); e != 0 {
		return e
	}
	dir, e := w.lookupDir()
	w.end()
	if e != 0 {
		return e
	}
	b := takeBuf()
	n := dir.fullPath(b.path[:pathMax], b.redir[:])
	dir.put()
	if n > 0 {
		_, st := client.Mount{C: conn(), H: abi.HandleMount}.Umount(str(b.path[:n]), flags)
		if n = st; n > 0 {
			n = 0
		}
	}
	b.give()
	return n
}

// mountRoot makes root the first mount, "/".
func mountRoot(info *proto.MountInfo, root uint64) int64 {
	_, st := client.Mount{C: conn(), H: abi.HandleMount}.Mount(info, client.Copy(root), abi.Grant{})
	return st
}
