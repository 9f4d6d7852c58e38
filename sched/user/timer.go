package user

import (
	"sync/atomic"

	"go42/linuxapi/errno"
)

// Timer calls Fn, disabled, once When (monotonic ns) has passed. It must not
// move while it is set; one at a time sets and stops it. Fn must be short; it may
// Set the timer again. Fn may still run on another dispatcher when Stop has
// returned: it looks whether there is something to do, under a lock of its own.
type Timer struct {
	When   uint64
	Fn     func(*Timer)
	Arg    uint64
	thread *Thread // a timeout of its wait number Arg, instead of Fn
	pos    int32   // index in the heap + 1; 0: not set. Guarded by the heap
	on     uint32  // number of its heap's dispatcher + 1; 0: not set. Atomic
}

// MaxTimers bounds the timers that are set at a time on one dispatcher.
const MaxTimers = 8192

// heap is a dispatcher's timers: a binary heap by When. Only one heap is locked
// at a time, and none while a timer's function runs.
type heap struct {
	lock SpinLock
	n    int32
	// first is the time of the earliest timer, 0: none. Atomic; written under lock.
	first uint64
	all   [MaxTimers]*Timer
}

// Set makes the timer due at when; a set one is moved. EAGAIN: too many timers.
func (tm *Timer) Set(when uint64) errno.Errno {
	was := Disable()
	d := current()
	e := tm.set(d, when)
	if d.armed == 0 || when < d.armed {
		d.rearm(d.slice != 0)
	}
	Restore(was)
	return e
}

// set is Set for a caller that is about to enter the scheduler. Disabled.
func (tm *Timer) set(d *Dispatcher, when uint64) errno.Errno {
	tm.Stop()
	h := &d.timers
	h.lock.take()
	e := errno.EAGAIN
	if h.n < MaxTimers {
		e = errno.OK
		tm.When = when
		h.all[h.n] = tm
		h.n++
		tm.pos = h.n
		atomic.StoreUint32(&tm.on, d.index+1)
		h.up(tm.pos - 1)
		h.note()
	}
	h.lock.drop()
	return e
}

// Stop takes the timer out; it reports whether it was set.
func (tm *Timer) Stop() bool {
	for {
		i := atomic.LoadUint32(&tm.on)
		if i == 0 {
			return false
		}
		h := &disps[i-1].timers
		was := h.lock.Lock()
		ok := atomic.LoadUint32(&tm.on) == i
		if ok {
			h.remove(tm)
		}
		h.lock.Unlock(was)
		if ok {
			return true
		}
	}
}

// IsSet reports whether the timer waits.
func (tm *Timer) IsSet() bool { return atomic.LoadUint32(&tm.on) != 0 }

func (h *heap) swap(i, j int32) {
	a := &h.all
	a[i], a[j] = a[j], a[i]
	a[i].pos, a[j].pos = i+1, j+1
}

func (h *heap) up(i int32) {
	for i > 0 {
		p := (i - 1) / 2
		if h.all[p].When <= h.all[i].When {
			return
		}
		h.swap(i, p)
		i = p
	}
}

func (h *heap) down(i int32) {
	for {
		c := 2*i + 1
		if c >= h.n {
			return
		}
		if c+1 < h.n && h.all[c+1].When < h.all[c].When {
			c++
		}
		if h.all[i].When <= h.all[c].When {
			return
		}
		h.swap(i, c)
		i = c
	}
}

func (h *heap) remove(tm *Timer) {
	i := tm.pos - 1
	last := h.n - 1
	if i != last {
		h.swap(i, last)
	}
	h.all[last] = nil
	h.n = last
	tm.pos = 0
	atomic.StoreUint32(&tm.on, 0)
	if i != last {
		h.up(i)
		h.down(i)
	}
	h.note()
}

// note brings first up to date.
func (h *heap) note() {
	at := uint64(0)
	if h.n != 0 {
		at = max(h.all[0].When, 1)
	}
	atomic.StoreUint64(&h.first, at)
}

// reset empties the heap: in a child, whose parent's timers are not its own.
func (h *heap) reset() {
	for i := int32(0); i < h.n; i++ {
		h.all[i].pos, h.all[i].on = 0, 0
		h.all[i] = nil
	}
	h.lock, h.n, h.first = SpinLock{}, 0, 0
}

// earliest is the time of the first timer, 0: none.
func (h *heap) earliest() uint64 { return atomic.LoadUint64(&h.first) }

// expire runs what is due. Disabled. At most 64 timers, so that the disabled
// section stays short: the deadline is then set to what is overdue.
func (h *heap) expire(now uint64) {
	for n := 0; n < 64; n++ {
		if at := h.earliest(); at == 0 || at > now {
			return
		}
		h.lock.take()
		if h.n == 0 || h.all[0].When > now {
			h.lock.drop()
			return
		}
		tm := h.all[0]
		// Before it is out: then the owner may change it.
		t, fn, arg := tm.thread, tm.Fn, tm.Arg
		h.remove(tm)
		h.lock.drop()
		if t != nil {
			t.timeout(uint32(arg))
		} else {
			fn(tm)
		}
	}
}
