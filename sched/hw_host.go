//go:build !go42kernel

package sched

import "go42/ipc/handle"

// Stand-ins for the processor on the host: time is what the test says, and a
// context is only its registers. A test plays all CPUs in turn.

// HostTime is the time-stamp counter of host tests, at 1 GHz.
var HostTime uint64

// HostCPU is the CPU that executes, HostCPUs how many there are.
var HostCPU, HostCPUs = 0, 1

// HostIPI has a bit for each CPU that has been sent an interrupt.
var HostIPI uint64

func cpuNumber() int          { return HostCPU }
func numCPU() int             { return HostCPUs }
func tsc() uint64             { return HostTime }
func tscHz() uint64           { return 1_000_000_000 }
func armTimer(at uint64)      { hostTimer[HostCPU] = at }
func interruptPending() bool  { return false }
func saveState(d *Dispatcher) {}
func load(d *Dispatcher)      {}
func reschedule(cpu int)      { HostIPI |= 1 << cpu }

// One CPU at a time is in the kernel: whoever asks, the others are outside, unless
// HostLingers says that one is not.
type epochs struct{}

func snapshot(*epochs)    {}
func passed(*epochs) bool { return !HostLingers }

// HostLingers makes grace periods last.
var HostLingers bool

func quiesce() {}

var hostTimer [64]uint64

// HostLeave takes the timer's interrupt, if it is due, and ends the kernel entry.
func HostLeave(c *CPU) {
	if at := hostTimer[c.ID]; at != 0 && HostTime >= at {
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
