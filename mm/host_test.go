package mm

import (
	"syscall"
	"testing"
	"unsafe"
)

var hostRAM []byte

// boot gives mm a machine with the given MiB of RAM.
func boot(t testing.TB, mib int) {
	t.Helper()
	if len(hostRAM) < mib<<20 {
		b, err := syscall.Mmap(-1, 0, mib<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
		if err != nil {
			t.Fatal(err)
		}
		hostRAM = b
	}
	e := Init(&Config{
		Usable:     []PhysRange{{0, 0x9f000}, {1 << 20, uint64(mib-1) << 20}},
		Reserved:   []PhysRange{{1 << 20, 1 << 20}},
		PhysToVirt: uintptr(unsafe.Pointer(&hostRAM[0])),
	})
	if e != OK {
		t.Fatal("Init:", e)
	}
	root, e := BuildKernelSpace(&KernelSpec{RAMTop: uint64(mib) << 20, DirectVA: 0xffff_8800_0000_0000, ImageVA: 0xffff_ffff_8000_0000,
		TextLo: 1 << 20, TextHi: 1<<20 + 0x40000, RodataLo: 1<<20 + 0x40000, RodataHi: 1<<20 + 0x50000, DataLo: 1<<20 + 0x50000, DataHi: 2 << 20,
		MMIO: []PhysRange{{0xfee00000, 4096}, {0xfec00000, 4096}}, GigaPages: true})
	if e != OK || root == 0 {
		t.Fatal("BuildKernelSpace:", e)
	}
	mustCheck(t)
}

func mustCheck(t testing.TB) {
	t.Helper()
	if e, s := Check(); e != OK {
		t.Fatal("Check: ", s)
	}
}

func newSpace(t testing.TB) *AddressSpace {
	t.Helper()
	a, ok := NewAccount(RootAccount())
	if !ok {
		t.Fatal("NewAccount")
	}
	as, e := NewAddressSpace(a)
	if e != OK {
		t.Fatal("NewAddressSpace:", e)
	}
	a.Put()
	return as
}

func destroy(t testing.TB, as *AddressSpace) {
	t.Helper()
	for i := 0; !Destroy(as); i++ {
		if i > 1e6 {
			t.Fatal("Destroy does not end")
		}
	}
}

// again repeats an operation while it answers EAGAIN.
func again(f func() Errno) Errno {
	for {
		if e := f(); e != EAGAIN {
			return e
		}
	}
}

func forkSpace(t testing.TB, p *AddressSpace, vfork bool) *AddressSpace {
	t.Helper()
	c := newSpace(t)
	var st ForkState
	for {
		done, e := Fork(p, c, &st, vfork)
		if e != OK {
			t.Fatal("Fork:", e)
		}
		if done {
			return c
		}
	}
}

// leakCheck returns a function that compares what is in use with now. Pools
// keep their frames: their entries are compared instead.
func leakCheck(t testing.TB) func() {
	for Work(Budget) {
	}
	c0 := ReadCounters()
	l0 := [...]int{mem.accounts.Live(), mem.fcms.Live(), mem.nodes.Live(), mem.regions.Live(), mem.halves.Live(), mem.spaces.Live()}
	for which := range numCounts {
		gather(which)
	}
	f0, b0, e0 := mem.root.Usage()
	return func() {
		t.Helper()
		for Work(Budget) {
		}
		mustCheck(t)
		c1 := ReadCounters()
		l1 := [...]int{mem.accounts.Live(), mem.fcms.Live(), mem.nodes.Live(), mem.regions.Live(), mem.halves.Live(), mem.spaces.Live()}
		for which := range numCounts {
			gather(which)
		}
		f1, b1, e1 := mem.root.Usage()
		if l0 != l1 {
			t.Errorf("pool entries (accounts FCMs nodes regions halves spaces): %v, were %v", l1, l0)
		}
		if f0 != f1 || b0 != b1 || e0 != e1 {
			t.Errorf("root account: %d frames %d bytes %d entries, were %d %d %d", f1, b1, e1, f0, b0, e0)
		}
		c0.Free -= c1.Kinds[KindPool] - c0.Kinds[KindPool]
		if c0.Free != c1.Free {
			t.Errorf("free frames %d, were %d", c1.Free, c0.Free)
		}
	}
}
