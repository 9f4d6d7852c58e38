package sched

import (
	"sync/atomic"

	"go42/mm/spin"
)

// A debug build can make all other CPUs stand still, so that the structures of
// the whole machine can be looked at. They do the work that they have put off
// before, so that what is left over is what is in use.

const (
	pauseSettle = 1 + iota // do what has been put off
	pauseStill             // do nothing
)

var pausing uint32 // atomic; one of the above, 0: nobody asks

// StopOthers makes the other CPUs stand still, with no deferred work left on
// any; false: another CPU has asked for that. Debug builds only, at the end of a
// kernel entry that holds nothing. more does what is deferred elsewhere than in
// jobs, and says whether it did something.
func (c *CPU) StopOthers(more func() bool) bool {
	if !atomic.CompareAndSwapUint32(&pausing, 0, pauseSettle) {
		return false
	}
	for i := range numCPU() {
		if i != c.ID {
			reschedule(i)
		}
	}
	for {
		c.settle()
		busy := more() || c.jobs != nil || c.hasMail()
		for i := range numCPU() {
			if x := &cpus[i]; x != c && atomic.LoadUint32(&x.paused) != pauseSettle {
				busy = true // it is on its way here, or works
			}
		}
		if !busy {
			break
		}
	}
	atomic.StoreUint32(&pausing, pauseStill)
	for i := range numCPU() {
		for i != c.ID && atomic.LoadUint32(&cpus[i].paused) != pauseStill {
			quiesce()
		}
	}
	return true
}

// ResumeOthers ends what StopOthers began.
func (c *CPU) ResumeOthers() { atomic.StoreUint32(&pausing, 0) }

// settle does a piece of what this CPU has put off.
func (c *CPU) settle() {
	c.now = 0
	if c.hasMail() {
		c.readMail()
	}
	if c.owner != nil && c.owner.State() == Dying {
		c.unloadDead()
	}
	c.step()
	quiesce()
}

// pause is the part of a CPU that another one has stopped.
func (c *CPU) pause() {
	for {
		switch atomic.LoadUint32(&pausing) {
		case 0:
			atomic.StoreUint32(&c.paused, 0)
			return
		case pauseSettle:
			c.settle()
			state := uint32(0)
			if c.jobs == nil && !c.hasMail() {
				state = pauseSettle
			}
			atomic.StoreUint32(&c.paused, state)
		case pauseStill:
			atomic.StoreUint32(&c.paused, pauseStill)
			quiesce()
		}
	}
}

// checkPause is where CPUs stop.
func (c *CPU) checkPause() {
	if spin.Debug && atomic.LoadUint32(&pausing) != 0 {
		c.pause()
	}
}
