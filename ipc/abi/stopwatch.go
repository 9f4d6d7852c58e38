package abi

import "sync/atomic"

// Stopwatch adds up the times from each Start to the next Stop, in ns. One CPU
// starts and stops it; others read it, and see the sum grow all the time: it is
// one word. That is the sum while it is stopped, and the sum less the moment of
// the start, which is negative, while it runs: nothing has run for as long as the
// machine. now is monotonic time in ns, not 0. Zero is a stopped one.
type Stopwatch int64

// Start lets a stopped one run.
func (s *Stopwatch) Start(now uint64) {
	atomic.StoreInt64((*int64)(s), int64(*s)-int64(now))
}

// Stop ends what Start began. The owner reads its own word plainly.
func (s *Stopwatch) Stop(now uint64) {
	atomic.StoreInt64((*int64)(s), int64(*s)+int64(now))
}

// Load returns the word as it is at one moment, for Runs and At.
func (s *Stopwatch) Load() Stopwatch { return Stopwatch(atomic.LoadInt64((*int64)(s))) }

// Show makes the word that of another one.
func (s *Stopwatch) Show(of Stopwatch) { atomic.StoreInt64((*int64)(s), int64(of)) }

// Runs says that it was started and not stopped.
func (s Stopwatch) Runs() bool { return s < 0 }

// At returns the sum in ns, up to now if it runs.
func (s Stopwatch) At(now uint64) uint64 {
	if s < 0 {
		// This CPU's clock may be behind that of the one that started it.
		s = max(s+Stopwatch(now), 0)
	}
	return uint64(s)
}
