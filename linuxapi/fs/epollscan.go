package fs

import (
	"sync/atomic"

	"go42/sched/user"
)

// scan walks an instance's items once, from its cursor on and round to it again,
// whatever other threads add, remove or walk meanwhile. The list is in descending
// order of ids.
type scan struct {
	ep      *epollInst
	first   uint64 // where it began
	last    uint64 // the item looked at last, and
	at      int32  // where that was
	wrapped bool
	whole   bool // from the first item, whatever the cursor
}

// next is the index of the next item, 0: all have been looked at. epollMu is held.
func (c *scan) next() int32 {
	i := c.ep.cursor
	switch {
	case c.last == 0:
		if i == 0 || c.whole {
			i = c.ep.first
		}
		c.first = items[i].id
	case items[c.at].id == c.last:
		i = items[c.at].nextEp
	default: // it has been removed
		for i = c.ep.first; i != 0 && items[i].id >= c.last; {
			i = items[i].nextEp
		}
	}
	if i == 0 && !c.wrapped {
		c.wrapped = true
		i = c.ep.first
	}
	if i == 0 || c.wrapped && items[i].id <= c.first {
		return 0
	}
	c.at, c.last = i, items[i].id
	return i
}

// An item's object is held while it is looked at, which takes a server call. Nobody
// may notice that: who closes the last descriptor of an object that is in no instance
// any more waits for the end of such looks. Else the other end of a socket, say, would
// be told of the close some time after it, as the object would go with the look.
// (On Linux a look holds the instance's mutex, which taking an item out needs.)
//
// looking is what a look adds to File.refs: more than there are other references.
const looking = 1 << 20

var (
	lookWaiters int32 // atomic: threads in awaitLooks
	lookSeq     user.Seq
)

// beginLook holds f for a look, unless it is being released.
func (f *File) beginLook() bool { return f.tryHold(looking) }

func (f *File) endLook() {
	if atomic.AddInt32(&f.refs, -looking) == 0 {
		f.release()
	}
	if atomic.LoadInt32(&lookWaiters) != 0 {
		lookSeq.Bump()
	}
}

// awaitLooks waits until nobody looks at f, which the caller holds, or it is in an
// instance (again).
func (f *File) awaitLooks() {
	if !f.lookedAt() {
		return
	}
	atomic.AddInt32(&lookWaiters, 1)
	for f.lookedAt() {
		awaitLook(f)
	}
	atomic.AddInt32(&lookWaiters, -1)
}

// lookedAt: somebody looks at f, and nobody will begin to.
func (f *File) lookedAt() bool {
	if atomic.LoadInt32(&f.refs) < looking {
		return false
	}
	epollMu.Lock()
	watched := f.watch != 0
	epollMu.Unlock()
	return !watched
}

// awaitLook waits for the end of a look, of anything, unless f's has ended. Tests on
// the host have another.
var awaitLook = func(f *File) {
	t := user.Current()
	t.BeginWatch()
	t.Watch(&lookSeq)
	if f.lookedAt() {
		t.WaitWatched(0, false)
	}
}
