package user

import "sync/atomic"

// Whose turn it is. While threads of a dispatcher wait, time goes in rounds: in a
// round each gets one turn. Those that compute have it in the order of the queue.
// One whose wait has ended uses what it has not used of its turn at once: it comes
// before them, and interrupts one, who goes on afterwards with the rest of its own.
// So who mostly waits does not wait for all who compute, and who computes waits for
// at most one turn of each of the others: none gets more in a round than another,
// however often it sleeps. Among themselves, those whose wait has ended take turns
// of quickNS.
//
// A round is over when a thread gets its turn that came to the end of the queue
// within it. Rounds are each dispatcher's own; a thread that moves takes what it
// has used along.
//
// Without counted time (cputime.go: servers) threads have turns in the order in
// which they became ready, and a wake by an event ends the running thread's.
const (
	sliceNS = 10_000_000  // a thread's turn
	leastNS = 100_000     // the shortest one
	quickNS = 2_000_000   // see above; also for how long who has woken another goes on
	restNS  = leastNS / 5 // what is worth a switch
)

// turnNS is the turn of a thread that is lag nice steps behind the first of its
// process: threads take turns, so that their shares are as their turns.
func turnNS(lag uint32) uint64 {
	ns := uint64(sliceNS)
	for ; lag != 0 && ns > leastNS; lag-- {
		ns = ns * 4 / 5
	}
	return ns
}

// Lag is by how many nice steps t is behind its process; SetLag changes it.
func (t *Thread) Lag() uint32     { return atomic.LoadUint32(&t.lag) }
func (t *Thread) SetLag(n uint32) { atomic.StoreUint32(&t.lag, n) }

// enter puts a ready thread on d's queue, which is locked. woken: its wait has
// ended. It reports whether the thread comes before the one that runs.
func (d *Dispatcher) enter(t *Thread, woken bool) (first bool) {
	q := &d.queue
	if atomic.LoadUint32(&counting) == 0 {
		q.push(t, &q.run, false)
		return true
	}
	if t.round != q.round && atomic.LoadUint32(&t.disp) == d.index {
		// Another thread has begun its turn here since t ran, and with that t's
		// time was added up.
		atomic.StoreUint64(&t.spent, 0)
	}
	t.round = q.round
	if woken && atomic.LoadUint64(&t.spent) < turnNS(t.Lag()) {
		q.push(t, &q.woken, false)
		return true
	}
	q.push(t, &q.run, false)
	return false
}

// putBack puts the running thread, which is to make way, on d's queue, which is
// locked. over: also if it has not used its turn, where time is not counted.
func (d *Dispatcher) putBack(t *Thread, over bool) {
	q := &d.queue
	switch {
	case atomic.LoadUint32(&counting) == 0:
		q.push(t, &q.run, !over)
	case d.spent(t) >= turnNS(t.Lag()):
		d.enter(t, false)
	case d.quick:
		q.push(t, &q.woken, false)
	default:
		t.cut = true
		q.push(t, &q.run, true)
	}
}

// choose takes the next of d's own threads, nil if there is none, and gives it its
// turn. The queue is locked.
func (d *Dispatcher) choose() *Thread {
	q := &d.queue
	t := q.woken.head
	if d.quick = t != nil; !d.quick {
		if t = q.run.head; t == nil {
			return nil
		}
	}
	q.remove(t)
	cut := t.cut
	t.cut = false
	d.turn = turnNS(t.Lag())
	switch {
	case atomic.LoadUint32(&counting) == 0:
	case d.quick || cut:
		spent := d.spent(t)
		d.turn = max(d.turn, spent+restNS) - spent
		if d.quick {
			d.turn = min(d.turn, quickNS)
		}
	default:
		if t.round == q.round {
			q.round++
		}
		t.round = q.round
		d.book(t)
		atomic.StoreUint64(&t.spent, 0)
	}
	return t
}

// taken gives t, which d took from another one's queue, a turn here.
func (d *Dispatcher) taken(t *Thread) {
	t.cut, t.round = false, d.queue.round
	d.turn, d.quick = turnNS(t.Lag()), false
}

// hurry reports whether the running thread's turn is to be cut short for one that
// was woken.
func (d *Dispatcher) hurry() bool {
	return d.woke && !d.quick && !d.hurried && atomic.LoadUint32(&counting) != 0
}
