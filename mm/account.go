package mm

import "sync/atomic"

// NoLimit is a limit that is never reached.
const NoLimit = int64(1) << 62

// Account is charged for memory: frames, address space, pool entries. A charge
// is made to the account and all those above it, or to none. The fields are
// counters; they are changed with atomic instructions and need no lock.
//
// An account lives as long as somebody holds a reference: its creator, its
// children, its halves and its FCMs (hidden nodes of a fork chain among them,
// which may outlive the process).
type Account struct {
	parent *Account
	refs   int64

	frames, frameLimit  int64 // frames
	bytes, byteLimit    int64 // bytes of address space mapped
	entries, entryLimit int64 // pool entries
	data, dataLimit     int64 // bytes of private writable address space
	maxFrames           int64 // high-water mark of frames
	check               int64 // scratch of Check
}

func (a *Account) init(parent *Account) {
	a.parent = parent
	a.refs = 1
	a.frameLimit, a.byteLimit, a.entryLimit, a.dataLimit = NoLimit, NoLimit, NoLimit, NoLimit
	if parent != nil {
		parent.Get()
	}
}

// NewAccount makes an account below parent with one reference, the caller's.
// ok is false when the pool is exhausted.
func NewAccount(parent *Account) (a *Account, ok bool) {
	a, _, ok = mem.accounts.Alloc(nil)
	if ok {
		a.init(parent)
	}
	return a, ok
}

// Get takes a further reference.
func (a *Account) Get() { atomic.AddInt64(&a.refs, 1) }

// Put drops a reference; the last one frees the account.
func (a *Account) Put() {
	for a != nil && atomic.AddInt64(&a.refs, -1) == 0 {
		up := a.parent
		mem.accounts.Free(a)
		a = up
	}
}

// charge adds n to one counter of a and of all above it; on failure nothing
// has changed. The counter is named by its accessor's index (see counter).
func (a *Account) charge(which int, n int64) bool {
	for x := a; x != nil; x = x.parent {
		c, l := x.counter(which)
		if atomic.AddInt64(c, n) > *l {
			for y := a; ; y = y.parent {
				c, _ := y.counter(which)
				atomic.AddInt64(c, -n)
				if y == x {
					return false
				}
			}
		}
	}
	return true
}

const (
	countFrames = iota
	countBytes
	countEntries
	countData
)

func (a *Account) counter(which int) (count, limit *int64) {
	switch which {
	case countFrames:
		return &a.frames, &a.frameLimit
	case countBytes:
		return &a.bytes, &a.byteLimit
	case countEntries:
		return &a.entries, &a.entryLimit
	}
	return &a.data, &a.dataLimit
}

func (a *Account) uncharge(which int, n int64) {
	for ; a != nil; a = a.parent {
		c, _ := a.counter(which)
		atomic.AddInt64(c, -n)
	}
}

// chargeFrame is charge for one frame, the common case.
func (a *Account) chargeFrame() bool {
	for x := a; x != nil; x = x.parent {
		n := atomic.AddInt64(&x.frames, 1)
		if n > x.frameLimit {
			for y := a; ; y = y.parent {
				atomic.AddInt64(&y.frames, -1)
				if y == x {
					return false
				}
			}
		}
		if n > x.maxFrames {
			x.maxFrames = n
		}
	}
	return true
}

// force adds n frames whatever the limit is: ownership of frames that exist
// moves here (collapse of a fork chain). n may be negative.
func (a *Account) force(n int64) {
	for ; a != nil; a = a.parent {
		if v := atomic.AddInt64(&a.frames, n); v > a.maxFrames {
			a.maxFrames = v
		}
	}
}

// forceEntries is force for pool entries.
func (a *Account) forceEntries(n int64) { a.uncharge(countEntries, -n) }

// ChargeEntries charges n pool entries that the caller keeps elsewhere.
func (a *Account) ChargeEntries(n int64) Errno {
	if a.charge(countEntries, n) {
		return OK
	}
	return ENOMEM
}

// UnchargeEntries undoes ChargeEntries.
func (a *Account) UnchargeEntries(n int64) { a.uncharge(countEntries, n) }

// SetFrameLimit, SetByteLimit, SetEntryLimit and SetDataLimit set limits; what
// is charged already stays.
func (a *Account) SetFrameLimit(n int64) { a.frameLimit = n }

// SetByteLimit limits address space (RLIMIT_AS), in bytes.
func (a *Account) SetByteLimit(n int64) { a.byteLimit = n }

// SetEntryLimit limits pool entries.
func (a *Account) SetEntryLimit(n int64) { a.entryLimit = n }

// SetDataLimit limits private writable address space (RLIMIT_DATA), in bytes.
func (a *Account) SetDataLimit(n int64) { a.dataLimit = n }

// Limits returns the limits of frames, bytes of address space, pool entries
// and bytes of private writable address space.
func (a *Account) Limits() (frames, bytes, entries, data int64) {
	return a.frameLimit, a.byteLimit, a.entryLimit, a.dataLimit
}

// Usage returns what is charged: frames, bytes of address space, pool entries.
func (a *Account) Usage() (frames, bytes, entries int64) {
	return atomic.LoadInt64(&a.frames), atomic.LoadInt64(&a.bytes), atomic.LoadInt64(&a.entries)
}

// MaxFrames returns the largest number of frames that was ever charged.
func (a *Account) MaxFrames() int64 { return a.maxFrames }

// Parent returns the account above, nil for the root.
func (a *Account) Parent() *Account { return a.parent }
