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
	"go42/linuxapi/signal"
	"go42/sched/user"
)

// Thread is one Linux thread.
type Thread struct {
	user.Thread // first: a *user.Thread of the libOS is a *Thread

	TID           uint32
	ClearChildTID uint64 // address to clear and wake at exit; 0: none
	RobustList    uint64
	Name          [16]byte
	Sig           signal.ThreadState
	Futex         FutexWait
	SigWaiting    bool   // in sigtimedwait; guarded by the signal lock
	SigParked     bool   // and asleep in it, or about to be
	Slack         uint64 // PR_SET_TIMERSLACK, ns; 0: DefaultSlack
	Nice          int8
	Policy        uint8 // SCHED_ constant, abi.PolicyReset
	KeepCaps      bool  // PR_SET_KEEPCAPS: kept and answered; capabilities go with uid 0

	// A call with a relative timeout that is restarted keeps its deadline.
	restartAt uint64
	Restarted bool // the call about to be made is a restart without a handler
	keep      bool

	// Conn is the thread's message space for the stubs of ipc/client; use Client.
	Conn client.Conn

	next, prev *Thread // guarded by All.lock
	region     uint64  // address of its memory; 0: the first thread's
	size       uint64
	slot       uint32 // where /proc finds it: the block's for good; 0: the first thread's
}

// BeginCall is called by the dispatcher of system calls before a handler that
// may use Deadline.
func (t *Thread) BeginCall() {
	t.keep = t.Restarted
	t.Restarted = false
	if !t.keep {
		t.restartAt = 0
	}
}

// Deadline turns a timeout of rel ns into a time (monotonic ns, never 0): a
// restarted call keeps its first one.
func (t *Thread) Deadline(rel uint64) uint64 {
	if t.keep && t.restartAt != 0 {
		return t.restartAt
	}
	at := user.Now() + rel
	if at < rel {
		at = 1<<63 - 1
	}
	if at == 0 {
		at = 1
	}
	t.restartAt = at
	return at
}

// DefaultSlack is by how many ns a sleep may be late when nobody has said
// otherwise. A server's is longer: the monitor thread of Go's runtime looks
// every 20 us whether something is to be done, which here costs a timer
// interrupt and two switches of address spaces between the calls that it serves.
var DefaultSlack uint64 = 50_000

// ServerSlack is a server's DefaultSlack.
const ServerSlack = 1_000_000

// TimerSlack is t's slack in ns.
func (t *Thread) TimerSlack() uint64 {
	if t.Slack != 0 {
		return t.Slack
	}
	return DefaultSlack
}

// FutexWait links a thread that waits on a futex; guarded by the bucket's lock.
type FutexWait struct {
	Key        uint64
	Mask       uint32
	Target     uint64 // see futex.wait
	Next, Prev *Thread
	Waiting    bool
	Bucket     int32 // where it waits, or waited last; atomic, changed under both buckets' locks
}

// Current is the thread that runs.
func Current() *Thread { return From(user.Current()) }

// From finds the Thread around a user.Thread.
func From(t *user.Thread) *Thread { return (*Thread)(unsafe.Pointer(t)) }

// Args are the call's arguments (RDI, RSI, RDX, R10, R8, R9).
func (t *Thread) Args() *[6]uint64 { return &t.Frame.Args }
