// Package hook joins the files half of the libOS (linuxapi/fs) with the rest
// without an import cycle: fs sets these variables in its initialisers, and
// package proc, mm and libos call them. All are set before the first thread
// runs. A nil one means that the image has no files: callers answer ENOSYS.
//
// A file reference (ref) is fs's own: a counted reference on an open file.
package hook

import (
	"go42/ipc/abi"
	"go42/linuxapi/errno"
)

// Info is the block in which the process describes itself to /proc; never nil
// once the image is set up. Each layer writes the fields that are its own.
var Info = &none

var none abi.ProcInfo

// Sharing says which objects that are in the process's own libOS, eventfds and timerfds,
// are to be another process's too.
type Sharing int

const (
	ShareNone Sharing = iota
	ShareKept         // those that survive an exec: for vfork
	ShareAll
)

// Exec and mapping.
var (
	// OpenExec opens the program's path at pathAddr (relative to dirfd; flags
	// AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW) for execution: EACCES unless it is a
	// regular file that the caller may execute.
	OpenExec func(dirfd int32, pathAddr uint64, flags uint64) (ref uintptr, e errno.Errno)
	// OpenExecKernel is OpenExec for an absolute or cwd-relative path in libOS
	// memory (the interpreter of a script, of PT_INTERP).
	OpenExecKernel func(path []byte) (ref uintptr, e errno.Errno)
	// ReadAt reads into libOS memory; short only at the end of the file.
	ReadAt func(ref uintptr, off uint64, dst []byte) (n int, e errno.Errno)
	// MapRef gives an FCM handle for the whole file, to be dropped by native.Drop
	// after NMap, and its size in bytes. shared: writes are to reach the file.
	MapRef func(ref uintptr, prot uint32, shared bool) (fcm uint64, size uint64, e errno.Errno)
	// ExecIDs asks the file server for the set-id bits of a ref (File.ExecIDs).
	ExecIDs func(ref uintptr) (set bool, e errno.Errno)
	// SameFile says whether a ref is inode ino of device dev.
	SameFile func(ref uintptr, dev, ino uint64) bool
	// RealPath writes the absolute path of a ref (for /proc/self/exe, AT_EXECFN).
	RealPath func(ref uintptr, dst []byte) (n int)
	// Close gives a ref back.
	Close func(ref uintptr)
	// KnownFD says whether a descriptor is open for more than its path.
	KnownFD func(fd int32) bool
	// MapFD is MapRef for a descriptor, after mmap's own checks: EBADF, EACCES
	// (access mode against prot and shared), ENODEV. name is what /proc/PID/maps
	// is to find the file by (MapArgs.Name).
	MapFD func(fd int32, prot uint32, shared bool) (fcm uint64, size uint64, name uint64, e errno.Errno)
)

// Process life.
var (
	// StartServer sets up the descriptors of a boot module: 0 null, 1 and 2 the
	// kernel log.
	StartServer func()
	// ParcelSize is an upper bound of what EncodeParcel writes.
	ParcelSize func() int
	// EncodeParcel writes what survives exec (descriptors without CLOEXEC, cwd,
	// root, umask) and answers its length. Nothing is changed yet.
	EncodeParcel func(dst []byte) int
	// ExecCommit is called when exec cannot fail any more but by the kernel's
	// answer: it drops the handles that do not survive.
	ExecCommit func()
	// DecodeParcel restores from the blob, in the new image. The blob is
	// untrusted: EINVAL leaves an empty table. wary: the image has ids that who
	// wrote the blob had not; what decides where names lead is not taken from it.
	DecodeParcel func(src []byte, wary bool) errno.Errno
	// ForkPrepare shares local objects with the child that is to come, and
	// takes fs's locks: none of them if it fails. ForkParent and ForkChild release them in
	// the parent and reset them in the child (vfork: the same).
	ForkPrepare func(which Sharing) errno.Errno
	ForkParent  func()
	ForkChild   func()
	// SignalFD is called, under the signal lock and disabled, when a signal
	// became pending for the process or a thread (signalfd readiness).
	SignalFD func()
	// FDRoom is EMFILE if there is no free descriptor.
	FDRoom func() errno.Errno
	// PidOpen makes a descriptor (with CLOEXEC) that names process pid.
	PidOpen func(pid uint64) (fd int64)
	// PidTarget is the pid that such a descriptor names: EBADF, or ESRCH once
	// the process has been waited for.
	PidTarget func(fd uint64) (pid uint64, nonblock bool, e errno.Errno)
	// Reaped: a child that has ended was waited for.
	Reaped func()
	// SetExe names the program for /proc/self/exe (absolute path).
	SetExe func(path []byte)
)
