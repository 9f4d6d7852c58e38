package ipc

import (
	"testing"

	"go42/ipc/proto"
)

// notes is a kernel that counts notifications.
type notes struct {
	Kernel
	n int
}

func (k *notes) Notify(uint64, uint64) { k.n++ }

// Who asks for edges hears of each that is its own, and of bits that appear.
func TestWaitersEdges(t *testing.T) {
	const in, out, hup = proto.PollIn, proto.PollOut, proto.PollHup
	for _, s := range []struct {
		what        string
		state, mask uint64
		do          func(w *Waiters, k Kernel)
		told        int
	}{
		{"level, ready", in, in, func(w *Waiters, k Kernel) { w.Edge(k, in) }, 0},
		{"level, not ready", 0, in, func(w *Waiters, k Kernel) { w.Edge(k, in) }, 1},
		{"edge, ready", in, in | proto.PollEdges, func(w *Waiters, k Kernel) { w.Edge(k, in) }, 1},
		{"edge, no edge", in, in | proto.PollEdges, func(w *Waiters, k Kernel) { w.Wake(k, in) }, 0},
		{"edge, appears", 0, in | proto.PollEdges, func(w *Waiters, k Kernel) { w.Wake(k, in) }, 1},
		{"edge of the other kind", in | out, in | proto.PollEdges, func(w *Waiters, k Kernel) { w.Edge(k, out) }, 0},
		{"errors only", in | out, proto.PollEdges, func(w *Waiters, k Kernel) { w.Edge(k, out) }, 1},
		{"end", in, in | proto.PollEdges, func(w *Waiters, k Kernel) { w.Wake(k, hup) }, 1},
		{"told once", in, in | proto.PollEdges, func(w *Waiters, k Kernel) { w.Edge(k, in); w.Edge(k, in) }, 1},
	} {
		var w Waiters
		k := &notes{}
		w.Poll(1, s.state, s.mask, 1)
		s.do(&w, k)
		if k.n != s.told {
			t.Errorf("%s: told %d times", s.what, k.n)
		}
	}
	var w Waiters
	w.Edge(&notes{}, in|out)
	w.Edge(&notes{}, out)
	if v := w.Poll(1, in, in|proto.PollEdges, 0); v != proto.PollState(in, 1, 2) {
		t.Errorf("%#x", v)
	}
	if v := w.Poll(1, in, in, 0); v != in {
		t.Errorf("%#x", v)
	}
}
