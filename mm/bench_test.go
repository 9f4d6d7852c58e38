package mm

import (
	"go42/ipc/abi"
	"testing"
)

func BenchmarkFaultAnon(b *testing.B) {
	boot(b, 128)
	as := newSpace(b)
	const n = 16384
	a := mapAnon(b, as, 0, n<<12, 0)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if i%n == 0 && i > 0 {
			b.StopTimer()
			again(func() Errno { return as.Advise(a, n<<12, abi.AdviseDontNeed) })
			b.StartTimer()
		}
		if Fault(as, a+uint64(i%n)<<12, true, false, true) != FaultOK {
			b.Fatal()
		}
	}
}

func BenchmarkFaultShared(b *testing.B) {
	boot(b, 128)
	as := newSpace(b)
	const n = 8192
	a := mapAnon(b, as, 0, n<<12, abi.MapShared)
	for i := 0; i < b.N; i++ {
		if i%n == 0 && i > 0 {
			b.StopTimer()
			again(func() Errno { return as.Unmap(a, n<<12) })
			a = mapAnon(b, as, 0, n<<12, abi.MapShared)
			b.StartTimer()
		}
		if Fault(as, a+uint64(i%n)<<12, true, false, true) != FaultOK {
			b.Fatal()
		}
	}
}

func BenchmarkMapUnmap(b *testing.B) {
	boot(b, 64)
	as := newSpace(b)
	for i := uint64(0); i < 40; i++ {
		as.Map(&MapSpec{Addr: 0x400000 + i<<20, Len: 4096, Prot: 1 + uint32(i&1)*2, Flags: abi.MapFixed})
	}
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		a, _ := as.Map(&MapSpec{Len: 16 << 12, Prot: rw})
		as.Unmap(a, 16<<12)
	}
}

func benchForkOnce(b *testing.B, as *AddressSpace) *AddressSpace {
	a, _ := NewAccount(RootAccount())
	c, _ := NewAddressSpace(a)
	a.Put()
	var st ForkState
	for done := false; !done; {
		done, _ = Fork(as, c, &st, false)
	}
	return c
}

// benchFork forks a process with the given number of private pages in 20
// regions, in the program half, and 10 in the libOS half.
func benchFork(b *testing.B, pages uint64) {
	boot(b, 128)
	as := newSpace(b)
	for i := uint64(0); i < 20; i++ {
		as.Map(&MapSpec{Addr: 0x400000 + i<<21, Len: 4096, Prot: 1 + uint32(i&1)*2, Flags: abi.MapFixed})
	}
	a := mapAnon(b, as, 0, pages<<12, 0)
	for i := uint64(0); i < pages; i++ {
		put(b, as, a+i<<12, 1)
	}
	l := mapAnon(b, as, 0, 40<<12, abi.MapLibOS)
	for i := uint64(0); i < 10; i++ {
		put(b, as, l+i<<12, 1)
	}
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		c := benchForkOnce(b, as)
		WriteU64(c, a, 1)
		WriteU64(as, a, 1)
		for !Destroy(c) {
		}
	}
}

func BenchmarkForkSmall(b *testing.B) { benchFork(b, 20) }
func BenchmarkFork64MB(b *testing.B)  { benchFork(b, 16384) }

func BenchmarkCopyOut8(b *testing.B) {
	boot(b, 64)
	as := newSpace(b)
	a := mapAnon(b, as, 0, 4096, 0)
	buf := make([]byte, 8)
	for i := 0; i < b.N; i++ {
		CopyOut(as, a, buf)
	}
}

func BenchmarkForkRead(b *testing.B) {
	boot(b, 128)
	as := newSpace(b)
	const pages = 256
	a := mapAnon(b, as, 0, pages<<12, 0)
	for i := uint64(0); i < pages; i++ {
		put(b, as, a+i<<12, 1)
	}
	for i := 0; i < b.N; i++ {
		c := benchForkOnce(b, as)
		for j := uint64(0); j < pages; j++ {
			Fault(c, a+j<<12, true, false, true)
		}
		for !Destroy(c) {
		}
	}
}
