package mm

import (
	"sync/atomic"
	"unsafe"

	"go42/mm/spin"
)

// A paged object is a file's FCM whose pages its server, the pager, supplies
// when they are first touched. The kernel keeps no waiting thread: it keeps what
// has been asked of the pager (requests, a few ranges of pages an object), and
// which dispatchers are to be told when something has come (Waiters, which are
// part of the dispatchers). Those who faulted simply fault again.
//
// Nothing is allocated between a fault and its request, so none is lost: where
// there is no room for a further request, or a further Waiter, the fault waits
// for what has been asked already, and asks again.
//
// Entries of a paged object's page index have more bits: see entDirty.

// maxRequests bounds the ranges of one object that are asked for at a time.
const maxRequests = 16

// MaxWindow is the largest number of pages asked for at a fault: the window of
// an object that is read in order starts at one page and doubles with each
// request up to this.
const MaxWindow = 32

// Bits of entries of paged objects, beside entPage.
const (
	entError    = 4  // no page: the pager could not supply it; the next access fails
	entDirty    = 8  // written since the pager took it last
	entCleaning = 16 // the pager is taking it: see NextDirty
	entResting  = 32 // taken from all mappers, not touched since: see ReclaimCache
)

// Pager is a server's end of its paged objects. It lives while the server or
// one of its objects has it.
type Pager struct {
	id   uint64 // badge id of the server
	rank uint32
	dead uint32 // 1: the server is gone (atomic)
	refs int64
	held int64      // pages of its objects (atomic)
	news pagingList // objects with something to tell
	next *Pager     // that are to be poked
	// poked says that it is on that list. Both and news: guarded by paged.lock.
	poked bool
}

// request is a range of pages that the pager is asked for.
type request struct {
	first uint64
	n     uint32 // 0: the place is free
	taken bool   // the pager knows
	write bool
}

// paging is what a paged object has beyond other FCMs. Guarded by its lock.
type paging struct {
	fcm     *FCM
	pager   *Pager
	cookie  uint64 // the pager's name for the object
	waiters *Waiter
	req     [maxRequests]request
	unused  bool   // the last mapper has gone, and the pager does not know
	ahead   uint64 // page behind the last request: one there is read in order
	window  uint32 // pages of the last request
	dirty   int64  // entries with entDirty or entCleaning
	resting int64
	pass    pass
	// Syncs are numbered: the last that was asked for, that the pager knows of,
	// that is done, and the last that failed.
	syncWant, syncTold, syncDone, syncBad uint64
	links                                 [2]pagingLink
}

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

// Lists of objects: the news of a pager, and those whose waiters are to be told.
const (
	linkNews = iota
	linkStir
)

type pagingLink struct {
	next, prev *paging
	on         bool
}

// pagingList: n, atomic, is read without the lock by those who look whether there
// is anything.
type pagingList struct {
	head, tail *paging
	n          int32
}

func (l *pagingList) some() bool { return atomic.LoadInt32(&l.n) != 0 }

func (l *pagingList) push(g *paging, k int) {
	x := &g.links[k]
	if x.on {
		return
	}
	atomic.AddInt32(&l.n, 1)
	*x = pagingLink{nil, l.tail, true}
	if l.tail != nil {
		l.tail.links[k].next = g
	} else {
		l.head = g
	}
	l.tail = g
}

func (l *pagingList) remove(g *paging, k int) {
	x := &g.links[k]
	if !x.on {
		return
	}
	atomic.AddInt32(&l.n, -1)
	if x.prev != nil {
		x.prev.links[k].next = x.next
	} else {
		l.head = x.next
	}
	if x.next != nil {
		x.next.links[k].prev = x.prev
	} else {
		l.tail = x.prev
	}
	*x = pagingLink{}
}

// paged is the state that paged objects share. Its lock comes after an FCM's.
var paged struct {
	lock  spin.Lock
	poke  *Pager     // with news that their servers have not been told of
	pokes int32      // how many (atomic)
	stir  pagingList // objects whose waiters are to be told
	pages int64      // of all paged objects (atomic)
	dirty int64      // of those (atomic)
	most  int64      // how many may be dirty

	hand hand

	objects Pool[paging]
	pagers  Pool[Pager]
}

func initPaging(total int) {
	paged.lock.SetRank(spin.Work)
	paged.poke, paged.pokes, paged.stir = nil, 0, pagingList{}
	paged.pages, paged.dirty, paged.hand = 0, 0, hand{}
	paged.most = int64(total / dirtyShare)
	paged.objects.Init("paged objects", 64+total/16)
	paged.pagers.Init("pagers", 64+total/64)
}

// NewPager makes the pager of server id with that rank, charged to a; nil if
// there is no room. It has one reference, which PagerDied drops.
func NewPager(a *Account, id uint64, rank uint32) *Pager {
	p, _, ok := paged.pagers.Alloc(a)
	if !ok {
		return nil
	}
	*p = Pager{id: id, rank: rank, refs: 1}
	return p
}

func (p *Pager) put() {
	if atomic.AddInt64(&p.refs, -1) == 0 {
		paged.pagers.Free(p)
	}
}

func (p *Pager) gone() bool { return atomic.LoadUint32(&p.dead) != 0 }

// NewPagedFCM returns an object of size bytes whose pages p supplies; cookie is
// p's name for it. Frames are charged to a.
func NewPagedFCM(a *Account, size, cookie uint64, p *Pager) (*FCM, Errno) {
	f, e := newFCM(FCMFile, a, size)
	if e != OK {
		return nil, e
	}
	g, _, ok := paged.objects.Alloc(a)
	if !ok {
		f.Put()
		return nil, ENOMEM
	}
	*g = paging{fcm: f, pager: p, cookie: cookie, ahead: ^uint64(0)}
	atomic.AddInt64(&p.refs, 1)
	f.lock.Acquire()
	f.paging = g
	f.lock.Release()
	return f, OK
}

// unpage ends the paging of a dead object, which has no pages and no waiters.
func (f *FCM) unpage() {
	f.lock.Acquire()
	g := f.paging
	f.paging = nil
	f.lock.Release()
	if g == nil {
		return
	}
	paged.lock.Acquire()
	g.pager.news.remove(g, linkNews)
	paged.stir.remove(g, linkStir)
	paged.lock.Release()
	g.pager.put()
	paged.objects.Free(g)
}

// PagerRank returns the rank of f's pager; ok is false if f has none.
func (f *FCM) PagerRank() (rank uint32, ok bool) {
	if g := f.paging; g != nil {
		return g.pager.rank, true
	}
	return 0, false
}

// news puts the object on its pager's list. The FCM's lock is held.
func (g *paging) news() {
	p := g.pager
	paged.lock.Acquire()
	if !p.gone() {
		p.news.push(g, linkNews)
		if !p.poked {
			p.poked, p.next, paged.poke = true, paged.poke, p
			atomic.AddInt32(&paged.pokes, 1)
			atomic.AddInt64(&p.refs, 1)
		}
	}
	paged.lock.Release()
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

// NextPoke returns a server that is to be told that NextPage has something for
// it; 0: there is none.
func NextPoke() (id uint64) {
	if atomic.LoadInt32(&paged.pokes) == 0 {
		return 0
	}
	paged.lock.Acquire()
	p := paged.poke
	if p != nil {
		paged.poke, p.next, p.poked = p.next, nil, false
		atomic.AddInt32(&paged.pokes, -1)
		id = p.id
	}
	paged.lock.Release()
	if p != nil {
		p.put()
	}
	return id
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

// awake returns page i if it can be mapped without anyone having touched it: it
// is in memory, and does not rest. 0: not so. The FCM's lock is held.
func (f *FCM) awake(i uint64) uint64 {
	if f.paging != nil && f.index.get(i)&entResting != 0 {
		return 0
	}
	pa, _ := f.page(i, false, nil)
	return pa
}

// wake notes that the page of entry p is in use.
func (g *paging) wake(p *uint64) {
	if *p&entResting != 0 {
		*p &^= entResting
		g.resting--
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

// forget takes the entry e, which has been removed, out of the counts.
func (g *paging) forget(e uint64) {
	if e&entPage != 0 {
		atomic.AddInt64(&paged.pages, -1)
		atomic.AddInt64(&g.pager.held, -1)
	}
	if e&entResting != 0 {
		g.resting--
	}
	if e&(entDirty|entCleaning) != 0 {
		g.dirty--
		atomic.AddInt64(&paged.dirty, -1)
	}
}

// asked returns the request that covers page i.
func (g *paging) asked(i uint64) *request {
	for k := range g.req {
		if r := &g.req[k]; i-r.first < uint64(r.n) {
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
		switch {
		case i-r.first >= uint64(r.n):
		case i == r.first:
			r.first++
			r.n--
		case i == r.first+uint64(r.n)-1:
			r.n--
		}
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

// PagerDied says that p's server is gone: what its objects lack never comes.
// Call it until it answers true; the last answer drops the server's reference.
// next is 0 at the first call.
func (p *Pager) PagerDied(next *int) (done bool) {
	atomic.StoreUint32(&p.dead, 1)
	for k := 0; k < 64; k++ {
		if *next >= paged.objects.Len() {
			paged.lock.Acquire()
			for p.news.head != nil {
				p.news.remove(p.news.head, linkNews)
			}
			paged.lock.Release()
			p.put()
			return true
		}
		if g := paged.objects.At(*next); g != nil && g.pager == p {
			f := g.fcm
			f.lock.Acquire()
			if f.paging == g {
				g.req = [maxRequests]request{}
				g.unused = false
				g.stir()
			}
			f.lock.Release()
		}
		*next++
	}
	return false
}

// Paging describes a paged object, for tests and for its pager: pages present,
// dirty ones, and ranges asked for.
func (f *FCM) Paging() (pages, dirty, asked uint64) {
	f.lock.Acquire()
	if g := f.paging; g != nil {
		pages, dirty = uint64(f.index.pages), uint64(g.dirty)
		for k := range g.req {
			if g.req[k].n != 0 {
				asked++
			}
		}
	}
	f.lock.Release()
	return
}

// Pages returns how many pages p's objects hold.
func (p *Pager) Pages() int64 { return atomic.LoadInt64(&p.held) }

// CachedPages returns how many pages all paged objects hold, and how many of
// these are dirty.
func CachedPages() (pages, dirty int64) {
	return atomic.LoadInt64(&paged.pages), atomic.LoadInt64(&paged.dirty)
}
