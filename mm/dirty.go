package mm

import (
	"sync/atomic"
	"unsafe"
)

// A page of a paged object is dirty from the first write by way of a shared
// mapping, which faults because clean pages are mapped read-only, or by its
// pager's Transfer, until the pager takes it with NextDirty.
//
// Both NextDirty and ReclaimCache need that no page table names some pages. A
// pass visits the regions that map the object, one at a time, in bounded steps:
// those that it has seen to are at the tail of the mapper list, with the FCM's
// zapEpoch, as for Resize. A page that is touched after its region was visited
// is marked by that fault, so that a pass ends with pages that either are in no
// page table or say so.

// pass is a pass in progress over the pages [lo, hi) of an object.
type pass struct {
	kind   uint8
	lo, hi uint64
}

const (
	passNone  = iota
	passClean // entries have entCleaning
	passRest  // entries have entResting
)

// maxClean bounds the pages that NextDirty takes at a time.
const maxClean = 32

// NoPage is a page number that no page has.
const NoPage = ^uint64(0)

// at returns the place of i's entry, nil if there is no node for it.
func (x *pageIndex) at(i uint64) *uint64 {
	n := x.bottom(i)
	if n == nil {
		return nil
	}
	return &n.slots[i&(nodeSlots-1)]
}

// begin starts a pass; the FCM is locked, and not shrinking.
func (g *paging) begin(kind uint8, lo, hi uint64) {
	g.pass = pass{kind, lo, hi}
	atomic.StoreUint32(&g.fcm.zapEpoch, g.fcm.zapEpoch+1)
}

// abort gives up the pass in progress: what was to rest may still be mapped,
// what was to be taken is still dirty.
func (g *paging) abort() {
	if g.pass.kind == passRest {
		g.wakeRange(g.pass.lo, g.pass.hi)
	}
	g.pass = pass{}
}

// wakeRange wakes the pages [lo, hi).
func (g *paging) wakeRange(lo, hi uint64) {
	for i := lo; i < hi; i++ {
		if p := g.fcm.index.at(i); p != nil {
			g.wake(p)
		}
	}
}

// sweep goes on with the pass. The FCM is locked before and after, but not all
// the time. done: all mappers have been visited. abandoned: the pass is not the
// object's any more.
func (f *FCM) sweep(budget *int) (done, abandoned bool) {
	g := f.paging
	ps := g.pass
	for {
		r := f.mappers
		if r == nil || r.zapEpoch == f.zapEpoch {
			return true, false
		}
		if *budget <= 0 {
			return false, false
		}
		h, ref, epoch := r.half, mem.regions.Ref(r), f.zapEpoch
		f.lock.Release()
		h.acquire()
		if mem.regions.Get(ref) == r && r.half == h && r.obj == f {
			seen := true
			lo, hi := r.covers(ps.lo, ps.hi)
			stays := ps.kind == passRest && r.flags&regLocked != 0
			if lo < hi && !stays {
				seen = h.zap(lo, hi, budget) >= hi
			}
			f.lock.Acquire()
			if lo < hi && stays && g.pass == ps {
				g.wakeRange((r.off+(lo-r.start))>>PageShift, (r.off+(hi-r.start))>>PageShift)
			}
			if seen && f.zapEpoch == epoch {
				f.visited(r)
			}
			f.lock.Release()
		}
		h.lock.Release()
		*budget -= costRegion
		f.lock.Acquire()
		if f.paging != g || g.pass != ps || f.zapEpoch != epoch {
			return false, true
		}
	}
}

// covers returns the addresses at which r shows the pages [lo, hi) of its object.
func (r *Region) covers(lo, hi uint64) (from, to uint64) {
	lo, hi = lo<<PageShift, hi<<PageShift
	n := r.end - r.start
	if hi <= r.off || lo >= r.off+n {
		return 0, 0
	}
	from, to = r.start, r.end
	if lo > r.off {
		from += lo - r.off
	}
	if hi < r.off+n {
		to = r.start + (hi - r.off)
	}
	return from, to
}

// NextDirty takes the first dirty pages at or above page from: n of them from lo
// on are clean from now on, and mapped by nobody, so that a later write makes
// them dirty again. Until the next call they are not reclaimed: then the pager has
// stored them. n == 0: none is to be had below lo; go on there, NoPage: there
// is none. EAGAIN: call again with the same argument.
func (f *FCM) NextDirty(from uint64) (lo, n uint64, e Errno) {
	budget := stepBudget
	f.lock.Acquire()
	if h := &f.paging.held; h.lo < h.hi {
		h.lo, h.hi = 0, 0
		atomic.AddUint32(&paged.changes, 1)
	}
	if f.shrinking {
		f.lock.Release()
		f.shrink(&budget)
		return 0, 0, EAGAIN
	}
	lo, hi, ok := f.findDirty(from, &budget)
	if !ok {
		f.lock.Release()
		return lo, 0, OK
	}
	g := f.paging
	if g.pass.kind == passClean && g.pass.lo == lo && g.pass.hi <= hi {
		hi = g.pass.hi
	} else {
		g.abort()
		for i := lo; i < hi; i++ {
			p := f.index.at(i)
			*p = *p&^entDirty | entCleaning
		}
		g.begin(passClean, lo, hi)
	}
	done, _ := f.sweep(&budget)
	if !done {
		// Not the same call again: its search would use up the same budget.
		f.lock.Release()
		return lo, 0, OK
	}
	for i := lo; i < hi; i++ {
		p := f.index.at(i) // dirty pages are not taken from under a pass
		*p &^= entCleaning
		if *p&entDirty == 0 {
			g.dirty--
			atomic.AddInt64(&paged.dirty, -1)
		}
	}
	g.pass = pass{}
	g.held.lo, g.held.hi = lo, hi
	f.lock.Release()
	return lo, hi - lo, OK
}

// findDirty returns the first run of at most maxClean dirty pages from from on;
// ok is false if there is none below lo.
func (f *FCM) findDirty(from uint64, budget *int) (lo, hi uint64, ok bool) {
	if f.paging.dirty == 0 {
		return NoPage, 0, false
	}
	for i := from; ; i++ {
		at, e, found := f.index.next(i, 1<<indexBits)
		if !found {
			return NoPage, 0, false
		}
		if *budget <= 0 {
			return at, 0, false
		}
		*budget--
		i = at
		if e&(entDirty|entCleaning) != 0 {
			end := i + 1
			for end < i+maxClean && f.index.get(end)&(entDirty|entCleaning) != 0 {
				end++
			}
			return i, end, true
		}
	}
}

// Transfer copies up to n bytes between the object from byte off on and as's
// memory at va, into the object with write; whole pages of the object only as
// far as they are there. It stops at a page that is not, at the size, and after
// 64 pages, and returns the bytes copied. EFAULT: the first at va cannot be
// accessed, for want of memory perhaps.
func (f *FCM) Transfer(as *AddressSpace, va, off, n uint64, write bool) (done uint64, e Errno) {
	for k := 0; k < 2*maxCopyPages && done < n; k++ {
		c := min(n-done, PageSize-va&pageMask, PageSize-off&pageMask)
		h, pa := as.pin(va, !write)
		if h == nil {
			if done == 0 {
				e = EFAULT
			}
			break
		}
		f.lock.Acquire()
		if off < f.size {
			c = min(c, f.size-off)
		} else {
			c = 0
		}
		p := f.index.at(off >> PageShift)
		if c != 0 && p != nil && *p&entPage != 0 {
			f.paging.wake(p)
			b := pageBytes(*p & pteAddr)[off&pageMask:][:c]
			u := pageBytes(pa &^ pageMask)[pa&pageMask:][:c]
			if write {
				f.paging.spoil(p)
				copy(b, u)
			} else {
				copy(u, b)
			}
		} else {
			c = 0
		}
		f.lock.Release()
		h.lock.Release()
		if c == 0 {
			break
		}
		done, va, off = done+c, va+c, off+c
	}
	return done, e
}

// Sync asks the pager of the object that is mapped, shared, at va to write back
// what is dirty. ticket is 0 at first; an answer that is not 0 is the ticket to
// ask again with, when owner, one of whose ws waits, has been told. 0, OK: it is
// written, or there is nothing to write. EIO: it could not be.
func (as *AddressSpace) Sync(va, ticket uint64, ws []Waiter, owner unsafe.Pointer) (uint64, Errno) {
	h := as.acquire(va)
	if h == nil {
		return 0, OK
	}
	e := OK
	if r := h.find(va); r != nil && r.start <= va && r.shared() && r.obj != nil && r.obj.paging != nil {
		f := r.obj
		f.lock.Acquire()
		ticket, e = f.paging.sync(ticket, ws, owner)
		f.lock.Release()
	} else {
		ticket = 0
	}
	h.lock.Release()
	return ticket, e
}

func (g *paging) sync(ticket uint64, ws []Waiter, owner unsafe.Pointer) (uint64, Errno) {
	switch {
	case ticket == 0 || ticket > g.syncWant:
		if g.pager.gone() {
			return 0, EIO
		}
		g.syncWant++
		ticket = g.syncWant
		g.news()
	case ticket <= g.syncDone:
		if ticket <= g.syncBad {
			return 0, EIO
		}
		return 0, OK
	case g.pager.gone():
		return 0, EIO
	}
	g.wait(ws, owner)
	return ticket, OK
}

// Synced says that all syncs up to seq are done; bad: they have failed.
func (f *FCM) Synced(seq uint64, bad bool) {
	f.lock.Acquire()
	if g := f.paging; seq <= g.syncWant && seq > g.syncDone {
		g.syncDone = seq
		if bad {
			g.syncBad = seq
		}
		g.stir()
	}
	f.lock.Release()
}

// Dirty pages are at most 1/dirtyShare of memory, as far as writes by way of
// mappings go: beyond it, who makes more of an object dirty that has dirtyFew
// such pages waits until its pager has written them back.
const (
	dirtyShare = 8
	dirtyFew   = 64
)

// tooDirty says whether a write to the page of entry p has to wait.
func (g *paging) tooDirty(p *uint64) bool {
	return *p&(entDirty|entCleaning) == 0 && g.dirty >= dirtyFew && atomic.LoadInt64(&paged.dirty) >= paged.most
}

// askSync has the pager write back, unless it has been asked already.
func (g *paging) askSync() {
	if g.syncDone == g.syncWant {
		g.syncWant++
		g.news()
	}
}

// spoil notes that the page of entry p is written.
func (g *paging) spoil(p *uint64) {
	if *p&(entDirty|entCleaning) == 0 {
		g.dirty++
		atomic.AddInt64(&paged.dirty, 1)
	}
	*p |= entDirty
}
