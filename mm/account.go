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

// drawAtOnce is how much an account draws from the one above it, so that most
// charges touch no other account; what is unused beyond twice that goes back.
var drawAtOnce = [numCounts]int64{countFrames: 32, countBytes: 64 << 20, countEntries: 32, countData: 64 << 20}

// maxDepth bounds the accounts from one to the root (boot/stack_bounds.txt).
const maxDepth = 6

// Account is charged for memory: frames, address space, pool entries. It draws
// from the account above in batches (drawAtOnce) and charges what it has drawn; the
// root draws from nothing. What it has drawn never exceeds its limit, so that
// limits are exact for an account that none is below. One with others below
// has for each of these up to three batches drawn that are not charged; before
// a charge fails by its limit, all that is unused below comes back.
//
// The fields are counters; they are changed with atomic instructions and need no
// lock.
//
// An account lives as long as somebody holds a reference: its creator, its
// children, its halves and its FCMs (hidden nodes of a fork chain among them,
// which may outlive the process).
type Account struct {
	parent *Account // set before refs
	refs   int64

	limit [numCounts]int64
	depth uint8 // of accounts above
	floor int64 // free frames that stay for others: see SetFloor; set before anything is charged

	drawn     [numCounts]int64 // from parent
	credit    [numCounts]int64 // of that not charged; below 0 while a charge draws
	keep      [numCounts]int64 // credit beyond which some goes back
	maxFrames int64            // high-water mark of frames
	below     int64            // accounts that draw from it
	check     int64            // scratch of Check
}

func (a *Account) init(parent *Account) {
	a.parent = parent
	a.limit = [numCounts]int64{NoLimit, NoLimit, NoLimit, NoLimit}
	for i := range a.keep {
		a.keep[i] = 2 * drawAtOnce[i]
	}
	if parent != nil {
		a.floor, a.depth = parent.floor, parent.depth+1
		parent.Get()
		atomic.AddInt64(&parent.below, 1)
	}
	atomic.StoreInt64(&a.refs, 1)
}

// SetFloor makes allocations on the account's behalf fail that would leave
// fewer than n free frames (FreeFramesNear); half as many in aboveHalf's cases. Accounts made below it from now on
// have the same. It keeps frames for those whose floor is lower: the kernel and
// the servers go on when the programs have taken all that they can.
func (a *Account) SetFloor(n int64) { a.floor = n }

// above reports whether n frames may be taken on behalf of a (nil: the
// kernel's own).
func (a *Account) above(n int64) bool {
	return a == nil || a.floor == 0 || FreeFramesNear()-n >= a.floor || mem.cpus[cpuID()].copying && a.aboveHalf(n)
}

// aboveHalf is above for pools that grow and for pages that the kernel copies to
// and from: down to half of the floor. So calls, which need records, handles and
// answers, go on while a program that has come to the floor is being ended.
func (a *Account) aboveHalf(n int64) bool {
	return a == nil || a.floor == 0 || FreeFramesNear()-n >= a.floor/2
}

// HasFloor reports whether it has one: it is a program's.
func (a *Account) HasFloor() bool { return a.floor != 0 }

// Headroom returns how many frames above the floor are free.
func (a *Account) Headroom() int64 { return FreeFramesNear() - a.floor }

// NewAccount makes an account below parent with one reference, the caller's.
// ok is false when the pool is exhausted, or parent is the maxDepth-th.
func NewAccount(parent *Account) (a *Account, ok bool) {
	if parent.depth+1 == maxDepth {
		return nil, false
	}
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
		if up != nil {
			for which := range a.credit {
				a.giveBack(which)
			}
			atomic.AddInt64(&up.below, -1)
		}
		mem.accounts.Free(a)
		a = up
	}
}

// charge adds n to one counter of a; on failure nothing has changed.
func (a *Account) charge(which int, n int64) bool {
	c := atomic.AddInt64(&a.credit[which], -n)
	return c >= 0 || a.chargeHard(which, n, c)
}

func (a *Account) chargeHard(which int, n, c int64) bool {
	return a.chargeMore(which, n, c) || a.crowded(which, n) && gather(which) && a.try(which, n)
}

// try is charge without looking for credit elsewhere.
func (a *Account) try(which int, n int64) bool {
	c := atomic.AddInt64(&a.credit[which], -n)
	return c >= 0 || a.chargeMore(which, n, c)
}

// chargeMore ends a charge of n that has left the credit at c, below 0.
func (a *Account) chargeMore(which int, n, c int64) bool {
	if a.draw(which, min(n, -c)) { // the rest of what lacks is others', who draw it
		return true
	}
	atomic.AddInt64(&a.credit[which], n)
	return false
}

// crowded says whether what keeps a from n more may be drawn by other accounts
// below the same limit and not used.
func (a *Account) crowded(which int, n int64) bool {
	for x := a; x != nil; x = x.parent {
		if atomic.LoadInt64(&x.limit[which])-x.used(which) < n {
			others := atomic.LoadInt64(&x.below)
			return others > 1 || x == a && others > 0
		}
	}
	return true
}

// draw gets need or more from the account above and adds it to the credit. false:
// a limit, its own or one above, does not allow it.
func (a *Account) draw(which int, need int64) bool {
	for n := max(need, drawAtOnce[which]); ; n = need {
		for {
			d := atomic.LoadInt64(&a.drawn[which])
			if n = min(n, atomic.LoadInt64(&a.limit[which])-d); n < need {
				return false
			}
			if atomic.CompareAndSwapInt64(&a.drawn[which], d, d+n) {
				break
			}
		}
		if a.parent == nil || a.parent.try(which, n) {
			atomic.AddInt64(&a.credit[which], n)
			return true
		}
		atomic.AddInt64(&a.drawn[which], -n)
		if n == need {
			return false
		}
	}
}

func (a *Account) uncharge(which int, n int64) {
	if a != nil && atomic.AddInt64(&a.credit[which], n) > atomic.LoadInt64(&a.keep[which]) {
		a.surplus(which)
	}
}

// surplus gives credit that is more than an account keeps to the one above.
func (a *Account) surplus(which int) {
	for n := int64(1); n > 0 && a.parent != nil; {
		n = a.release(which, atomic.LoadInt64(&a.keep[which])/2)
		a = a.parent
		if atomic.AddInt64(&a.credit[which], n) <= atomic.LoadInt64(&a.keep[which]) {
			return
		}
	}
}

// release takes back the credit but for left, and returns how much: the account
// above gets it.
func (a *Account) release(which int, left int64) int64 {
	for {
		c := atomic.LoadInt64(&a.credit[which])
		if c <= left {
			return 0
		}
		if atomic.CompareAndSwapInt64(&a.credit[which], c, left) {
			atomic.AddInt64(&a.drawn[which], left-c)
			return c - left
		}
	}
}

// giveBack returns all credit to the account above.
func (a *Account) giveBack(which int) { a.parent.uncharge(which, a.release(which, 0)) }

// gather brings all credit of one kind to the top of the tree: what a limit on the
// way holds back is charged, then. It is true.
func gather(which int) bool {
	for i := 0; i < mem.accounts.Len(); i++ {
		a := mem.accounts.At(i)
		if a == nil || !a.getLive() {
			continue
		}
		for x := a; x != nil; x = x.parent {
			x.giveBack(which)
		}
		a.Put()
	}
	return true
}

// getLive is Get, unless the account has no reference any more.
func (a *Account) getLive() bool {
	for {
		n := atomic.LoadInt64(&a.refs)
		if n <= 0 {
			return false
		}
		if atomic.CompareAndSwapInt64(&a.refs, n, n+1) {
			return true
		}
	}
}

// used is what is charged.
func (a *Account) used(which int) int64 {
	c := atomic.LoadInt64(&a.credit[which])
	return atomic.LoadInt64(&a.drawn[which]) - max(c, 0)
}

// chargeFrames is charge for frames, which have a high-water mark.
func (a *Account) chargeFrames(n int64) bool {
	if !a.charge(countFrames, n) {
		return false
	}
	a.mark()
	return true
}

// mark moves the high-water mark.
func (a *Account) mark() {
	for {
		v, m := a.used(countFrames), atomic.LoadInt64(&a.maxFrames)
		if v <= m || atomic.CompareAndSwapInt64(&a.maxFrames, m, v) {
			return
		}
	}
}

// force adds n frames whatever the limit is: ownership of frames that exist
// moves here (collapse of a fork chain). n may be negative.
func (a *Account) force(n int64) {
	if a != nil {
		a.impose(countFrames, n)
		a.mark()
	}
}

// forceEntries is force for pool entries.
func (a *Account) forceEntries(n int64) { a.impose(countEntries, n) }

func (a *Account) impose(which int, n int64) {
	for ; a != nil; a = a.parent {
		if n <= 0 {
			a.uncharge(which, -n)
			return
		}
		c := atomic.AddInt64(&a.credit[which], -n)
		if c >= 0 {
			return
		}
		n = min(n, -c)
		atomic.AddInt64(&a.drawn[which], n)
		atomic.AddInt64(&a.credit[which], n)
	}
}

// ChargeEntries charges n pool entries that the caller keeps elsewhere.
func (a *Account) ChargeEntries(n int64) Errno {
	if a.charge(countEntries, n) {
		return OK
	}
	return ENOMEM
}

// UnchargeEntries undoes ChargeEntries.
func (a *Account) UnchargeEntries(n int64) { a.uncharge(countEntries, n) }

func (a *Account) setLimit(which int, n int64) {
	atomic.StoreInt64(&a.limit[which], n)
	keep := 2 * drawAtOnce[which]
	if atomic.LoadInt64(&a.drawn[which]) > n {
		if a.giveBack(which); atomic.LoadInt64(&a.drawn[which]) > n {
			keep = 0 // nothing that is given up may be charged again
		}
	}
	atomic.StoreInt64(&a.keep[which], keep)
}

// SetFrameLimit, SetByteLimit, SetEntryLimit and SetDataLimit set limits; what
// is charged already stays.
func (a *Account) SetFrameLimit(n int64) { a.setLimit(countFrames, n) }

// SetByteLimit limits address space (RLIMIT_AS), in bytes.
func (a *Account) SetByteLimit(n int64) { a.setLimit(countBytes, n) }

// SetEntryLimit limits pool entries.
func (a *Account) SetEntryLimit(n int64) { a.setLimit(countEntries, n) }

// SetDataLimit limits private writable address space (RLIMIT_DATA), in bytes.
func (a *Account) SetDataLimit(n int64) { a.setLimit(countData, n) }

// Limits returns the limits of frames, bytes of address space, pool entries
// and bytes of private writable address space.
func (a *Account) Limits() (frames, bytes, entries, data int64) {
	l := func(which int) int64 { return atomic.LoadInt64(&a.limit[which]) }
	return l(countFrames), l(countBytes), l(countEntries), l(countData)
}

// Usage returns what is charged: frames, bytes of address space, pool entries. In
// a quiet moment it is exact for an account that none is below; else it has what
// those below have drawn and not used, too.
func (a *Account) Usage() (frames, bytes, entries int64) {
	return a.used(countFrames), a.used(countBytes), a.used(countEntries)
}

// MaxFrames returns the largest number of frames that was ever charged.
func (a *Account) MaxFrames() int64 { return atomic.LoadInt64(&a.maxFrames) }

// Parent returns the account above, nil for the root.
func (a *Account) Parent() *Account { return a.parent }
