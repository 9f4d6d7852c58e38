package mm

import (
	"sync/atomic"
	"unsafe"

	"go42/mm/spin"
)

// Ref names a pool entry for as long as it lives: a stale Ref is detected by
// its generation. The zero Ref names nothing.
type Ref struct{ Index, Gen uint32 }

// Word packs a Ref into one word; Word of a live entry is never zero.
func (r Ref) Word() uint64 { return uint64(r.Gen)<<32 | uint64(r.Index) }

// RefOf unpacks Word.
func RefOf(w uint64) Ref { return Ref{uint32(w), uint32(w >> 32)} }

// slotHeader precedes each entry of a pool.
type slotHeader struct {
	gen   uint32 // odd while the entry is live
	index uint32
	next  uint32   // free list: index+1 of the next free entry
	rest  uint32   // in the common list's batches, of the first: index+1 of the next batch's first
	acct  *Account // what Alloc charged
	_     uint64
}

const slotHeaderSize = 32

// Pool is type-stable storage for T: an entry's memory holds nothing but T's
// for good, so that a pointer to a freed entry reads as some T, and a Ref tells
// whether it still is the same one. T must hold no pointers to memory that a
// garbage collector manages (host tests).
//
// It grows by blocks of frames up to its bound and keeps them. Each CPU has a
// list of free entries of its own; what is beyond most on it goes to a common
// one, in batches, so that its lock is held for a moment; when there are none
// elsewhere others take from a CPU's list. Entries that one
// CPU takes and another gives back (a child's, made here, that ends there) pile
// up there to no more than that, while here the pool grows: so most is a number
// of bytes. Locks: one CPU's list, then the pool's, then the frames'; never two
// CPUs' lists.
type Pool[T any] struct {
	// Set by Init.
	name    string
	dir     uint64 // physical address of the directory: one block address a word
	order   uint8  // frames in a block: 1<<order
	perBlk  uint32
	stride  uint32
	max     uint32
	most    int32  // free entries on one CPU's list
	batch   int32  // that move between lists at once
	Raw     bool   // Alloc does not clear the entry (set before use)
	Hoard   uint32 // bytes that one CPU's list of free entries may hold, 0: poolHoard (set before use)
	dirPage int

	lock spin.Lock
	made uint32 // entries that exist; written with the lock, read without
	free uint32 // index+1 of the first entry of the common list's first batch; with the lock

	cpu [maxCPU]poolCache
}

// poolCache is a CPU's part of a pool.
type poolCache struct {
	_    [32]byte
	lock spin.Lock
	free uint32 // index+1 of the first free entry
	n    int32  // of these
	live int64  // entries taken here less those freed here
	_    [64]byte
}

// poolHoard is what one CPU's list of free entries may hold, bytes.
const poolHoard = 16 << 10

// Init prepares the pool for at most bound entries, rounded up to a block.
func (p *Pool[T]) Init(name string, bound int) Errno {
	var t T // only for its size
	*p = Pool[T]{Raw: p.Raw, Hoard: p.Hoard}
	if p.Hoard == 0 {
		p.Hoard = poolHoard
	}
	p.lock.Init(spin.Pool)
	for i := range p.cpu {
		p.cpu[i].lock.Init(spin.Pool)
	}
	p.name = name
	p.stride = uint32((unsafe.Sizeof(t) + slotHeaderSize + 15) &^ 15)
	p.most = int32(min(max(p.Hoard/p.stride, 16), 512))
	p.batch = min(p.most/4, 32)
	// A block is the smallest power of two of frames that wastes at most an eighth.
	for p.order = 0; p.order < 4; p.order++ {
		blk := uint32(PageSize) << p.order
		if blk >= p.stride && blk%p.stride*8 <= blk {
			break
		}
	}
	n := uint32(PageSize<<p.order) / p.stride
	p.perBlk = n
	blocks := (uint32(bound) + n - 1) / n
	bytes := uint64(blocks) * 8
	ord := uint8(0)
	for PageSize<<ord < bytes {
		ord++
	}
	if ord > maxOrder {
		ord = maxOrder
		blocks = PageSize << ord / 8
	}
	p.max = blocks * n
	pa, ok := allocBlock(ord, KindPool)
	if !ok {
		p.max = 0
		return ENOMEM
	}
	clear(PhysBytes(pa, PageSize<<ord))
	p.dir = pa
	p.dirPage = 1 << ord
	if pools.n == len(pools.list) {
		panic("mm: too many pools")
	}
	pools.list[pools.n] = p
	pools.n++
	return OK
}

// anyPool is a Pool of whatever type.
type anyPool interface {
	check() bool
	Name() string
	Live() int
}

// pools are all that have been initialised since Init: Check and the tests
// that look for leaks go through them.
var pools struct {
	n    int
	list [32]anyPool
}

// PoolLive returns the name of pool i and the number of its live entries; ok is
// false behind the last one.
func PoolLive(i uint64) (name string, live int, ok bool) {
	if i >= uint64(pools.n) {
		return "", 0, false
	}
	return pools.list[i].Name(), pools.list[i].Live(), true
}

func (p *Pool[T]) header(i uint32) *slotHeader {
	blk := *(*uint64)(ptr(p.dir + uint64(i/p.perBlk)*8))
	return (*slotHeader)(ptr(blk + uint64(i%p.perBlk)*uint64(p.stride)))
}

func entryOf[T any](h *slotHeader) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(h), slotHeaderSize))
}

func headerOf[T any](t *T) *slotHeader {
	return (*slotHeader)(unsafe.Add(unsafe.Pointer(t), -slotHeaderSize))
}

// grow adds a block, whose entries go to the list c, which is locked.
func (p *Pool[T]) grow(c *poolCache) bool {
	if atomic.LoadUint32(&p.made) >= p.max {
		return false
	}
	pa, ok := allocBlock(p.order, KindPool)
	if !ok {
		return false
	}
	clear(PhysBytes(pa, PageSize<<p.order))
	p.lock.AcquireSecond()
	first := p.made
	if first >= p.max { // another CPU was faster
		p.lock.Release()
		FreeFrames(nil, KindPool, p.order, pa)
		return false
	}
	atomic.StoreUint64((*uint64)(ptr(p.dir+uint64(first/p.perBlk)*8)), pa)
	atomic.StoreUint32(&p.made, first+p.perBlk)
	p.lock.Release()
	for i := p.perBlk; i > 0; i-- {
		h := p.header(first + i - 1)
		h.index = first + i - 1
		h.next = c.free
		c.free = h.index + 1
	}
	c.n += int32(p.perBlk)
	return true
}

// cut takes up to batch entries from the front of a list and returns them, a
// list too, its last one, and their number.
func (p *Pool[T]) cut(list *uint32) (first uint32, last *slotHeader, n int32) {
	first = *list
	for i := first; i != 0 && n < p.batch; n++ {
		last = p.header(i - 1)
		i = last.next
		*list = i
	}
	if last != nil {
		last.next = 0
	}
	return first, last, n
}

// refill gets entries onto the empty list c, which is locked: from the common
// list, by growth if memory allows a, from other CPUs. It may unlock c meanwhile.
func (p *Pool[T]) refill(c *poolCache, a *Account) bool {
	p.lock.AcquireSecond()
	first := p.free
	if first != 0 {
		p.free = p.header(first - 1).rest
	}
	p.lock.Release()
	if first != 0 {
		c.free, _, c.n = p.cut(&first)
		return true
	}
	if a.aboveHalf(1<<p.order) && p.grow(c) {
		return true
	}
	for i := range p.cpu {
		o := &p.cpu[i]
		if o == c {
			continue
		}
		c.lock.Release()
		o.lock.Acquire()
		first, last, n := p.cut(&o.free)
		o.n -= n
		o.lock.Release()
		c.lock.Acquire()
		if n > 0 {
			last.next = c.free
			c.free = first
			c.n += n
			return true
		}
	}
	return c.free != 0
}

// Alloc takes an entry, cleared unless Raw, and charges it to a (nil: to
// nobody). ok is false when the pool, memory or the account is exhausted.
func (p *Pool[T]) Alloc(a *Account) (t *T, r Ref, ok bool) {
	if a != nil && !a.charge(countEntries, 1) {
		return nil, Ref{}, false
	}
	c := &p.cpu[cpuID()]
	c.lock.Acquire()
	if c.free == 0 && !p.refill(c, a) {
		c.lock.Release()
		if a != nil {
			a.uncharge(countEntries, 1)
		}
		return nil, Ref{}, false
	}
	h := p.header(c.free - 1)
	c.free = h.next
	c.n--
	c.live++
	c.lock.Release()
	t = entryOf[T](h)
	if !p.Raw {
		var zero T
		clear(unsafe.Slice((*byte)(unsafe.Pointer(t)), unsafe.Sizeof(zero)))
	}
	h.acct = a
	atomic.StoreUint32(&h.gen, h.gen+1)
	return t, Ref{h.index, h.gen}, true
}

// Free gives a live entry back; all Refs to it die.
func (p *Pool[T]) Free(t *T) {
	h := headerOf(t)
	if h.gen&1 == 0 {
		panic("mm: pool entry freed twice")
	}
	if h.acct != nil {
		h.acct.uncharge(countEntries, 1)
		h.acct = nil
	}
	atomic.StoreUint32(&h.gen, h.gen+1)
	c := &p.cpu[cpuID()]
	c.lock.Acquire()
	h.next = c.free
	c.free = h.index + 1
	c.live--
	if c.n++; c.n > p.most {
		first, _, n := p.cut(&c.free)
		c.n -= n
		h := p.header(first - 1)
		p.lock.AcquireSecond()
		h.rest = p.free
		p.free = first
		p.lock.Release()
	}
	c.lock.Release()
}

// Recharge moves the charge of a live entry to a, whatever its limit: the one
// that it was charged to goes before the entry does.
func (p *Pool[T]) Recharge(t *T, a *Account) {
	h := headerOf(t)
	if h.acct != nil {
		h.acct.uncharge(countEntries, 1)
	}
	if h.acct = a; a != nil {
		a.forceEntries(1)
	}
}

// Payer returns the account that a live entry is charged to, nil if none.
func (p *Pool[T]) Payer(t *T) *Account { return headerOf(t).acct }

// Get returns the entry that r names, or nil when it has been freed.
func (p *Pool[T]) Get(r Ref) *T {
	if r.Gen&1 == 0 || r.Index >= atomic.LoadUint32(&p.made) {
		return nil
	}
	h := p.header(r.Index)
	if atomic.LoadUint32(&h.gen) != r.Gen {
		return nil
	}
	return entryOf[T](h)
}

// Renew gives a live entry another name; all Refs to it die. It is as if it had
// been freed and allocated again, for less.
func (p *Pool[T]) Renew(t *T) Ref {
	h := headerOf(t)
	atomic.StoreUint32(&h.gen, h.gen+2)
	return Ref{h.index, h.gen}
}

// Ref returns the name of a live entry.
func (p *Pool[T]) Ref(t *T) Ref {
	h := headerOf(t)
	return Ref{h.index, h.gen}
}

// At returns entry i (0 <= i < Len) if it is live, else nil: for walks over all.
func (p *Pool[T]) At(i int) *T {
	if i < 0 || uint32(i) >= atomic.LoadUint32(&p.made) {
		return nil
	}
	h := p.header(uint32(i))
	if atomic.LoadUint32(&h.gen)&1 == 0 {
		return nil
	}
	return entryOf[T](h)
}

// Len returns the number of entries that exist, live or not.
func (p *Pool[T]) Len() int { return int(atomic.LoadUint32(&p.made)) }

// Live returns the number of live entries: exact in a quiet moment.
//
//go:norace
func (p *Pool[T]) Live() (n int) {
	for i := range p.cpu {
		n += int(p.cpu[i].live)
	}
	return n
}

// Max returns the bound.
func (p *Pool[T]) Max() int { return int(p.max) }

// Name returns the name given to Init.
func (p *Pool[T]) Name() string { return p.name }
