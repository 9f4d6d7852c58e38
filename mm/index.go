package mm

import (
	"math/bits"
	"unsafe"
)

// A pageIndex maps page numbers (36 bits) to entries, sparsely: a radix tree
// of 64-way nodes whose root covers just what is needed. Its owner's lock
// guards it. Entries are never 0.
type pageIndex struct {
	root  *node
	base  uint64 // first number that root covers
	shift uint8  // bits of the number below root's slot index; 0: root holds entries
	pages int64  // entries that are pages
	holes int64  // entries that are holes
	nodes int64
}

// Entries: a frame's address with entPage, or entHole: here is nothing, and
// nothing shows through from the nodes above in the fork chain.
const (
	entPage = 1
	entHole = 2
)

const (
	nodeBits  = 6
	nodeSlots = 1 << nodeBits
	indexBits = 36
)

// node holds entries (lowest level) or the nodes beneath it. used has a bit for
// each slot that is not zero: nodes are mostly sparse, and walks skip by it.
type node struct {
	slots [nodeSlots]uint64
	used  uint64
}

func nodeAt(pa uint64) *node { return (*node)(ptr(pa)) }

func nodePhys(n *node) uint64 { return physOf(unsafe.Pointer(n)) }

func (x *pageIndex) empty() bool { return x.root == nil }

// entries returns the number of entries.
func (x *pageIndex) entries() int64 { return x.pages + x.holes }

// bottom returns the lowest-level node that holds number i, or nil.
func (x *pageIndex) bottom(i uint64) *node {
	n := x.root
	if n == nil || i-x.base >= nodeSlots<<x.shift {
		return nil
	}
	for s := x.shift; s > 0; s -= nodeBits {
		c := n.slots[i>>(s&63)&(nodeSlots-1)]
		if c == 0 {
			return nil
		}
		n = nodeAt(c)
	}
	return n
}

// bottomFrom is bottom for who goes through numbers one by one: n is that of i-1.
func (x *pageIndex) bottomFrom(n *node, i uint64) *node {
	if n == nil || i%nodeSlots == 0 {
		n = x.bottom(i)
	}
	return n
}

// get returns i's entry, 0 if there is none.
func (x *pageIndex) get(i uint64) uint64 {
	_, e := x.find(i)
	return e
}

// find returns bottom and get.
func (x *pageIndex) find(i uint64) (n *node, e uint64) {
	if n = x.bottom(i); n != nil {
		e = n.slots[i&(nodeSlots-1)]
	}
	return n, e
}

// set puts entry e at i, replacing what is there. Nodes are charged to a,
// beyond its limits if force. false: no node was to be had, nothing changed
// but perhaps some empty upper nodes, which the next remove near them frees.
func (x *pageIndex) set(i, e uint64, a *Account, force bool) bool {
	if x.root == nil {
		n := x.newNode(a, force)
		if n == nil {
			return false
		}
		x.root, x.shift, x.base = n, 0, i&^(nodeSlots-1)
	}
	for i-x.base >= nodeSlots<<x.shift {
		n := x.newNode(a, force)
		if n == nil {
			return false
		}
		s := x.shift + nodeBits
		n.slots[x.base>>s&(nodeSlots-1)] = nodePhys(x.root)
		n.used = 1 << (x.base >> s & (nodeSlots - 1))
		x.root, x.shift, x.base = n, s, x.base&^(nodeSlots<<s-1)
	}
	n := x.root
	for s := x.shift; s > 0; s -= nodeBits {
		p := &n.slots[i>>(s&63)&(nodeSlots-1)]
		if *p == 0 {
			c := x.newNode(a, force)
			if c == nil {
				if n.used == 0 {
					x.prune(i, a)
				}
				return false
			}
			*p = nodePhys(c)
			n.used |= 1 << (i >> (s & 63) & (nodeSlots - 1))
		}
		n = nodeAt(*p)
	}
	x.put(n, i, e)
	return true
}

// setAt is set where find has told i's lowest-level node n, and the index has not
// changed since.
func (x *pageIndex) setAt(n *node, i, e uint64, a *Account) bool {
	if n == nil {
		return x.set(i, e, a, false)
	}
	x.put(n, i, e)
	return true
}

func (x *pageIndex) put(n *node, i, e uint64) {
	p := &n.slots[i&(nodeSlots-1)]
	x.tally(*p, -1)
	x.tally(e, 1)
	n.used |= 1 << (i & (nodeSlots - 1))
	*p = e
}

func (x *pageIndex) tally(e uint64, d int64) {
	if e&entPage != 0 {
		x.pages += d
	} else if e != 0 {
		x.holes += d
	}
}

// remove takes i's entry out and returns it, 0 if there was none.
func (x *pageIndex) remove(i uint64, a *Account) uint64 {
	n := x.bottom(i)
	if n == nil {
		return 0
	}
	p := &n.slots[i&(nodeSlots-1)]
	e := *p
	if e == 0 {
		return 0
	}
	*p = 0
	x.tally(e, -1)
	if n.used &^= 1 << (i & (nodeSlots - 1)); n.used == 0 {
		x.prune(i, a)
	}
	return e
}

// prune frees the empty nodes on the way to i.
func (x *pageIndex) prune(i uint64, a *Account) {
	var path [indexBits/nodeBits + 1]*node
	depth := 0
	n := x.root
	for s := x.shift; ; s -= nodeBits {
		path[depth] = n
		depth++
		if s == 0 {
			break
		}
		c := n.slots[i>>(s&63)&(nodeSlots-1)]
		if c == 0 {
			break
		}
		n = nodeAt(c)
	}
	for d := depth - 1; d >= 0 && path[d].used == 0; d-- {
		x.freeNode(path[d], a)
		if d == 0 {
			x.root = nil
			return
		}
		s := x.shift - uint8(d-1)*nodeBits
		path[d-1].slots[i>>(s&63)&(nodeSlots-1)] = 0
		path[d-1].used &^= 1 << (i >> (s & 63) & (nodeSlots - 1))
	}
}

// next returns the first entry at number i or above and below limit; ok is
// false when there is none.
func (x *pageIndex) next(i, limit uint64) (at, e uint64, ok bool) {
	if x.root == nil {
		return 0, 0, false
	}
	end := x.base + nodeSlots<<x.shift
	if end > limit {
		end = limit
	}
	if i < x.base {
		i = x.base
	}
again:
	for i < end {
		n := x.root
		for s := x.shift; ; s -= nodeBits {
			slot := i >> (s & 63) & (nodeSlots - 1)
			rest := n.used >> slot << slot
			if rest == 0 { // behind all that n spans
				span := uint64(nodeSlots) << (s & 63)
				i = i&^(span-1) + span
				continue again
			}
			if first := uint64(bits.TrailingZeros64(rest)); first != slot {
				i = i&^(nodeSlots<<(s&63)-1) | first<<(s&63)
				slot = first
				if i >= end {
					break again
				}
			}
			if s == 0 {
				return i, n.slots[slot], true
			}
			n = nodeAt(n.slots[slot])
		}
	}
	return 0, 0, false
}

// take moves all of y into the empty x.
func (x *pageIndex) take(y *pageIndex) {
	*x = *y
	*y = pageIndex{}
}

func (x *pageIndex) newNode(a *Account, force bool) *node {
	if a != nil {
		if force {
			a.forceEntries(1)
		} else if !a.charge(countEntries, 1) {
			return nil
		}
	}
	n, _, ok := mem.nodes.Alloc(nil)
	if !ok {
		if a != nil {
			a.uncharge(countEntries, 1)
		}
		return nil
	}
	x.nodes++
	return n
}

func (x *pageIndex) freeNode(n *node, a *Account) {
	mem.nodes.Free(n)
	x.nodes--
	if a != nil {
		a.uncharge(countEntries, 1)
	}
}
