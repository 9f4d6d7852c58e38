package mm

import (
	"sync/atomic"

	"go42/mm/spin"
)

// maxCPU bounds the CPU numbers (amd64.MaxCPU).
const maxCPU = 8

// perCPU is what only its own CPU touches: no lock. The caches of frames and of
// pool entries, which others may take from when there is nothing else, have
// locks of their own (frames.go, pool.go).
type perCPU struct {
	current *AddressSpace      // that is loaded; nil: the kernel's own tables
	va      [flushPages]uint64 // argument of ShootDown
	serial  uint64             // of the FCMs made here
	copying bool               // a fault is the kernel's copy's: see Account.aboveHalf
	views   [numViews]uintptr  // halves that this CPU looks into (view.go); others read it: atomic
	_       [64]byte
}

// cpuID returns the number of the CPU that executes it.
func cpuID() int { return spin.ID() & (maxCPU - 1) }

// Activate loads as's root on this CPU. nil loads the kernel's own tables.
// From then on as is told of to those who change its page tables, until
// another one has been loaded here.
func (as *AddressSpace) Activate() {
	id := cpuID()
	c := &mem.cpus[id]
	old := c.current
	if old == as {
		return
	}
	root := mem.rootTmpl
	if as != nil {
		// Before the root is loaded, so that whoever changes an entry and then
		// does not find the bit has changed it before this CPU can have read it.
		atomic.OrUint64(&as.active, 1<<id)
		root = as.Root
	}
	c.current = as
	if mem.hooks.LoadRoot != nil && root != 0 {
		mem.hooks.LoadRoot(root)
	}
	if old != nil {
		atomic.AndUint64(&old.active, ^(1 << id)) // what was cached is forgotten
	}
}

// Active returns the CPUs that have as loaded, as a mask.
func (as *AddressSpace) Active() uint64 { return atomic.LoadUint64(&as.active) }
