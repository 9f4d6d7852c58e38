package fs

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
