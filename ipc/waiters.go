package ipc

// Waiters is who wants to hear of a change of an object: for each process a
// mask of conditions, and channels. A process is notified once and has to ask
// again: one that ignores notifications costs nothing. The zero value is
// ready; guarded by the lock of the object it is part of.
type Waiters struct {
	m map[uint64]waiter
}

type waiter struct {
	mask     uint64
	channels uint64
}

// Arm remembers process kpid for the conditions in mask. wait is a method's
// argument: channel+1; 0 does nothing.
func (w *Waiters) Arm(kpid, wait, mask uint64) {
	if wait == 0 || wait > 64 {
		return
	}
	if w.m == nil {
		w.m = map[uint64]waiter{}
	}
	x := w.m[kpid]
	x.mask |= mask
	x.channels |= 1 << (wait - 1)
	w.m[kpid] = x
}

// Wake notifies everyone who waits for a condition in mask, once.
func (w *Waiters) Wake(k Kernel, mask uint64) {
	for pid, x := range w.m {
		if x.mask&mask == 0 {
			continue
		}
		delete(w.m, pid)
		for ch := uint64(0); x.channels != 0; ch++ {
			if x.channels&1 != 0 {
				k.Notify(pid, ch)
			}
			x.channels >>= 1
		}
	}
}

// Empty: nobody waits.
func (w *Waiters) Empty() bool { return len(w.m) == 0 }
