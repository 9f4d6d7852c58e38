package user

import (
	"sync/atomic"

	"go42/ipc/abi"
	"go42/linuxapi/entry"
	"go42/linuxapi/native"
)

// The barrier of fork: the child gets a copy of this libOS in which nobody else
// holds a spin lock. The forking dispatcher raises it and sleeps until the others
// are at rest: clean, between threads. One that an upcall wakes meanwhile touches
// nothing but itself and goes back. Who waits does not spin: on the others' CPUs
// other processes may have the turn.

// barrier is 1 + the index of the dispatcher that raised it; 0: down. Atomic.
var barrier uint32

// Alone saves the current thread, t, and runs f on the scheduler stack while all
// other dispatchers are at rest; the thread goes on when f has made it Ready. Call
// it disabled; one at a time (the caller holds a mutex).
func Alone(t *Thread, f func(t *Thread)) {
	t.alone = f
	OnScheduler(t, raise)
}

func raise(t *Thread) {
	d := current()
	for n := 0; !atomic.CompareAndSwapUint32(&spawning, 0, 1); n++ {
		pause(n) // one is being added
	}
	d.alone = t
	atomic.StoreUint32(&barrier, d.index+1)
}

// atBarrier is what a dispatcher does while the barrier is up. On the scheduler
// stack; it does not return, or returns for another look.
func (d *Dispatcher) atBarrier(by uint32) {
	// Events are put off. Timers too: they are looked at afterwards, and nothing is
	// due meanwhile.
	p := entry.TakePending()
	d.held |= p&^abi.EventPoke | abi.EventTimer
	if p&abi.EventPoke != 0 {
		atomic.StoreUint32(&d.poked, 0)
	}
	d.slice, d.armed = 0, 0
	d.page.Deadline, d.page.Runnable = 0, 0
	if by == d.index+1 {
		d.awaitRest()
		return
	}
	atomic.StoreUint32(&d.rest, 1)
	atomic.StoreUint32(&d.parked, 1)
	if atomic.LoadUint32(&barrier) == by {
		poke(&disps[by-1])
		native.Yield(false)
	}
	d.back()
}

// awaitRest does what was to be done alone, once all others are at rest.
func (d *Dispatcher) awaitRest() {
	ds := all()
	rest := true
	for i := range ds {
		if e := &ds[i]; e != d && atomic.LoadUint32(&e.rest) == 0 {
			poke(e)
			rest = false
		}
	}
	if !rest {
		native.Yield(false) // each that comes to rest pokes
		return
	}
	t := d.alone
	d.alone = nil
	t.alone(t)
	atomic.StoreUint32(&barrier, 0)
	atomic.StoreUint32(&spawning, 0)
	for i := range ds {
		if atomic.LoadUint32(&ds[i].parked) != 0 {
			poke(&ds[i])
		}
	}
}

// stopped reports whether d has to go to the barrier.
func stopped() bool { return atomic.LoadUint32(&barrier) != 0 }

// Membarrier returns when every other dispatcher has been through the scheduler, or
// the kernel, since the call: what its threads had stored is visible, and they see
// what the caller has.
func Membarrier() {
	ds := all()
	for i := range ds {
		e := &ds[i]
		was := Disable()
		if e != current() && atomic.LoadUint32(&e.rest) == 0 {
			poke(e)
		}
		Restore(was)
		for atomic.LoadUint32(&e.poked) != 0 && atomic.LoadUint32(&e.rest) == 0 {
			Sleep(Now()+100_000, false)
		}
	}
}
