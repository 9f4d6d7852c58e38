//go:build !go42kernel

package spin

import "runtime"

func pause() { runtime.Gosched() }

// CPU returns the number of the CPU that a host test plays; nil: there is one.
var CPU func() int

// ID returns the number of the CPU that executes it, below MaxCPU.
func ID() int {
	if CPU == nil {
		return 0
	}
	return CPU()
}
