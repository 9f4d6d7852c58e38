package mm

import (
	"sync/atomic"

	"go42/ipc/abi"
)

// ForkState keeps a fork's progress between steps; zero at the start.
type ForkState struct {
	stage uint8
	half  uint8
	next  uint64
}

const (
	forkBegin = iota
	forkLeaves
	forkRegions
	forkTouch
)

// Pages that a fork copies rather than shares, in either half. Those of the
// libOS half (its data, its stacks) are written by both sides at once.
var eagerPages = [2]int64{8, 32}

// Fork fills child, fresh from NewAddressSpace, from parent by each region's
// inheritance; with vfork the child gets the parent's program half itself.
// done == false with OK: call again; regions of the parent's halves cannot be
// changed meanwhile (EAGAIN). On an error, or to give up a fork that is not
// done, destroy child.
func Fork(parent, child *AddressSpace, st *ForkState, vfork bool) (done bool, e Errno) {
	budget := stepBudget
	if st.stage == forkBegin {
		if vfork {
			h := child.Program
			child.detach(h, true)
			freeHalf(h)
			child.attach(parent.Program)
			st.half = 1
		}
		st.stage = forkLeaves
	}
	for st.half < 2 {
		hp, hc := parent.Program, child.Program
		if st.half == 1 {
			hp, hc = parent.LibOS, child.LibOS
		}
		hp.acquire()
		hc.lock.AcquireSecond() // nobody runs it: it is never busy
		protect := false
		protect, e = hp.forkTo(hc, st, &budget)
		hc.lock.Release()
		if protect {
			// Nobody relies on what the child sees before Fork has returned, and
			// nobody writes beneath hp in another way than by what a CPU has
			// cached before that is forgotten.
			hp.writeProtect()
		}
		hp.lock.Release()
		if e == EAGAIN {
			return false, OK
		}
		if e != OK {
			return false, e
		}
		st.half++
		st.stage, st.next = forkLeaves, 0
	}
	return true, OK
}

// forking says that a fork is in progress.
func (h *Half) forking() bool { return atomic.LoadUint64(&h.fork) != 0 }

// endFork lets the parent's regions be changed again, when the child's half h
// is complete or given up. The parent's lock, which comes before h's, is not
// needed: the word names h, whatever that half is by now.
func (h *Half) endFork() {
	if p := mem.halves.Get(h.from); p != nil {
		atomic.CompareAndSwapUint64(&p.fork, mem.halves.Ref(h).Word(), 0)
	}
	h.from = Ref{}
}

// forkTo copies one half. The leaf is forked first, at one instant; from then
// on the child's view of the pages is fixed. Then the regions follow. protect
// says that what is private in hp must be made read-only before it is unlocked.
func (hp *Half) forkTo(hc *Half, st *ForkState, budget *int) (protect bool, e Errno) {
	if st.stage == forkLeaves {
		if hp.forking() {
			return false, EAGAIN
		}
		if hp.leaf != nil {
			var b *FCM
			b, protect, e = forkLeaf(hp.leaf, hc.acct, eagerPages[st.half])
			if e != OK {
				return false, e
			}
			hc.leaf = b
			if b != nil {
				*budget -= int(b.index.pages) * costPage
			}
		}
		atomic.StoreUint64(&hp.fork, mem.halves.Ref(hc).Word())
		hc.from = mem.halves.Ref(hp)
		hc.seed = hp.seed
		st.stage, st.next = forkRegions, hp.lo
	}
	if st.stage == forkRegions {
		for r := hp.find(st.next); r != nil; r = r.next {
			if *budget <= 0 {
				st.next = max(st.next, r.start)
				return protect, EAGAIN
			}
			*budget -= costRegion
			if e := hc.inherit(r, st, budget); e != OK {
				return protect, e
			}
			st.next = r.end
		}
		st.stage = forkTouch
	}
	// What was copied is about to be written: map it.
	if hc.leaf != nil && hc.leaf.index.entries() <= eagerPages[st.half] {
		for i := uint64(0); ; i++ {
			at, e, ok := hc.leaf.index.next(i, 1<<indexBits)
			if !ok {
				break
			}
			i = at
			if r := hc.find(at << PageShift); e&entPage != 0 && r != nil && r.start <= at<<PageShift && r.prot != 0 {
				if hc.fault(at<<PageShift, r.prot&abi.ProtWrite != 0, false) != FaultOK {
					break // the child will find out by itself
				}
			}
		}
	}
	hc.endFork()
	return protect, OK
}

// inherit gives the child's half hc its part of the parent's region r.
func (hc *Half) inherit(r *Region, st *ForkState, budget *int) Errno {
	if r.flags&regPinned != 0 {
		return OK
	}
	if r.inherit == abi.InheritNone || r.inherit == abi.InheritZero {
		if !r.shared() && hc.leaf != nil { // the pages came with the leaf
			hc.leaf.lock.Acquire()
			at, e := hc.leaf.discard(max(r.start, st.next)>>PageShift, r.end>>PageShift, budget, nil)
			hc.leaf.lock.Release()
			if e != OK {
				st.next = at << PageShift
				return e
			}
		}
		if r.inherit == abi.InheritNone {
			return OK
		}
	}
	c, _, ok := mem.regions.Alloc(hc.acct)
	if !ok {
		return ENOMEM
	}
	c.start, c.end = r.start, r.end
	c.prot, c.maxProt, c.inherit, c.flags = r.prot, r.maxProt, r.inherit, r.flags&^regLocked
	c.obj, c.off, c.name, c.growMin, c.zapEpoch = r.obj, r.off, r.name, r.growMin, r.zapEpoch
	if !hc.charge(c, c.end-c.start) {
		mem.regions.Free(c)
		return ENOMEM
	}
	hc.linkOf(c, false) // r keeps its object
	return OK
}
