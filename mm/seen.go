package mm

import "sync/atomic"

// Looking up a page of an object without its lock: all who run the same program
// fault on the same pages. What a locked half maps of an object cannot be freed
// by a Resize, which visits that half first, so it only must be found right.

// changing is called before and after a change of the index of an object without
// a pager; f is locked.
func (f *FCM) changing() { atomic.AddUint32(&f.seq, 1) }

// seen returns the frame of page i of an object without a pager, for who has a
// half locked that maps it; 0: look with the lock.
//
// Nodes are type-stable, and nothing is followed before it is certain that the
// index had not begun to change when it was read; so what is followed is a node,
// this index's or, if that has changed since, another's.
//
//go:norace
func (f *FCM) seen(i uint64) uint64 {
	s := atomic.LoadUint32(&f.seq)
	if s&1 != 0 || i >= (f.size+pageMask)>>PageShift {
		return 0
	}
	n, base, shift := f.index.root, f.index.base, f.index.shift
	if atomic.LoadUint32(&f.seq) != s || n == nil || i-base >= nodeSlots<<shift {
		return 0
	}
	for ; shift > 0; shift -= nodeBits {
		c := n.slots[i>>(shift&63)&(nodeSlots-1)]
		if c == 0 || atomic.LoadUint32(&f.seq) != s {
			return 0
		}
		n = nodeAt(c)
	}
	e := n.slots[i&(nodeSlots-1)]
	if atomic.LoadUint32(&f.seq) != s {
		return 0
	}
	return pageOf(e)
}
