//go:build go42debug

package spin

const debug = true

// Debug says that this is a debug build.
const Debug = debug

// held is, for each CPU, the stack of locks that it holds.
var held [MaxCPU]struct {
	n     int
	locks [16]*Lock
	try   [16]bool // taken against the order
}

func push(l *Lock)       { enter(l, l.rank, false) }
func pushSecond(l *Lock) { enter(l, l.rank+1, false) }
func pushTry(l *Lock)    { enter(l, NumRanks+1, true) }

// enter asserts that every lock held is of a rank below bound.
func enter(l *Lock, bound Rank, try bool) {
	if l.rank == 0 {
		panic("spin: lock without a rank")
	}
	h := &held[ID()]
	for i := 0; i < h.n; i++ {
		if h.locks[i] == l {
			panic("spin: lock acquired twice")
		}
		if !h.try[i] && h.locks[i].rank >= bound {
			panic("spin: lock order")
		}
	}
	if h.n == len(h.locks) {
		panic("spin: too many locks held")
	}
	h.locks[h.n], h.try[h.n] = l, try
	h.n++
}

func pop(l *Lock) {
	h := &held[ID()]
	for i := h.n - 1; i >= 0; i-- {
		if h.locks[i] == l {
			copy(h.locks[i:h.n-1], h.locks[i+1:h.n])
			copy(h.try[i:h.n-1], h.try[i+1:h.n])
			h.n--
			h.locks[h.n] = nil
			return
		}
	}
	panic("spin: released a lock that is not held")
}

// HoldsNone asserts that the CPU holds no lock: at the end of a kernel entry.
func HoldsNone() {
	if held[ID()].n != 0 {
		panic("spin: a lock is held at the end of a kernel entry")
	}
}
