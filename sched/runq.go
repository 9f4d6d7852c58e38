package sched

// Class orders dispatchers: a lower class always runs first. Servers are
// above applications (k42-background.txt: user-level servers would otherwise
// wait behind the very programs that call them).
type Class uint8

// Classes of processes.
const (
	ClassServer Class = iota
	ClassApp
	numClasses
)

// runQueue is the list of one class on one CPU, by pass (share.go); of equal
// ones the eldest is first.
type runQueue struct {
	head, tail *Dispatcher
	n          int
	pass       uint64 // of the one that ran last; it only grows
}

// push enters d; front puts it first (it was preempted within its turn).
func (q *runQueue) push(d *Dispatcher, front bool) {
	if d.queued {
		panic("sched: dispatcher is on a run queue already")
	}
	q.join(d)
	d.queued = true
	q.n++
	after := q.tail
	for after != nil && (front || after.pass > d.pass) {
		after = after.prev
	}
	d.prev = after
	if after == nil {
		d.next, q.head = q.head, d
	} else {
		d.next, after.next = after.next, d
	}
	if d.next == nil {
		q.tail = d
	} else {
		d.next.prev = d
	}
}

// remove takes d out; it must be on q.
func (q *runQueue) remove(d *Dispatcher) {
	if !d.queued {
		panic("sched: dispatcher is not on a run queue")
	}
	d.queued = false
	q.n--
	if d.prev != nil {
		d.prev.next = d.next
	} else {
		q.head = d.next
	}
	if d.next != nil {
		d.next.prev = d.prev
	} else {
		q.tail = d.prev
	}
	d.prev, d.next = nil, nil
}
