package sched

// timers is a binary heap of the dispatchers that have a deadline, earliest
// first. The slice is made once at start-up with room for every dispatcher.
type timers struct {
	heap []*Dispatcher
	n    int
}

// set makes deadline (monotonic ns; 0: none) d's only one.
func (t *timers) set(d *Dispatcher, deadline uint64) {
	old := d.deadline
	d.deadline = deadline
	switch {
	case old == 0 && deadline == 0:
	case old == 0:
		t.place(t.n, d)
		t.n++
		t.up(d.timer)
	case deadline == 0:
		t.n--
		i := d.timer
		last := t.heap[t.n]
		t.heap[t.n] = nil
		if last != d {
			t.place(i, last)
			t.up(i)
			t.down(last.timer)
		}
	case deadline < old:
		t.up(d.timer)
	default:
		t.down(d.timer)
	}
}

// first returns the dispatcher with the earliest deadline, nil if none has.
func (t *timers) first() *Dispatcher {
	if t.n == 0 {
		return nil
	}
	return t.heap[0]
}

func (t *timers) place(i int, d *Dispatcher) {
	t.heap[i] = d
	d.timer = i
}

func (t *timers) up(i int) {
	d := t.heap[i]
	for i > 0 {
		p := (i - 1) / 2
		if t.heap[p].deadline <= d.deadline {
			break
		}
		t.place(i, t.heap[p])
		i = p
	}
	t.place(i, d)
}

func (t *timers) down(i int) {
	d := t.heap[i]
	for {
		c := 2*i + 1
		if c >= t.n {
			break
		}
		if c+1 < t.n && t.heap[c+1].deadline < t.heap[c].deadline {
			c++
		}
		if d.deadline <= t.heap[c].deadline {
			break
		}
		t.place(i, t.heap[c])
		i = c
	}
	t.place(i, d)
}
