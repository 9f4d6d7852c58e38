package mm

import (
	"sync/atomic"

	"go42/mm/spin"
)

// frameCache is a CPU's free frames: those it has freed, and what is left of a
// block that it took from the buddy lists. Its CPU alone uses it while there are
// frames elsewhere; when there are none, others take from it, so that memory is
// exhausted only when all caches are empty. Locks: one cache, then frames.lock;
// never two caches.
type frameCache struct {
	lock   spin.Lock
	head   uint32          // frames freed here, linked by frame.next
	n      int64           // number of these
	next   uint32          // first of the block's rest
	end    uint32          // behind its last
	untold int64           // free frames here that frames.free does not know of
	counts [NumKinds]int64 // frames taken here less those freed here
	_      [64]byte
}

const (
	refillOrder  = 8    // of the block that a cache takes: 1 MiB
	cacheMost    = 4096 // freed frames in a cache; beyond, cacheGive go to the buddy lists
	cacheGive    = 512
	stealFrames  = 64
	untoldFrames = 32
)

// take removes a frame from the cache, 0 if it is empty.
func (c *frameCache) take() uint32 {
	n := c.head
	if n != 0 {
		c.head = frameOf(uint64(n)).next
		c.n--
	} else if c.next < c.end {
		n = c.next
		c.next++
	}
	return n
}

func (c *frameCache) push(n uint32) {
	frameOf(uint64(n)).next = c.head
	c.head = n
	c.n++
}

// tally counts that d frames of a kind have been taken.
func (c *frameCache) tally(kind Kind, d int64) {
	c.counts[kind] += d
	if c.untold -= d; c.untold >= untoldFrames || c.untold <= -untoldFrames {
		atomic.AddInt64(&frames.free, c.untold)
		c.untold = 0
	}
}

// allocCached takes a frame; ok is false when there is none on any CPU.
func allocCached(kind Kind) (n uint32, ok bool) {
	c := &frames.cpu[cpuID()]
	c.lock.Acquire()
	if n = c.take(); n == 0 {
		if n = c.refill(); n == 0 {
			c.lock.Release()
			return 0, false
		}
	}
	c.tally(kind, 1)
	c.lock.Release()
	f := frameOf(uint64(n))
	f.kind, f.live = kind, 0
	return n, true
}

// freeCached gives back a frame.
func freeCached(n uint32, kind Kind) {
	f := frameOf(uint64(n))
	if f.kind != kind {
		panic("mm: frame freed that is not the caller's")
	}
	f.kind, f.order = KindFree, insideFree
	c := &frames.cpu[cpuID()]
	c.lock.Acquire()
	c.push(n)
	c.tally(kind, -1)
	if c.n > cacheMost && (c.n > 2*cacheMost || frames.lock.TryAcquire()) {
		if c.n > 2*cacheMost {
			frames.lock.AcquireSecond()
		}
		for range cacheGive {
			giveBlock(c.take(), 0)
		}
		frames.lock.Release()
	}
	c.lock.Release()
}

// refill gets frames into the empty cache, which is locked, and takes one: from
// the buddy lists, else from other CPUs.
func (c *frameCache) refill() uint32 {
	frames.lock.AcquireSecond()
	for order := uint8(refillOrder); ; order-- {
		if n, ok := takeBlock(order); ok {
			frames.lock.Release()
			c.next, c.end = n, n+1<<order
			return c.take()
		}
		if order == 0 {
			break
		}
	}
	frames.lock.Release()
	for i := range frames.cpu {
		o := &frames.cpu[i]
		if o == c {
			continue
		}
		c.lock.Release()
		var first, last uint32
		got := int64(0)
		o.lock.Acquire()
		for ; got < stealFrames; got++ {
			n := o.take()
			if n == 0 {
				break
			}
			frameOf(uint64(n)).next = first
			if first = n; last == 0 {
				last = n
			}
		}
		o.lock.Release()
		c.lock.Acquire()
		if got > 0 {
			frameOf(uint64(last)).next = c.head
			c.head = first
			c.n += got
			break
		}
	}
	return c.take()
}

// drain gives all of a cache to the buddy lists.
func (c *frameCache) drain() {
	c.lock.Acquire()
	frames.lock.AcquireSecond()
	for n := c.take(); n != 0; n = c.take() {
		giveBlock(n, 0)
	}
	frames.lock.Release()
	c.lock.Release()
}
