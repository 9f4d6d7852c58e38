package user

import (
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/entry"
)

// Thread states.
const (
	Free     = iota
	Ready    // in the run queue
	Running  // on a dispatcher
	Blocked  // waits; wake makes it ready
	Calling  // waits for a server's reply: nothing but the reply wakes it
	Faulting // waits for a page
	Dead
)

// Reason says why a wait ended.
type Reason int32

const (
	Woken Reason = iota
	TimedOut
	Interrupted // a signal is to be delivered; the call answers errno.RestartSys or the like
)

// Bits of Core.Work: what the exit path has to do.
const (
	WorkSignal = 1 << 0 // a signal can be delivered
	WorkTrap   = 1 << 1 // Trap is to become a signal
	WorkFetch  = 1 << 2 // signals wait at the process server
	WorkExit   = 1 << 3 // the thread is to end
	WorkStop   = 1 << 4 // the process was told to stop
	WorkBegin  = 1 << 5 // the first way to the program: what needs a thread
)

// MaxWatch is how many Seqs a thread can wait on at once.
const MaxWatch = 16

// Thread is one user-level thread. All but the embedded Core is private to the
// scheduler, except where said.
type Thread struct {
	entry.Core // first: its address is the thread's, and g

	// word is the state, why the last wait ended, whether signals may end this
	// one, and the number of the wait. Atomic: who changes Blocked to Ready has
	// the thread, and queues it.
	word uint64

	// Shared, atomic.
	disp  uint32 // index of the dispatcher that runs it or ran it last
	cpus  uint64 // where it may run, a bit a CPU; 0: everywhere
	bound uint32 // 1 + index of the dispatcher where it stays, 0: any; written while the thread runs, by itself
	lag   uint32 // nice steps behind the process
	used  uint64 // CPU time, ns; written by the dispatcher that ran it (cputime.go)

	spent   uint64 // CPU time in its round, ns; atomic (turn.go)
	round   uint32 // of the queue that it is on, or was on last; guarded by that queue
	cut     bool   // on the queue with a part of its turn left; guarded by the queue
	counted uint64 // how its run queue counts it; guarded by the queue
	links   [2]link
	timer   Timer
	alone   func(t *Thread) // see Alone
	thunk   func(t *Thread) // opCall: runs on the scheduler stack

	watches [MaxWatch]watch // the thread's own, linked into Seqs
	nwatch  int

	// PPC.
	callHandle, callMethod, callMsg uint64
	callStatus                      int64
	retBuf                          uintptr
	replyRecord                     uint64
	replyStatus                     int64

	// In is the call that a receiver was given.
	In abi.CallMessage

	// Trap is what the last exception in the program was (valid with WorkTrap).
	Trap abi.TrapSave
}

// Current is the thread that runs; on the scheduler stack, the one that ran last.
func Current() *Thread { return (*Thread)(unsafe.Pointer(entry.Thread())) }

func fromCore(c *entry.Core) *Thread { return (*Thread)(unsafe.Pointer(c)) }

// Layout of word.
const (
	stateMask   = 0xff
	flagIntr    = 1 << 8 // signals may end the wait
	reasonShift = 16
	reasonMask  = 0xff << reasonShift
	waitShift   = 32
)

// State answers Ready, Running, Blocked...: a snapshot.
func (t *Thread) State() uint32 { return uint32(atomic.LoadUint64(&t.word)) & stateMask }

// Interruptible reports whether the thread is in a wait that a signal ends: a
// snapshot.
func (t *Thread) Interruptible() bool {
	return atomic.LoadUint64(&t.word)&(stateMask|flagIntr) == Blocked|flagIntr
}

// StateAddr is the address of a word whose low byte is the state, for who reads
// this process's memory from outside.
func (t *Thread) StateAddr() uint64 { return uint64(uintptr(unsafe.Pointer(&t.word))) }

// setState changes the state of a thread that is the caller's: not Blocked.
func (t *Thread) setState(s uint64) {
	atomic.StoreUint64(&t.word, atomic.LoadUint64(&t.word)&^(stateMask|flagIntr)|s)
}

// reason says why the last wait ended.
func (t *Thread) reason() Reason { return Reason(atomic.LoadUint64(&t.word) >> reasonShift & 0xff) }

// Waits is the number of t's waits so far. One who makes a new thread of an old
// one's memory sets it: a timeout may be on its way to the old one still.
func (t *Thread) Waits() uint32 { return uint32(atomic.LoadUint64(&t.word) >> waitShift) }

// AddWork sets work bits. The thread sees them on its way to the program; with
// WorkSignal, an interruptible wait of it ends as well.
func (t *Thread) AddWork(bits uint32) {
	for {
		old := atomic.LoadUint32(&t.Work)
		if old&bits == bits || atomic.CompareAndSwapUint32(&t.Work, old, old|bits) {
			break
		}
	}
}

// ClearWork clears work bits.
func (t *Thread) ClearWork(bits uint32) {
	for {
		old := atomic.LoadUint32(&t.Work)
		if old&bits == 0 || atomic.CompareAndSwapUint32(&t.Work, old, old&^bits) {
			return
		}
	}
}

// HasWork reports whether any of the bits is set.
func (t *Thread) HasWork(bits uint32) bool { return atomic.LoadUint32(&t.Work)&bits != 0 }

// Interrupting are the work bits that end an interruptible wait.
const Interrupting = WorkSignal | WorkExit | WorkStop | WorkFetch

// Init makes t a thread with the libOS stack [lo, hi) and the XSAVE area at
// xsave (64-byte aligned, zeroed or valid). Its frame is at the stack's top.
// waits: see Waits.
func (t *Thread) Init(lo, hi, xsave uint64, waits uint32) {
	entry.SetG(&t.G, lo, hi)
	t.StackTop = hi
	f := uintptr(hi) - unsafe.Sizeof(entry.Frame{})
	t.Frame = *(**entry.Frame)(unsafe.Pointer(&f))
	t.XSave = xsave
	t.Saved, t.VSaved, t.Work, t.OnCPU = 0, 0, 0, 0
	t.word = uint64(waits)<<waitShift | Free
	t.disp, t.cpus, t.bound, t.lag, t.used = 0, 0, 0, 0, 0
	t.spent, t.round, t.cut = 0, 0, false
	t.links, t.nwatch = [2]link{}, 0
	t.timer = Timer{}
}

// StartProgram makes a thread that was never run ready; it begins in the program
// with the registers in its Frame and the vector state in its XSAVE area.
func (t *Thread) StartProgram() {
	t.Saved, t.VSaved = entry.SavedProgram, 1
	was := Disable()
	t.disp = current().index
	t.setState(Ready)
	enqueue(t, false)
	Restore(was)
}

// A thread can be on a wait queue (link 0) and, woken by a timeout meanwhile, on
// the run queue (link 1) at once.
type link struct {
	next, prev *Thread
	on         *list
}

// list is a queue of threads, linked through them; the list's owner has its
// lock. Its zero value is an empty wait queue.
type list struct {
	head, tail *Thread
	kind       int
}

func (l *list) push(t *Thread) {
	k := &t.links[l.kind]
	*k = link{nil, l.tail, l}
	if l.tail != nil {
		l.tail.links[l.kind].next = t
	} else {
		l.head = t
	}
	l.tail = t
}

func (l *list) pushFront(t *Thread) {
	k := &t.links[l.kind]
	*k = link{l.head, nil, l}
	if l.head != nil {
		l.head.links[l.kind].prev = t
	} else {
		l.tail = t
	}
	l.head = t
}

// remove takes t off the list if it is on it.
func (l *list) remove(t *Thread) bool {
	k := &t.links[l.kind]
	if k.on != l {
		return false
	}
	if k.prev != nil {
		k.prev.links[l.kind].next = k.next
	} else {
		l.head = k.next
	}
	if k.next != nil {
		k.next.links[l.kind].prev = k.prev
	} else {
		l.tail = k.prev
	}
	*k = link{}
	return true
}

func (l *list) pop() *Thread {
	t := l.head
	if t != nil {
		l.remove(t)
	}
	return t
}
