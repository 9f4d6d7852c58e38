package mm

import (
	"testing"

	"go42/ipc/abi"
)

// ends repeats f until it does not answer EAGAIN, and fails where that does not end.
func ends(t *testing.T, what string, f func() Errno) {
	t.Helper()
	for range 1 << 16 {
		if e := f(); e != EAGAIN {
			if e != OK {
				t.Fatal(what, e)
			}
			return
		}
	}
	t.Fatal(what, "does not end")
}

// TestManyHoles: operations of many steps on pages that a fork chain shows get on
// behind the holes that they leave.
func TestManyHoles(t *testing.T) {
	const pages = 4000
	boot(t, 256)
	leak := leakCheck(t)
	eagerPages = [2]int64{8, 32}
	p := newSpace(t)
	file, _ := NewFileFCM(RootAccount(), pages<<12)
	anon := mapAnon(t, p, 0, pages<<12, 0)
	low := mapAnon(t, p, 0, pages<<12, 0)
	private, e := p.Map(&MapSpec{Len: pages << 12, Prot: rw, FCM: file})
	if e != OK {
		t.Fatal(e)
	}
	for i := uint64(0); i < pages; i++ {
		put(t, p, anon+i<<12, i+1)
		put(t, p, low+i<<12, i+1)
		put(t, p, private+i<<12, i+1)
	}
	c := forkSpace(t, p, false)
	var to uint64
	ends(t, "Move", func() (e Errno) {
		to, e = p.Move(anon, pages<<12, pages<<12, abi.MoveMayMove|abi.MoveFixed, 1<<32)
		return e
	})
	ends(t, "Resize", func() Errno { return file.Resize(0) })
	ends(t, "Resize", func() Errno { return file.Resize(pages << 12) })
	for i := uint64(0); i < pages; i++ {
		want(t, p, to+i<<12, i+1)
		want(t, c, anon+i<<12, i+1)
		want(t, p, private+i<<12, 0)
		want(t, c, private+i<<12, 0)
	}
	ends(t, "Reset", func() Errno { return p.Reset([]VRange{{low, pages << 12}}) })
	for i := uint64(0); i < pages; i++ {
		want(t, p, low+i<<12, i+1)
		want(t, c, low+i<<12, i+1)
	}
	mustCheck(t)
	destroy(t, p)
	destroy(t, c)
	file.Put()
	leak()
}
