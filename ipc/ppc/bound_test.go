package ppc

import (
	"testing"

	"go42/ipc/abi"
	"go42/ipc/handle"
	"go42/mm"
	"go42/sched"
)

// bounds ends all servers; then no program has lent anything, and one that drops
// its handles is the payer of none.
func (w *world) bounds() {
	for i := 0; i < len(w.procs); {
		if x := w.procs[i]; x.rank < abi.RankApp {
			w.kill(x)
		} else {
			i++
		}
	}
	for _, x := range w.procs {
		for !Handles.Release(&x.p.Handles, 64) {
		}
		x.to = map[uint64]object{}
	}
	for _, x := range w.procs {
		if x.p.Lent != 0 || x.p.Grants != 0 {
			w.t.Fatalf("a program has lent %d handles, and pays for %d grants", x.p.Lent, x.p.Grants)
		}
	}
}

// run makes x the current dispatcher, the others idle.
func (w *world) run(x *proc) {
	for range 100 {
		if d := w.c.Current; d != nil {
			d.Page.Pending = 0
		}
		if w.c.Current == x.d {
			return
		}
		if w.c.Current != nil {
			w.c.Clean(false)
		} else {
			x.d.Page.Pending = abi.EventPoke
			w.c.Ready(x.d)
		}
		sched.HostLeave(w.c)
	}
	w.t.Fatal("it does not run")
}

// give has x call the server by slot h, with n copies of slot give, and the
// server answer. The server keeps what it gets.
func (w *world) give(x, server *proc, h, give uint64, n int) (status int64, got [abi.MaxGrants]uint64) {
	w.run(server)
	server.d.Page.Accept = 1
	w.run(x)
	m := abi.Message{NGrants: uint32(n)}
	for i := range n {
		m.Grants[i] = abi.Grant{Kind: abi.GrantCopy, Value: give}
	}
	if err := Invoke(w.c, x.d, h, 1, w.message(x, &m), 1); err != 0 {
		return err, got
	}
	for w.c.Current != server.d {
		w.run(server)
		TakeCall(server.d)
	}
	got = server.d.Page.Call.Handles
	if err := Reply(w.c, server.d, server.d.Page.Call.Record, 0, 0, true); err != 0 {
		w.t.Fatal("reply:", err)
	}
	w.run(x)
	NextReturn(x.d)
	return x.d.Page.Return.Status, got
}

func (w *world) rootOf(x, server *proc) uint64 {
	h, err := NewHandle(x.p, handle.KindObject, server.p.KPid, rootObj, nil)
	if err != 0 {
		w.t.Fatal(err)
	}
	return h
}

func (w *world) end(t *testing.T) {
	for len(w.procs) > 0 {
		w.kill(w.procs[0])
	}
	if recs, lvs := Counts(); recs != 0 || lvs != 0 || grants.p.Live() != 0 || roots.p.Live() != 0 || sched.Live() != 0 {
		t.Fatalf("left %d records, %d leaves, %d grants, %d roots, %d processes", recs, lvs, grants.p.Live(), roots.p.Live(), sched.Live())
	}
	for mm.Work(1000) {
	}
	if _, _, entries := mm.RootAccount().Usage(); entries != 0 {
		t.Fatalf("%d entries are still charged", entries)
	}
}

// A server that keeps all that it is given: one client fills its share of the
// slots and is refused, other clients go on. What the server drops can be given
// again.
func TestLendBound(t *testing.T) {
	w := newWorld(t, 1)
	server, hog, other := w.spawn(abi.RankPipe), w.spawn(abi.RankApp), w.spawn(abi.RankApp)
	hs, os := w.rootOf(hog, server), w.rootOf(other, server)
	var kept []uint64
	n := 0
	for ; ; n++ {
		status, got := w.give(hog, server, hs, hs, 2)
		if status != 0 {
			if status != -abi.ETOOMANYREFS {
				t.Fatal("status", status)
			}
			break
		}
		if got[0] == 0 || got[1] == 0 {
			t.Fatal("nothing came at call", n)
		}
		kept = append(kept, got[:2]...)
	}
	if len(kept) != lentMost {
		t.Errorf("%d handles were lent, want %d", len(kept), lentMost)
	}
	if status, _ := w.give(hog, server, hs, hs, 0); status != 0 {
		t.Error("a call without handles:", status)
	}
	status, got := w.give(other, server, os, os, 3)
	if status != 0 || got[2] == 0 {
		t.Error("another client:", status, got)
	}
	for _, h := range kept[:2] {
		Handles.Drop(&server.p.Handles, h)
	}
	if status, _ := w.give(hog, server, hs, hs, 2); status != 0 {
		t.Error("after two were dropped:", status)
	}
	// What waits for a server counts, too, and no more when the server ends.
	w.kill(server)
	if hog.p.Lent != 0 || other.p.Lent != 0 {
		t.Error("lent to a server that is no more:", hog.p.Lent, other.p.Lent)
	}
	w.end(t)
}

// One process has its share of grants; others, and servers, go on. Its heirs pay
// for what they change, and what it has made goes with the last of them.
func TestGrantBound(t *testing.T) {
	w := newWorld(t, 2)
	server, hog, other := w.spawn(abi.RankPipe), w.spawn(abi.RankApp), w.spawn(abi.RankApp)
	share := grants.p.Max() / grantShare
	var hs []uint64
	for {
		h, err := NewHandle(hog.p, handle.KindObject, server.p.KPid, uint64(len(hs)), nil)
		if err != 0 {
			if err != -abi.ENFILE {
				t.Fatal(err)
			}
			break
		}
		hs = append(hs, h)
	}
	if len(hs) != share {
		t.Errorf("%d grants, want %d", len(hs), share)
	}
	for _, x := range [...]*proc{server, other} {
		if _, err := NewHandle(x.p, handle.KindObject, server.p.KPid, 7, nil); err != 0 {
			t.Error("another process:", err)
		}
	}
	before, _, charged := hog.p.Acct.Usage()
	heir := w.spawn(abi.RankApp)
	Handles.Share(&hog.p.Handles, &heir.p.Handles)
	_, _, had := heir.p.Acct.Usage()
	if found, ok := Handles.Drop(&heir.p.Handles, hs[0]); !found || !ok {
		t.Fatal("drop")
	}
	if _, _, n := heir.p.Acct.Usage(); n != had+2 {
		t.Errorf("an heir that has changed a leaf is charged %d entries, want a root and a leaf", n-had)
	}
	if n, _, e := hog.p.Acct.Usage(); n != before || e != charged {
		t.Errorf("who made the handles is charged %d entries, was %d", e, charged)
	}
	w.end(t)
}
