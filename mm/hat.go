package mm

import "go42/ipc/abi"

// table is a page table of any level. The frame's descriptor counts its
// non-zero entries (live), so that scans can stop early and empty tables are
// given back.
//
// Write permission is taken away lazily. A fork clears the W bit of the
// half's top-level entries: everything beneath is read-only at once. The first
// write beneath such an entry pushes the bit down one level at a time: the
// entry gets W again, and the entries one level below lose it (at the last
// level only those of private regions). So a fork costs the same whatever is
// mapped, and this is also where a later sharing of whole tables hooks in.
type table [512]uint64

// slot returns the index of va's top-level entry in the half's slots.
func (h *Half) slot(va uint64) int { return int(va/span4) - h.firstSlot() }

func (h *Half) firstSlot() int {
	if h.libos {
		return abi.HalfSlot
	}
	return 0
}

// setSlot changes a top-level entry, in all address spaces that have the half.
func (h *Half) setSlot(i int, e uint64) {
	h.slots[i] = e
	if e != 0 {
		h.used[i>>6] |= 1 << (i & 63)
	} else {
		h.used[i>>6] &^= 1 << (i & 63)
	}
	for as := h.spaces; as != nil; as = as.nextIn[h.which()] {
		tableAt(as.Root)[i+h.firstSlot()] = e
	}
}

func (h *Half) which() int {
	if h.libos {
		return 1
	}
	return 0
}

// pushDown takes write permission from what table entry e names: from all its
// entries if they name tables, else from those of private pages.
func pushDown(e uint64, last bool) {
	t := tableAt(e & pteAddr)
	n := frameAt(e & pteAddr).live
	for i := 0; n > 0; i++ {
		i = t.skip(i)
		x := t[i]
		if x == 0 {
			continue
		}
		n--
		if !last || x&ptePrivate != 0 {
			t[i] = x &^ pteWrite
		}
	}
}

// skip returns the first index from i on that a scan for entries must look at:
// groups of eight empty ones are passed over. There is an entry at i or above.
func (t *table) skip(i int) int {
	for i&7 == 0 && i < len(t) {
		g := (*[8]uint64)(t[i : i+8])
		if g[0]|g[1]|g[2]|g[3]|g[4]|g[5]|g[6]|g[7] != 0 {
			break
		}
		i += 8
	}
	return i
}

// entry returns va's last-level entry and its table's descriptor, making the
// tables on the way; for a write, the way becomes writable. nil: no frame.
func (h *Half) entry(va uint64, write bool) (*uint64, *frame) {
	i := h.slot(va)
	e := h.slots[i]
	if e == 0 {
		pa, ok := AllocFrame(h.acct, KindTable)
		if !ok {
			return nil, nil
		}
		e = pa | tableFlags
		h.setSlot(i, e)
	} else if write && e&pteWrite == 0 {
		pushDown(e, false)
		e |= pteWrite
		h.setSlot(i, e)
	}
	t, f := tableAt(e&pteAddr), frameAt(e&pteAddr)
	for s := uint(30); s >= 21; s -= 9 {
		p := &t[va>>s&511]
		e = *p
		if e == 0 {
			pa, ok := AllocFrame(h.acct, KindTable)
			if !ok {
				return nil, nil
			}
			e = pa | tableFlags
			*p = e
			f.live++
		} else if write && e&pteWrite == 0 {
			pushDown(e, s == 21)
			e |= pteWrite
			*p = e
		}
		t, f = tableAt(e&pteAddr), frameAt(e&pteAddr)
	}
	return &t[va>>12&511], f
}

// peek returns va's last-level entry with W cleared where an upper level
// clears it; 0 when there is none. h is locked, or a view looks (view.go).
//
//go:norace
func (h *Half) peek(va uint64) uint64 {
	e := h.slots[h.slot(va)]
	w := e
	for s := uint(30); e&ptePresent != 0; s -= 9 {
		e = tableAt(e & pteAddr)[va>>s&511]
		if s == 12 {
			return e &^ (pteWrite &^ w)
		}
		w &= e
	}
	return 0
}

// lastTable returns the table that holds va's last-level entry, its descriptor,
// and where what it covers ends; nil if there is none, and then the end of what is
// known to have none.
func (h *Half) lastTable(va uint64) (t *table, f *frame, end uint64) {
	e, span := h.slots[h.slot(va)], uint64(span4)
	for s := uint(30); s >= 21 && e != 0; s -= 9 {
		e = tableAt(e & pteAddr)[va>>s&511]
		span >>= 9
	}
	if end = va&^(span-1) + span; e == 0 {
		return nil, nil, end
	}
	return tableAt(e & pteAddr), frameAt(e & pteAddr), end
}

// Units of work: one is some 30 instructions.
const (
	// Budget is what one call does at most: about 64 page steps.
	Budget = 64 * costPage

	costPage   = 24 // a page cleared or copied
	costFree   = 4  // a page freed or moved between indexes
	costTable  = 8  // a page table looked at
	costRegion = 8  // a region copied or dropped
)

// stepBudget is Budget; tests make it smaller.
var stepBudget = Budget

// least is a budget for what follows zap or clear: the way over a large range takes
// all of a call's, at each call, where its ends share tables with others.
func least(budget int) int { return max(budget, stepBudget/4) }

// zap clears the entries of [lo, hi), flushes, and returns how far it got.
// Tables that become empty are given back. h may be unlocked meanwhile (flush).
func (h *Half) zap(lo, hi uint64, budget *int) uint64 {
	var fs flushSet
	va := h.clear(&fs, lo, hi, budget)
	h.flush(&fs)
	return va
}

// clear is zap without the flush: fs says of what.
func (h *Half) clear(fs *flushSet, lo, hi uint64, budget *int) uint64 {
	va := lo
	for va < hi && *budget > 0 {
		t, f, end := h.lastTable(va)
		if t == nil {
			va = end
			*budget--
			continue
		}
		*budget -= costTable
		end = min(end, hi)
		was := f.live
		for a := va; a < end && f.live > 0; a += PageSize {
			p := &t[a>>12&511]
			if *p == 0 {
				continue
			}
			*p = 0
			f.live--
			fs.add(a)
		}
		h.resident -= int64(was - f.live)
		*budget -= int(was-f.live) / 4
		if f.live == 0 {
			h.dropTable(fs, va)
		}
		va = end
	}
	return min(va, hi)
}

// dropTable takes out va's last-level table, which is empty, and what becomes
// empty above; fs frees them.
func (h *Half) dropTable(fs *flushSet, va uint64) {
	t3 := h.slots[h.slot(va)] & pteAddr
	t2 := tableAt(t3)[va>>30&511] & pteAddr
	t1 := tableAt(t2)[va>>21&511] & pteAddr
	fs.addTable(t1, va)
	tableAt(t2)[va>>21&511] = 0
	f := frameAt(t2)
	if f.live--; f.live > 0 {
		return
	}
	fs.addTable(t2, va)
	tableAt(t3)[va>>30&511] = 0
	f = frameAt(t3)
	if f.live--; f.live > 0 {
		return
	}
	fs.addTable(t3, va)
	h.setSlot(h.slot(va), 0)
}

// restrict takes from the entries of [lo, hi) what prot does not allow, flushes
// (so that h may be unlocked meanwhile), and returns how far it got. It never
// adds a permission: faults do.
func (h *Half) restrict(lo, hi uint64, prot uint8, budget *int) uint64 {
	var fs flushSet
	va := lo
	for va < hi && *budget > 0 {
		t, _, end := h.lastTable(va)
		if t == nil {
			va = end
			*budget--
			continue
		}
		*budget -= costTable
		end = min(end, hi)
		for ; va < end; va += PageSize {
			p := &t[va>>12&511]
			x := *p
			if x == 0 {
				continue
			}
			if prot&abi.ProtWrite == 0 {
				x &^= pteWrite
			}
			if prot&abi.ProtExec == 0 {
				x |= pteNX
			}
			if x != *p {
				*p = x
				fs.add(va)
			}
		}
	}
	h.flush(&fs)
	if va > hi {
		va = hi
	}
	return va
}

// freeTables gives back all tables of a half that nobody runs; done says
// whether all are gone.
func (h *Half) freeTables(budget *int) (done bool) {
	for w := range h.used {
		for h.used[w] != 0 {
			i := w*64 + trailingZeros(h.used[w])
			e := h.slots[i]
			if !h.freeBelow(e&pteAddr, 3, budget) {
				return false
			}
			h.setSlot(i, 0)
		}
	}
	h.resident = 0
	return true
}

// freeBelow frees the tables below the one at pa (of the given level: 3 names
// level 2 tables), and it. Frames that the last level maps belong to FCMs.
func (h *Half) freeBelow(pa uint64, level int, budget *int) bool {
	if level > 1 {
		t, f := tableAt(pa), frameAt(pa)
		*budget -= costTable
		for i := 0; f.live > 0; i++ {
			i = t.skip(i)
			if t[i] == 0 {
				continue
			}
			if *budget <= 0 || !h.freeBelow(t[i]&pteAddr, level-1, budget) {
				return false
			}
			t[i] = 0
			f.live--
		}
	}
	*budget -= costFree
	FreeFrame(h.acct, KindTable, pa)
	return true
}
