package lifecycle

import (
	"unsafe"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/sched"
)

// NewPaged makes an object of size bytes whose pages p supplies; name is p's for
// it. Servers only.
func NewPaged(p *sched.Process, size, name uint64) (*mm.FCM, mm.Errno) {
	if p.Role&abi.RoleServer == 0 {
		return nil, mm.EPERM
	}
	p.Lock.Acquire()
	if p.Pager == nil {
		p.Pager = mm.NewPager(p.Acct, p.KPid, p.Rank)
	}
	p.Lock.Release()
	if p.Pager == nil {
		return nil, mm.ENOMEM
	}
	return mm.NewPagedFCM(p.Acct, size, name, p.Pager)
}

// PageNews tells servers that NNextPage has something for them, and dispatchers
// that pages have come. It is called at the end of each kernel entry in which
// there may have been such news, with no lock held.
func PageNews(c *sched.CPU) {
	for id := mm.NextPoke(); id != 0; id = mm.NextPoke() {
		if p := sched.Find(id); p != nil && p.State() != sched.Dying {
			if d := p.Dispatcher(0); d != nil {
				c.Post(d, abi.EventPages)
			}
		}
	}
	c.TellWaiters()
	trim(c)
}

// Memory for the cache of paged objects.
const (
	reclaimPages = 32 // given back at a time
	// cacheShare: while less than 1/cacheShare of memory is free the cache
	// shrinks: with each page that comes into it, and now and then.
	cacheShare = 4
	trimEvery  = 64 // kernel entries
)

// cacheRoom is that share in frames.
var cacheRoom int64

// trims counts, for each CPU, the kernel entries in which there was a cache.
var trims [amd64.MaxCPU]struct {
	n uint32
	_ [60]byte
}

// trim makes the cache give way to others: they are refused memory (a fork, a
// file that grows) before they ask for it.
func trim(c *sched.CPU) {
	if pages, dirty := mm.CachedPages(); pages == dirty {
		return
	}
	t := &trims[c.ID]
	if t.n++; t.n%trimEvery == 0 {
		shrinkCache()
	}
}

// shrinkCache gives some of the cache to others while memory is below the cache's
// share, but for 1/leastReserve of memory: where each page that comes put out another
// that was just waited for, who needs two at a time would never have both.
func shrinkCache() {
	pages, dirty := mm.CachedPages()
	if more := pages - dirty - leastRoom; more > 0 && mm.FreeFramesNear() < cacheRoom {
		mm.ReclaimCache(int(min(more, reclaimPages)))
	}
}

// Sync is NSync by the current dispatcher.
func Sync(d *sched.Dispatcher, va, ticket uint64) int64 {
	ticket, err := d.SyncPages(va, ticket)
	if err != mm.OK {
		return int64(err)
	}
	return int64(ticket)
}

// Paging is the native calls of pagers.
func Paging(p *sched.Process, r *abi.SaveArea) (second uint64, status int64) {
	if r.RAX == abi.NNextPage {
		return r.RDX, nextPage(p, r.RDI)
	}
	f, _, server := ppc.FCM(p, r.RDI)
	if f == nil {
		return r.RDX, -abi.EBADF
	}
	second, status = paging(p, f, server, r)
	f.Put()
	return second, status
}

func paging(p *sched.Process, f *mm.FCM, server uint64, r *abi.SaveArea) (second uint64, status int64) {
	if _, paged := f.PagerRank(); !paged {
		return r.RDX, -abi.EINVAL
	}
	if server != p.KPid {
		return r.RDX, -abi.EPERM
	}
	off, va, n := r.RSI, r.RDX, r.R10
	switch r.RAX {
	case abi.NPageIn:
		return va, pageIn(p, f, off, va, n)
	case abi.NSynced:
		f.Synced(off, int64(va) < 0)
		return va, 0
	case abi.NFCMRead, abi.NFCMWrite:
		done, err := f.Transfer(p.Space, va, off, n, r.RAX == abi.NFCMWrite)
		if err != mm.OK {
			return va, int64(err)
		}
		return va, int64(done)
	}
	lo, pages, err := f.NextDirty(off / abi.PageSize)
	if err != mm.OK {
		return va, int64(err)
	}
	if lo == mm.NoPage {
		return abi.DirtyEnd, 0
	}
	return lo * abi.PageSize, int64(pages * abi.PageSize)
}

func nextPage(p *sched.Process, va uint64) int64 {
	// The page is made writable first, so that what is taken can be told.
	var out abi.PageNews
	b := unsafe.Slice((*byte)(unsafe.Pointer(&out)), unsafe.Sizeof(out))
	if mm.CopyOut(p.Space, va, b) != len(b) {
		return -abi.EFAULT
	}
	if p.Pager == nil {
		return -abi.EAGAIN
	}
	n, ok := p.Pager.NextPage()
	if !ok {
		return -abi.EAGAIN
	}
	out = abi.PageNews{Object: n.Cookie, Offset: n.First * abi.PageSize, Len: n.N * abi.PageSize}
	if n.Write {
		out.Flags |= abi.PageWrite
	}
	if n.Unused {
		out.Flags |= abi.PageUnused
	}
	if n.Sync != 0 {
		out.Flags |= abi.PageSync
		out.Offset = n.Sync
	}
	if mm.CopyOut(p.Space, va, b) != len(b) {
		return -abi.EFAULT
	}
	return 0
}

func pageIn(p *sched.Process, f *mm.FCM, off, va, n uint64) int64 {
	if off%abi.PageSize != 0 || off+n < off || n == 0 {
		return -abi.EINVAL
	}
	if va == 0 {
		f.Fail(off/abi.PageSize, pageUp(n)/abi.PageSize)
		return int64(n)
	}
	shrinkCache()
	done, err := f.Supply(p.Space, off/abi.PageSize, va, n)
	for i := 0; done == 0 && err == mm.ENOMEM && Reclaim(sched.This()) && i < reclaimSteps; i++ {
		done, err = f.Supply(p.Space, off/abi.PageSize, va, n)
	}
	if done == 0 && err != mm.OK {
		// Who waits for the page is not to blame for want of memory.
		return int64(Again(sched.This(), p, err))
	}
	return int64(done)
}

// reclaimSteps is how many steps of reclaiming a page of a pager's is worth.
const reclaimSteps = 64
