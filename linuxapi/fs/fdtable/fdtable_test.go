package fdtable

import (
	"math/rand"
	"testing"
)

type obj struct{ n int }

// TestModel compares random operations with a map.
func TestModel(t *testing.T) {
	var tab Table[obj]
	ref := map[int]*obj{}
	clo := map[int]bool{}
	r := rand.New(rand.NewSource(1))
	lowest := func(min, limit int) int {
		for i := min; i < limit; i++ {
			if ref[i] == nil {
				return i
			}
		}
		return -1
	}
	for step := 0; step < 20000; step++ {
		switch r.Intn(5) {
		case 0, 1:
			min := 0
			if r.Intn(3) == 0 {
				min = r.Intn(200)
			}
			limit := 1 + r.Intn(300)
			x := &obj{step}
			c := r.Intn(2) == 0
			want := lowest(min, limit)
			got := tab.Alloc(x, min, limit, c)
			if got != want {
				t.Fatalf("step %d: Alloc(%d,%d) = %d, want %d", step, min, limit, got, want)
			}
			if got >= 0 {
				ref[got], clo[got] = x, c
			}
		case 2, 3:
			fd := r.Intn(300)
			if got := tab.Remove(fd); got != ref[fd] {
				t.Fatalf("step %d: Remove(%d)", step, fd)
			}
			delete(ref, fd)
			delete(clo, fd)
		case 4:
			fd := r.Intn(300)
			x := &obj{step}
			if old := tab.Set(fd, x, true); old != ref[fd] {
				t.Fatalf("step %d: Set(%d)", step, fd)
			}
			ref[fd], clo[fd] = x, true
		}
		if tab.Count() != len(ref) {
			t.Fatalf("step %d: count %d, want %d", step, tab.Count(), len(ref))
		}
	}
	n := 0
	for fd := tab.Next(0); fd >= 0; fd = tab.Next(fd + 1) {
		n++
		if tab.Get(fd) != ref[fd] || tab.Cloexec(fd) != clo[fd] {
			t.Fatalf("fd %d differs", fd)
		}
	}
	if n != len(ref) {
		t.Fatalf("iterated %d of %d", n, len(ref))
	}
}

func TestFull(t *testing.T) {
	var tab Table[obj]
	x := &obj{}
	for i := 0; i < Max; i++ {
		if fd := tab.Alloc(x, 0, Max, false); fd != i {
			t.Fatalf("Alloc gave %d at %d", fd, i)
		}
	}
	if fd := tab.Alloc(x, 0, Max, false); fd != -1 {
		t.Fatalf("full table gave %d", fd)
	}
	tab.Remove(77)
	if fd := tab.Alloc(x, 0, 77, false); fd != -1 {
		t.Fatalf("limit ignored: %d", fd)
	}
	if fd := tab.Alloc(x, 0, Max, false); fd != 77 {
		t.Fatalf("got %d, want 77", fd)
	}
	if tab.Get(-1) != nil || tab.Get(Max) != nil || tab.Remove(Max) != nil || tab.Cloexec(-1) {
		t.Fatal("out of range")
	}
}
