// Package call holds the kernel's call records: one for each outstanding PPC
// (DESIGN section 7). A record carries the caller's message to the callee and
// the reply back, so that neither dispatcher waits for the other.
//
// A record is on two lists while it lives: that of the calling dispatcher, so
// that the caller's death can orphan it, and that of the dispatcher it was made
// to, so that the callee's death can complete it. While it waits to be taken it
// is also in the callee's queue; once completed it is in the calling
// dispatcher's queue of replies.
//
// Locking: an Endpoint's Lock guards its lists and queues. The state of a
// record, and what it says, belong to who has taken it off the queue it was
// in; State and Orphan change under the callee's lock until it is Done, then
// under the caller's. Both locks are needed to begin and to complete a call:
// the callee's is taken first. Calls go to lower ranks, so this is an order.
//
// Records are type-stable; a record's ID holds a generation, so that a server
// cannot reply to a record that has gone.
package call

import (
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/handle"
	"go42/mm/spin"
)

// State of a record.
type State uint8

// The life of a record.
const (
	Free    State = iota
	Waiting       // no callee thread has it yet
	Taken         // delivered to the callee
	Done          // completed, not yet seen by the caller
)

// Record is one outstanding PPC.
type Record struct {
	ID     uint64
	State  State
	Orphan bool // the caller is dead or has been reset

	Tag        uint64 // the caller's name for it
	CallerPid  uint64
	CallerDisp int
	CalleePid  uint64
	CalleeDisp int // in whose lists it is; who has it may run on another
	Cred       uint64
	Object     uint64
	Owner      uint64 // the process that was granted the slot the call came through
	Method     uint32
	Status     int64

	// The message: the call's until the reply overwrites it. Arguments and
	// data are here only while it waits; sizes and ranges always are.
	abi.Message
	Held    [abi.MaxGrants]*handle.Grant // of a call that waits: what it gives
	Handles [abi.MaxGrants]uint64

	out, in    Links   // lists of the caller and the callee
	next, prev *Record // queue: waiting or done
}

// Links makes a record a member of one doubly linked list.
type Links struct{ prev, next *Record }

// Endpoint is a dispatcher's side of its calls.
type Endpoint struct {
	Lock     spin.Lock
	outgoing *Record // records it made
	incoming *Record // records made to it
	Waiting  Queue   // those of incoming that nobody has taken
	Replies  Queue   // those of outgoing that are done, and that the libOS has not seen
	N        int     // outgoing records alive
	// Spare is a record that the dispatcher has for its next call. Its own
	// CPU's: no lock.
	Spare *Record
}

// Init prepares an endpoint that nobody uses.
func (e *Endpoint) Init() { e.Lock.Init(spin.Endpoint) }

// Queue is a first-in first-out list of records.
type Queue struct{ head, tail *Record }

// Empty reports whether q has no record. Without the lock it is a hint: who
// adds one says so afterwards.
func (q *Queue) Empty() bool {
	return atomic.LoadPointer((*unsafe.Pointer)(unsafe.Pointer(&q.head))) == nil
}

func (q *Queue) setHead(r *Record) {
	atomic.StorePointer((*unsafe.Pointer)(unsafe.Pointer(&q.head)), unsafe.Pointer(r))
}

// Push appends r.
func (q *Queue) Push(r *Record) {
	r.next, r.prev = nil, q.tail
	if q.tail == nil {
		q.setHead(r)
	} else {
		q.tail.next = r
	}
	q.tail = r
}

// Pop removes and returns the oldest record, or nil.
func (q *Queue) Pop() *Record {
	r := q.head
	if r != nil {
		q.Remove(r)
	}
	return r
}

// Remove takes r, which must be in q, out of it.
func (q *Queue) Remove(r *Record) {
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		q.setHead(r.next)
	}
	if r.next != nil {
		r.next.prev = r.prev
	} else {
		q.tail = r.prev
	}
	r.next, r.prev = nil, nil
}

// Begin enters r into both endpoints' lists, and into the callee's queue unless
// it is taken at once. Both locks are held.
func Begin(r *Record, caller, callee *Endpoint, atOnce bool) {
	r.out = Links{nil, caller.outgoing}
	if caller.outgoing != nil {
		caller.outgoing.out.prev = r
	}
	caller.outgoing = r
	caller.N++
	r.in = Links{nil, callee.incoming}
	if callee.incoming != nil {
		callee.incoming.in.prev = r
	}
	callee.incoming = r
	if atOnce {
		r.State = Taken
		return
	}
	r.State = Waiting
	callee.Waiting.Push(r)
}

// LeaveCallee takes r from the callee's list: it has been completed, or the
// callee is dying. The callee's lock is held.
func LeaveCallee(r *Record, callee *Endpoint) {
	if r.State == Waiting {
		callee.Waiting.Remove(r)
	}
	if r.in.prev != nil {
		r.in.prev.in.next = r.in.next
	} else {
		callee.incoming = r.in.next
	}
	if r.in.next != nil {
		r.in.next.in.prev = r.in.prev
	}
	r.in = Links{}
}

// LeaveCaller takes r from the caller's list: the caller has seen the reply,
// or is dying. The caller's lock is held.
func LeaveCaller(r *Record, caller *Endpoint) {
	if r.out.prev != nil {
		r.out.prev.out.next = r.out.next
	} else {
		caller.outgoing = r.out.next
	}
	if r.out.next != nil {
		r.out.next.out.prev = r.out.prev
	}
	r.out = Links{}
	caller.N--
}

// FirstIncoming returns some record made to e, or nil.
func (e *Endpoint) FirstIncoming() *Record { return e.incoming }

// FirstOutgoing returns some record made by e, or nil.
func (e *Endpoint) FirstOutgoing() *Record { return e.outgoing }
