package sched

import "sync/atomic"

// Usage is what a CPU has done since start; times in ns.
type Usage struct {
	Switches       uint64 // of dispatchers
	IdleNS, UserNS uint64 // without work; in ring 3
	Runnable       uint64 // dispatchers that run or could
}

// Usage returns what CPU c has done, for any CPU that asks: what it does now
// counts as well.
func (c *CPU) Usage() Usage {
	now := Now()
	u := Usage{Switches: atomic.LoadUint64(&c.switches), IdleNS: c.idling.Load().At(now), UserNS: c.using.Load().At(now)}
	for i := range c.queue {
		u.Runnable += uint64(c.queue[i].n) // as of some moment
	}
	if c.using.Load().Runs() {
		u.Runnable++
	}
	return u
}
