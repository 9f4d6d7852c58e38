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
	if mask != 0 && !several() && mask != told {
		// Other threads may go elsewhere: this one's place is that of the
		// dispatcher, which the kernel must not move then.
		cpu := CPU()
		settle(cpu, 1<<cpu)
	}
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

// told is the mask of CPUs among which the kernel may move the only dispatcher, as
// the libOS has told it; 0: all. Only while there is one.
var told uint64

// MoveAll lets the process's only dispatcher, which has the only thread, run on the
// CPUs in mask only (0: on all): it is on one of them when this returns.
func MoveAll(mask uint64) {
	was := Disable()
	if !several() && mask|told != 0 {
		cpu := CPU()
		if mask != 0 && mask>>(cpu&63)&1 == 0 {
			cpu = uint32(bits.TrailingZeros64(mask))
		}
		settle(cpu, mask)
	}
	Restore(was)
}

// settle brings the only dispatcher to cpu, and has the kernel keep it among those
// in mask (0: all). Disabled.
func settle(cpu uint32, mask uint64) {
	d := current()
	only := mask
	if mask == 0 {
		only = ^uint64(0)
	}
	if native.SetCPU(uint64(d.index), uint64(cpu), only) >= 0 {
		atomic.StoreUint32(&d.cpu, cpu)
		told = mask
	}
}

// ToFirst brings the current thread to dispatcher 0, for exec, and keeps it there.
func ToFirst() {
	t := Current()
	was := Disable()
	t.bindTo(&disps[0])
	Restore(was)
}

// bind keeps t, which is the current thread, on d from the next time on that it is
// queued; nil: on none.
func (t *Thread) bind(d *Dispatcher) {
	n := uint32(0)
	if d != nil {
		n = d.index + 1
	}
	atomic.StoreUint32(&t.bound, n)
}

// bindTo keeps the current thread on d. Disabled; it may switch.
func (t *Thread) bindTo(d *Dispatcher) {
	t.bind(d)
	for current() != d {
		yieldCurrent()
	}
}
