//go:build go42debug

package mm

const lockDebug = true

// LockCPU returns the number of the running CPU (below maxLockCPU); nil means
// CPU 0. The kernel sets it before it starts a second CPU.
var LockCPU func() int

const maxLockCPU = 64

// lockHeld is, for each CPU, the stack of locks that it holds.
var lockHeld [maxLockCPU]struct {
	n     int
	locks [16]*Lock
	try   [16]bool
}

func lockCPU() int {
	if LockCPU == nil {
		return 0
	}
	return LockCPU()
}

func lockPush(l *Lock) {
	h := &lockHeld[lockCPU()]
	for i := 0; i < h.n; i++ {
		o := h.locks[i]
		if o == l {
			panic("mm: lock acquired twice")
		}
		if h.try[i] {
			continue
		}
		if o.rank > l.rank || o.rank == l.rank && l.rank > rankFCM {
			panic("mm: lock order")
		}
	}
	if h.n == len(h.locks) {
		panic("mm: too many locks held")
	}
	h.locks[h.n], h.try[h.n] = l, false
	h.n++
}

func lockPushTry(l *Lock) {
	h := &lockHeld[lockCPU()]
	if h.n == len(h.locks) {
		panic("mm: too many locks held")
	}
	h.locks[h.n], h.try[h.n] = l, true
	h.n++
}

func lockPop(l *Lock) {
	h := &lockHeld[lockCPU()]
	for i := h.n - 1; i >= 0; i-- {
		if h.locks[i] == l {
			copy(h.locks[i:h.n-1], h.locks[i+1:h.n])
			copy(h.try[i:h.n-1], h.try[i+1:h.n])
			h.n--
			h.locks[h.n] = nil
			return
		}
	}
	panic("mm: released a lock that is not held")
}
