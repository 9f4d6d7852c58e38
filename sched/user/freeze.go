package user

import "sync/atomic"

// Freezing: for exec, whose process is to change under no thread's hands but the
// caller's. The others are stopped where they are between two turns, and go on if
// the exec fails. They may hold mutexes then, and wait for some: the caller holds
// those that it will need when it calls Freeze, and lets them go afterwards. A mutex
// that is unlocked meanwhile is given to nobody.

// sole is the address of the only thread that may run; 0: all may. Atomic; set
// behind the barrier, so that no other runs when it is.
var sole uint64

// frozen are ready threads that may not run.
var frozen = struct {
	lock SpinLock
	list list
}{list: list{kind: 1}}

// Freeze stops all threads but the calling one, as Alone does; one at a time.
func Freeze() {
	was := Disable()
	Alone(Current(), func(t *Thread) {
		atomic.StoreUint64(&sole, holder(t))
		t.Ready()
	})
	Restore(was)
}

// Thaw lets the threads go on that Freeze has stopped.
func Thaw() {
	was := Disable()
	frozen.lock.take()
	atomic.StoreUint64(&sole, 0)
	frozen.lock.drop()
	for {
		frozen.lock.take()
		t := frozen.list.pop()
		frozen.lock.drop()
		if t == nil {
			break
		}
		enqueue(t, false)
	}
	Restore(was)
}

// freeze puts t, which is out of its queue and was to run, aside if it may not.
func freeze(t *Thread) bool {
	return atomic.LoadUint64(&sole) != 0 && putAside(t)
}

func putAside(t *Thread) bool {
	if atomic.LoadUint64(&sole) == holder(t) {
		return false
	}
	frozen.lock.take()
	still := atomic.LoadUint64(&sole) != 0
	if still {
		t.setState(Ready)
		frozen.list.push(t)
	}
	frozen.lock.drop()
	return still
}
