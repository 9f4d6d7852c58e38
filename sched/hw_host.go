//go:build !go42kernel

package sched

import (
	"sync/atomic"

	"go42/ipc/handle"
	"go42/mm/spin"
)

// Stand-ins for the processor on the host: time is what the test says, and a
// context is only its registers. A test plays all CPUs in turn, or, with spin.CPU
// set, at once.

// HostTime is the time-stamp counter of host tests, at 1 GHz.
var HostTime uint64

// HostCPU is the CPU that executes, HostCPUs how many there are.
var HostCPU, HostCPUs = 0, 1

// HostIPI has a bit for each CPU that has been sent an interrupt.
var HostIPI uint64

func cpuNumber() int {
	if spin.CPU != nil {
		return spin.CPU()
	}
	return HostCPU
}

func numCPU() int             { return HostCPUs }
func tsc() uint64             { return atomic.LoadUint64(&HostTime) }
func tscHz() uint64           { return 1_000_000_000 }
func armTimer(at uint64)      { hostTimer[cpuNumber()] = at }
func interruptPending() bool  { return spin.CPU != nil && HostInterrupted() }
func saveState(d *Dispatcher) {}
func load(d *Dispatcher)      {}
func reschedule(cpu int)      { atomic.OrUint64(&HostIPI, 1<<cpu) }

// HostEpoch counts each CPU's entries and exits: odd in the kernel. It stays 0 where
// a test plays all CPUs in turn: the others are outside then, unless HostLingers
// says that one is not.
var HostEpoch [64]uint64

type epochs [64]uint64

func snapshot(e *epochs) {
	self := cpuNumber()
	for i := range e {
		e[i] = atomic.LoadUint64(&HostEpoch[i])
		if i == self || e[i]&1 == 0 {
			e[i] = 0
		}
	}
}

func passed(e *epochs) bool {
	for i, v := range e {
		if v != 0 && atomic.LoadUint64(&HostEpoch[i]) == v {
			return false
		}
	}
	return !HostLingers
}

// HostLingers makes grace periods last.
var HostLingers bool

func quiesce() {
	if e := &HostEpoch[cpuNumber()]; atomic.LoadUint64(e)&1 != 0 {
		atomic.AddUint64(e, 2)
	}
}

var hostTimer [64]uint64

// HostInterrupted reports whether an interrupt waits for the CPU that executes.
func HostInterrupted() bool {
	i := cpuNumber()
	at := hostTimer[i]
	return atomic.LoadUint64(&HostIPI)>>i&1 != 0 || at != 0 && tsc() >= at
}

// HostLeave takes the timer's interrupt, if it is due, and ends the kernel entry.
func HostLeave(c *CPU) {
	if at := hostTimer[c.ID]; at != 0 && tsc() >= at {
		hostTimer[c.ID] = 0
		c.TimerFired()
	}
	c.Leave()
}

// HostLasts calls f for all that PopLast of p would find.
func HostLasts(p *Process, f func(g *handle.Grant)) {
	for i := range p.lasts {
		for _, g := range [...]*handle.Grant{p.lasts[i].told, p.lasts[i].pushed} {
			for ; g != nil; g = g.Next {
				f(g)
			}
		}
	}
}
