package sched

import "sync/atomic"

// Within a class the CPU is shared in proportion to weights (stride
// scheduling): each dispatcher has a pass, the time that it has run divided by
// its weight, and the one with the least runs next. One that slept does not
// save up: it begins at most sleepCredit before the one that ran last; but the
// turn of who runs ends when that one is wakeGrain ahead of it (enqueue). A PPC runs
// on its caller's time: what servers use until the turn ends is the payer's.

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

// pay charges ns of the CPU to d.
func (d *Dispatcher) pay(ns uint64) { d.pass += d.virtual(ns) }

// virtual is what ns of the CPU are worth to d. A thread with a higher nice value than
// its process makes it pay more: the libOS says so, which can only harm itself.
func (d *Dispatcher) virtual(ns uint64) uint64 {
	w := uint64(atomic.LoadUint32(&d.Proc.Weight))
	if w == 0 {
		w = NormalWeight
	}
	if lag := atomic.LoadUint32(&d.Page.Lag); lag != 0 {
		w = max(w*uint64(weights[min(lag, 39)])/uint64(weights[0]), idleWeight)
	}
	return ns * NormalWeight / w
}

// turn is for how many ns d runs while others wait: who has a small share has short
// turns, rather than none for long.
func (d *Dispatcher) turn() uint64 {
	w := uint64(atomic.LoadUint32(&d.Proc.Weight))
	if w >= NormalWeight || w == 0 {
		return slice
	}
	return max(slice*w/NormalWeight, leastSlice)
}

// join gives d, which becomes ready, its place among those of its class that
// wait: not before the one that ran last, or by sleepCredit if it has run before.
// New ones have none: children that each live shortly would keep the CPU.
func (q *runQueue) join(d *Dispatcher) {
	least := q.pass
	if d.pass != 0 {
		least -= min(least, sleepCredit)
	}
	d.pass = max(d.pass, least)
}
