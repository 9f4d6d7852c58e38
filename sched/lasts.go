package sched

import (
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/handle"
	"go42/mm/spin"
)

// Each dispatcher of a server has a queue of its own of the objects that nobody
// holds any more: files that are closed on one CPU are their server's business
// there.

// lastQueue is one of these. A line of memory each: other CPUs have others.
type lastQueue struct {
	// pushed are grants as they come, newest first, from any CPU: atomic. told
	// are those in the order in which NNextLast takes them, guarded by lock.
	pushed, told *handle.Grant
	lock         spin.Lock // rank Grants
	_            [40]byte
}

// AnyLasts asks PopLast for what is in any queue.
const AnyLasts = ^uint64(0)

// PushLast queues g for NNextLast by dispatcher at. Any CPU, no lock.
func (p *Process) PushLast(g *handle.Grant, at int) {
	head := (*unsafe.Pointer)(unsafe.Pointer(&p.lasts[at].pushed))
	for {
		old := atomic.LoadPointer(head)
		g.Next = (*handle.Grant)(old)
		if atomic.CompareAndSwapPointer(head, old, unsafe.Pointer(g)) {
			return
		}
	}
}

// HasLasts reports whether PopLast has something for any dispatcher.
func (p *Process) HasLasts() bool {
	for i := range numCPU() {
		q := &p.lasts[i]
		if atomic.LoadPointer((*unsafe.Pointer)(unsafe.Pointer(&q.pushed))) != nil || atomic.LoadPointer((*unsafe.Pointer)(unsafe.Pointer(&q.told))) != nil {
			return true
		}
	}
	return false
}

// PopLast takes the oldest grant of the queue of dispatcher at (AnyLasts: of some
// queue), nil if there is none. Those of dispatchers that exec has ended are
// dispatcher 0's.
func (p *Process) PopLast(at uint64) *handle.Grant {
	if at < abi.MaxDispatchers {
		if g := p.lasts[at].pop(); g != nil || at != 0 {
			return g
		}
	}
	for i := range p.lasts {
		if at == 0 && p.Dispatcher(i) != nil {
			continue
		}
		if g := p.lasts[i].pop(); g != nil {
			return g
		}
	}
	return nil
}

func (q *lastQueue) pop() *handle.Grant {
	q.lock.Acquire()
	if q.told == nil {
		head := (*unsafe.Pointer)(unsafe.Pointer(&q.pushed))
		g, told := (*handle.Grant)(atomic.SwapPointer(head, nil)), (*handle.Grant)(nil)
		for g != nil {
			g, g.Next, told = g.Next, told, g
		}
		q.tell(told)
	}
	g := q.told
	if g != nil {
		q.tell(g.Next)
		g.Next = nil
	}
	q.lock.Release()
	return g
}

// tell sets told, at which HasLasts looks without the lock.
func (q *lastQueue) tell(g *handle.Grant) {
	atomic.StorePointer((*unsafe.Pointer)(unsafe.Pointer(&q.told)), unsafe.Pointer(g))
}
