// Package thread is the Linux thread: a user-level thread (sched/user) with what
// Linux keeps of it, the process's table of them, clone and exit.
//
// Thread memory: one libOS region a thread: a guard page, 64 KiB of lazily backed
// libOS stack, and a block with the Thread and its XSAVE area. The first thread's
// is in the image's bss.
//
// Lock: All.Lock (a user.Mutex is not needed: short sections) guards the table and
// the list. Order: All -> signal lock -> sched/user's.
package thread

import (
	"unsafe"

	"go42/ipc/client"
	"go42/linuxapi/entry"
	"go42/linuxapi/errno"
	"go42/linuxapi/signal"
	"go42/sched/user"
)

// Thread is one Linux thread.
type Thread struct {
	user.Thread // first: a *user.Thread of the libOS is a *Thread

	TID           uint32
	ClearChildTID uint64 // address to clear and wake at exit; 0: none
	RobustList    uint64
	RobustLen     uint64
	Name          [16]byte
	Sig           signal.ThreadState
	// Conn is the thread's message space for the stubs of ipc/client; use Client.
	Conn client.Conn
	// Result is scratch of blocked calls (futex: the woken bucket).
	Futex FutexWait
	// ExitCode is the thread's own exit status.
	ExitCode int32
	// Restart is how restart_syscall continues: 0 nothing, else a deadline.
	Restart     uint64
	PDeathSig   int32
	SetAffinity uint64

	allNext, allPrev *Thread
	region           uint64 // address of its memory; 0: the first thread's
}

// FutexWait links a thread that waits on a futex; guarded by the bucket's lock.
type FutexWait struct {
	Key        uint64
	Mask       uint32
	Next, Prev *Thread
	Bucket     int32 // index+1; 0: not waiting
}

// Current is the thread that runs.
func Current() *Thread { return From(user.Current()) }

// From finds the Thread around a user.Thread.
func From(t *user.Thread) *Thread { return (*Thread)(unsafe.Pointer(t)) }

// Args are the call's arguments (RDI, RSI, RDX, R10, R8, R9).
func (t *Thread) Args() *[6]uint64 { return &t.Frame.Args }

// Interrupted is what a call that can be restarted answers after Interrupted.
func Interrupted() int64 { return errno.RestartSys.Ret() }

var _ = entry.UserCS
