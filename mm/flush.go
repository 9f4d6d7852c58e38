package mm

import (
	"sync/atomic"
	"unsafe"

	"go42/mm/spin"
)

// Making translations forgotten.
//
// Whoever takes something from page tables does it in this order: change the
// entries, make all CPUs forget them (flush), and only then give away what
// they named: free frames and tables, let the fork chain or the object have the
// page, map another frame there, let others see the range as free. So no CPU has
// a translation to a page that is somebody else's, and a page of a fork chain
// that all other leaves have replaced is in no TLB through them.
//
// Where other CPUs run the half, flush releases the half's lock while it waits for
// them: the half is busy then, and who comes for it waits (acquire). Nothing
// in the half changes meanwhile but by the one that made it busy, so that it goes
// on afterwards with what it knew. Nobody waits for a CPU that waits here: it is
// in the kernel, which ShootDown counts as an answer.
//
// A CPU that loads an address space of the half sets its bit in active before.
// Its bit and the changed entry are written and read crosswise with barriers
// between: either flush sees the bit, or the CPU sees the entry.

// flushPages is how many pages are forgotten singly; more: everything.
const flushPages = 8

// flushSet collects what is to be forgotten, and the page tables that are to be
// freed after that.
type flushSet struct {
	n      int
	va     [flushPages]uint64
	tables uint32 // list through frame.next
}

func (fs *flushSet) add(va uint64) {
	if fs.n < len(fs.va) {
		fs.va[fs.n] = va
	}
	fs.n++
}

// addTable puts the table at pa, which no entry names any more, on the list. va
// is an address that it served: CPUs cache upper entries, too.
func (fs *flushSet) addTable(pa, va uint64) {
	frameAt(pa).next = fs.tables
	fs.tables = uint32(pa >> PageShift)
	if fs.n == 0 {
		fs.add(va)
	}
}

// Values of Half.busy.
const (
	flushing = 1
	gone     = 2 // torn down: nobody finds it by its address space any more
)

// acquire locks h when no flush is under way.
func (h *Half) acquire() {
	for {
		h.lock.Acquire()
		if h.busy != flushing {
			return
		}
		h.lock.Release()
		h.settle()
	}
}

// settle waits while a flush of h is under way; it is not locked.
func (h *Half) settle() {
	if atomic.LoadUint32(&h.busy) == flushing {
		spin.Waiting(spin.Half)
	}
	for atomic.LoadUint32(&h.busy) == flushing {
		spin.Pause()
	}
}

// acquire locks the half that va lies in; nil: there is none.
func (as *AddressSpace) acquire(va uint64) *Half {
	p := as.place(va)
	h := (*Half)(atomic.LoadPointer(p))
	for h != nil {
		h.lock.Acquire()
		if h.busy == 0 && atomic.LoadPointer(p) == unsafe.Pointer(h) {
			break
		}
		h = h.yield(p)
	}
	return h
}

// yield is acquire's way on with h locked, but busy or not p's any more: it
// unlocks it and returns what to try next.
func (h *Half) yield(p *unsafe.Pointer) *Half {
	torn := h.busy == gone
	h.lock.Release()
	next := (*Half)(atomic.LoadPointer(p))
	if torn && next == h {
		return nil
	}
	h.settle()
	return next
}

// barrier orders the stores before it before the loads behind it.
func barrier() {
	var x uint32
	atomic.AddUint32(&x, 1)
}

// active returns the CPUs that run h; it is locked.
func (h *Half) active() (cpus uint64) {
	for as := h.spaces; as != nil; as = as.nextIn[h.which()] {
		cpus |= atomic.LoadUint64(&as.active)
	}
	return cpus
}

// flush makes the CPUs that run h forget fs, and frees the tables in it. h is
// locked; the lock may be released meanwhile, but nobody else changes h.
func (h *Half) flush(fs *flushSet) {
	if atomic.LoadInt32(&h.late) != 0 {
		fs.n = flushPages + 1 // also what others have cleared, and not seen to yet
	}
	if fs.n == 0 {
		return
	}
	barrier()
	h.outlook()
	h.forget(fs, h.active())
}

// forget is flush for the given CPUs.
func (h *Half) forget(fs *flushSet, cpus uint64) {
	if cpus&^(1<<cpuID()) == 0 || mem.hooks.ShootDown == nil {
		shootDown(fs, cpus)
	} else {
		atomic.StoreUint32(&h.busy, flushing)
		h.lock.Release()
		shootDown(fs, cpus)
		h.lock.Acquire()
		atomic.StoreUint32(&h.busy, 0)
	}
	fs.n = 0
	h.freeTaken(fs)
}

// shootDown makes the given CPUs forget fs. No lock is held if others than this one
// are among them.
func shootDown(fs *flushSet, cpus uint64) {
	id := cpuID()
	if cpus>>id&1 != 0 {
		forgetHere(fs)
	}
	if cpus &^= 1 << id; cpus != 0 && mem.hooks.ShootDown != nil {
		var va []uint64
		if fs.n <= len(fs.va) && fs.tables == 0 {
			va = mem.cpus[id].va[:fs.n]
			copy(va, fs.va[:])
		}
		mem.hooks.ShootDown(cpus, va)
	}
}

// freeTaken frees the tables in fs, which is forgotten.
func (h *Half) freeTaken(fs *flushSet) {
	for fs.tables != 0 {
		n := fs.tables
		fs.tables = frameOf(uint64(n)).next
		FreeFrame(h.acct, KindTable, uint64(n)<<PageShift)
	}
}

func forgetHere(fs *flushSet) {
	if fs.n > len(fs.va) {
		if mem.hooks.FlushAll != nil {
			mem.hooks.FlushAll()
		}
		return
	}
	if mem.hooks.InvalidatePage != nil {
		for _, va := range fs.va[:fs.n] {
			mem.hooks.InvalidatePage(va)
		}
	}
}

// everything is a flushSet for which a CPU forgets all.
func everything() flushSet { return flushSet{n: flushPages + 1} }

// writeProtect makes everything private in the half read-only, at its top.
func (h *Half) writeProtect() {
	for w := range h.used {
		for b := h.used[w]; b != 0; b &= b - 1 {
			i := w*64 + trailingZeros(b)
			h.setSlot(i, h.slots[i]&^pteWrite)
		}
	}
	fs := everything()
	h.flush(&fs)
}
