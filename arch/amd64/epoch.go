package amd64

import "sync/atomic"

// Epochs. Each CPU counts its entries into the kernel's Go handlers and its
// exits from them in one word: odd while it is in the kernel, even in ring 3 and
// while it is idle. The reflection path does not count: it runs no Go code and
// touches nothing but its own CPU's data and the page of its dispatcher.
//
// Entry and exit are full barriers. So whoever makes an object impossible to
// find and then sees, behind a barrier, an even epoch or later another one,
// knows that the CPU has no reference to that object left from before.

// Epoch returns p's epoch: odd means in the kernel.
func (p *CPU) Epoch() uint64 { return atomic.LoadUint64(&p.epoch) }

// Idle reports whether p waits for an interrupt with nothing to run.
func (p *CPU) Idle() bool { return atomic.LoadUint32(&p.idle) != 0 }

// Grace is a grace period: an epoch for each CPU that was in the kernel when it
// began, 0 for the others. The zero Grace is over.
type Grace [MaxCPU]uint64

// GraceStart begins a grace period. What the caller has stored before (taking an
// object out of what others search) is visible to all CPUs that enter the kernel
// afterwards.
func GraceStart(g *Grace) {
	fence()
	self := This().ID
	for i := range g {
		e := cpus[i].Epoch()
		if e&1 == 0 || i == int(self) || i >= NCPU {
			e = 0
		}
		g[i] = e
	}
}

// GraceOver reports whether each other CPU has been outside the kernel at some
// time since GraceStart. Any CPU may ask.
func GraceOver(g *Grace) bool {
	for i, e := range g {
		if e != 0 && cpus[i].Epoch() == e {
			return false
		}
	}
	return true
}

// fence is a full barrier: stores before it are visible to other CPUs before
// loads after it are done.
func fence() {
	var word uint32
	atomic.AddUint32(&word, 0)
}

// Quiesce says that the executing CPU, which stays in the kernel, holds no
// reference from before: as good as having been outside.
func Quiesce() { atomic.AddUint64(&This().epoch, 2) }
