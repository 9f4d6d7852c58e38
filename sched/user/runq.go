package user

import (
	"math/bits"
	"sync/atomic"

	"go42/ipc/abi"
	"go42/linuxapi/native"
)

// runQueue is a dispatcher's ready threads. Its own dispatcher takes from it
// first, idle ones steal.
type runQueue struct {
	lock  SpinLock
	woken list   // kind 1: those whose wait has ended, and who have not used their turn
	run   list   // kind 1: the others
	round uint32 // see turn.go; written by its own dispatcher
	n     uint32
	// How many of them another dispatcher may take: free any one, cpu[i] one on
	// that CPU. Written under lock, read without.
	free uint32
	cpu  [64]uint32
}

func (q *runQueue) reset() { *q = runQueue{woken: list{kind: 1}, run: list{kind: 1}} }

func (q *runQueue) some() bool { return atomic.LoadUint32(&q.n) != 0 }

// count notes that t comes (1) or goes (^0). Locked.
func (q *runQueue) count(t *Thread, by uint32) {
	atomic.AddUint32(&q.n, by)
	switch {
	case t.counted == 0:
	case t.counted == ^uint64(0):
		atomic.AddUint32(&q.free, by)
	default:
		for m := t.counted; m != 0; m &= m - 1 {
			atomic.AddUint32(&q.cpu[bits.TrailingZeros64(m)], by)
		}
	}
}

// push puts t on one of q's lists. Locked.
func (q *runQueue) push(t *Thread, on *list, front bool) {
	switch m := atomic.LoadUint64(&t.cpus); {
	case atomic.LoadUint32(&t.bound) != 0:
		t.counted = 0
	case m == 0:
		t.counted = ^uint64(0)
	default:
		t.counted = m
	}
	q.count(t, 1)
	if front {
		on.pushFront(t)
	} else {
		on.push(t)
	}
}

// remove takes t out, if it is on q. Locked.
func (q *runQueue) remove(t *Thread) bool {
	if !q.woken.remove(t) && !q.run.remove(t) {
		return false
	}
	q.count(t, ^uint32(0))
	return true
}

// allows reports whether t may run on d.
func (d *Dispatcher) allows(t *Thread) bool {
	if b := atomic.LoadUint32(&t.bound); b != 0 {
		return b == d.index+1
	}
	m := atomic.LoadUint64(&t.cpus)
	return m == 0 || m>>(atomic.LoadUint32(&d.cpu)&63)&1 != 0
}

// enqueue queues a thread that was just made Ready where it may run, and sees to
// it that somebody finds it. woken: its wait has ended. Disabled.
func enqueue(t *Thread, woken bool) {
	d := current()
	to := place(d, t)
	to.queue.lock.take()
	first := to.enter(t, woken)
	to.queue.lock.drop()
	if to != d {
		poke(to)
		return
	}
	d.woke = d.woke || first
	if !d.between && (d.slice == 0 || d.hurry()) {
		// From now on the running thread has a limited turn.
		d.rearm(true)
	}
	if several() {
		callHelp(d, t)
	}
	if !d.between {
		d.grow()
	}
}

// place chooses t's dispatcher: this one, unless t may not run here, or is still
// on its way out elsewhere.
func place(d *Dispatcher, t *Thread) *Dispatcher {
	if b := atomic.LoadUint32(&t.bound); b != 0 {
		return &disps[b-1]
	}
	if atomic.LoadUint64(&t.cpus) == 0 && !several() {
		return d
	}
	if atomic.LoadUint32(&t.OnCPU) != 0 {
		// It has not slept yet: there it can go on without a switch.
		if e := &disps[atomic.LoadUint32(&t.disp)]; e.allows(t) {
			return e
		}
	}
	if d.allows(t) {
		return d
	}
	for n := 0; ; n++ {
		if e := best(t); e != nil {
			return e
		}
		m := atomic.LoadUint64(&t.cpus)
		if e := spawn(uint32(bits.TrailingZeros64(m))); e != nil {
			return e
		}
		if atomic.LoadUint32(&spawning) == 0 || stopped() {
			// It cannot be, or not now: better here than nowhere.
			return d
		}
		pause(n) // somebody adds one, perhaps there
	}
}

// best is the dispatcher that suits t best: an idle one, or one with few threads;
// nil: it may run on none.
func best(t *Thread) *Dispatcher {
	var b *Dispatcher
	ds := all()
	for i := range ds {
		e := &ds[i]
		if !e.allows(t) {
			continue
		}
		if atomic.LoadUint32(&e.idle) != 0 {
			return e
		}
		if b == nil || atomic.LoadUint32(&e.queue.n) < atomic.LoadUint32(&b.queue.n) {
			b = e
		}
	}
	return b
}

// callHelp wakes an idle dispatcher that may run t, which is in d's queue.
func callHelp(d *Dispatcher, t *Thread) {
	ds := all()
	for i := range ds {
		e := &ds[i]
		if e != d && atomic.LoadUint32(&e.idle) != 0 && e.allows(t) && atomic.CompareAndSwapUint32(&e.idle, 1, 0) {
			poke(e)
			return
		}
	}
}

// growAfter is for how many ns a thread has waited behind a running one when
// another CPU is worth its dispatcher: two threads that take turns need none.
const growAfter = 500_000

// canGrow reports whether there are CPUs without a dispatcher of the process.
func canGrow() bool {
	n := native.Info().NCPU
	return n > 1 && Lazy && forced == 0 && uint64(atomic.LoadUint32(&ndisp)) < min(n, abi.MaxDispatchers)
}

// grow adds a dispatcher where the process has none, once threads have had to
// wait. Disabled.
func (d *Dispatcher) grow() {
	if !canGrow() || !d.queue.some() {
		return
	}
	now := Now()
	if d.crowded == 0 {
		d.crowded = now
	}
	if now-d.crowded < growAfter {
		return
	}
	d.crowded = 0
	have := uint64(0)
	if ds := all(); len(ds) == 1 {
		have = 1 << (CPU() & 63) // the kernel may have moved it
	} else {
		for i := range ds {
			have |= 1 << (atomic.LoadUint32(&ds[i].cpu) & 63)
		}
	}
	if free := ^have & (1<<min(native.Info().NCPU, 63) - 1); free != 0 {
		spawn(uint32(bits.TrailingZeros64(free)))
	}
}

// next takes the next thread for d, its own or another's; nil: none.
func (d *Dispatcher) next() *Thread {
	for {
		t := d.pop()
		if t == nil {
			if several() {
				t = d.steal()
			}
			if t == nil {
				return nil
			}
		}
		if freeze(t) {
			continue
		}
		if d.allows(t) {
			return t
		}
		// Its affinity changed while it was queued.
		to := place(d, t)
		if to == d {
			return t
		}
		t.setState(Ready)
		to.queue.lock.take()
		to.enter(t, true)
		to.queue.lock.drop()
		poke(to)
	}
}

// pop takes the first of d's own ready threads.
func (d *Dispatcher) pop() *Thread {
	q := &d.queue
	if !q.some() {
		return nil
	}
	q.lock.take()
	t := d.choose()
	if t != nil {
		t.start(d)
	}
	if q.run.head == nil && q.woken.head == nil {
		d.crowded = 0
	}
	q.lock.drop()
	return t
}

// elsewhere reports whether another dispatcher has a thread that d may take.
func (d *Dispatcher) elsewhere() bool {
	cpu := atomic.LoadUint32(&d.cpu) & 63
	ds := all()
	for i := range ds {
		q := &ds[i].queue
		if &ds[i] != d && (atomic.LoadUint32(&q.free) != 0 || atomic.LoadUint32(&q.cpu[cpu]) != 0) {
			return true
		}
	}
	return false
}

// steal takes the thread that would be next from another dispatcher. One
// that is still being saved there is left: it may go on by itself.
func (d *Dispatcher) steal() *Thread {
	cpu := atomic.LoadUint32(&d.cpu) & 63
	ds := all()
	for k := 1; k < len(ds); k++ {
		e := &ds[(int(d.index)+k)%len(ds)]
		q := &e.queue
		if atomic.LoadUint32(&q.free) == 0 && atomic.LoadUint32(&q.cpu[cpu]) == 0 {
			continue
		}
		q.lock.take()
		t := d.suits(&q.woken)
		if t == nil {
			t = d.suits(&q.run)
		}
		if t != nil {
			q.remove(t)
			t.start(d)
		}
		q.lock.drop()
		if t != nil {
			d.taken(t)
			return t
		}
	}
	return nil
}

// suits is the first thread on l, another dispatcher's, that d may take.
func (d *Dispatcher) suits(l *list) *Thread {
	for t := l.head; t != nil; t = t.links[1].next {
		if atomic.LoadUint32(&t.bound) == 0 && d.allows(t) && atomic.LoadUint32(&t.OnCPU) == 0 {
			return t
		}
	}
	return nil
}

// withdraw makes a Ready thread, which is on this dispatcher and has not slept,
// the running one again; false: another one has it, or is about to.
func (d *Dispatcher) withdraw(t *Thread) bool {
	q := &d.queue
	q.lock.take()
	ok := q.remove(t)
	if ok {
		t.start(d)
	}
	q.lock.drop()
	return ok
}

// start makes t, which is out of its queue, d's running thread.
func (t *Thread) start(d *Dispatcher) {
	atomic.StoreUint32(&t.disp, d.index)
	t.setState(Running)
}
