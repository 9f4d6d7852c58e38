package mm

import "sync/atomic"

// Lock is a spin lock. The kernel runs with interrupts off, so a holder is
// never interrupted by code that could want the same lock on its CPU.
//
// With build tag go42debug each Acquire asserts the lock order by rank.
type Lock struct {
	word uint32
	rank uint32
}

// Ranks of locks: a CPU acquires in ascending order. Equal ranks are allowed
// only for FCMs, where the order is child before parent (an object counts as
// parent of all leaves), and for halves: a fork's parent before its child,
// otherwise by address.
const (
	rankHalf  = 1
	rankFCM   = 2
	rankWork  = 3
	rankPool  = 4
	rankFrame = 5
)

// Acquire spins until the lock is the caller's.
func (l *Lock) Acquire() {
	if lockDebug {
		lockPush(l)
	}
	if atomic.CompareAndSwapUint32(&l.word, 0, 1) {
		return
	}
	l.spin()
}

func (l *Lock) spin() {
	for {
		for atomic.LoadUint32(&l.word) != 0 {
		}
		if atomic.CompareAndSwapUint32(&l.word, 0, 1) {
			return
		}
	}
}

// TryAcquire takes the lock if it is free. It may be used against the lock
// order, since it never waits.
func (l *Lock) TryAcquire() bool {
	if !atomic.CompareAndSwapUint32(&l.word, 0, 1) {
		return false
	}
	if lockDebug {
		lockPushTry(l)
	}
	return true
}

// Release gives the lock up; the caller must hold it.
func (l *Lock) Release() {
	if lockDebug {
		lockPop(l)
	}
	atomic.StoreUint32(&l.word, 0)
}
