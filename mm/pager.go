package mm

import (
	"sync/atomic"

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
//
//	pager.go          pagers, their objects, what they are told of
//	pager_request.go  what is asked of them
//	pager_supply.go   what they answer
//	pager_wait.go     who waits for it
//	dirty.go          what goes back to them
//	reclaim.go        what is given up when memory is short

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
	// held are the pages that NextDirty gave last: the pager reads and stores them,
	// and until it has, a copy read back from where it stores would be old.
	held struct{ lo, hi uint64 }
	// Syncs are numbered: the last that was asked for, that the pager knows of,
	// that is done, and the last that failed.
	syncWant, syncTold, syncDone, syncBad uint64
	links                                 [2]pagingLink
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

	hand    hand
	changes uint32 // moves when a clean page comes or a page may have become one (atomic)

	objects Pool[paging]
	pagers  Pool[Pager]
}

func initPaging(total int) {
	paged.lock.SetRank(spin.Work)
	paged.poke, paged.pokes, paged.stir = nil, 0, pagingList{}
	paged.pages, paged.dirty, paged.hand, paged.changes = 0, 0, hand{}, 0
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

// pagedAt returns the object of entry i of paged.objects, locked; nil: the entry is
// free, or its object is being made or taken apart.
func pagedAt(i int) *FCM {
	g := paged.objects.At(i)
	if g == nil {
		return nil
	}
	f := (*FCM)(loadPointer(&g.fcm))
	if f == nil {
		return nil
	}
	f.lock.Acquire()
	if f.paging != g {
		f.lock.Release()
		return nil
	}
	return f
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

// wake notes that the page of entry p is in use.
func (g *paging) wake(p *uint64) {
	if *p&entResting != 0 {
		*p &^= entResting
		g.resting--
	}
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
		if f := pagedAt(*next); f != nil {
			if g := f.paging; g.pager == p {
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
