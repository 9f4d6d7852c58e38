package mm

import "sync/atomic"

// hand is that of ReclaimCache's clock. Guarded by paged.lock.
type hand struct {
	object  int    // index in paged.objects
	page    uint64 // in that object
	barren  int    // rounds since it has freed a page
	stirred bool   // in these it has let pages rest, which others woke
	said    int    // how often it has said since that there is no more
	changes uint32 // paged.changes when they began
}

const (
	barrenMost = 2  // one round lets rest, one frees
	saidMost   = 64 // what is used all the time may not be by then
)

// ReclaimCache gives back up to want clean pages of paged objects, second chance
// first: a clock goes over all pages of all paged objects. A page that it meets
// for the first time is taken from all page tables and rests; the next access
// faults and wakes it. One that still rests when the clock comes again is freed:
// nothing maps it. Dirty pages, and those that are being supplied or stored, stay.
//
// It does bounded work. more says that another call may find something. When rounds
// have freed nothing it is false for a while: until pages come or are written back, or,
// where there are some that others use all the time, for some calls.
func ReclaimCache(want int) (freed int, more bool) {
	if pages, dirty := CachedPages(); pages <= dirty {
		return 0, false
	}
	budget := stepBudget
	for budget > 0 && freed < want {
		paged.lock.Acquire()
		at := paged.hand
		paged.lock.Release()
		budget--
		now := atomic.LoadUint32(&paged.changes)
		if at.barren > barrenMost {
			if at.said++; at.changes == now && (!at.stirred || at.said <= saidMost) {
				setHand(at)
				return freed, false
			}
			at = hand{changes: now}
		}
		if at.object >= paged.objects.Len() {
			// What rests from now on has until the next call.
			at = hand{barren: at.barren + 1, stirred: at.stirred, changes: at.changes}
			setHand(at)
			return freed, at.barren <= barrenMost
		}
		next := NoPage
		if f := pagedAt(at.object); f != nil {
			g := f.paging
			if !f.dead && !f.shrinking && g.pass.kind != passClean {
				var n int
				var busy bool
				n, busy, next = g.clock(at.page, want-freed, &budget)
				freed += n
				if n > 0 {
					at.barren, at.stirred, at.changes = 0, false, now
				} else if busy {
					at.stirred = true
				}
			}
			f.lock.Release()
		}
		if at.page = next; next == NoPage {
			at.object, at.page = at.object+1, 0
		}
		setHand(at)
	}
	return freed, true
}

func setHand(h hand) {
	paged.lock.Acquire()
	paged.hand = h
	paged.lock.Release()
}

// clockSpan is how many pages of an object the clock sees to at a time.
const clockSpan = 512

// clock frees what rests among the pages from page on and lets the others rest;
// busy says that there was something to do. It returns where to go on; NoPage: at
// the next object. The FCM is locked.
func (g *paging) clock(page uint64, want int, budget *int) (freed int, busy bool, next uint64) {
	f := g.fcm
	next = page + clockSpan
	if g.pass.kind == passNone {
		lo, hi := NoPage, uint64(0)
	scan:
		for i := page; ; i++ {
			at, e, ok := f.index.next(i, page+clockSpan)
			if !ok {
				break
			}
			i = at
			*budget--
			switch {
			case e&entPage == 0 || e&(entDirty|entCleaning) != 0 || at-g.held.lo < g.held.hi-g.held.lo:
			case e&entResting != 0:
				if freed == want || *budget <= 0 {
					next = at
					break scan
				}
				f.index.remove(at, f.acct)
				g.forget(e)
				FreeFrame(f.acct, KindFile, e&pteAddr)
				freed++
				*budget -= costFree
			default:
				*f.index.at(at) |= entResting
				g.resting++
				lo, hi = min(lo, at), at+1
			}
		}
		if lo < hi {
			busy = true
			g.begin(passRest, lo, hi)
		}
	}
	if g.pass.kind == passRest {
		busy = true
		if done, _ := f.sweep(budget); !done {
			return freed, busy, page
		}
		g.pass = pass{}
	}
	if _, _, ok := f.index.next(next, 1<<indexBits); !ok {
		next = NoPage
	}
	return freed, busy || freed > 0, next
}
