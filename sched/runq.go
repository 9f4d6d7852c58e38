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

// runQueue is the round-robin list of one class on one CPU.
type runQueue struct {
	head, tail *Dispatcher
	n          int
}

// push appends d; front puts it first instead (it was preempted within its
// time).
func (q *runQueue) push(d *Dispatcher, front bool) {
	if d.queued {
		panic("sched: dispatcher is on a run queue already")
	}
	d.queued = true
	q.n++
	switch {
	case q.head == nil:
		d.prev, d.next = nil, nil
		q.head, q.tail = d, d
	case front:
		d.prev, d.next = nil, q.head
		q.head.prev = d
		q.head = d
	default:
		d.prev, d.next = q.tail, nil
		q.tail.next = d
		q.tail = d
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
