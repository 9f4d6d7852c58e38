// Package fdtable maps descriptor numbers to client objects.
//
// It is pure bookkeeping: it counts no references and calls no server. A Table
// is a fixed array (its pages come when they are touched) with a bitmap of used
// numbers and one of close-on-exec flags; the lowest free number is found by
// words, from a hint.
//
// Nothing here locks: but for Get, the caller holds the lock that guards the
// table (the fs package's table lock). All operations but ForEach and the range forms are
// O(Max/64) at worst.
package fdtable

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// Max is the number of descriptors a process can have: the hard limit of
// RLIMIT_NOFILE.
const Max = 4096

const words = Max / 64

// Table is one process's descriptors. The zero value is empty.
type Table[T any] struct {
	slot    [Max]*T
	used    [words]uint64
	cloexec [words]uint64
	hint    int // no free number below it
	count   int
}

// Count returns the number of descriptors in use.
func (t *Table[T]) Count() int { return t.count }

// Get returns the object at fd, or nil. It may be called without the lock: then
// the slot can have changed by the time that the caller looks at the object.
func (t *Table[T]) Get(fd int) *T {
	if uint(fd) >= Max {
		return nil
	}
	return (*T)(atomic.LoadPointer((*unsafe.Pointer)(unsafe.Pointer(&t.slot[fd]))))
}

// store writes a slot: one aligned word, so those who read it without the lock
// see the old or the new object. (atomic.StorePointer wants a write barrier,
// which the freestanding runtime does not have.)
func (t *Table[T]) store(fd int, x *T) { t.slot[fd] = x }

// Alloc puts x at the lowest free number that is at least min and below limit,
// and returns the number, or -1 when there is none.
func (t *Table[T]) Alloc(x *T, min, limit int, cloexec bool) int {
	fd := t.Free(min, limit)
	if fd >= 0 {
		t.put(fd, x, cloexec)
		if fd == t.hint {
			t.hint = fd + 1
		}
	}
	return fd
}

// Free returns the number that Alloc would give, or -1.
func (t *Table[T]) Free(min, limit int) int {
	if limit > Max {
		limit = Max
	}
	if min < 0 {
		min = 0
	}
	from := min
	if from < t.hint {
		from = t.hint
	}
	for w := from / 64; w < words; w++ {
		free := ^t.used[w]
		if w == from/64 {
			free &= ^uint64(0) << (uint(from) % 64)
		}
		if free == 0 {
			continue
		}
		fd := w*64 + bits.TrailingZeros64(free)
		if fd >= limit {
			return -1
		}
		return fd
	}
	return -1
}

// Set puts x at fd, which must be below Max, and returns what was there.
func (t *Table[T]) Set(fd int, x *T, cloexec bool) (old *T) {
	old = t.slot[fd]
	if old != nil {
		t.count--
	}
	t.put(fd, x, cloexec)
	return old
}

func (t *Table[T]) put(fd int, x *T, cloexec bool) {
	w, b := fd/64, uint64(1)<<(uint(fd)%64)
	t.store(fd, x)
	t.used[w] |= b
	if cloexec {
		t.cloexec[w] |= b
	} else {
		t.cloexec[w] &^= b
	}
	t.count++
}

// Remove empties fd and returns what was there, or nil.
func (t *Table[T]) Remove(fd int) *T {
	if uint(fd) >= Max || t.slot[fd] == nil {
		return nil
	}
	x := t.slot[fd]
	w, b := fd/64, uint64(1)<<(uint(fd)%64)
	t.store(fd, nil)
	t.used[w] &^= b
	t.cloexec[w] &^= b
	t.count--
	if fd < t.hint {
		t.hint = fd
	}
	return x
}

// Cloexec tells whether fd is closed at exec.
func (t *Table[T]) Cloexec(fd int) bool {
	return uint(fd) < Max && t.cloexec[fd/64]>>(uint(fd)%64)&1 != 0
}

// SetCloexec sets or clears the close-on-exec flag of fd.
func (t *Table[T]) SetCloexec(fd int, on bool) {
	w, b := fd/64, uint64(1)<<(uint(fd)%64)
	if on {
		t.cloexec[w] |= b & t.used[w]
	} else {
		t.cloexec[w] &^= b
	}
}

// Next returns the lowest used number that is at least fd, or -1.
func (t *Table[T]) Next(fd int) int {
	if fd < 0 {
		fd = 0
	}
	for w := fd / 64; w < words; w++ {
		u := t.used[w]
		if w == fd/64 {
			u &= ^uint64(0) << (uint(fd) % 64)
		}
		if u != 0 {
			return w*64 + bits.TrailingZeros64(u)
		}
	}
	return -1
}

// Holds tells whether some descriptor names x.
func (t *Table[T]) Holds(x *T) bool {
	for fd := t.Next(0); fd >= 0; fd = t.Next(fd + 1) {
		if t.slot[fd] == x {
			return true
		}
	}
	return false
}
