package spin

import "sync/atomic"

// Rank orders locks: see the package comment.
type Rank uint8

// Ranks, outermost first. A lock of rank 0 is not initialised.
const (
	Endpoint Rank = 1 + iota
	Process
	Grants
	Half
	FCM
	Work
	Pool
	Frame
	Device
	NumRanks
)

// MaxCPU bounds the CPU numbers that ID returns.
const MaxCPU = 64

// Lock is a spin lock. The zero Lock is free; Init gives it its rank.
type Lock struct {
	word uint32
	rank Rank
	last uint8 // 1 + the CPU that had it last; debug builds
}

// Init gives a lock that nobody uses its rank.
func (l *Lock) Init(r Rank) { l.word, l.rank = 0, r }

// SetRank is Init for a lock in type-stable memory: somebody may still be
// trying it as the lock of what was there before.
func (l *Lock) SetRank(r Rank) {
	if l.rank != r {
		l.rank = r
	}
}

// Acquire spins until the lock is the caller's.
func (l *Lock) Acquire() {
	if debug {
		push(l)
		l.noteOwner()
	}
	if !atomic.CompareAndSwapUint32(&l.word, 0, 1) {
		l.wait()
	}
	if debug {
		l.own()
	}
}

// AcquireSecond is Acquire of a lock of a rank that the caller holds one of
// already: it says that an order among those of the rank is kept.
func (l *Lock) AcquireSecond() {
	if debug {
		pushSecond(l)
		l.noteOwner()
	}
	if !atomic.CompareAndSwapUint32(&l.word, 0, 1) {
		l.wait()
	}
	if debug {
		l.own()
	}
}

// Waiting counts a wait for what is as good as a lock of rank r.
func Waiting(r Rank) {
	if debug {
		noteWait(r)
	}
	atomic.AddUint64(&contended[ID()].n[r], 1)
}

func (l *Lock) wait() {
	Waiting(l.rank)
	for {
		for atomic.LoadUint32(&l.word) != 0 {
			pause()
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
	if debug {
		pushTry(l)
	}
	return true
}

// Release gives the lock up; the caller holds it.
func (l *Lock) Release() {
	if debug {
		pop(l)
	}
	atomic.StoreUint32(&l.word, 0)
}

// Pause is for loops that wait for another CPU without a lock.
func Pause() { pause() }

// contended counts acquisitions that waited; only its own CPU writes an entry.
var contended [MaxCPU]struct {
	n [NumRanks]uint64
	_ [128 - NumRanks*8%128]byte
}

// Contended returns how many acquisitions of locks of rank r have had to wait
// since start, on all CPUs.
func Contended(r Rank) (n uint64) {
	for i := range contended {
		n += ContendedOn(i, r)
	}
	return n
}

// ContendedOn returns how many had to wait on CPU id.
func ContendedOn(id int, r Rank) uint64 { return atomic.LoadUint64(&contended[id].n[r]) }
