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
	zero   uint32          // frames that are cleared, linked by frame.next (cleared.go)
	zeroes int64           // number of these
	untold int64           // free frames here that frames.free does not know of
	counts [NumKinds]int64 // frames taken here less those freed here
	_      [64]byte
}

const (
	refillOrder  = 8    // of the block that a cache takes: 1 MiB
	cacheMost    = 4096 // freed frames in a cache; beyond, cacheGive go to the buddy lists
	cacheGive    = 64
	stealFrames  = 64
	untoldFrames = 32
)

// take removes a frame that is not known to be cleared, 0 if there is none.
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

// takeAny removes a frame from the cache, 0 if it is empty.
func (c *frameCache) takeAny() uint32 {
	n := c.take()
	if n == 0 {
		n = c.takeCleared()
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

// allocCached takes a frame, for who wants a cleared one, one that is if there is
// one here; cleared says so. ok is false when there is none on any CPU.
func allocCached(kind Kind, zeroes bool) (n uint32, cleared, ok bool) {
	if fails() {
		return 0, false, false
	}
	c := &frames.cpu[cpuID()]
	c.lock.Acquire()
	if zeroes {
		n = c.takeCleared()
		cleared = n != 0
	}
	if n == 0 {
		if n = c.take(); n == 0 {
			if n = c.refill(); n == 0 {
				c.lock.Release()
				return 0, false, false
			}
		}
	}
	c.tally(kind, 1)
	c.lock.Release()
	f := frameOf(uint64(n))
	f.kind, f.live = kind, 0
	return n, cleared, true
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

// block gets a block of the buddy lists into the cache, whose last one is used up,
// and takes a frame of it; 0: there is none.
func (c *frameCache) block() uint32 {
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
	return 0
}

// refill takes a frame where take finds none, in the cache, which is locked: from
// the buddy lists, else a cleared one, else from other CPUs.
func (c *frameCache) refill() uint32 {
	n := c.block()
	if n == 0 {
		n = c.takeCleared()
	}
	if n != 0 {
		return n
	}
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
			n := o.takeAny()
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
	return c.takeAny()
}

// drain gives all of a cache to the buddy lists.
func (c *frameCache) drain() {
	c.lock.Acquire()
	frames.lock.AcquireSecond()
	for n := c.takeAny(); n != 0; n = c.takeAny() {
		giveBlock(n, 0)
	}
	frames.lock.Release()
	c.lock.Release()
}
