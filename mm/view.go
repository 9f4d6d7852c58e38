package mm

import (
	"sync/atomic"
	"unsafe"

	"go42/mm/spin"
)

// A view is a look at a page by way of the page tables that takes no lock, for a
// copy of at most a page: servers' memory is copied to and from on all CPUs
// at once. It is a translation that the kernel has cached, and flush has it
// forgotten like those of ring 3: by waiting for its end.
//
// A CPU says which half it looks into, then reads the tables; flush changes
// entries, then reads who looks; both have a barrier between. So either the view
// sees the change, or flush sees the view and waits. Between begin and end of a
// view the CPU waits for nobody and calls nothing else of this package.

// Places of views: one CPU can have one of each at a time.
const (
	viewTo = iota
	viewFrom
	viewPin
	numViews
)

// topCPU is the highest number of a CPU that has had a view.
var topCPU int32

// view returns the physical address behind va, which stays until endView, if the
// page tables allow the access; else 0, and there is no view.
func (as *AddressSpace) view(place int, va uint64, write bool) uint64 {
	h := as.half(va)
	if h == nil {
		return 0
	}
	id := cpuID()
	if id > int(atomic.LoadInt32(&topCPU)) {
		raiseTop(int32(id))
	}
	c := &mem.cpus[id]
	atomic.StoreUintptr(&c.views[place], addressOf(h))
	e := h.look(va)
	if e != 0 && (!write || e&pteWrite != 0) && as.half(va) == h {
		return e&pteAddr | va&pageMask
	}
	atomic.StoreUintptr(&c.views[place], 0)
	return 0
}

func endView(place int) { atomic.StoreUintptr(&mem.cpus[cpuID()].views[place], 0) }

func raiseTop(id int32) {
	for {
		n := atomic.LoadInt32(&topCPU)
		if n >= id || atomic.CompareAndSwapInt32(&topCPU, n, id) {
			return
		}
	}
}

// look is peek for a half that is not locked: 0 too when it is torn down.
//
//go:norace
func (h *Half) look(va uint64) uint64 {
	if h.busy == gone {
		return 0
	}
	return h.peek(va)
}

// outlook waits until no other CPU looks into h by what it found before.
func (h *Half) outlook() {
	self := cpuID()
	for i := 0; i <= int(atomic.LoadInt32(&topCPU)); i++ {
		if i == self {
			continue
		}
		for k := range mem.cpus[i].views {
			for atomic.LoadUintptr(&mem.cpus[i].views[k]) == addressOf(h) {
				spin.Pause()
			}
		}
	}
}

// userCopy copies bytes of which some are ring 3's, which may change them.
//
//go:norace
func userCopy(dst, src []byte) int { return copy(dst, src) }

// userBytes is the memory at pa up to the end of its page.
func userBytes(pa uint64) []byte {
	return unsafe.Slice((*byte)(ptr(pa)), PageSize-pa&pageMask)
}

// userLoad and userStore access an aligned word at once, as ring 3 does.
//
//go:norace
func userLoad(pa uint64) uint64 { return *wordAt(pa) }

//go:norace
func userStore(pa, v uint64) { *wordAt(pa) = v }
