//go:build go42kernel

package spin

// pause is the PAUSE instruction: this CPU waits for another.
func pause()

// ID returns the number of the CPU that executes it, below MaxCPU.
func ID() int

// IDOffset is where a CPU's number lies behind GS base (arch/amd64.CPU).
const IDOffset = 72
