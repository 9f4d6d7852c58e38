package mm

import (
	"math/bits"
	"sync/atomic"
	"unsafe"

	"go42/mm/spin"
)

// Kind says what a frame is used for (/proc/meminfo).
type Kind uint8

// Kinds of frames.
const (
	KindFree     Kind = iota
	KindReserved      // not managed: holes, kernel image, boot modules, the frame table itself
	KindKernel        // kernel objects outside pools (AllocFrame by other packages)
	KindPool
	KindTable // page tables
	KindAnon
	KindFile
	NumKinds
)

// maxOrder is the largest order of a block: 1<<maxOrder frames (4 MiB).
const maxOrder = 10

// frame describes one 4 KiB frame. A free block is described by its first
// frame; the others of the block have kind KindFree and order insideFree.
type frame struct {
	next, prev uint32 // free list of the block's order (frame numbers; 0 ends)
	kind       Kind
	order      uint8  // of the free block that starts here
	live       uint16 // page tables: number of non-zero entries
	mark       uint8  // scratch of Check
	_          [3]byte
}

const (
	frameSize  = 16
	insideFree = 0xff
)

// frames is the allocator: a buddy system, and before it a cache of single frames
// for each CPU (frame_cache.go), so that the common allocate and free are a few
// instructions, neither split nor merge, and write nothing that others do.
var frames struct {
	// Set by Init.
	table   unsafe.Pointer // frameSize bytes for each frame below limit
	limit   uint64         // number of frames that the table describes
	managed uint64         // frames that can be allocated at all

	free int64 // free frames, but for what the caches have not told yet; atomic

	_      [64]byte
	lock   spin.Lock // after a cache's lock; guards what follows, and free blocks in the table
	heads  [maxOrder + 1]uint32
	counts [NumKinds]int64 // by blocks and at start; see ReadCounters

	_   [64]byte
	cpu [maxCPU]frameCache
}

func frameOf(n uint64) *frame { return (*frame)(unsafe.Add(frames.table, n*frameSize)) }

func frameAt(pa uint64) *frame { return frameOf(pa >> PageShift) }

// initFrames builds the frame table in the first usable range that holds it
// and puts what is usable and not reserved on the free lists.
func initFrames(usable, reserved []PhysRange) Errno {
	frames.lock.Init(spin.Frame)
	frames.heads = [maxOrder + 1]uint32{}
	frames.counts = [NumKinds]int64{}
	frames.free, frames.managed, frames.limit = 0, 0, 0
	for i := range frames.cpu {
		frames.cpu[i] = frameCache{}
		frames.cpu[i].lock.Init(spin.Frame)
	}
	for _, r := range usable {
		if end := (r.Base + r.Size) >> PageShift; end > frames.limit {
			frames.limit = end
		}
	}
	need := (frames.limit*frameSize + pageMask) &^ pageMask
	pa, ok := findRoom(usable, reserved, need)
	if !ok {
		return ENOMEM
	}
	frames.table = ptr(pa)
	for n := uint64(0); n < frames.limit; n++ {
		*frameOf(n) = frame{kind: KindReserved}
	}
	for _, r := range usable {
		lo, hi := (r.Base+pageMask)>>PageShift, (r.Base+r.Size)>>PageShift
		for n := lo; n < hi; n++ {
			if n != 0 { // frame 0 ends lists
				frameOf(n).kind = KindKernel
			}
		}
	}
	for i := 0; i <= len(reserved); i++ {
		r := PhysRange{pa, need}
		if i < len(reserved) {
			r = reserved[i]
		}
		hi := (r.Base + r.Size + pageMask) >> PageShift
		for n := r.Base >> PageShift; n < hi && n < frames.limit; n++ {
			frameOf(n).kind = KindReserved
		}
	}
	for n := uint64(0); n < frames.limit; n++ {
		if frameOf(n).kind == KindKernel {
			frames.managed++
			frames.counts[KindKernel]++
		} else {
			frames.counts[KindReserved]++
		}
	}
	for n := uint64(0); n < frames.limit; {
		if frameOf(n).kind != KindKernel {
			n++
			continue
		}
		hi := n + 1
		for hi < frames.limit && frameOf(hi).kind == KindKernel {
			hi++
		}
		for n < hi {
			o := min(bits.TrailingZeros64(n), maxOrder)
			for n+1<<o > hi {
				o--
			}
			freeBlock(n<<PageShift, uint8(o), KindKernel)
			n += 1 << o
		}
	}
	return OK
}

// findRoom looks for need bytes, page aligned, in usable minus reserved.
func findRoom(usable, reserved []PhysRange, need uint64) (uint64, bool) {
	for _, u := range usable {
		pa := (u.Base + pageMask) &^ pageMask
		if pa == 0 {
			pa = PageSize
		}
	retry:
		if pa+need > u.Base+u.Size {
			continue
		}
		for _, r := range reserved {
			if pa < r.Base+r.Size && r.Base < pa+need {
				pa = (r.Base + r.Size + pageMask) &^ pageMask
				goto retry
			}
		}
		return pa, true
	}
	return 0, false
}

// pushBlock and unlinkBlock work on the list of one order; lock held.
func pushBlock(n uint32, order uint8) {
	f := frameOf(uint64(n))
	f.kind, f.order, f.prev, f.next = KindFree, order, 0, frames.heads[order]
	if f.next != 0 {
		frameOf(uint64(f.next)).prev = n
	}
	frames.heads[order] = n
}

func unlinkBlock(n uint32, f *frame) {
	if f.prev != 0 {
		frameOf(uint64(f.prev)).next = f.next
	} else {
		frames.heads[f.order] = f.next
	}
	if f.next != 0 {
		frameOf(uint64(f.next)).prev = f.prev
	}
	f.order = insideFree
}

// takeBlock takes a block from the buddy lists; lock held.
func takeBlock(order uint8) (uint32, bool) {
	o := order
	for frames.heads[o] == 0 {
		if o++; o > maxOrder {
			return 0, false
		}
	}
	n := frames.heads[o]
	unlinkBlock(n, frameOf(uint64(n)))
	for o > order {
		o--
		pushBlock(n+1<<o, o)
	}
	return n, true
}

// giveBlock merges a block with its buddies and lists it; lock held. All its
// frames have kind KindFree and order insideFree, but the first.
func giveBlock(n uint32, order uint8) {
	for order < maxOrder {
		b := n ^ 1<<order
		if uint64(b)+1<<order > frames.limit {
			break
		}
		f := frameOf(uint64(b))
		if f.kind != KindFree || f.order != order {
			break
		}
		unlinkBlock(b, f)
		frameOf(uint64(n)).order = insideFree
		if b < n {
			n = b
		}
		order++
	}
	pushBlock(n, order)
}

// failAlloc, if not 0, makes the allocation that counts it down to 0 fail (tests).
var failAlloc int

func fails() bool {
	if failAlloc != 0 {
		failAlloc--
		return failAlloc == 0
	}
	return false
}

// allocBlock takes 1<<order contiguous frames, aligned to their size, not cleared.
func allocBlock(order uint8, kind Kind) (pa uint64, ok bool) {
	if order == 0 {
		n, _, ok := allocCached(kind, false)
		return uint64(n) << PageShift, ok
	}
	if fails() {
		return 0, false
	}
	frames.lock.Acquire()
	n, ok := takeBlock(order)
	if !ok { // perhaps what is cached makes such a block
		frames.lock.Release()
		for i := range frames.cpu {
			frames.cpu[i].drain()
		}
		frames.lock.Acquire()
		n, ok = takeBlock(order)
	}
	if ok {
		for i := uint64(0); i < 1<<order; i++ {
			f := frameOf(uint64(n) + i)
			f.kind, f.live = kind, 0
		}
		frames.counts[kind] += 1 << order
		atomic.AddInt64(&frames.free, -(1 << order))
	}
	frames.lock.Release()
	return uint64(n) << PageShift, ok
}

// freeBlock gives back what allocBlock(order, kind) took.
func freeBlock(pa uint64, order uint8, kind Kind) {
	n := uint32(pa >> PageShift)
	for i := uint64(0); i < 1<<order; i++ {
		f := frameOf(uint64(n) + i)
		if f.kind != kind {
			panic("mm: frame freed that is not the caller's")
		}
		f.kind, f.order = KindFree, insideFree
	}
	frames.lock.Acquire()
	frames.counts[kind] -= 1 << order
	atomic.AddInt64(&frames.free, 1<<order)
	giveBlock(n, order)
	frames.lock.Release()
}

// AllocFrame returns a cleared frame of the given kind, charged to a (nil: to
// nobody). ok is false when memory or the account is exhausted.
func AllocFrame(a *Account, kind Kind) (pa uint64, ok bool) {
	if a != nil && (!a.above(1) || !a.chargeFrames(1)) {
		return 0, false
	}
	n, cleared, ok := allocCached(kind, true)
	pa = uint64(n) << PageShift
	if !ok {
		if a != nil {
			a.uncharge(countFrames, 1)
		}
	} else if !cleared {
		zeroPage(pa)
	}
	return pa, ok
}

// allocFrameRaw is AllocFrame for a caller that overwrites the whole frame.
func allocFrameRaw(a *Account, kind Kind) (pa uint64, ok bool) {
	if a != nil && (!a.above(1) || !a.chargeFrames(1)) {
		return 0, false
	}
	n, _, ok := allocCached(kind, false)
	if !ok && a != nil {
		a.uncharge(countFrames, 1)
	}
	return uint64(n) << PageShift, ok
}

// FreeFrame gives back a frame of AllocFrame(a, kind).
func FreeFrame(a *Account, kind Kind, pa uint64) {
	freeCached(uint32(pa>>PageShift), kind)
	if a != nil {
		a.uncharge(countFrames, 1)
	}
}

// AllocFrames returns 1<<order cleared contiguous frames, aligned to their size.
func AllocFrames(a *Account, kind Kind, order uint8) (pa uint64, ok bool) {
	if order > maxOrder {
		return 0, false
	}
	if a != nil && (!a.above(1<<order) || !a.chargeFrames(1<<order)) {
		return 0, false
	}
	if pa, ok = allocBlock(order, kind); !ok {
		if a != nil {
			a.uncharge(countFrames, 1<<order)
		}
		return 0, false
	}
	clear(PhysBytes(pa, PageSize<<order))
	return pa, true
}

// FreeFrames gives back what AllocFrames(a, kind, order) returned.
func FreeFrames(a *Account, kind Kind, order uint8, pa uint64) {
	if order == 0 {
		FreeFrame(a, kind, pa)
		return
	}
	freeBlock(pa, order, kind)
	if a != nil {
		a.uncharge(countFrames, 1<<order)
	}
}

// Counters is the state of memory in frames, by kind.
type Counters struct {
	Total, Free int64
	Kinds       [NumKinds]int64
}

// ReadCounters returns the frame counts: exact in a quiet moment, else of none in
// particular.
//
//go:norace
func ReadCounters() (c Counters) {
	c.Kinds = frames.counts
	for i := range frames.cpu {
		for k, n := range &frames.cpu[i].counts {
			c.Kinds[k] += n
		}
	}
	c.Total, c.Free = int64(frames.managed), FreeFrameCount()
	c.Kinds[KindFree] = c.Free
	return c
}

// FreeFrameCount returns the number of free frames, as exactly as ReadCounters.
//
//go:norace
func FreeFrameCount() int64 {
	n := atomic.LoadInt64(&frames.free)
	for i := range frames.cpu {
		n += frames.cpu[i].untold
	}
	return n
}

// FreeFramesNear is FreeFrameCount but for untoldFrames on each CPU, at the cost
// of one load from a line that is rarely written.
func FreeFramesNear() int64 { return atomic.LoadInt64(&frames.free) }
