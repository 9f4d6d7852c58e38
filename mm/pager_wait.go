package mm

import (
	"sync/atomic"
	"unsafe"
)

// Who waits for pages: dispatchers, which the kernel tells; they fault again.

// Waiter is a place in an object's list of those who wait for its pages. Its
// dispatcher links it, whoever supplies the page takes it off.
type Waiter struct {
	fcm        uint64 // where the object is; 0: free. Changed with its lock held (atomic)
	next, prev *Waiter
	owner      unsafe.Pointer
}

// object returns the object that w waits for, nil if there is none.
func (w *Waiter) object() *FCM {
	pa := atomic.LoadUint64(&w.fcm)
	if pa == 0 {
		return nil
	}
	return (*FCM)(ptr(pa))
}

// stir has the object's waiters told. The FCM's lock is held.
func (g *paging) stir() {
	if g.waiters == nil {
		return
	}
	paged.lock.Acquire()
	paged.stir.push(g, linkStir)
	paged.lock.Release()
}

// NextWaiter returns the owner of a Waiter that is to be told that a page may
// have come; it waits no more. nil: there is none.
func NextWaiter() (owner unsafe.Pointer) {
	for paged.stir.some() {
		paged.lock.Acquire()
		g := paged.stir.head
		if g == nil {
			paged.lock.Release()
			break
		}
		f := g.fcm
		paged.lock.Release()
		f.lock.Acquire()
		if f.paging == g { // else it has gone, and is off the list
			if w := g.waiters; w != nil {
				owner = w.owner
				g.unlink(w)
			}
			if g.waiters == nil {
				paged.lock.Acquire()
				paged.stir.remove(g, linkStir)
				paged.lock.Release()
			}
		}
		f.lock.Release()
		if owner != nil {
			return owner
		}
	}
	return nil
}

func (g *paging) unlink(w *Waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		g.waiters = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	w.next, w.prev = nil, nil
	atomic.StoreUint64(&w.fcm, 0)
	if g.waiters == nil && g.fcm.dead {
		g.fcm.enqueue()
	}
}

// Await links a Waiter of ws, which are owner's, to the object at va whose page
// made Fault answer FaultPending. FaultPending: the owner will be told; FaultOK:
// try again at once; FaultBus: a process of that rank must not wait for this
// pager, which may wait for it.
func Await(as *AddressSpace, va uint64, write bool, ws []Waiter, owner unsafe.Pointer, rank uint32) FaultResult {
	h := as.acquire(va)
	if h == nil {
		return FaultOK
	}
	res := FaultOK
	if r := h.find(va); r != nil && r.start <= va && r.obj != nil && r.obj.paging != nil {
		r.obj.lock.Acquire()
		res = r.obj.paging.await((r.off+(va-r.start))>>PageShift, write && r.shared(), ws, owner, rank)
		r.obj.lock.Release()
	}
	h.lock.Release()
	return res
}

func (g *paging) await(i uint64, write bool, ws []Waiter, owner unsafe.Pointer, rank uint32) FaultResult {
	f := g.fcm
	if i >= (f.size+pageMask)>>PageShift || g.pager.gone() {
		return FaultOK
	}
	if g.pager.rank >= rank {
		return FaultBus
	}
	// What was asked for at the fault may have come and gone since.
	switch p := f.index.at(i); {
	case p == nil || *p == 0:
		g.ask(i, write)
	case *p&entPage != 0 && write && g.tooDirty(p):
		g.askSync()
	default:
		return FaultOK
	}
	g.wait(ws, owner)
	return FaultPending
}

// wait links one of ws, which are owner's, to the object. The FCM is locked.
func (g *paging) wait(ws []Waiter, owner unsafe.Pointer) {
	f := g.fcm
	var w *Waiter
	for k := range ws {
		switch ws[k].object() {
		case f:
			return
		case nil:
			w = &ws[k]
		}
	}
	// With all of them in use something else will wake the owner, which then
	// comes again.
	if w != nil {
		w.owner, w.next, w.prev = owner, g.waiters, nil
		if g.waiters != nil {
			g.waiters.prev = w
		}
		g.waiters = w
		atomic.StoreUint64(&w.fcm, physOf(unsafe.Pointer(f)))
	}
}

// Unwait takes ws, whose owner is about to go, off all lists.
func Unwait(ws []Waiter) {
	for k := range ws {
		w := &ws[k]
		f := w.object()
		if f == nil {
			continue
		}
		f.lock.Acquire()
		if w.object() == f {
			f.paging.unlink(w)
		}
		f.lock.Release()
	}
}
