package mm

// Cleared frames. What a process touches for the first time is zeroes, and to
// clear a frame takes longer than all the rest of a fault. So a CPU clears some of
// its free frames (stock) before Fault takes the lock of a half, and those who need
// zeroes (AllocFrame) take them under it. They are free like others, lie in the
// cache of their CPU (frame_cache.go), and are taken for anything when nothing else
// is left: nothing is kept back from anybody.

// How many cleared frames a CPU has before a write fault: in a program one is
// enough, and when there is none stockAtOnce are cleared; in memory that runs ahead,
// as many as a fault takes, and a page table.
const (
	stockProgram = 1
	stockAtOnce  = 8
	stockAhead   = aheadMost + 1
)

// prepare clears frames for a write fault: before the half is locked.
func (as *AddressSpace) prepare() {
	if c := &frames.cpu[cpuID()]; c.cleared() < as.stock {
		c.stock(max(as.stock, stockAtOnce))
	}
}

// stock clears free frames of the CPU's own cache until it has n, or there is no
// other frame but on other CPUs. The cache stays locked: they look into it only
// when all memory is in such caches.
func (c *frameCache) stock(n int64) {
	c.lock.Acquire()
	for c.zeroes < n {
		f := c.take()
		if f == 0 {
			if f = c.block(); f == 0 {
				break
			}
		}
		zeroPage(uint64(f) << PageShift)
		frameOf(uint64(f)).next = c.zero
		c.zero = f
		c.zeroes++
	}
	c.lock.Release()
}

// cleared is how many cleared frames the CPU's own cache c has: not fewer than it
// says but when others have taken some, for want of memory.
//
//go:norace
func (c *frameCache) cleared() int64 { return c.zeroes }

// takeCleared removes a cleared frame, 0 if there is none.
func (c *frameCache) takeCleared() uint32 {
	n := c.zero
	if n != 0 {
		c.zero = frameOf(uint64(n)).next
		c.zeroes--
	}
	return n
}

// allocCleared takes up to n frames that this CPU has cleared already, charged to a;
// got of them, linked by frame.next. Where limits or the floor of a do not allow all of
// them it takes none.
func allocCleared(a *Account, kind Kind, n int64) (first uint32, got int64) {
	c := &frames.cpu[cpuID()]
	if n = min(n, c.cleared()); n <= 0 || !a.above(n) || !a.chargeFrames(n) {
		return 0, 0
	}
	c.lock.Acquire()
	for ; got < n; got++ {
		i := c.takeCleared()
		if i == 0 {
			break
		}
		f := frameOf(uint64(i))
		f.kind, f.live, f.next = kind, 0, first
		first = i
	}
	c.tally(kind, got)
	c.lock.Release()
	if got < n {
		a.uncharge(countFrames, n-got)
	}
	return first, got
}
