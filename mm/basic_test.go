package mm

import (
	"bytes"
	"go42/ipc/abi"
	"testing"
)

const rw = abi.ProtRead | abi.ProtWrite

func mapAnon(t testing.TB, as *AddressSpace, addr, n uint64, flags uint32) uint64 {
	t.Helper()
	a, e := as.Map(&MapSpec{Addr: addr, Len: n, Prot: rw, Flags: flags})
	if e != OK {
		t.Fatalf("Map(%#x, %#x): %d", addr, n, e)
	}
	return a
}

func put(t testing.TB, as *AddressSpace, va, v uint64) {
	t.Helper()
	if !WriteU64(as, va, v) {
		t.Fatalf("write %#x fails", va)
	}
}

func want(t testing.TB, as *AddressSpace, va, v uint64) {
	t.Helper()
	if got, ok := ReadU64(as, va); !ok || got != v {
		t.Fatalf("read %#x: %#x %v, want %#x", va, got, ok, v)
	}
}

func TestBasics(t *testing.T) {
	boot(t, 32)
	leak := leakCheck(t)
	as := newSpace(t)
	a := mapAnon(t, as, 0, 16<<12, 0)
	want(t, as, a+8, 0)
	put(t, as, a+8, 42)
	want(t, as, a+8, 42)
	mustCheck(t)
	if r := Fault(as, a-4096, false, false, true); r != FaultMapErr {
		t.Error("fault below:", r)
	}
	if r := Fault(as, a, false, true, true); r != FaultAccErr {
		t.Error("exec fault:", r)
	}
	if e := as.Protect(a, 4096, abi.ProtRead); e != OK {
		t.Error(e)
	}
	if WriteU64(as, a, 1) {
		t.Error("wrote to a read-only page")
	}
	mustCheck(t)
	if as.Program.count != 2 {
		t.Error(as.Program.count, "regions")
	}
	as.Protect(a, 4096, rw)
	if as.Program.count != 1 {
		t.Error(as.Program.count, "regions after merging")
	}
	if e := as.Unmap(a+4<<12, 4<<12); e != OK {
		t.Error(e)
	}
	mustCheck(t)
	if _, ok := ReadU64(as, a+4<<12); ok {
		t.Error("read from a hole")
	}
	b := make([]byte, 3<<12)
	for i := range b {
		b[i] = byte(i * 7)
	}
	if n := CopyOut(as, a+100, b); n != len(b) {
		t.Error("CopyOut:", n)
	}
	c := make([]byte, len(b))
	if n := CopyIn(as, c, a+100); n != len(b) || !bytes.Equal(b, c) {
		t.Error("CopyIn:", n)
	}
	if n := CopyOut(as, a+3<<12, make([]byte, 8192)); n != 4096 {
		t.Error("CopyOut to a hole:", n)
	}
	CopyIn(as, b, a+100)
	if n := CopyBetween(as, a+9<<12+7, as, a+100, uint64(len(b))); n != uint64(len(b)) {
		t.Error("CopyBetween:", n)
	}
	if CopyIn(as, c, a+9<<12+7); !bytes.Equal(b, c) {
		t.Error("CopyBetween's data")
	}
	mustCheck(t)
	destroy(t, as)
	leak()
}

func TestForkBasics(t *testing.T) {
	for _, pages := range []uint64{4, 100} {
		boot(t, 32)
		leak := leakCheck(t)
		p := newSpace(t)
		a := mapAnon(t, p, 0, pages<<12, 0)
		for i := uint64(0); i < pages; i++ {
			put(t, p, a+i<<12, i+1)
		}
		c := forkSpace(t, p, false)
		mustCheck(t)
		for i := uint64(0); i < pages; i++ {
			want(t, c, a+i<<12, i+1)
		}
		put(t, c, a, 100)
		put(t, p, a+4096, 200)
		want(t, p, a, 1)
		want(t, c, a+4096, 2)
		want(t, c, a, 100)
		mustCheck(t)
		used := ReadCounters().Kinds[KindAnon]
		put(t, p, a, 1) // the child has its own: the last sharer takes the page
		if n := ReadCounters().Kinds[KindAnon]; pages > 32 && n != used {
			t.Errorf("last sharer copied: %d frames, were %d", n, used)
		}
		destroy(t, c)
		mustCheck(t)
		if pages > 32 && p.Program.leaf.parent != nil {
			t.Error("chain not collapsed")
		}
		for i := uint64(2); i < pages; i++ {
			want(t, p, a+i<<12, i+1)
		}
		destroy(t, p)
		leak()
	}
}

func TestFlatChains(t *testing.T) {
	boot(t, 64)
	leak := leakCheck(t)
	p := newSpace(t)
	a := mapAnon(t, p, 0, 64<<12, 0)
	for i := uint64(0); i < 64; i++ {
		put(t, p, a+i<<12, i)
	}
	n := 100000
	if testing.Short() {
		n = 5000
	}
	var base Counters
	for i := 0; i < n; i++ { // a long-lived parent of short-lived children
		c := forkSpace(t, p, false)
		put(t, c, a+uint64(i%64)<<12, 7)
		put(t, p, a+uint64(i*3%64)<<12, uint64(i*3%64))
		destroy(t, c)
		if i == 100 {
			base = ReadCounters()
		}
	}
	if c := ReadCounters(); c.Free < base.Free {
		t.Errorf("free frames %d, were %d", c.Free, base.Free)
	}
	mustCheck(t)
	for i := 0; i < n/10; i++ { // generations, each ending its parent
		c := forkSpace(t, p, false)
		put(t, c, a+uint64(i%64)<<12, uint64(i%64))
		destroy(t, p)
		p = c
		depth := 0
		for f := p.Program.leaf.parent; f != nil; f = f.parent {
			depth++
		}
		if depth > 1 {
			t.Fatal("depth", depth, "at generation", i)
		}
	}
	if c := ReadCounters(); c.Free < base.Free-4 {
		t.Errorf("free frames %d, were %d", c.Free, base.Free)
	}
	for i := uint64(0); i < 64; i++ {
		want(t, p, a+i<<12, i)
	}
	destroy(t, p)
	leak()
}

// TestManyLiveChildren: a server that forks a hundred children which stay.
func TestManyLiveChildren(t *testing.T) {
	boot(t, 64)
	leak := leakCheck(t)
	p := newSpace(t)
	a := mapAnon(t, p, 0, 64<<12, 0)
	var kids [100]*AddressSpace
	for k := range kids {
		for i := uint64(0); i < 40; i++ {
			put(t, p, a+i<<12, uint64(k)<<8|i)
		}
		kids[k] = forkSpace(t, p, false)
	}
	depth := 0
	for f := p.Program.leaf.parent; f != nil; f = f.parent {
		depth++
	}
	if depth > deepChain+1 {
		t.Error("depth", depth)
	}
	mustCheck(t)
	for k, c := range kids {
		for i := uint64(0); i < 40; i++ {
			want(t, c, a+i<<12, uint64(k)<<8|i)
		}
	}
	mustCheck(t)
	for k := range kids {
		destroy(t, kids[(k*37+11)%len(kids)])
	}
	mustCheck(t)
	want(t, p, a, 99<<8)
	destroy(t, p)
	leak()
}

// A server's heap that is filled in ascending order takes a fault for several
// pages; memory that is touched here and there, or a program's, one for each.
func TestRunAhead(t *testing.T) {
	boot(t, 32)
	leak := leakCheck(t)
	as := newSpace(t)
	a := mapAnon(t, as, 0, 64<<12, 0)
	put(t, as, a, 1)
	put(t, as, a+4096, 1)
	if n := as.Program.resident; n != 2 {
		t.Error("a program has", n, "pages of 2")
	}
	as.RunAhead()
	put(t, as, a+8<<12, 1)
	if n := as.Program.resident; n != 3 {
		t.Error("touched here and there:", n, "pages of 3")
	}
	put(t, as, a+2<<12, 1) // up to the one that is there
	if n := as.Program.resident; n != 3+6 {
		t.Error("after the third page:", n)
	}
	put(t, as, a+9<<12, 7)
	if n := as.Program.resident; n != 9+aheadPages {
		t.Error("after the tenth page:", n)
	}
	want(t, as, a+9<<12, 7)
	want(t, as, a+10<<12, 0)
	put(t, as, a+25<<12, 1)
	if n := as.Program.resident; n != 9+aheadPages+aheadMost {
		t.Error("after the 26th page:", n)
	}
	put(t, as, a+60<<12, 1)
	put(t, as, a+61<<12, 1)
	if r := Fault(as, a+64<<12, true, false, true); r != FaultMapErr {
		t.Error("behind the end:", r)
	}
	mustCheck(t)
	destroy(t, as)
	leak()
}
