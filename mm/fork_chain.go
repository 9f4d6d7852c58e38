package mm

// Fork chains, after K42's fork tree. The private pages of a half are a tree
// of nodes: the half holds a leaf; above it are hidden nodes with the pages
// that were there when forks happened. A page is looked up by its virtual page
// number from the leaf upward: the first entry counts; a hole ends the search.
// Hidden nodes are never mapped themselves and are changed only by their
// children taking pages out of them (claim) and by collapse.
//
//	fork:     the leaf's pages move to a new hidden node (the index changes
//	          hands, in one step) with two empty leaves; few pages are copied
//	          instead; a parent that has just this one child adopts.
//	death:    the leaf leaves its parent and its pages are freed by Work. A
//	          parent left with one child is collapsed with it; one left with
//	          none dies too.
//	collapse: entries move, a few at a time, from the smaller of the two
//	          indexes to the larger. After each move every lookup has the same
//	          answer as before, so that it can stop and go on at any point, and
//	          faults, forks and deaths can come in between.
//
// Locks: child before parent; lookups go up hand over hand. To go down (from
// a parent to its child) the child is read, the parent unlocked, both locked
// in order and the relation looked at again.

const (
	// adoptMax is the number of entries that a fork moves up into a parent
	// with a single child, to let it adopt the new leaf.
	adoptMax = 64
	// A leaf below deepChain nodes copies up to deepEager pages at a fork rather
	// than add a node: a server that forks many children that live long would
	// otherwise have a chain as long as it has children.
	deepChain = 8
	deepEager = 64
)

func newLeaf(a *Account) (*FCM, Errno) { return newFCM(fcmPrivate, a, 0) }

// addChild makes c, which has no parent, a child of p; both locked.
func (p *FCM) addChild(c *FCM) {
	c.parent = p
	c.sibPrev, c.sibNext = nil, p.child
	if p.child != nil {
		p.child.sibPrev = c
	}
	p.child = c
	p.nchild++
}

// removeChild undoes it; both locked.
func (p *FCM) removeChild(c *FCM) {
	if c.sibPrev != nil {
		c.sibPrev.sibNext = c.sibNext
	} else {
		p.child = c.sibNext
	}
	if c.sibNext != nil {
		c.sibNext.sibPrev = c.sibPrev
	}
	c.parent, c.sibNext, c.sibPrev = nil, nil, nil
	p.nchild--
}

// pageOf returns an entry's frame, 0 for a hole or nothing.
func pageOf(e uint64) uint64 {
	if e&entPage == 0 {
		return 0
	}
	return e & pteAddr
}

// above returns the node above the leaf whose entry for page i counts, locked,
// and that entry; nil when there is none. The leaf is locked and stays so,
// which keeps the page where lookups from this leaf find it.
func (leaf *FCM) above(i uint64) (n *FCM, e uint64) {
	n = leaf.parent
	if n == nil {
		return nil, 0
	}
	n.lock.AcquireSecond()
	for {
		if e = n.index.get(i); e != 0 {
			return n, e
		}
		up := n.parent
		if up != nil {
			up.lock.AcquireSecond()
		}
		n.lock.Release()
		if up == nil {
			return nil, 0
		}
		n = up
	}
}

// lookup returns the frame that the chain names for page i, 0 if none, and
// whether it lies in the leaf itself. The leaf is locked.
func (leaf *FCM) lookup(i uint64) (pa uint64, own bool) {
	if e := leaf.index.get(i); e != 0 {
		return pageOf(e), e&entPage != 0
	}
	n, e := leaf.above(i)
	if n != nil {
		n.lock.Release()
	}
	return pageOf(e), false
}

// claim makes page i the leaf's own and returns its frame: moved out of the
// parent if no other child can see it there, else a copy of what the chain
// says, or of the frame below if the chain has nothing (0: zeroes). The leaf
// is locked. 0: no memory.
func (leaf *FCM) claim(i, below uint64) uint64 {
	n, e := leaf.index.find(i)
	if e&entPage != 0 {
		return e & pteAddr
	}
	var from *FCM
	src := below
	if e == 0 {
		var up uint64
		if from, up = leaf.above(i); from != nil {
			if pa := pageOf(up); pa != 0 {
				src = pa
				if from == leaf.parent && from.seenOnlyBy(leaf, i) {
					if leaf.index.setAt(n, i, pa|entPage, leaf.acct) {
						from.index.remove(i, from.acct)
						from.acct.force(-1)
						leaf.acct.force(1)
					} else {
						pa = 0
					}
					from.lock.Release()
					return pa
				}
			}
		}
	}
	var pa uint64
	var ok bool
	if src == 0 {
		pa, ok = AllocFrame(leaf.acct, KindAnon)
	} else if pa, ok = allocFrameRaw(leaf.acct, KindAnon); ok {
		copyPage(pa, src)
	}
	if from != nil {
		from.lock.Release()
	}
	if !ok {
		return 0
	}
	if !leaf.index.setAt(n, i, pa|entPage, leaf.acct) {
		FreeFrame(leaf.acct, KindAnon, pa)
		return 0
	}
	return pa
}

// seenOnlyBy says whether no child but c can see page i of p: each has an entry
// of its own. Both are locked; the others are below p in the lock order, so
// they are only tried. A wrong "no" costs a copy.
func (p *FCM) seenOnlyBy(c *FCM, i uint64) bool {
	if p.nchild > 4 {
		return false
	}
	for o := p.child; o != nil; o = o.sibNext {
		if o == c {
			continue
		}
		if !o.lock.TryAcquire() {
			return false
		}
		e := o.index.get(i)
		o.lock.Release()
		if e == 0 {
			return false
		}
	}
	return true
}

// nextVisible returns the first number at or above lo, below hi, where the
// chain shows a page: the leaf's own entry (0: it is above), and whether nodes
// above show one there too. at == hi: none. At the budget's end it stops, at the
// number that it has got to. The leaf is locked.
func (leaf *FCM) nextVisible(lo, hi uint64, budget *int) (at, e uint64, up bool) {
	for lo < hi {
		if *budget <= 0 {
			return lo, 0, false
		}
		at, e, ok := leaf.index.next(lo, hi)
		if !ok {
			at, e = hi, 0
		}
		n := leaf.parent
		if n == nil {
			if e&entHole != 0 {
				lo = at + 1
				*budget--
				continue
			}
			return at, e, false
		}
		n.lock.AcquireSecond()
		for n != nil {
			*budget--
			if a, _, ok := n.index.next(lo, at); ok {
				at, e = a, 0
			}
			next := n.parent
			if next != nil {
				next.lock.AcquireSecond()
			}
			n.lock.Release()
			n = next
		}
		if at >= hi {
			return hi, 0, false
		}
		if e&entHole == 0 {
			n, above := leaf.above(at)
			if n != nil {
				n.lock.Release()
			}
			up = pageOf(above) != 0
			if e != 0 || up {
				return at, e, up
			}
		}
		lo = at + 1
	}
	return hi, 0, false
}

// discard makes pages [lo, hi) absent in the leaf's view, and returns how far
// it got: pages of its own are freed, what shows through from above is covered
// by a hole. With any budget at all it gets further, however long the chain is. The
// leaf is locked; no page of the range may be mapped any more, but
// with late, which gets the pages instead. EAGAIN: the budget's end; ENOMEM: no node
// for a hole.
func (leaf *FCM) discard(lo, hi uint64, budget *int, late *lateSet) (uint64, Errno) {
	for lo < hi {
		at, e, up := leaf.nextVisible(lo, hi, budget)
		if at >= hi {
			break
		}
		if e == 0 && !up { // found none within the budget
			return at, EAGAIN
		}
		if !up {
			leaf.index.remove(at, leaf.acct)
		} else if !leaf.index.set(at, entHole, leaf.acct, false) {
			return at, ENOMEM
		}
		if e != 0 && late != nil {
			late.page(e & pteAddr)
		} else if e != 0 {
			FreeFrame(leaf.acct, KindAnon, e&pteAddr)
		}
		*budget -= costFree
		lo = at + 1
	}
	return hi, OK
}

// forkLeaf makes the child's leaf b of leaf a, charged to acct. It is nil when
// there is nothing to inherit. protect says that pages which were a's alone are
// so no longer: its half must be write-protected. Up to eager pages are copied.
func forkLeaf(a *FCM, acct *Account, eager int64) (b *FCM, protect bool, e Errno) {
	a.lock.Acquire()
	b, protect, e = a.fork(acct, eager)
	a.lock.Release()
	return b, protect, e
}

func (a *FCM) fork(acct *Account, eager int64) (b *FCM, protect bool, e Errno) {
	if a.index.empty() && a.parent == nil {
		return nil, false, OK
	}
	if b, e = newLeaf(acct); e != OK {
		return nil, false, e
	}
	// A new node is locked, too: a late collapse may look for a child that the
	// entry was before. It lets go at once, so that the order does not matter.
	b.lock.AcquireSecond()
	protect, e = a.forkTo(b, eager)
	b.lock.Release()
	if e != OK {
		b.abandon()
		return nil, false, e
	}
	return b, protect, OK
}

// forkTo is fork with the empty leaf b; both are locked.
func (a *FCM) forkTo(b *FCM, eager int64) (protect bool, e Errno) {
	p := a.parent
	if a.index.entries() <= eager || a.index.entries() <= deepEager && a.depth() >= deepChain {
		if !b.copyEntries(a, p != nil) {
			return false, ENOMEM
		}
		if p != nil {
			p.lock.AcquireSecond()
			protect = p.nchild == 1 // a collapse may have moved pages up that are mapped writable
			p.addChild(b)
			p.lock.Release()
		}
		return protect, OK
	}
	if p != nil {
		p.lock.AcquireSecond()
		if p.nchild == 1 && a.index.entries() <= adoptMax {
			budget := Budget
			if p.mergeUp(a, &budget) {
				p.addChild(b)
				p.lock.Release()
				return true, OK
			}
		}
		p.lock.Release()
	}
	h, e := newLeaf(a.acct)
	if e != OK {
		return false, e
	}
	h.lock.AcquireSecond()
	h.index.take(&a.index)
	if p != nil {
		p.lock.AcquireSecond()
		p.removeChild(a)
		p.addChild(h)
		p.lock.Release()
	}
	h.addChild(a)
	h.addChild(b)
	h.lock.Release()
	return true, OK
}

// depth returns the number of nodes above the locked leaf, at most deepChain.
func (leaf *FCM) depth() (d int) {
	n := leaf.parent
	if n == nil {
		return 0
	}
	n.lock.AcquireSecond()
	for d = 1; d < deepChain && n.parent != nil; d++ {
		up := n.parent
		up.lock.AcquireSecond()
		n.lock.Release()
		n = up
	}
	n.lock.Release()
	return d
}

// copyEntries gives the new leaf b copies of a's pages, and its holes if b is
// to have a parent. false: no memory; b holds some.
func (b *FCM) copyEntries(a *FCM, holes bool) bool {
	for i := uint64(0); ; i++ {
		at, e, ok := a.index.next(i, 1<<indexBits)
		if !ok {
			return true
		}
		i = at
		if e&entHole != 0 {
			if holes && !b.index.set(at, e, b.acct, false) {
				return false
			}
			continue
		}
		pa, ok := allocFrameRaw(b.acct, KindAnon)
		if !ok {
			return false
		}
		copyPage(pa, e&pteAddr)
		if !b.index.set(at, pa|entPage, b.acct, false) {
			FreeFrame(b.acct, KindAnon, pa)
			return false
		}
	}
}

// abandon gives up a leaf that no half has any more: it leaves its parent, and
// Work frees its pages.
func (leaf *FCM) abandon() {
	leaf.lock.AcquireSecond()
	leaf.dead = true
	leaf.leaveParent()
	leaf.enqueue()
	leaf.lock.Release()
}

// leaveParent takes the locked node out of the tree; what is to be done about
// the parent then is Work's.
func (c *FCM) leaveParent() {
	p := c.parent
	if p == nil {
		return
	}
	p.lock.AcquireSecond()
	p.removeChild(c)
	if p.nchild == 0 {
		p.dead = true
	}
	if p.nchild <= 1 {
		p.enqueue()
	}
	p.lock.Release()
}

// mergeUp moves entries of c, p's only child, to p, where they replace p's. It
// returns true when c has none left. Both are locked.
func (p *FCM) mergeUp(c *FCM, budget *int) bool {
	for i := uint64(0); ; i++ {
		at, e, ok := c.index.next(i, 1<<indexBits)
		if !ok {
			return true
		}
		if *budget <= 0 {
			return false
		}
		i = at
		old := p.index.get(at)
		if e&entPage != 0 || p.parent != nil {
			if !p.index.set(at, e, p.acct, true) {
				return false // at no cost: Work must see that it does not get on
			}
		} else if old != 0 { // a hole above which there is nothing
			p.index.remove(at, p.acct)
		}
		if e&entPage != 0 {
			c.acct.force(-1)
			p.acct.force(1)
		}
		if old&entPage != 0 {
			FreeFrame(p.acct, KindAnon, old&pteAddr)
		}
		c.index.remove(at, c.acct)
		*budget -= costFree
	}
}

// mergeDown moves p's entries to c, its only child, where c has none; p's
// others are seen by nobody and are freed. It returns true when p has none
// left. Both are locked.
func (p *FCM) mergeDown(c *FCM, budget *int) bool {
	for i := uint64(0); ; i++ {
		at, e, ok := p.index.next(i, 1<<indexBits)
		if !ok {
			return true
		}
		if *budget <= 0 {
			return false
		}
		i = at
		mine := c.index.get(at)
		switch {
		case mine != 0:
			if e&entPage != 0 {
				FreeFrame(p.acct, KindAnon, e&pteAddr)
			}
			if mine&entHole != 0 && p.parent == nil {
				c.index.remove(at, c.acct)
			}
		case e&entPage != 0 || p.parent != nil:
			if !c.index.set(at, e, c.acct, true) {
				return false
			}
			if e&entPage != 0 {
				p.acct.force(-1)
				c.acct.force(1)
			}
		}
		p.index.remove(at, p.acct)
		*budget -= costFree
	}
}

// collapse joins p with its only child and frees p. It is false when the budget
// ended it, or something came in between (retry).
func (p *FCM) collapse(budget *int) bool {
	p.lock.Acquire()
	c := p.child
	only := p.nchild == 1
	p.lock.Release()
	if !only {
		return false
	}
	// c may have been freed and used again meanwhile: its memory is an FCM for
	// good, and the test below tells.
	c.lock.Acquire()
	if c.parent != p {
		c.lock.Release()
		return false
	}
	p.lock.AcquireSecond()
	done := p.nchild == 1 && p.join(c, budget)
	p.lock.Release()
	c.lock.Release()
	if done {
		freeFCM(p)
	}
	return done
}

// join is collapse's part with both locked; true: p holds nothing and is out
// of the tree.
func (p *FCM) join(c *FCM, budget *int) bool {
	if c.index.entries() <= p.index.entries() {
		if !p.mergeUp(c, budget) {
			return false
		}
		if c.acct != p.acct {
			p.acct.force(-p.index.pages)
			c.acct.force(p.index.pages)
			p.acct.forceEntries(-p.index.nodes)
			c.acct.forceEntries(p.index.nodes)
		}
		c.index.take(&p.index)
	} else if !p.mergeDown(c, budget) {
		return false
	}
	g := p.parent
	p.removeChild(c)
	if g != nil {
		g.lock.AcquireSecond()
		g.removeChild(p)
		g.addChild(c)
		g.lock.Release()
	}
	return true
}
