package user

import (
	"sync/atomic"

	"go42/ipc/abi"
	"go42/linuxapi/entry"
	"go42/linuxapi/native"
)

// The barrier of fork: the child gets a copy of this libOS in which nobody else
// holds a spin lock. The forking dispatcher raises it and waits until the others
// are at rest: clean, between threads. One that an upcall wakes meanwhile touches
// nothing but itself and goes back.

// barrier is 1 + the index of the dispatcher that raised it; 0: down. Atomic.
var barrier uint32

// Stop brings all other dispatchers to rest. On the scheduler stack; one at a time
// (the caller holds a mutex).
func Stop() {
	if !several() {
		return
	}
	d := current()
	for !atomic.CompareAndSwapUint32(&spawning, 0, 1) {
		relax() // one is being added
	}
	atomic.StoreUint32(&barrier, d.index+1)
	ds := all()
	for i := range ds {
		e := &ds[i]
		if e == d {
			continue
		}
		for atomic.LoadUint32(&e.rest) == 0 {
			poke(e)
			relax()
		}
	}
}

// Go lets them go on.
func Go() {
	if !several() {
		return
	}
	atomic.StoreUint32(&barrier, 0)
	atomic.StoreUint32(&spawning, 0)
	ds := all()
	for i := range ds {
		if atomic.LoadUint32(&ds[i].parked) != 0 {
			poke(&ds[i])
		}
	}
}

// stopped reports whether d has to be at rest.
func (d *Dispatcher) stopped() bool {
	b := atomic.LoadUint32(&barrier)
	return b != 0 && b != d.index+1
}

// wait rests until the barrier goes. On the scheduler stack; it does not return,
// or returns for another look.
func (d *Dispatcher) wait() {
	p := entry.TakePending()
	// Its timers too: they are looked at afterwards, and nothing is due meanwhile.
	d.held |= p&^abi.EventPoke | abi.EventTimer
	if p&abi.EventPoke != 0 {
		atomic.StoreUint32(&d.poked, 0)
	}
	d.slice, d.armed = 0, 0
	d.page.Deadline, d.page.Runnable = 0, 0
	atomic.StoreUint32(&d.rest, 1)
	atomic.StoreUint32(&d.parked, 1)
	if d.stopped() {
		native.Yield(false)
	}
	d.back()
}
