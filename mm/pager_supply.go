package mm

import "sync/atomic"

// What a pager answers: pages, or that there are none.

// Supply gives the object the pages from first on: n bytes at va of as, the
// pager's memory, the rest of the last page zero. Pages that are there already
// stay as they are. It returns the bytes used, short with EFAULT, with ENOMEM,
// or after maxSupply pages.
func (f *FCM) Supply(as *AddressSpace, first, va, n uint64) (done uint64, e Errno) {
	for k := 0; k < maxSupply && done < n; k++ {
		pa, ok := allocFrameRaw(f.acct, KindFile)
		if !ok {
			return done, ENOMEM
		}
		c := min(n-done, PageSize)
		b := pageBytes(pa)
		if CopyIn(as, b[:c], va+done) != int(c) {
			FreeFrame(f.acct, KindFile, pa)
			return done, EFAULT
		}
		clear(b[c:])
		i := first + done>>PageShift
		f.lock.Acquire()
		e, keep := f.put(i, pa)
		f.lock.Release()
		if !keep {
			FreeFrame(f.acct, KindFile, pa)
		}
		if e != OK {
			return done, e
		}
		done += c
	}
	return done, OK
}

// maxSupply bounds the pages of one Supply.
const maxSupply = 16

// put makes the frame at pa page i; keep is false if it is not wanted.
func (f *FCM) put(i, pa uint64) (e Errno, keep bool) {
	g := f.paging
	if i < (f.size+pageMask)>>PageShift {
		if p := f.index.at(i); p == nil || *p&entPage == 0 {
			if !f.index.set(i, pa|entPage, f.acct, false) {
				return ENOMEM, false
			}
			atomic.AddInt64(&paged.pages, 1)
			atomic.AddUint32(&paged.changes, 1)
			atomic.AddInt64(&g.pager.held, 1)
			keep = true
		}
	}
	g.arrived(i)
	g.stir()
	return OK, keep
}

// Fail says that the n pages from first on cannot be supplied. Of those, the
// ones that somebody faulted on fail that access; those of a read-ahead are
// asked for when they are touched.
func (f *FCM) Fail(first, n uint64) {
	f.lock.Acquire()
	g := f.paging
	for k := range g.req {
		r := &g.req[k]
		if r.n == 0 || r.first-first >= n {
			continue
		}
		// Without memory for the mark, the page is asked for again.
		if f.index.get(r.first) == 0 {
			f.index.set(r.first, entError, f.acct, false)
		}
	}
	for k := range g.req {
		if r := &g.req[k]; r.n != 0 {
			r.trim(first, n)
		}
	}
	g.stir()
	f.lock.Release()
}
