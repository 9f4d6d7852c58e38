package user

import "go42/linuxapi/errno"

// Timer calls Fn, disabled, once When (monotonic ns) has passed. It must not
// move while it is set. Fn must be short; it may Set the timer again.
type Timer struct {
	When   uint64
	Fn     func(*Timer)
	Arg    uint64
	thread *Thread
	pos    int32 // index in the heap + 1; 0: not set
}

// MaxTimers bounds the timers that are set at a time in one process.
const MaxTimers = 8192

// timers is a binary heap by When. Lock order: before sched.lock.
var timers struct {
	lock SpinLock
	n    int32
	heap [MaxTimers]*Timer
}

// Set makes the timer due at when; a set one is moved. EAGAIN: too many timers.
func (tm *Timer) Set(when uint64) errno.Errno {
	e := tm.set(when)
	was := Disable()
	if d := current(); d.page != nil {
		if d.armed == 0 || when < d.armed {
			d.rearm(d.slice != 0)
		}
	}
	Restore(was)
	return e
}

// set is Set for a caller that is about to enter the scheduler.
func (tm *Timer) set(when uint64) errno.Errno {
	e := errno.EAGAIN
	was := timers.lock.Lock()
	if tm.pos != 0 {
		removeTimer(tm)
	}
	if timers.n < MaxTimers {
		e = errno.OK
		tm.When = when
		timers.heap[timers.n] = tm
		timers.n++
		tm.pos = timers.n
		up(tm.pos - 1)
	}
	timers.lock.Unlock(was)
	return e
}

// Stop takes the timer out; it reports whether it was set.
func (tm *Timer) Stop() bool {
	was := timers.lock.Lock()
	ok := tm.pos != 0
	if ok {
		removeTimer(tm)
	}
	timers.lock.Unlock(was)
	return ok
}

// IsSet reports whether the timer waits.
func (tm *Timer) IsSet() bool { return tm.pos != 0 }

func swap(i, j int32) {
	h := &timers.heap
	h[i], h[j] = h[j], h[i]
	h[i].pos, h[j].pos = i+1, j+1
}

func up(i int32) {
	for i > 0 {
		p := (i - 1) / 2
		if timers.heap[p].When <= timers.heap[i].When {
			return
		}
		swap(i, p)
		i = p
	}
}

func down(i int32) {
	for {
		c := 2*i + 1
		if c >= timers.n {
			return
		}
		if c+1 < timers.n && timers.heap[c+1].When < timers.heap[c].When {
			c++
		}
		if timers.heap[i].When <= timers.heap[c].When {
			return
		}
		swap(i, c)
		i = c
	}
}

func removeTimer(tm *Timer) {
	i := tm.pos - 1
	last := timers.n - 1
	if i != last {
		swap(i, last)
	}
	timers.heap[last] = nil
	timers.n = last
	tm.pos = 0
	if i != last {
		up(i)
		down(i)
	}
}

// earliest is the time of the first timer, 0: none. Disabled; a torn read with
// another dispatcher costs at most an early event.
func earliest() uint64 {
	if timers.n == 0 {
		return 0
	}
	if w := timers.heap[0].When; w != 0 {
		return w
	}
	return 1
}

// expire runs what is due. Disabled. At most n timers, so that the disabled
// section stays short.
func expire(now uint64) {
	for n := 0; n < 64; n++ {
		was := timers.lock.Lock()
		if timers.n == 0 || timers.heap[0].When > now {
			timers.lock.Unlock(was)
			return
		}
		tm := timers.heap[0]
		removeTimer(tm)
		timers.lock.Unlock(was)
		tm.Fn(tm)
	}
}
