package mm

import (
	"sync/atomic"

	"go42/mm/spin"
)

// FCMKind is the kind of a memory object.
type FCMKind uint8

// Kinds of FCMs; the values are those of abi.RegionInfo.Kind.
const (
	FCMAnon    FCMKind = 0 // shared anonymous memory
	FCMFile    FCMKind = 1 // a file's pages, owned by a server
	FCMArea    FCMKind = 2 // shared area (VM_SFORK)
	FCMDevice  FCMKind = 3 // fixed physical memory, uncached
	FCMImage   FCMKind = 4 // fixed physical memory: libOS image, boot modules
	fcmPrivate FCMKind = 5 // node of a fork chain
)

// FCM is a memory object (file cache manager): pages by index, independent of
// who maps it. It lives while it has references: handles and regions; nodes of
// a fork chain while they have a half (leaves) or children (hidden nodes).
//
// Its lock guards it, with these exceptions: kind, freeOnLast, acct, base and id
// stay as newFCM's caller set them; refs is atomic; size, nmappers and zapEpoch
// are written with the lock and may be read without.
type FCM struct {
	lock       spin.Lock // never cleared: somebody may still be trying it when the entry is used again
	kind       FCMKind
	dead       bool // nobody refers to it: being torn down by Work
	freeOnLast bool // device, image: frames go to the allocator at the end
	shrinking  bool // Resize is not done
	queued     bool // on the work list (guarded by its lock)

	refs  int64
	acct  *Account
	size  uint64 // bytes
	base  uint64 // device, image: physical address
	id    uint64
	index pageIndex

	// Fork chain. parent is guarded by the node's own lock and the parent's
	// together; child, nchild and the children's sib links by the parent's lock.
	parent  *FCM
	child   *FCM
	sibNext *FCM
	sibPrev *FCM
	nchild  int32

	mappers  *Region // regions that map it, but those that shards have
	mapTail  *Region
	nmappers int64
	shards   *shards // set once, with lock; atomic
	zapEpoch uint32
	seq      uint32 // odd while index changes (objects without a pager): see seen; atomic

	paging *paging // its pages come from a pager; nil: they do not

	work  *FCM  // next on the work list
	check int64 // scratch of Check
}

// newFCM returns an FCM with one reference, holding one to a.
func newFCM(kind FCMKind, a *Account, size uint64) (*FCM, Errno) {
	f, _, ok := mem.fcms.Alloc(a)
	if !ok {
		return nil, ENOMEM
	}
	if a != nil {
		a.Get()
	}
	f.lock.SetRank(spin.FCM)
	f.lock.AcquireSecond()
	f.kind, f.dead, f.freeOnLast, f.shrinking, f.queued = kind, false, false, false, false
	f.refs, f.acct, f.size, f.base = 1, a, size, 0
	c := &mem.cpus[cpuID()]
	c.serial++
	f.id = c.serial*maxCPU + uint64(cpuID())
	f.index = pageIndex{}
	f.parent, f.child, f.sibNext, f.sibPrev, f.nchild = nil, nil, nil, nil, 0
	f.mappers, f.mapTail, f.nmappers, f.zapEpoch, f.shards = nil, nil, 0, 0, nil
	f.work, f.paging = nil, nil
	f.lock.Release()
	return f, OK
}

// freeFCM gives the empty, unreferenced f back; its lock is not held.
func freeFCM(f *FCM) {
	if f.paging != nil {
		f.unpage()
	}
	if s := f.shards; s != nil {
		f.shards = nil
		mem.shards.Free(s)
	}
	a := f.acct
	mem.fcms.Free(f)
	if a != nil {
		a.Put()
	}
}

// NewAnonFCM returns shared anonymous memory of size bytes, zero-filled on
// demand, with one reference. Frames are charged to a.
func NewAnonFCM(a *Account, size uint64) (*FCM, Errno) { return newFCM(FCMAnon, a, size) }

// NewFileFCM returns an object for a file's pages: size bytes; missing pages
// below size are zero-filled on demand, an access beyond the last page is
// FaultBus. Frames are charged to a, the owning server's account.
func NewFileFCM(a *Account, size uint64) (*FCM, Errno) { return newFCM(FCMFile, a, size) }

// NewPhysFCM returns an object of kind FCMDevice or FCMImage for the fixed
// physical range [pa, pa+size), pa page aligned. With free, its frames (kernel
// kind, charged to nobody) are given back with the last reference; an image
// without is there for good.
func NewPhysFCM(kind FCMKind, pa, size uint64, free bool) (*FCM, Errno) {
	if pa&pageMask != 0 || kind != FCMDevice && kind != FCMImage {
		return nil, EINVAL
	}
	f, e := newFCM(kind, nil, size)
	if e == OK {
		f.base, f.freeOnLast = pa, free
	}
	return f, e
}

// fixed says that f is an image that is there for good. All processes have the
// same ones: neither references nor mappers of these are counted, so that no fork
// writes to what all share.
func (f *FCM) fixed() bool { return f.kind == FCMImage && !f.freeOnLast }

// Get takes a further reference (a handle, a region, a call in progress).
func (f *FCM) Get() {
	if !f.fixed() {
		atomic.AddInt64(&f.refs, 1)
	}
}

// Put drops a reference; what the last one leaves is freed by Work.
func (f *FCM) Put() {
	if !f.fixed() && atomic.AddInt64(&f.refs, -1) == 0 {
		f.lock.Acquire()
		f.dead = true
		f.enqueue()
		f.lock.Release()
	}
}

// Size returns the size in bytes.
func (f *FCM) Size() uint64 { return atomic.LoadUint64(&f.size) }

// ID returns a number that no other FCM ever has.
func (f *FCM) ID() uint64 { return f.id }

// Kind returns the kind.
func (f *FCM) Kind() FCMKind { return f.kind }

// Info returns bytes resident, regions that map it, and how many of these map
// it shared and writable.
func (f *FCM) Info() (resident, mappers, writers uint64) {
	f.lock.Acquire()
	resident = uint64(f.index.pages) * PageSize
	if f.phys() {
		resident = (f.size + pageMask) &^ pageMask
	}
	mappers = f.mapped()
	writers = f.sharedWriters()
	f.lock.Release()
	return
}

// Next returns the first page at or above page i that is in memory; false: none is.
func (f *FCM) Next(i uint64) (at uint64, ok bool) {
	f.lock.Acquire()
	for ; ; i = at + 1 {
		var e uint64
		if at, e, ok = f.index.next(i, 1<<indexBits); !ok || e&entPage != 0 {
			break
		}
	}
	f.lock.Release()
	return at, ok
}

// mapped returns how many regions map f; of a fixed image, how many address spaces
// there are.
func (f *FCM) mapped() uint64 {
	if f.fixed() {
		return uint64(mem.spaces.Live())
	}
	n := uint64(atomic.LoadInt64(&f.nmappers))
	if s := f.sharded(); s != nil {
		n += s.count()
	}
	return n
}

func (f *FCM) phys() bool { return f.kind == FCMDevice || f.kind == FCMImage }

func (f *FCM) frameKind() Kind {
	if f.kind == FCMFile {
		return KindFile
	}
	return KindAnon
}

// page returns the frame of page i of an object that is not private; with
// create a missing one is made, else it is 0. by is the account of who needs
// it, whose floor counts, too. The lock must be held.
//
// A file's pages are charged to its server and are nobody's to be ended for:
// a program that cannot have one gets what Linux gives for a full tmpfs.
func (f *FCM) page(i uint64, create bool, by *Account) (pa uint64, res FaultResult) {
	if i >= (f.size+pageMask)>>PageShift {
		return 0, FaultBus
	}
	if f.phys() {
		return f.base + i<<PageShift, FaultOK
	}
	if f.paging != nil && create {
		return f.paging.touched(i, false)
	}
	n, e := f.index.find(i)
	if e&entPage != 0 {
		return e & pteAddr, FaultOK
	}
	if !create {
		return 0, FaultOK
	}
	out := FaultOOM
	if f.kind == FCMFile && by != nil && by.floor != 0 {
		out = FaultNoRoom
		if !by.above(by.floor) {
			return 0, out
		}
	}
	if !by.above(1) {
		return 0, out
	}
	pa, ok := AllocFrame(f.acct, f.frameKind())
	if !ok {
		return 0, out
	}
	f.changing()
	set := f.index.setAt(n, i, pa|entPage, f.acct)
	f.changing()
	if !set {
		FreeFrame(f.acct, f.frameKind(), pa)
		return 0, out
	}
	return pa, FaultOK
}

// Resize sets the size in bytes (FCMAnon, FCMFile). Shrinking takes the pages
// beyond it from every mapper, with the private copies made of them, and frees
// them. EAGAIN: call again, the size has already changed.
func (f *FCM) Resize(size uint64) Errno {
	if f.kind != FCMAnon && f.kind != FCMFile {
		return EINVAL
	}
	budget := stepBudget
	f.lock.Acquire()
	for f.shrinking && size != f.size { // finish what another caller left
		f.lock.Release()
		if e := f.shrink(&budget); e != OK {
			return e
		}
		f.lock.Acquire()
	}
	if size >= f.size && !f.shrinking {
		atomic.StoreUint64(&f.size, size)
		f.lock.Release()
		return OK
	}
	if !f.shrinking {
		atomic.StoreUint64(&f.size, size)
		f.shrinking = true
		if f.paging != nil {
			f.paging.abort()
		}
		atomic.StoreUint32(&f.zapEpoch, f.zapEpoch+1)
	}
	f.lock.Release()
	return f.shrink(&budget)
}

// shrink does the work of a Resize to less; several CPUs may do it at once. Lock
// order forbids going from an FCM to its mappers' halves: each is named by a
// Ref, and looked at again under its half's lock.
func (f *FCM) shrink(budget *int) Errno {
	for {
		f.lock.Acquire()
		r, h, ref := f.unvisited()
		if r == nil || !f.shrinking {
			break // with the lock held
		}
		f.lock.Release()
		if *budget <= 0 {
			return EAGAIN
		}
		h.acquire()
		if mem.regions.Get(ref) == r && r.half == h && r.obj == f {
			if e := f.shrinkIn(h, r, budget); e != OK {
				h.lock.Release()
				return e
			}
		}
		h.lock.Release()
		*budget -= costRegion
	}
	if !f.shrinking { // another was faster
		f.lock.Release()
		return OK
	}
	for i := (f.size + pageMask) >> PageShift; ; {
		at, e, ok := f.index.next(i, 1<<indexBits)
		if !ok {
			break
		}
		if *budget <= 0 {
			f.lock.Release()
			return EAGAIN
		}
		f.changing()
		f.index.remove(at, f.acct)
		f.changing()
		if f.paging != nil {
			f.paging.forget(e)
		}
		if e&entPage != 0 {
			FreeFrame(f.acct, f.frameKind(), e&pteAddr)
		}
		*budget -= costFree
		i = at + 1
	}
	if f.paging != nil {
		f.paging.cutRequests()
	}
	if tail := f.size & pageMask; tail != 0 {
		if e := f.index.get(f.size >> PageShift); e&entPage != 0 {
			clear(pageBytes(e & pteAddr)[tail:])
		}
	}
	f.shrinking = false
	atomic.AddUint32(&paged.changes, 1) // its pages may be reclaimed again
	f.lock.Release()
	return OK
}

// shrinkIn takes what is beyond the size from r, a region of the locked half h,
// and puts it behind those that shrink has yet to look at. Until it is there the
// Resize cannot end, nor another begin.
func (f *FCM) shrinkIn(h *Half, r *Region, budget *int) Errno {
	f.lock.Acquire()
	todo, size := f.shrinking && r.zapEpoch != f.zapEpoch, f.size
	f.lock.Release()
	if !todo {
		return OK
	}
	from := r.start
	if lim := (size + pageMask) &^ pageMask; lim > r.off {
		from += lim - r.off
	}
	if from = max(from, r.shrunk); from < r.end {
		c, e := h.discardRange(r, from, r.end, budget)
		if e != OK {
			r.shrunk = c
			return e
		}
	}
	f.lock.Acquire()
	f.visited(r)
	f.lock.Release()
	return OK
}

// maxCopyPages bounds the pages that one copying call touches.
const maxCopyPages = 64

// ReadAt copies from the object's pages at byte off; absent pages read as
// zeroes. It stops at the size, or after 64 pages, and returns bytes copied.
func (f *FCM) ReadAt(off uint64, dst []byte) int { return f.access(off, dst, false) }

// WriteAt copies into the object's pages, filling absent ones; it stops at the
// size, after 64 pages, or when no frame can be had, and returns bytes copied.
func (f *FCM) WriteAt(off uint64, src []byte) int { return f.access(off, src, true) }

func (f *FCM) access(off uint64, b []byte, write bool) int {
	done := 0
	f.lock.Acquire()
	for n := 0; n < maxCopyPages && done < len(b) && off < f.size; n++ {
		in := off & pageMask
		c := min(PageSize-in, f.size-off, uint64(len(b)-done))
		pa, res := f.page(off>>PageShift, write, nil)
		if res != FaultOK {
			break
		}
		if p := b[done : done+int(c)]; pa == 0 {
			clear(p)
		} else if write {
			copy(pageBytes(pa)[in:], p)
		} else {
			copy(p, pageBytes(pa)[in:])
		}
		done += int(c)
		off += c
	}
	f.lock.Release()
	return done
}
