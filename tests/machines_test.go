package tests

import (
	"flag"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// machines is how many of them run at a time: one more than there are CPUs, since
// programs wait now and then.
var machines = flag.Int("machines", 1+runtime.NumCPU(), "how many machines run at a time")

// first are the tests that take longest, by how their names begin, the longest
// first: they have the first machines, so that none is left alone in the end.
var first = []string{
	"TestStdlib/packages/runtime", "TestStdlibOS", "TestStdlib/packages/time", "TestHostileELF", "TestLeak", "TestNothingIsLost",
	"TestThreads", "TestPaging", "TestHandleHogs", "TestBench", "TestInjectedPreemption", "TestHogs", "TestC", "TestStdlib",
}

// A gate lets as many in as there is room for; of those who wait, the one whose test
// comes first in first.
type gate struct {
	mu      sync.Mutex
	room    int
	waiting []*waiter // in the order in which they came
}

type waiter struct {
	rank int
	in   chan struct{}
}

// machine is where a machine runs, work where the host works much otherwise.
var machine, work gate

// enter waits for room and returns what leaves again.
func (g *gate) enter(t *testing.T) (leave func()) {
	begins := func(name string) bool { return strings.HasPrefix(t.Name(), name) }
	w := &waiter{slices.IndexFunc(first, begins), make(chan struct{})}
	if w.rank < 0 {
		w.rank = len(first)
	}
	g.mu.Lock()
	g.waiting = append(g.waiting, w)
	g.next()
	g.mu.Unlock()
	<-w.in
	return func() {
		g.mu.Lock()
		g.room++
		g.next()
		g.mu.Unlock()
	}
}

// next lets in who may. g.mu is held.
func (g *gate) next() {
	for g.room > 0 && len(g.waiting) > 0 {
		best := 0
		for i, w := range g.waiting {
			if w.rank < g.waiting[best].rank {
				best = i
			}
		}
		close(g.waiting[best].in)
		g.waiting = slices.Delete(g.waiting, best, best+1)
		g.room--
	}
}
