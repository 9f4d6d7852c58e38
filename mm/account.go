package mm

import "sync/atomic"

// NoLimit is a limit that is never reached.
const NoLimit = int64(1) << 62

// What an account counts.
const (
	countFrames  = iota
	countBytes   // of address space mapped
	countEntries // of pools
	countData    // bytes of private writable address space
	numCounts
)

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

	count     [numCounts]int64
	limit     [numCounts]int64
	floor     int64 // free frames that stay for others: see SetFloor
	maxFrames int64 // high-water mark of frames
	check     int64 // scratch of Check
}

func (a *Account) init(parent *Account) {
	a.parent = parent
	a.refs = 1
	a.limit = [numCounts]int64{NoLimit, NoLimit, NoLimit, NoLimit}
	if parent != nil {
		a.floor = parent.floor
		parent.Get()
	}
}

// SetFloor makes allocations on the account's behalf fail that would leave
// fewer than n free frames. Accounts made below it from now on have the same.
// It keeps frames for those whose floor is lower: the kernel and the servers
// go on when the programs have taken all that they can.
func (a *Account) SetFloor(n int64) { a.floor = n }

// above reports whether n frames may be taken on behalf of a (nil: the
// kernel's own).
func (a *Account) above(n int64) bool {
	return a == nil || a.floor == 0 || int64(frames.free)-n >= a.floor
}

// Headroom returns how many frames above the floor are free.
func (a *Account) Headroom() int64 { return int64(frames.free) - a.floor }

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
// has changed.
func (a *Account) charge(which int, n int64) bool {
	for x := a; x != nil; x = x.parent {
		if atomic.AddInt64(&x.count[which], n) > x.limit[which] {
			for y := a; ; y = y.parent {
				atomic.AddInt64(&y.count[which], -n)
				if y == x {
					return false
				}
			}
		}
	}
	return true
}

func (a *Account) uncharge(which int, n int64) {
	for ; a != nil; a = a.parent {
		atomic.AddInt64(&a.count[which], -n)
	}
}

// chargeFrames is charge for frames, which have a high-water mark.
func (a *Account) chargeFrames(n int64) bool {
	if !a.charge(countFrames, n) {
		return false
	}
	for x := a; x != nil; x = x.parent {
		if v := x.count[countFrames]; v > x.maxFrames {
			x.maxFrames = v
		}
	}
	return true
}

// force adds n frames whatever the limit is: ownership of frames that exist
// moves here (collapse of a fork chain). n may be negative.
func (a *Account) force(n int64) {
	for ; a != nil; a = a.parent {
		if v := atomic.AddInt64(&a.count[countFrames], n); v > a.maxFrames {
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
func (a *Account) SetFrameLimit(n int64) { a.limit[countFrames] = n }

// SetByteLimit limits address space (RLIMIT_AS), in bytes.
func (a *Account) SetByteLimit(n int64) { a.limit[countBytes] = n }

// SetEntryLimit limits pool entries.
func (a *Account) SetEntryLimit(n int64) { a.limit[countEntries] = n }

// SetDataLimit limits private writable address space (RLIMIT_DATA), in bytes.
func (a *Account) SetDataLimit(n int64) { a.limit[countData] = n }

// Limits returns the limits of frames, bytes of address space, pool entries
// and bytes of private writable address space.
func (a *Account) Limits() (frames, bytes, entries, data int64) {
	return a.limit[countFrames], a.limit[countBytes], a.limit[countEntries], a.limit[countData]
}

// Usage returns what is charged: frames, bytes of address space, pool entries.
func (a *Account) Usage() (frames, bytes, entries int64) {
	return atomic.LoadInt64(&a.count[countFrames]), atomic.LoadInt64(&a.count[countBytes]), atomic.LoadInt64(&a.count[countEntries])
}

// MaxFrames returns the largest number of frames that was ever charged.
func (a *Account) MaxFrames() int64 { return a.maxFrames }

// Parent returns the account above, nil for the root.
func (a *Account) Parent() *Account { return a.parent }
