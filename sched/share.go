package sched

import "sync/atomic"

// Within a class the CPU is shared in proportion to weights (stride
// scheduling): each dispatcher has a pass, the time that it has run divided by
// its weight, and the one with the least runs next. One that slept does not
// save up: it begins at the least pass of those that wait. A PPC runs on its
// caller's time: what servers use until the turn ends is the payer's.

// NormalWeight is the weight of nice 0.
const NormalWeight = 1024

// weights is the weight of each nice value, -20 first: a step is a fifth, so
// that between two dispatchers one step of nice moves a tenth of the CPU.
var weights [40]uint32

func initWeights() {
	weights[20] = NormalWeight
	for i := 19; i >= 0; i-- {
		weights[i] = weights[i+1] * 5 / 4
	}
	for i := 21; i < len(weights); i++ {
		weights[i] = weights[i-1] * 4 / 5
	}
}

// SetNice gives p the weight of a nice value, -20..19; others are clamped.
func (p *Process) SetNice(nice int) {
	i := min(max(nice+20, 0), len(weights)-1)
	atomic.StoreUint32(&p.Weight, weights[i])
}

// pay charges ns of the CPU to d.
func (d *Dispatcher) pay(ns uint64) {
	w := uint64(atomic.LoadUint32(&d.Proc.Weight))
	if w == 0 {
		w = NormalWeight
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
