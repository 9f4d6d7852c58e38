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
	u := Usage{Switches: atomic.LoadUint64(&c.switches), IdleNS: c.idling.read(now), UserNS: c.using.read(now)}
	for i := range c.queue {
		u.Runnable += uint64(c.queue[i].n) // as of some moment
	}
	if c.using.runs() {
		u.Runnable++
	}
	return u
}

// stopwatch adds up the times from each start to the next stop. One CPU starts
// and stops it, others read it and see the sum grow all the time: it is one
// word. That is the sum while it is stopped, and the sum less the moment of the
// start while it runs; bit 0, for which the clock has no use, says that it runs.
type stopwatch struct{ word uint64 }

func (s *stopwatch) start(now uint64) {
	if s.word&1 == 0 {
		atomic.StoreUint64(&s.word, s.word-now&^1|1)
	}
}

func (s *stopwatch) stop(now uint64) {
	if s.word&1 != 0 {
		atomic.StoreUint64(&s.word, s.word&^1+now&^1)
	}
}

// runs says that it was started and not stopped.
func (s *stopwatch) runs() bool { return atomic.LoadUint64(&s.word)&1 != 0 }

// read returns the sum in ns, up to now if it runs.
func (s *stopwatch) read(now uint64) uint64 {
	w := atomic.LoadUint64(&s.word)
	if w&1 == 0 {
		return w
	}
	if sum := w&^1 + now&^1; int64(sum) > 0 {
		return sum
	}
	return 0 // this CPU's clock is behind the other's
}
