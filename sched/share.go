package sched

import "sync/atomic"

// Within a class the CPU is shared in proportion to weights (stride
// scheduling): each dispatcher has a pass, the time that it has run divided by
// its weight, and the one with the least runs next. One that slept does not
// save up: it begins at the least pass of those that wait, or at that of the one
// that has the CPU alone. A PPC runs on its caller's time: what servers use until
// the turn ends is the payer's.

// NormalWeight is the weight of nice 0.
const NormalWeight = 1024

// idleWeight is the weight of SCHED_IDLE.
const idleWeight = 3

// weights is the weight of each nice value, -20 first: a step is a fifth, so
// that between two dispatchers one step of nice moves a tenth of the CPU. The
// last one is that of SCHED_IDLE.
var weights [41]uint32

func initWeights() {
	weights[20] = NormalWeight
	for i := 19; i >= 0; i-- {
		weights[i] = weights[i+1] * 5 / 4
	}
	for i := 21; i < 40; i++ {
		weights[i] = weights[i-1] * 4 / 5
	}
	weights[40] = idleWeight
}

// SetNice gives p the weight of a nice value, -20..19, or with 20 that of
// SCHED_IDLE; others are clamped.
func (p *Process) SetNice(nice int) {
	i := min(max(nice+20, 0), len(weights)-1)
	atomic.StoreUint32(&p.Weight, weights[i])
}

// pay charges ns of the CPU to d. A thread with a higher nice value than its
// process makes it pay more: the libOS says so, which can only harm itself.
func (d *Dispatcher) pay(ns uint64) {
	w := uint64(atomic.LoadUint32(&d.Proc.Weight))
	if w == 0 {
		w = NormalWeight
	}
	if lag := atomic.LoadUint32(&d.Page.Lag); lag != 0 {
		w = max(w*uint64(weights[min(lag, 39)])/uint64(weights[0]), idleWeight)
	}
	d.pass += ns * NormalWeight / w
}

// join gives d, which becomes ready, its place among those of its class that
// wait: not before the one that ran last.
func (q *runQueue) join(d *Dispatcher) {
	if d.pass < q.pass {
		d.pass = q.pass
	}
}
