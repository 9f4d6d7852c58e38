package fs

import (
	"testing"

	"go42/sched/user"
)

// An edge-triggered item of a server's object, step by step: what the object says, and
// what is to be reported.
func TestEdges(t *testing.T) {
	k := newFake(t)
	f := newFile(kindPipe, oRdWr)
	f.handle, f.ch = 500, chanPipe
	fd := install(f, 0, false)
	ep := EpollCreate1(0)
	ctl(t, ep, epollAdd, fd, pollIn|pollOut|epollET)
	for i, s := range []struct {
		moved   bool // the channel has
		state   uint64
		in, out uint32
		want    uint32
		calls   int
	}{
		{true, pollOut, 0, 0, pollOut, 1},
		{false, pollOut | pollIn, 1, 0, 0, 0}, // it would have been announced
		{true, pollOut | pollIn, 1, 0, pollIn | pollOut, 1},
		{true, pollOut | pollIn, 1, 0, 0, 1}, // of another pipe
		{true, pollOut | pollIn, 2, 0, pollIn | pollOut, 1},
		{true, pollOut, 2, 0, 0, 1},
		{true, pollOut | pollIn, 2, 0, pollIn | pollOut, 1}, // it had gone
		{true, pollOut, 3, 0, pollOut, 1},                   // what came has gone
		{true, pollOut, 3, 1, pollOut, 1},
		{true, pollOut | pollHup, 3, 1, pollOut | pollHup, 1},
		{true, pollOut | pollHup, 3, 1, 0, 1},
		{true, 0, 4, 2, 0, 1},
		{true, pollIn, 4, 2, pollIn, 1},
	} {
		if s.moved {
			user.Chan[chanPipe].Bump()
		}
		k.poll[500], k.edges[500] = s.state, [2]uint32{s.in, s.out}
		n := k.calls
		if got := ready(t, ep)[int(fd)]; got != s.want || k.calls-n != s.calls {
			t.Errorf("step %d: reported %#x, %d calls; want %#x, %d", i, got, k.calls-n, s.want, s.calls)
		}
	}
	// Output alone does not hear of input, an item without either hears of both.
	for _, e := range []struct {
		events uint32
		want   uint32
	}{{pollOut, 0}, {pollRdHup, 0}, {pollIn, pollIn}} {
		k.poll[500], k.edges[500] = pollIn|pollOut, [2]uint32{}
		ctl(t, ep, epollMod, fd, e.events|epollET)
		ready(t, ep)
		user.Chan[chanPipe].Bump()
		k.edges[500] = [2]uint32{1, 0}
		if got := ready(t, ep)[int(fd)]; got != e.want {
			t.Errorf("events %#x: %#x", e.events, got)
		}
	}
}

// Two threads look at an item at the same time: an edge is reported once.
func TestEdgeOnce(t *testing.T) {
	k := newFake(t)
	f := newFile(kindPipe, oRdOnly)
	f.handle, f.ch = 500, chanPipe
	fd := install(f, 0, false)
	ep := EpollCreate1(0)
	ctl(t, ep, epollAdd, fd, pollIn|epollET)
	k.poll[500] = pollIn
	for round := range uint32(3) {
		user.Chan[chanPipe].Bump()
		k.edges[500] = [2]uint32{round, 0}
		inner := 0
		k.onPoll = func(uint64) {
			k.onPoll = nil
			inner = len(ready(t, ep))
		}
		if outer := len(ready(t, ep)); inner+outer != 1 {
			t.Errorf("round %d: reported %d and %d times", round, inner, outer)
		}
	}
	// What cannot be stored is not lost.
	user.Chan[chanPipe].Bump()
	k.edges[500] = [2]uint32{7, 0}
	e := get(uint64(ep))
	if n, _, fault := collect(e, 1<<63, 1); n != 0 || !fault {
		t.Fatal(n, fault)
	}
	if m := ready(t, ep); m[int(fd)] != pollIn {
		t.Error(m)
	}
}
