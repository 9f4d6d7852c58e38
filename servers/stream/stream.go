// Package stream holds what objects that are streams of bytes have in common:
// the answers of Linux to the methods of proto.File that make no sense for
// them, and the open object's status flags.
package stream

import (
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
)

// Base is embedded by an open stream. Its owner overrides what it can do.
type Base struct{}

func (Base) Lseek(*ipc.Call, int64, uint64) (uint64, int64) { return 0, -int64(syscall.ESPIPE) }
func (Base) Getdents(*ipc.Call, ipc.Out) (uint64, int64)    { return 0, -int64(syscall.ENOTDIR) }
func (Base) Truncate(*ipc.Call, uint64) int64               { return -int64(syscall.EINVAL) }
func (Base) Allocate(*ipc.Call, uint64, uint64, uint64, uint64) int64 {
	return -int64(syscall.ESPIPE)
}
func (Base) Sync(*ipc.Call, uint64) int64          { return -int64(syscall.EINVAL) }
func (Base) Chmod(*ipc.Call, uint64) int64         { return -int64(syscall.EPERM) }
func (Base) Chown(*ipc.Call, uint64, uint64) int64 { return -int64(syscall.EPERM) }
func (Base) Utimens(*ipc.Call, *proto.Times) int64 { return -int64(syscall.EPERM) }
func (Base) Flock(*ipc.Call, uint64, uint64) int64 { return -int64(syscall.EOPNOTSUPP) }
func (Base) SetLock(*ipc.Call, uint64, *proto.Lock, uint64) int64 {
	return -int64(syscall.EOPNOTSUPP)
}
func (Base) GetLock(*ipc.Call, uint64, *proto.Lock) (*proto.Lock, int64) {
	return nil, -int64(syscall.EOPNOTSUPP)
}
func (Base) Map(*ipc.Call, uint64, uint64) (uint64, ipc.Grant, int64) {
	return 0, ipc.Grant{}, -int64(syscall.ENODEV)
}
func (Base) Xattr(*ipc.Call, string, uint64, uint64, ipc.In) (uint64, int64) {
	return 0, -int64(syscall.EOPNOTSUPP)
}
func (Base) ExecIDs(*ipc.Call) (uint64, int64) { return 0, -int64(syscall.EACCES) }
func (Base) Reopen(*ipc.Call, uint64) (*proto.OpenResult, ipc.Grant, int64) {
	return nil, ipc.Grant{}, -int64(syscall.ENXIO)
}

// Settable are the status flags that F_SETFL changes on a stream.
const Settable = syscall.O_APPEND | syscall.O_NONBLOCK | syscall.O_ASYNC

// Access says what an access mode allows.
func Access(flags uint64) (read, write bool) {
	switch flags & syscall.O_ACCMODE {
	case syscall.O_RDONLY:
		return true, false
	case syscall.O_WRONLY:
		return false, true
	case syscall.O_RDWR:
		return true, true
	}
	return false, false
}
