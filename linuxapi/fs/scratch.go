package fs

import (
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/native"
)

// scratch is a pool of buffers that are too large for a libOS stack: a call
// takes one, may block with it, and gives it back. It grows by slabs of
// libOS memory, which are never given back: at most one buffer of each kind for
// each thread that is in a call.
//
// poolMu guards it.
type scratch[T any] struct {
	free  *cell[T]
	slabs [maxSlabs]uint64 // addresses
	n     int              // slabs
	fresh int              // buffers of the slabs from here on have not been used
}

type cell[T any] struct {
	v    T // first: its address is the cell's
	next *cell[T]
}

const (
	maxSlabs = 1024
	slabSize = 128 << 10
)

// perSlab is how many buffers a slab has.
func (s *scratch[T]) perSlab() int {
	return max(1, slabSize/int(unsafe.Sizeof(cell[T]{})))
}

// take waits, if memory is short, for another call to end.
func (s *scratch[T]) take() *T {
	for {
		poolMu.Lock()
		c := s.free
		if c != nil {
			s.free = c.next
		} else if s.fresh < s.n*s.perSlab() || s.grow() {
			c = s.cell(s.fresh)
			s.fresh++
		}
		poolMu.Unlock()
		if c != nil {
			return &c.v
		}
		yield()
	}
}

func (s *scratch[T]) give(v *T) {
	c := (*cell[T])(unsafe.Pointer(v))
	poolMu.Lock()
	c.next = s.free
	s.free = c
	poolMu.Unlock()
}

// grow adds a slab, if there is memory for one.
func (s *scratch[T]) grow() bool {
	if s.n == maxSlabs {
		return false
	}
	size := uint64(s.perSlab()) * uint64(unsafe.Sizeof(cell[T]{}))
	a := abi.MapArgs{Len: (size + abi.PageSize - 1) &^ (abi.PageSize - 1), Prot: abi.ProtRead | abi.ProtWrite, Flags: abi.MapLibOS}
	r := native.Map(&a)
	if r < 0 {
		return false
	}
	s.slabs[s.n] = uint64(r)
	s.n++
	return true
}

// cell is the i-th buffer of all slabs.
func (s *scratch[T]) cell(i int) *cell[T] {
	n := s.perSlab()
	at := s.slabs[i/n] + uint64(i%n)*uint64(unsafe.Sizeof(cell[T]{}))
	return *(**cell[T])(unsafe.Pointer(&at))
}

// reset frees all buffers, without touching them: in a forked child nobody has
// one.
func (s *scratch[T]) reset() { s.free, s.fresh = nil, 0 }
