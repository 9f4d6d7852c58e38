package handle

import (
	"math/rand"
	"testing"

	"go42/mm"
)

// heap is an Allocator on the host's heap that counts and can be exhausted.
type heap[T any] struct {
	live, max int
}

func (a *heap[T]) Get(*mm.Account) *T {
	if a.max > 0 && a.live >= a.max {
		return nil
	}
	a.live++
	return new(T)
}
func (a *heap[T]) Put(*T) { a.live-- }

type world struct {
	st     Store
	roots  heap[Root]
	leaves heap[Leaf]
	grants heap[Grant]
	gone   map[uint64]int
}

func newWorld() *world {
	w := &world{gone: map[uint64]int{}}
	w.st = Store{Roots: &w.roots, Leaves: &w.leaves, Grants: &w.grants, Gone: func(g *Grant) {
		w.gone[g.Object]++
		w.grants.Put(g)
	}}
	return w
}

func (w *world) release(s *Set) {
	for !w.st.Release(s, 1) {
	}
}

func TestForkSharesAndLastIsExact(t *testing.T) {
	w := newWorld()
	var parent, child Set
	for i := 0; i < 1000; i++ {
		g := w.grants.Get(nil)
		g.Object = uint64(i)
		h, ok := w.st.Insert(&parent, g, 1, 0, 8)
		if !ok || h != uint64(8+i) {
			t.Fatalf("slot %d, %v", h, ok)
		}
	}
	leaves := w.leaves.live
	w.st.Share(&parent, &child)
	if w.leaves.live != leaves {
		t.Error("fork copied leaves")
	}
	if parent.Exclusive(8) {
		t.Error("shared slot called exclusive")
	}
	// The parent closes; the child still holds.
	w.st.Drop(&parent, 8)
	if w.gone[0] != 0 {
		t.Error("last while the child holds it")
	}
	if g, owner := child.Lookup(8); g == nil || owner != 1 {
		t.Error("child lost what the parent closed")
	}
	w.st.Drop(&child, 8)
	if w.gone[0] != 1 {
		t.Errorf("last %d times", w.gone[0])
	}
	w.release(&parent)
	if len(w.gone) != 1 {
		t.Error("the parent's death took from the child")
	}
	w.release(&child)
	if len(w.gone) != 1000 || w.roots.live+w.leaves.live+w.grants.live != 0 {
		t.Errorf("gone %d, left %d %d %d", len(w.gone), w.roots.live, w.leaves.live, w.grants.live)
	}
}

func TestExhaustedPoolChangesNothing(t *testing.T) {
	w := newWorld()
	var parent, child Set
	g := w.grants.Get(nil)
	w.st.Insert(&parent, g, 1, 0, 8)
	w.st.Share(&parent, &child)
	w.leaves.max = w.leaves.live
	w.roots.max = 0
	if found, ok := w.st.Drop(&child, 8); !found || ok {
		t.Errorf("found %v ok %v", found, ok)
	}
	if g, _ := child.Lookup(8); g == nil {
		t.Error("slot lost though the drop failed")
	}
	w.leaves.max = 0
	w.release(&parent)
	w.release(&child)
	if w.gone[0] != 1 || w.leaves.live != 0 {
		t.Error("leak")
	}
}

// TestModel runs random grants, drops, forks and deaths against a reference
// that keeps each process's slots by value.
func TestModel(t *testing.T) {
	for seed := int64(0); seed < 30; seed++ {
		rnd := rand.New(rand.NewSource(seed))
		w := newWorld()
		type proc struct {
			s   Set
			ref map[uint64]uint64
		}
		procs := []*proc{{ref: map[uint64]uint64{}}}
		next := uint64(1)
		holders := func(obj uint64) (n int) {
			for _, p := range procs {
				for _, o := range p.ref {
					if o == obj {
						n++
					}
				}
			}
			return
		}
		check := func(obj uint64) {
			if want := holders(obj) == 0; (w.gone[obj] == 1) != want {
				t.Fatalf("seed %d object %d: gone %d, holders %d", seed, obj, w.gone[obj], holders(obj))
			}
		}
		for step := 0; step < 3000; step++ {
			if len(procs) == 0 {
				procs = append(procs, &proc{ref: map[uint64]uint64{}})
			}
			p := procs[rnd.Intn(len(procs))]
			switch rnd.Intn(10) {
			case 0, 1, 2, 3:
				g := w.grants.Get(nil)
				g.Object = next
				next++
				h, ok := w.st.Insert(&p.s, g, 1, 0, 8)
				if !ok {
					t.Fatal("insert")
				}
				if _, dup := p.ref[h]; dup {
					t.Fatal("slot given twice")
				}
				p.ref[h] = g.Object
			case 4, 5, 6:
				for h, obj := range p.ref {
					delete(p.ref, h)
					w.st.Drop(&p.s, h)
					check(obj)
					break
				}
			case 7, 8:
				if len(procs) < 12 {
					c := &proc{ref: map[uint64]uint64{}}
					for h, o := range p.ref {
						c.ref[h] = o
					}
					w.st.Share(&p.s, &c.s)
					procs = append(procs, c)
				}
			case 9:
				for i, q := range procs {
					if q == p {
						procs = append(procs[:i], procs[i+1:]...)
						break
					}
				}
				w.release(&p.s)
				for _, obj := range p.ref {
					check(obj)
				}
				continue
			}
			for h, obj := range p.ref {
				if g, _ := p.s.Lookup(h); g == nil || g.Object != obj {
					t.Fatalf("seed %d: slot %d wrong", seed, h)
				}
				break
			}
		}
		for _, p := range procs {
			w.release(&p.s)
		}
		if w.roots.live+w.leaves.live+w.grants.live != 0 {
			t.Fatalf("seed %d: leak %d %d %d", seed, w.roots.live, w.leaves.live, w.grants.live)
		}
	}
}

// A slot that a call has filled is returned once, however the sets that share it
// part, and by whoever empties the one that the call filled.
func TestLenderReturnedOnce(t *testing.T) {
	for parentFirst := range 2 {
		w := newWorld()
		returned := 0
		w.st.Returned = func(lender uint64) {
			if lender != 77 {
				t.Error("returned to", lender)
			}
			returned++
		}
		var server, child Set
		for i := range 10 {
			g := w.grants.Get(nil)
			g.Object = uint64(i)
			w.st.Insert(&server, g, 1, uint64(i%2)*77, 8)
		}
		w.st.Share(&server, &child)
		w.st.Drop(&server, 8) // parts the leaf
		if parentFirst == 1 {
			w.release(&server)
			w.release(&child)
		} else {
			w.release(&child)
			w.release(&server)
		}
		if returned != 5 {
			t.Errorf("%d slots were returned, want 5", returned)
		}
	}
}

func TestFull(t *testing.T) {
	w := newWorld()
	var s Set
	for i := 8; i < MaxHandles; i++ {
		if s.Full(8) {
			t.Fatal("full with", i)
		}
		if h, ok := w.st.Insert(&s, w.grants.Get(nil), 1, 0, 8); !ok || h != uint64(i) {
			t.Fatal("insert", i, h, ok)
		}
	}
	if _, ok := w.st.Insert(&s, w.grants.Get(nil), 1, 0, 8); ok || !s.Full(8) {
		t.Error("not full")
	}
	if w.st.Drop(&s, 1000); s.Full(8) {
		t.Error("full with an empty slot")
	}
	w.release(&s)
}
