//go:build !go42kernel

package sched

// Stand-ins for the processor on the host: time is what the test says, and a
// context is only its registers.

// HostTime is the time-stamp counter of host tests, at 1 GHz.
var HostTime uint64

func cpuNumber() int          { return 0 }
func tsc() uint64             { return HostTime }
func tscHz() uint64           { return 1_000_000_000 }
func armTimer(at uint64)      { hostTimer = at }
func interruptPending() bool  { return false }
func saveState(d *Dispatcher) {}
func load(d *Dispatcher)      {}

var hostTimer uint64

// HostLeave takes the timer's interrupt, if it is due, and ends the kernel entry.
func HostLeave(c *CPU) {
	if hostTimer != 0 && HostTime >= hostTimer {
		hostTimer = 0
		c.TimerFired()
	}
	c.Leave()
}
