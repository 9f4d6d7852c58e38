package mm

import (
	"sync/atomic"

	"go42/ipc/abi"
)

// Region flags.
const (
	regShared    = 1 << 0 // writes go to obj
	regGrowsDown = 1 << 1
	regNoReserve = 1 << 2
	regLocked    = 1 << 4 // mlock: what is there stays
	regPinned    = 1 << 3 // kernel-owned frames: the process cannot change it, fork skips it
)

// guardGap is what stays unmapped below a region that grows down (Linux's stack_guard_gap).
const guardGap = 256 * PageSize

// Region is a range of a half that maps obj from off on, or zeroes if obj is
// nil. What a private region has written lies in the half's leaf, at the index
// of its virtual page number. Guarded by half.lock, but the links of the
// mapper list, which that list's lock guards.
type Region struct {
	start, end uint64
	half       *Half

	left, right, up *Region // treap, ordered by start
	next, prev      *Region // all regions in order
	gap             uint64  // bytes free before start
	maxGap          uint64  // largest gap in the subtree
	prio            uint32

	prot, maxProt, inherit, flags uint8

	obj      *FCM
	off      uint64 // of start in obj, in bytes
	name     uint64
	growMin  uint64 // GrowsDown: lowest address it may reach
	moveFrom uint64 // being filled by Move from there; 0: not
	moved    uint64 // while Move or Reset fills it: pages from below this address are there
	shrunk   uint64 // while obj shrinks: private pages below this address are done with

	mnext, mprev *Region // mapper list
	zapEpoch     uint32  // of obj when it was visited; with half.lock and the list's
	shard        uint8   // which mapper list, less 1; 0: obj's own
}

func (r *Region) shared() bool { return r.flags&regShared != 0 }

// data says whether the region counts as data (RLIMIT_DATA).
func (r *Region) data() bool {
	return r.flags&(regShared|regPinned) == 0 && r.prot&abi.ProtWrite != 0
}

// find returns the first region that ends above va, or nil.
func (h *Half) find(va uint64) *Region {
	if c := h.cache; c != nil && c.start <= va && va < c.end {
		return c
	}
	var best *Region
	for x := h.root; x != nil; {
		if va < x.end {
			best = x
			if va >= x.start {
				h.cache = x
				break
			}
			x = x.left
		} else {
			x = x.right
		}
	}
	return best
}

// random is xorshift32: treap priorities.
func (h *Half) random() uint32 {
	x := h.seed
	if x == 0 {
		x = 0x9e3779b9
	}
	x ^= x << 13
	x ^= x >> 17
	x ^= x << 5
	h.seed = x
	return x
}

func (x *Region) subtreeGap() uint64 {
	m := x.gap
	if l := x.left; l != nil && l.maxGap > m {
		m = l.maxGap
	}
	if r := x.right; r != nil && r.maxGap > m {
		m = r.maxGap
	}
	return m
}

// refresh recomputes maxGap from x up to the root.
func (x *Region) refresh() {
	for ; x != nil; x = x.up {
		m := x.subtreeGap()
		if m == x.maxGap {
			return
		}
		x.maxGap = m
	}
}

// gapBefore recomputes the gap before x (nil: nothing).
func (h *Half) gapBefore(x *Region) {
	if x == nil {
		return
	}
	lo := h.lo
	if x.prev != nil {
		lo = x.prev.end
	}
	x.gap = x.start - lo
	x.refresh()
}

// link puts x, whose start, end and fields are set, among the regions.
func (h *Half) link(x *Region) { h.linkOf(x, true) }

// linkOf is link; held: the reference that x is to have to its object is there.
func (h *Half) linkOf(x *Region, held bool) {
	x.half = h
	x.prio = h.random()
	x.left, x.right, x.up, x.prev, x.next = nil, nil, nil, nil, nil
	if h.last == nil || h.last.end <= x.start { // ascending order is common
		x.prev = h.last
		h.last = x
	} else {
		n := h.find(x.start)
		x.next, x.prev = n, n.prev
		n.prev = x
	}
	if x.prev != nil {
		x.prev.next = x
	} else {
		h.first = x
	}
	// Attach as a leaf next to its neighbour.
	if p := x.prev; p != nil && p.right == nil {
		p.right, x.up = x, p
	} else if n := x.next; n != nil {
		n.left, x.up = x, n
	} else {
		h.root = x
	}
	h.gapBefore(x)
	x.maxGap = x.gap
	for u := x.up; u != nil; u = u.up {
		u.maxGap = u.subtreeGap()
	}
	for x.up != nil && x.up.prio < x.prio {
		h.rotateUp(x)
	}
	h.gapBefore(x.next)
	atomic.StoreInt64(&h.count, h.count+1)
	h.grown(x, x.end-x.start)
	if x.obj != nil {
		x.obj.addMapper(x, held)
	}
}

// rotateUp exchanges x with its parent.
func (h *Half) rotateUp(x *Region) {
	p := x.up
	g := p.up
	if p.left == x {
		p.left = x.right
		if p.left != nil {
			p.left.up = p
		}
		x.right = p
	} else {
		p.right = x.left
		if p.right != nil {
			p.right.up = p
		}
		x.left = p
	}
	p.up, x.up = x, g
	if g == nil {
		h.root = x
	} else if g.left == p {
		g.left = x
	} else {
		g.right = x
	}
	p.maxGap = p.subtreeGap()
	x.maxGap = x.subtreeGap()
}

// unlink takes x out; held: a reference to obj is the caller's now.
func (h *Half) unlink(x *Region) (held bool) {
	for x.left != nil || x.right != nil {
		c := x.left
		if c == nil || x.right != nil && x.right.prio > c.prio {
			c = x.right
		}
		h.rotateUp(c)
	}
	if p := x.up; p == nil {
		h.root = nil
	} else {
		if p.left == x {
			p.left = nil
		} else {
			p.right = nil
		}
		for u := p; u != nil; u = u.up {
			u.maxGap = u.subtreeGap()
		}
	}
	if x.prev != nil {
		x.prev.next = x.next
	} else {
		h.first = x.next
	}
	if x.next != nil {
		x.next.prev = x.prev
	} else {
		h.last = x.prev
	}
	n := x.next
	atomic.StoreInt64(&h.count, h.count-1)
	h.grown(x, x.start-x.end)
	if h.cache == x {
		h.cache = nil
	}
	if x.obj != nil {
		held = x.obj.dropMapper(x)
	}
	h.gapBefore(n)
	return held
}

// setStart and setEnd move a bound of x; off follows start.
func (h *Half) setStart(x *Region, v uint64) {
	h.grown(x, x.start-v)
	x.off += v - x.start
	x.start = v
	h.gapBefore(x)
}

func (h *Half) setEnd(x *Region, v uint64) {
	h.grown(x, v-x.end)
	x.end = v
	h.gapBefore(x.next)
}

// grown counts that x has n bytes more; n may be the complement of less.
func (h *Half) grown(x *Region, n uint64) {
	h.bytes += n
	if x.flags&regLocked != 0 {
		h.locked += n
	}
}

// lockRegion makes x locked, or not.
func (h *Half) lockRegion(x *Region, locked bool) {
	if locked == (x.flags&regLocked != 0) {
		return
	}
	x.flags ^= regLocked
	if n := x.end - x.start; locked {
		h.locked += n
	} else {
		h.locked -= n
	}
}

// mapsMost is how many regions a half of a process can have on Linux
// (vm.max_map_count).
const mapsMost = 65530

// newRegion takes a region for h. One half has at most as many as Linux allows,
// and half of the pool: others need some, too. If h is not locked, threads that
// map at once may get a few more.
func (h *Half) newRegion() (*Region, bool) {
	if n := atomic.LoadInt64(&h.count); n >= mapsMost || n >= int64(mem.regions.Max()/2) {
		return nil, false
	}
	r, _, ok := mem.regions.Alloc(h.acct)
	return r, ok
}

// split cuts x at v (start < v < end); x keeps the lower part. The upper one
// is returned, nil when no region is to be had.
func (h *Half) split(x *Region, v uint64) *Region {
	y, ok := h.newRegion()
	if !ok {
		return nil
	}
	y.start, y.end = v, x.end
	y.prot, y.maxProt, y.inherit, y.flags = x.prot, x.maxProt, x.inherit, x.flags
	y.obj, y.off, y.name, y.growMin = x.obj, x.off+(v-x.start), x.name, x.growMin
	y.zapEpoch, y.shrunk = x.zapEpoch, x.shrunk
	y.flags &^= regGrowsDown // only the lowest part grows
	if y.obj != nil {
		y.obj.Get()
	}
	h.setEnd(x, v)
	h.link(y)
	return y
}

// mergeable says whether b, which starts where a ends, can be one region with it.
func mergeable(a, b *Region) bool {
	return a.end == b.start && a.obj == b.obj && a.prot == b.prot && a.maxProt == b.maxProt &&
		a.inherit == b.inherit && a.name == b.name &&
		a.flags&^regGrowsDown == b.flags&^regGrowsDown && b.flags&regGrowsDown == 0 &&
		a.flags&regPinned == 0 && a.moveFrom|b.moveFrom == 0 && a.zapEpoch == b.zapEpoch && a.shrunk == b.shrunk &&
		(a.obj == nil || a.off+(a.end-a.start) == b.off)
}

// merge joins x with its neighbours where that is possible and returns the
// region that then covers x.
func (h *Half) merge(x *Region) *Region {
	if n := x.next; n != nil && mergeable(x, n) {
		h.absorb(x, n)
	}
	if p := x.prev; p != nil && mergeable(p, x) {
		h.absorb(p, x)
		return p
	}
	return x
}

// absorb makes a cover b, its successor, too.
func (h *Half) absorb(a, b *Region) {
	end := b.end
	h.drop(b)
	h.setEnd(a, end)
}

// drop unlinks and frees x, and its reference to obj.
func (h *Half) drop(x *Region) {
	held := h.unlink(x)
	o := x.obj
	mem.regions.Free(x)
	if held {
		o.Put()
	}
}

// gapFor returns the highest address in [lo, hi) where n bytes are free, 0 if
// there is none. Below a region that grows down, what it may grow to and the
// guard are not free.
func (h *Half) gapFor(n, lo, hi uint64) uint64 {
	if lo < h.lo {
		lo = h.lo
	}
	if hi > h.hi {
		hi = h.hi
	}
	if hi <= lo || hi-lo < n {
		return 0
	}
	top := lo // the gap after the last region
	if h.last != nil && h.last.end > top {
		top = h.last.end
	}
	if top < hi && hi-top >= n {
		return hi - n
	}
	return h.root.gapIn(n, lo, hi)
}

// gapIn is gapFor below the highest region, in the tree x: from the right to the
// left, past subtrees without such a gap. The tree may be deep: its priorities
// are no secret.
func (x *Region) gapIn(n, lo, hi uint64) uint64 {
	right := true // what is to the right of x has not been looked at
	for x != nil {
		if r := x.right; right && r != nil && r.maxGap >= n && x.end < hi {
			x = r
			continue
		}
		g0, g1 := x.start-x.gap, x.start
		if x.flags&regGrowsDown != 0 {
			g1 = min(g1, x.growMin)
			g1 -= min(g1, guardGap)
		}
		g0, g1 = max(g0, lo), min(g1, hi)
		if g1 > g0 && g1-g0 >= n {
			return g1 - n
		}
		if x.start-x.gap <= lo {
			return 0
		}
		if l := x.left; l != nil && l.maxGap >= n {
			x, right = l, true
			continue
		}
		for x.up != nil && x.up.left == x {
			x = x.up
		}
		x, right = x.up, false
	}
	return 0
}
