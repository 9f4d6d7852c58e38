package lifecycle

import (
	"testing"

	"go42/ipc/abi"
	"go42/mm"
)

// What a limit refuses stays refused, whatever others do: pages of files that come
// and go are nothing that would help while memory is plentiful.
func TestAgainWhilePagesCome(t *testing.T) {
	w := newWorld(t, 1)
	w.drain()
	for mm.Work(1000) {
	}
	const pages = 256
	f, err := mm.NewPagedFCM(mm.RootAccount(), pages*abi.PageSize, 0, mm.NewPager(mm.RootAccount(), 1, abi.RankFile))
	if err != mm.OK {
		t.Fatal(err)
	}
	for n := uint64(0); ; n++ {
		if _, err := f.Supply(w.manager.Space, n%pages, dataVA, abi.PageSize); err != mm.OK {
			t.Fatal(err)
		}
		if err := Again(w.c, w.manager, mm.ENOMEM); err == mm.ENOMEM {
			break
		}
		if n == 10*pages {
			t.Fatal("it is tried again for ever")
		}
	}
	if here, _, _ := f.Paging(); here == 0 {
		t.Error("the cache has been emptied for it")
	}
	f.Put()
	Die(w.manager, 0)
	w.drain()
	for mm.Work(1000) {
	}
}

// Programs that need two pages of files at a time have both some day, though memory
// is so short that the cache shrinks with each page.
func TestPagesTogether(t *testing.T) {
	w := newWorld(t, 1)
	defer func(n int64) { cacheRoom = n }(cacheRoom)
	cacheRoom = 1 << 40
	const programs = 20
	p := mm.NewPager(mm.RootAccount(), 1, abi.RankFile)
	f, err := mm.NewPagedFCM(mm.RootAccount(), 2*programs*abi.PageSize, 0, p)
	if err != mm.OK {
		t.Fatal(err)
	}
	m := w.manager
	va, err := m.Space.Map(&mm.MapSpec{Len: 2 * programs * abi.PageSize, Prot: abi.ProtRead, Flags: abi.MapShared, FCM: f})
	if err != mm.OK {
		t.Fatal(err)
	}
	there := func(page uint64) bool {
		return mm.Fault(m.Space, va+page*abi.PageSize, false, false, true) == mm.FaultOK
	}
	var done [programs]bool
	for left, rounds := programs, 0; left > 0; rounds++ {
		for i := range uint64(programs) {
			if !done[i] && there(2*i) && there(2*i+1) {
				done[i] = true
				left--
			}
		}
		for n, ok := p.NextPage(); ok; n, ok = p.NextPage() {
			for k := range n.N {
				if r := pageIn(m, f, (n.First+k)*abi.PageSize, dataVA, abi.PageSize); r != abi.PageSize {
					t.Fatal("page in:", r)
				}
			}
		}
		if rounds == 1000 {
			t.Fatalf("%d of %d programs do not get on", left, programs)
		}
	}
	f.Put()
	Die(m, 0)
	w.drain()
	for mm.Work(1000) {
	}
}
