package sched

import (
	"sync/atomic"

	"go42/ipc/abi"
	"go42/mm/spin"
)

// A debug build can preempt at odd places (go42.inject on the kernel's command
// line): the timer is set to a random moment shortly after each return to ring
// 3, and what runs there then gets an event, is asked to yield, or is preempted
// hard. With counted instructions (icount) each boundary between two
// instructions comes up in the end. Cover notes where it was.

// injecting is set at start-up.
var injecting bool

// Inject turns it on. Start-up only; nothing happens but in a debug build.
func Inject() { injecting = spin.Debug }

// odds is a CPU's source of chance (xorshift64).
func (c *CPU) odds() uint64 {
	x := c.chance
	if x == 0 {
		x = 0x9e3779b97f4a7c15 + uint64(c.ID)
	}
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	c.chance = x
	return x
}

// inject does something to who was interrupted. Called when the timer has fired.
func (c *CPU) inject() {
	d := c.Current
	if d == nil {
		return
	}
	switch c.odds() % 8 {
	case 0:
		c.Preempt(false)
	case 1, 2:
		atomic.OrUint64(&d.Page.Pending, abi.EventYield)
	case 3, 4, 5:
		atomic.OrUint64(&d.Page.Pending, abi.EventTimer)
	}
}

// injectNext sets the timer for the next time: from within the kernel's own way
// out to some thousands of instructions later.
func (c *CPU) injectNext() {
	x := c.odds()
	armTimer(tsc() + 100 + x>>8%(1<<(5+x%9)))
	c.armed = 0
}

// Cover is a bit for each byte of a piece of code at which somebody was
// interrupted.
type Cover struct {
	lo, hi uint64
	bits   [16]uint64
}

// Watch makes v about [lo, hi), of which the first 1,024 bytes count.
func (v *Cover) Watch(lo, hi uint64) { v.lo, v.hi = lo, min(hi, lo+uint64(len(v.bits))*64) }

// Hit notes an interrupt at rip.
func (v *Cover) Hit(rip uint64) {
	if rip >= v.lo && rip < v.hi {
		i := rip - v.lo
		atomic.OrUint64(&v.bits[i/64], 1<<(i%64))
	}
}

// Each calls f for each offset that was hit.
func (v *Cover) Each(f func(off uint64)) {
	for i := range v.hi - v.lo {
		if v.bits[i/64]>>(i%64)&1 != 0 {
			f(i)
		}
	}
}
