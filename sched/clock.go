package sched

import (
	"math/bits"

	"go42/arch/amd64"
)

// clock turns the time-stamp counter into ns since start: the same formula
// that abi.InfoPage publishes.
var clock struct {
	base, mult, shift uint64
}

// InitClock makes this moment 0 and returns base, multiplier and shift for
// the info page. Start-up only.
func InitClock() (base, mult, shift uint64) {
	clock.mult, clock.shift = amd64.MultShift(tscHz())
	clock.base = tsc()
	return clock.base, clock.mult, clock.shift
}

// Now returns monotonic time in ns since start.
func Now() uint64 {
	hi, lo := bits.Mul64(tsc()-clock.base, clock.mult)
	return hi<<((64-clock.shift)&63) | lo>>(clock.shift&63) // the masks: as the processor does
}

// tscAt returns the counter's value at ns, rounded up.
func tscAt(ns uint64) uint64 {
	hi, lo := ns>>(64-clock.shift), ns<<clock.shift
	if hi >= clock.mult {
		return ^uint64(0)
	}
	q, _ := bits.Div64(hi, lo, clock.mult)
	if q > 1<<62 {
		return ^uint64(0)
	}
	return clock.base + q + 1
}
