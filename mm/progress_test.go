package mm

import (
	"sync/atomic"
	"testing"

	"go42/ipc/abi"

	"go42/mm/spin"
)

// calls repeats an operation while it answers EAGAIN, and fails where it does not
// end in most calls.
func calls(t *testing.T, what string, most int, f func() Errno) Errno {
	t.Helper()
	for n := 0; ; n++ {
		if e := f(); e != EAGAIN {
			return e
		}
		if n == most {
			t.Fatalf("%s does not end in %d calls", what, most)
		}
	}
}

// A range that is so large that walking over its missing tables takes more than one
// step: its ends are in tables that others use, too.
func TestHugeRanges(t *testing.T) {
	const (
		lo = 1<<40 + 1<<30 + 1<<21
		hi = 3<<40 - 1<<30 - 1<<21
	)
	ops := []struct {
		name string
		do   func(as *AddressSpace) Errno
	}{
		{"Unmap", func(as *AddressSpace) Errno { return as.Unmap(lo, hi-lo) }},
		{"Advise", func(as *AddressSpace) Errno { return as.Advise(lo, hi-lo, abi.AdviseDontNeed) }},
		{"Protect", func(as *AddressSpace) Errno { return as.Protect(lo, hi-lo, 0) }},
		{"Map", func(as *AddressSpace) Errno {
			_, e := as.Map(&MapSpec{Addr: lo, Len: hi - lo, Prot: rw, Flags: abi.MapFixed})
			return e
		}},
		{"Move", func(as *AddressSpace) Errno {
			_, e := as.Move(lo, hi-lo, hi-lo, abi.MoveMayMove|abi.MoveFixed, 4<<40)
			return e
		}},
		{"DontFork", func(as *AddressSpace) Errno {
			if e := as.Advise(lo, hi-lo, abi.AdviseDontFork); e != OK {
				return e
			}
			destroy(t, forkSpace(t, as, false))
			return OK
		}},
	}
	for _, o := range ops {
		for _, forked := range []bool{false, true} {
			boot(t, 24)
			eagerPages = [2]int64{}
			leak := leakCheck(t)
			as := newSpace(t)
			for _, m := range [][2]uint64{{lo, hi - lo}, {lo - PageSize, PageSize}, {hi, PageSize}} {
				if _, e := as.Map(&MapSpec{Addr: m[0], Len: m[1], Prot: rw, Flags: abi.MapFixed}); e != OK {
					t.Fatal(e)
				}
			}
			touch := func(va uint64) {
				if !WriteU64(as, va, va) {
					t.Fatal("no memory")
				}
			}
			touch(lo - PageSize)
			touch(hi)
			for va := uint64(lo); va < hi; va += (hi - lo) / 50 &^ pageMask {
				touch(va)
			}
			var c *AddressSpace
			if forked {
				c = forkSpace(t, as, false)
				touch(lo - PageSize)
				touch(hi)
			}
			calls(t, o.name, 100, func() Errno { return o.do(as) })
			mustCheck(t)
			destroy(t, as)
			if c != nil {
				destroy(t, c)
			}
			leak()
		}
	}
	eagerPages = [2]int64{8, 32}
}

// A chain of more nodes than a step has units: each call gets further all the same.
func TestLongChain(t *testing.T) {
	defer func(b int, e [2]int64) { stepBudget, eagerPages = b, e }(stepBudget, eagerPages)
	const pages = 70 // more than a deep leaf copies at a fork
	ops := []struct {
		name string
		do   func(as *AddressSpace, va uint64) Errno
	}{
		{"Unmap", func(as *AddressSpace, va uint64) Errno { return as.Unmap(va, pages<<PageShift) }},
		{"Advise", func(as *AddressSpace, va uint64) Errno { return as.Advise(va, pages<<PageShift, abi.AdviseDontNeed) }},
		{"Move", func(as *AddressSpace, va uint64) Errno {
			_, e := as.Move(va, pages<<PageShift, pages<<PageShift, abi.MoveMayMove, 0)
			return e
		}},
		{"Reset", func(as *AddressSpace, va uint64) Errno { return as.Reset([]VRange{{va, 8 << PageShift}}) }},
		{"DontFork", func(as *AddressSpace, va uint64) Errno {
			if e := as.Advise(va, pages<<PageShift, abi.AdviseDontFork); e != OK {
				return e
			}
			destroy(t, forkSpace(t, as, false))
			return OK
		}},
	}
	for _, o := range ops {
		stepBudget, eagerPages = Budget, [2]int64{}
		boot(t, 64)
		leak := leakCheck(t)
		as := newSpace(t)
		va, e := as.Map(&MapSpec{Len: pages << PageShift, Prot: rw})
		if e != OK {
			t.Fatal(e)
		}
		var cs []*AddressSpace
		for n := range uint64(60) { // children that live on, each with a node of its own
			for i := range uint64(pages) {
				if !WriteU64(as, va+i<<PageShift, n) {
					t.Fatal("no memory")
				}
			}
			cs = append(cs, forkSpace(t, as, false))
		}
		stepBudget = 40
		calls(t, o.name, 100*pages, func() Errno { return o.do(as, va) })
		stepBudget = Budget
		mustCheck(t)
		destroy(t, as)
		for _, c := range cs {
			destroy(t, c)
		}
		leak()
	}
}

// More threads than a half once had cursors bring in ranges that take several calls.
func TestAdviseTogether(t *testing.T) {
	defer func(b int) { stepBudget = b }(stepBudget)
	boot(t, 64)
	as := newSpace(t)
	const pages = 200
	va, e := as.Map(&MapSpec{Len: maxCPU * pages << PageShift, Prot: rw})
	if e != OK {
		t.Fatal(e)
	}
	stepBudget = 100
	defer func() { spin.CPU = nil }()
	var done [maxCPU]bool
	for left, n := maxCPU, 0; left > 0; n++ {
		for i := range done {
			if done[i] {
				continue
			}
			spin.CPU = func() int { return i }
			switch e := as.Advise(va+uint64(i)*pages<<PageShift, pages<<PageShift, abi.AdviseWillNeed); e {
			case OK:
				done[i] = true
				left--
			case EAGAIN:
			default:
				t.Fatal(e)
			}
		}
		if n == pages {
			t.Fatalf("%d do not end in %d calls each", left, n)
		}
	}
	destroy(t, as)
}

// An Advise that an exec has cut short: the new program's begins at the front.
func TestAdviseAfterReset(t *testing.T) {
	defer func(b int) { stepBudget = b }(stepBudget)
	boot(t, 64)
	as := newSpace(t)
	const va, pages = 1 << 30, 100
	for round := range 2 {
		if _, e := as.Map(&MapSpec{Addr: va, Len: pages << PageShift, Prot: rw, Flags: abi.MapFixed}); e != OK {
			t.Fatal(e)
		}
		for i := range uint64(pages) {
			WriteU64(as, va+i<<PageShift, 1)
		}
		stepBudget = 100
		e := as.Advise(va, pages<<PageShift, abi.AdviseDontNeed)
		if round == 0 {
			if e != EAGAIN {
				t.Fatal("nothing is left to do:", e)
			}
			stepBudget = Budget
			if e := again(func() Errno { return as.Reset(nil) }); e != OK {
				t.Fatal(e)
			}
			continue
		}
		for e == EAGAIN {
			e = as.Advise(va, pages<<PageShift, abi.AdviseDontNeed)
		}
		for i := range uint64(pages) {
			if v, ok := ReadU64(as, va+i<<PageShift); !ok || v != 0 {
				t.Fatalf("page %d: %d, %v", i, v, ok)
			}
		}
	}
	destroy(t, as)
}

// A copy to and from pages that others take away all the time.
func TestCopyContended(t *testing.T) {
	boot(t, 64)
	as := newSpace(t)
	const pages = 2
	va, e := as.Map(&MapSpec{Len: 2 * pages << PageShift, Prot: rw})
	if e != OK {
		t.Fatal(e)
	}
	copies := 100000
	if testing.Short() {
		copies = 2000
	}
	var stop atomic.Bool
	onCPUs(t, 3, 1, func(v *vcpu) {
		if v.id != 0 {
			for a := va + uint64(v.id-1)*pages<<PageShift; !stop.Load(); {
				as.Advise(a, pages<<PageShift, abi.AdviseDontNeed)
			}
			return
		}
		for n := range copies {
			if done := CopyBetween(as, va, as, va+pages<<PageShift, pages<<PageShift); done != pages<<PageShift {
				t.Errorf("copy %d: %d bytes", n, done)
				break
			}
		}
		stop.Store(true)
	})
	destroy(t, as)
}
