package mm

import (
	"testing"

	"go42/ipc/abi"
)

// TestWorkWithoutMemory: a collapse that wants index nodes when there are none
// is not reported as going on, or who waits for memory would wait for ever; it
// is done when there is memory again.
func TestWorkWithoutMemory(t *testing.T) {
	boot(t, 64)
	p, c := newSpace(t), newSpace(t)
	// Pages far apart, each in a node of its own; half before the fork, and
	// some between them after it.
	const n, gap = 200, 4 << 30
	base := uint64(64 << 30)
	if _, e := p.Map(&MapSpec{Addr: base, Len: n * gap, Prot: 3, Flags: abi.MapFixed}); e != OK {
		t.Fatal(e)
	}
	for i := uint64(0); i < n; i += 2 {
		if !WriteU64(p, base+i*gap, i) {
			t.Fatal("write")
		}
	}
	var st ForkState
	for {
		done, e := Fork(p, c, &st, false)
		if e != OK {
			t.Fatal(e)
		}
		if done {
			break
		}
	}
	for i := uint64(1); i < n; i += 4 {
		if !WriteU64(p, base+i*gap, i) {
			t.Fatal("write")
		}
	}
	var frames []uint64
	var nodes []*node
	exhaust := func() {
		for {
			if n, _, ok := mem.nodes.Alloc(nil); ok {
				nodes = append(nodes, n)
			} else {
				break
			}
		}
		for {
			pa, ok := AllocFrame(RootAccount(), KindKernel)
			if !ok {
				return
			}
			frames = append(frames, pa)
		}
	}
	exhaust()
	steps := 0
	for done := false; !done; steps++ {
		if steps > 100000 {
			t.Fatal("the end of a process waits for memory")
		}
		exhaust()
		done = Destroy(c)
	}
	for steps = 0; Work(Budget); steps++ {
		if steps > 100000 {
			t.Fatal("work goes on for ever without memory")
		}
		exhaust()
	}
	if work[0].empty() {
		t.Fatal("there was memory for the collapse: nothing was tested")
	}
	for _, n := range nodes {
		mem.nodes.Free(n)
	}
	for _, pa := range frames {
		FreeFrame(RootAccount(), KindKernel, pa)
	}
	for Work(Budget) {
	}
	if !work[0].empty() {
		t.Error("work is left though there is memory")
	}
	for i := uint64(0); i < n; i++ {
		want := i
		if i%2 == 1 && i%4 != 1 {
			want = 0
		}
		if v, ok := ReadU64(p, base+i*gap); !ok || v != want {
			t.Fatalf("page %d holds %d", i, v)
		}
	}
	mustCheck(t)
	destroy(t, p)
	mustCheck(t)
}
