package user

import (
	"sync/atomic"
	"unsafe"

	"go42/linuxapi/entry"
	"go42/linuxapi/native"
)

// Disable turns this dispatcher's upcalls off; Restore puts back what it said.
func Disable() (was uint32) { return entry.Disable() }

// Restore ends a disabled section that began with was. Events that came
// meanwhile are handled before it returns.
func Restore(was uint32) {
	if was != 0 {
		return
	}
	for entry.Enable() != 0 {
		entry.Disable()
		handlePending()
		if d := current(); d.preempt && onThread() {
			makeWay()
		}
	}
}

// SpinLock is for short sections; it is held disabled. Its holder may have been
// hard-preempted: after some spins the waiter gives its CPU away, which is the
// kernel's chance to run the holder.
type SpinLock struct{ v uint32 }

// Lock answers what Unlock wants back.
func (l *SpinLock) Lock() (was uint32) {
	was = entry.Disable()
	l.take()
	return was
}

func (l *SpinLock) Unlock(was uint32) {
	atomic.StoreUint32(&l.v, 0)
	Restore(was)
}

// take and drop are Lock and Unlock for callers that are disabled already.
func (l *SpinLock) take() {
	for n := 0; !atomic.CompareAndSwapUint32(&l.v, 0, 1); n++ {
		pause(n)
	}
}

func (l *SpinLock) drop() { atomic.StoreUint32(&l.v, 0) }

// Release frees the lock but stays disabled (before Park).
func (l *SpinLock) Release() { l.drop() }

// spins is for how many rounds a waiter hopes that the holder runs.
const spins = 256

// pause is a round, the nth, of waiting for another dispatcher.
func pause(n int) {
	if n%spins == spins-1 {
		relax()
	}
}

// relax gives the CPU away, for a turn, as it is.
func relax() { native.YieldKeep() }

// Mutex blocks the calling thread while another one holds it. The zero value
// is free. It is not recursive. Where nobody waits, a lock and an unlock are one
// atomic operation each.
type Mutex struct {
	word  uint64 // atomic: 0 free, else the holder (self), plus waited
	lock  SpinLock
	queue list // guarded by lock; not empty exactly while word has waited
}

// waited in a Mutex's word: Unlock is to pass it on.
const waited = 1

// nobody is the holder in start-up code, before there is a thread.
const nobody = 2

func self() uint64 {
	if t := Current(); t != nil {
		return holder(t)
	}
	return nobody
}

func holder(t *Thread) uint64 { return uint64(uintptr(unsafe.Pointer(t))) }

// Lock waits uninterruptibly.
func (m *Mutex) Lock() {
	if !m.TryLock() {
		m.wait()
	}
}

// TryLock takes the mutex if it is free.
func (m *Mutex) TryLock() bool { return atomic.CompareAndSwapUint64(&m.word, 0, self()) }

func (m *Mutex) wait() {
	t := Current()
	if t == nil {
		panic("user.Mutex: held, and no thread to block")
	}
	for {
		was := m.lock.Lock()
		w := atomic.LoadUint64(&m.word)
		if w == 0 || w&waited == 0 && !atomic.CompareAndSwapUint64(&m.word, w, w|waited) {
			ok := m.TryLock()
			m.lock.Unlock(was)
			if ok {
				return
			}
			continue
		}
		m.queue.push(t)
		t.prepare()
		m.lock.Release()
		t.park(0, false)
		Restore(was)
		// Unlock hands the mutex over, but not to a frozen thread: that tries anew.
		if m.Held() {
			return
		}
	}
}

// Unlock passes the mutex to the thread that waits longest.
func (m *Mutex) Unlock() {
	if atomic.CompareAndSwapUint64(&m.word, self(), 0) {
		return
	}
	was := m.lock.Lock()
	give := atomic.LoadUint64(&sole) == 0
	w := uint64(0)
	t := m.queue.pop()
	if t != nil && give {
		if w = holder(t); m.queue.head != nil {
			w |= waited
		}
	}
	atomic.StoreUint64(&m.word, w)
	for t != nil {
		t.wake(Woken)
		if give {
			break
		}
		t = m.queue.pop()
	}
	m.lock.Unlock(was)
}

// Held reports whether the current thread holds the mutex (for assertions).
func (m *Mutex) Held() bool { return atomic.LoadUint64(&m.word)&^waited == self() }

// Reset frees a mutex whose holders and waiters are gone: in a forked child.
func (m *Mutex) Reset() { *m = Mutex{} }
