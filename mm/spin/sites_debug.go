//go:build go42kernel && go42debug

package spin

import (
	"sync/atomic"

	"go42/boot/rt"
)

// A debug build notes where locks were waited for, and where one was taken that
// another CPU had had before: the first is what costs, the second says which
// paths of two CPUs share a lock though they have not met on it yet.

const siteDepth = 8

// site is a chain of callers, and what they found at a lock of one rank.
type site struct {
	pcs           [siteDepth]uintptr
	rank          Rank
	waited, moved uint64
}

// sites belong to one CPU each, by a hash of the callers.
var sites [8][512]site

// noteOwner is called before the lock is taken, and not for what lies within another
// lock but a cache: nothing is to be kept longer for the note's sake.
func (l *Lock) noteOwner() {
	id := uint8(ID() + 1)
	if l.last != 0 && l.last != id && (held[id-1].n == 1 || l.rank >= Pool) {
		if s := siteOf(l.rank); s != nil {
			s.moved++
		}
	}
}

func (l *Lock) own() { l.last = uint8(ID() + 1) }

func noteWait(r Rank) {
	if s := siteOf(r); s != nil {
		s.waited++
	}
}

func siteOf(r Rank) *site {
	var pcs [siteDepth]uintptr
	lo, hi := rt.CurrentG().Stack()
	bp := rt.FramePointer()
	rt.Callers(0, bp, lo, hi, pcs[:])
	h := uintptr(r)
	for _, pc := range pcs[1:] {
		h = (h ^ pc) * 0x9e3779b97f4a7c15
	}
	t := &sites[ID()]
	for i := range 8 {
		s := &t[(h>>50+uintptr(i))%uintptr(len(t))]
		if s.rank == 0 {
			s.rank, s.pcs = r, pcs
		}
		if s.rank == r && s.pcs == pcs {
			return s
		}
	}
	return nil
}

// PrintSites logs the places with what was found there, and forgets it.
func PrintSites() {
	println("lock sites since the last time:")
	for c := range sites {
		for i := range sites[c] {
			s := &sites[c][i]
			if s.waited+s.moved == 0 {
				continue
			}
			print("lock rank ", s.rank, " waited ", atomic.SwapUint64(&s.waited, 0), " moved ", atomic.SwapUint64(&s.moved, 0), ":")
			for _, pc := range s.pcs[1:] {
				if pc != 0 {
					name, _, line := rt.FuncForPC(pc - 1)
					print(" ", name, ":", line)
				}
			}
			println()
		}
	}
}
