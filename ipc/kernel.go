package ipc

import (
	"go42/ipc/abi"
	"go42/ipc/client"
)

// Kernel is the machine as a server sees it. Errors are syscall.Errno.
type Kernel interface {
	// Receive replies to reply (nil: nothing to reply to), then waits for the
	// next call or event and puts it into next. next nil: replies only.
	Receive(reply *Call, next *abi.CallMessage) error
	// CopyFrom and CopyTo move bytes between dst or src and range rng of the
	// caller at off. They may be short.
	CopyFrom(record uint64, rng int, off uint64, dst []byte) (int, error)
	CopyTo(record uint64, rng int, off uint64, src []byte) (int, error)
	// Notify sets a level bit of process kpid.
	Notify(kpid, channel uint64)
	// Drop empties slots of the server's own handle set.
	Drop(handles ...uint64)
	// HandleInfo describes one of the server's own handles.
	HandleInfo(h uint64) (abi.HandleInfo, error)
	// NextLast pulls an object whose last handle has gone, of those that
	// dispatcher at was told of; AnyLasts: of all.
	NextLast(at uint64) (object uint64, ok bool)
	// Conn is for calls to servers of lower rank; one goroutine at a time.
	Conn() *client.Conn
}
