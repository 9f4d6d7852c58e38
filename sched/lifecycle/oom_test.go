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
