package mm

import "math/bits"

// What is asked of a pager: ranges of pages at a fault, and what it takes of that.

// maxRequests bounds the ranges of one object that are asked for at a time.
const maxRequests = 16

// MaxWindow is the largest number of pages asked for at a fault: the window of
// an object that is read in order starts at one page and doubles with each
// request up to this.
const MaxWindow = 32

// request is a range of pages that the pager is asked for.
type request struct {
	first uint64
	n     uint32 // 0: the place is free
	taken bool   // the pager knows
	write bool
	got   uint32 // pages of it that have come, as a mask: they come in any order
}

// touched returns page i for an access, the FCM's lock held. Without the page:
// FaultPending, and it has been asked for, or FaultBus.
func (g *paging) touched(i uint64, write bool) (pa uint64, res FaultResult) {
	f := g.fcm
	if i >= (f.size+pageMask)>>PageShift {
		return 0, FaultBus
	}
	p := f.index.at(i)
	switch {
	case p == nil || *p == 0:
		if g.pager.gone() {
			return 0, FaultBus
		}
		g.ask(i, write)
		return 0, FaultPending
	case *p&entPage == 0:
		// The error is told once: a later access asks again.
		f.index.remove(i, f.acct)
		return 0, FaultBus
	}
	g.wake(p)
	if write {
		if g.tooDirty(p) {
			g.askSync()
			return 0, FaultPending
		}
		g.spoil(p)
	}
	return *p & pteAddr, FaultOK
}

// awake returns page i if it can be mapped without anyone having touched it: it
// is in memory, and does not rest. 0: not so. The FCM's lock is held.
func (f *FCM) awake(i uint64) uint64 {
	if f.paging != nil && f.index.get(i)&entResting != 0 {
		return 0
	}
	pa, _ := f.page(i, false, nil)
	return pa
}

// asked returns the request by which page i is yet to come.
func (g *paging) asked(i uint64) *request {
	for k := range g.req {
		if r := &g.req[k]; i-r.first < uint64(r.n) && r.got>>(i-r.first)&1 == 0 {
			return r
		}
	}
	return nil
}

// ask requests page i, and with it those behind it if the object is read in
// order. Where it is asked for already, or all places are taken, there is
// nothing to do: something will come, and who waits asks again.
func (g *paging) ask(i uint64, write bool) {
	if g.asked(i) != nil {
		return
	}
	var r *request
	for k := range g.req {
		if g.req[k].n == 0 {
			r = &g.req[k]
			break
		}
	}
	if r == nil {
		return
	}
	if i == g.ahead {
		g.window = min(2*g.window, MaxWindow)
	} else {
		g.window = 1
	}
	f := g.fcm
	n, limit := uint32(1), (f.size+pageMask)>>PageShift
	for n < g.window && i+uint64(n) < limit && f.index.get(i+uint64(n)) == 0 && g.asked(i+uint64(n)) == nil {
		n++
	}
	*r = request{first: i, n: n, write: write}
	g.ahead = i + uint64(n)
	g.news()
}

// arrived takes page i out of what is asked for.
func (g *paging) arrived(i uint64) {
	for k := range g.req {
		r := &g.req[k]
		if i-r.first >= uint64(r.n) {
			continue
		}
		r.got |= 1 << (i - r.first)
		n := uint32(bits.TrailingZeros32(^r.got))
		r.first, r.n, r.got = r.first+uint64(n), r.n-n, r.got>>n
		r.n = uint32(bits.Len32(^r.got & (1<<r.n - 1)))
		r.got &= 1<<r.n - 1
	}
}

// News is what NextPage tells a pager about an object.
type News struct {
	Cookie   uint64
	First, N uint64 // pages to supply; N 0: none
	Write    bool   // the access that asks for the first is a write
	Unused   bool   // nobody maps the object any more
	Sync     uint64 // not 0: somebody waits for the dirty pages to be written back, see Synced
}

// NextPage takes the oldest news of p; false: there is none. Of one object,
// requests come first. One piece of news is of one kind.
func (p *Pager) NextPage() (n News, ok bool) {
	for !ok && p.news.some() {
		paged.lock.Acquire()
		g := p.news.head
		if g == nil {
			paged.lock.Release()
			break
		}
		f := g.fcm
		p.news.remove(g, linkNews)
		paged.lock.Release()
		f.lock.Acquire()
		if f.paging == g {
			more := false
			n, ok, more = g.take()
			if more {
				g.news()
			}
		}
		f.lock.Release()
	}
	return n, ok
}

// take answers one piece of news, and whether there is more.
func (g *paging) take() (n News, ok, more bool) {
	n.Cookie = g.cookie
	for k := range g.req {
		r := &g.req[k]
		switch {
		case r.n == 0 || r.taken:
		case ok:
			return n, true, true
		default:
			r.taken = true
			n.First, n.N, n.Write, ok = r.first, uint64(r.n), r.write, true
		}
	}
	for _, kind := range [...]bool{g.syncTold != g.syncWant, g.unused} {
		if kind && ok {
			return n, true, true
		}
		ok = ok || kind
	}
	switch {
	case n.N != 0:
	case g.syncTold != g.syncWant:
		g.syncTold = g.syncWant
		n.Sync = g.syncWant
	case g.unused:
		g.unused = false
		n.Unused = true
	}
	return n, ok, false
}

// trim takes [first, first+n) off the request, or all from there on if it lies
// in the middle.
func (r *request) trim(first, n uint64) {
	lo, hi := r.first, r.first+uint64(r.n)
	if first >= hi || first+n <= lo {
		return
	}
	if first <= lo {
		lo = min(first+n, hi)
	} else {
		hi = first
	}
	r.got = r.got >> (lo - r.first) & (1<<(hi-lo) - 1)
	r.first, r.n = lo, uint32(hi-lo)
}

// cutRequests forgets what was asked for beyond the size; the FCM is locked.
func (g *paging) cutRequests() {
	limit := (g.fcm.size + pageMask) >> PageShift
	for k := range g.req {
		if r := &g.req[k]; r.n != 0 {
			r.trim(limit, 1<<indexBits)
		}
	}
	g.stir()
}
