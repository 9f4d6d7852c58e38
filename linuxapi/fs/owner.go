package fs

import (
	"go42/ipc/client"
	"go42/ipc/proto"
)

// Permission bits and owners.

// Chmod is chmod(2).
func Chmod(addr, mode uint64) int64 { return Fchmodat(fdcwd, addr, mode) }

// Fchmodat is fchmodat(2).
func Fchmodat(dirfd, addr, mode uint64) int64 { return Fchmodat2(dirfd, addr, mode, 0) }

// Fchmodat2 is fchmodat2(2).
func Fchmodat2(dirfd, addr, mode, flags uint64) int64 {
	flags = uint64(uint32(flags))
	if flags&^(atSymNoFollow|atEmptyPath) != 0 {
		return -EINVAL
	}
	var w walk
	if e := w.begin(dirfd, addr, flags&atEmptyPath != 0); e != 0 {
		return e
	}
	for {
		if w.fd >= 0 {
			return w.fail(w.onFile(func(f *File) int64 { return f.chmod(mode & 0o7777) }))
		}
		n, st := client.FileSystem{C: conn(), H: w.dir}.Chmod(w.rest(), mode&0o7777, flags&atSymNoFollow, w.redir())
		if w.again(st, n) || w.magicNow() {
			continue
		}
		return w.fail(st)
	}
}

func (f *File) chmod(mode uint64) int64 {
	if f.handle == 0 {
		return -EPERM
	}
	if f.kind == kindPath { // by its name in /proc/self/fd
		_, st := client.FileSystem{C: conn(), H: f.handle}.Chmod("", mode, atSymNoFollow, proto.Out{})
		return st
	}
	return client.File{C: conn(), H: f.handle}.Chmod(mode)
}

// Fchmod is fchmod(2).
func Fchmod(fd, mode uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := f.chmod(mode & 0o7777)
	f.put()
	return r
}

// Chown is chown(2).
func Chown(addr, uid, gid uint64) int64 { return Fchownat(fdcwd, addr, uid, gid, 0) }

// Lchown is lchown(2).
func Lchown(addr, uid, gid uint64) int64 { return Fchownat(fdcwd, addr, uid, gid, atSymNoFollow) }

// Fchownat is fchownat(2).
func Fchownat(dirfd, addr, uid, gid, flags uint64) int64 {
	flags = uint64(uint32(flags))
	if flags&^(atSymNoFollow|atEmptyPath) != 0 {
		return -EINVAL
	}
	uid, gid = uint64(uint32(uid)), uint64(uint32(gid))
	var w walk
	if e := w.begin(dirfd, addr, flags&atEmptyPath != 0); e != 0 {
		return e
	}
	for {
		if w.fd >= 0 {
			return w.fail(w.onFile(func(f *File) int64 { return f.chown(uid, gid) }))
		}
		n, st := client.FileSystem{C: conn(), H: w.dir}.Chown(w.rest(), uid, gid, flags&atSymNoFollow, w.redir())
		if w.again(st, n) || w.magicNow() {
			continue
		}
		return w.fail(st)
	}
}

func (f *File) chown(uid, gid uint64) int64 {
	if f.handle == 0 {
		return -EPERM
	}
	if f.kind == kindPath { // by its name in /proc/self/fd, or as the directory descriptor
		_, st := client.FileSystem{C: conn(), H: f.handle}.Chown("", uid, gid, atSymNoFollow, proto.Out{})
		return st
	}
	return client.File{C: conn(), H: f.handle}.Chown(uid, gid)
}

// Fchown is fchown(2).
func Fchown(fd, uid, gid uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := f.chown(uint64(uint32(uid)), uint64(uint32(gid)))
	f.put()
	return r
}
