package user

import (
	"math/bits"
	"sync/atomic"

	"go42/linuxapi/native"
)

// CPUs is the mask of CPUs on which t may run; 0: all.
func (t *Thread) CPUs() uint64 { return atomic.LoadUint64(&t.cpus) }

// InheritCPUs is SetCPUs for a thread that was not started.
func (t *Thread) InheritCPUs(mask uint64) { t.cpus = mask }

// SetCPUs lets t run on the CPUs in mask only (0: on all), from now on: the
// calling thread is there when it returns.
func (t *Thread) SetCPUs(mask uint64) {
	was := Disable()
	atomic.StoreUint64(&t.cpus, mask)
	if t != Current() {
		// Where it is queued, or runs, it is looked at again.
		if several() {
			poke(&disps[atomic.LoadUint32(&t.disp)])
		}
	} else {
		// A dispatcher may have to be added, which others may hold up.
		for n := 0; n < 100 && !current().allows(t); n++ {
			yieldCurrent()
		}
	}
	Restore(was)
}

// MoveAll lets the process's only dispatcher run on one of the CPUs in mask (0: it
// may be anywhere).
func MoveAll(mask uint64) {
	was := Disable()
	d := current()
	if mask != 0 && !several() && mask>>(CPU()&63)&1 == 0 {
		cpu := uint32(bits.TrailingZeros64(mask))
		if native.SetCPU(uint64(d.index), uint64(cpu)) >= 0 {
			atomic.StoreUint32(&d.cpu, cpu)
		}
	}
	Restore(was)
}

// ToFirst brings the current thread to dispatcher 0, for exec, and keeps it there.
func ToFirst() {
	t := Current()
	was := Disable()
	t.bindTo(&disps[0])
	Restore(was)
}

// bindTo keeps the current thread on d. Disabled; it may switch.
func (t *Thread) bindTo(d *Dispatcher) {
	t.bound = d
	for current() != d {
		yieldCurrent()
	}
}
