package mm

import "testing"

// Entries that are taken on one CPU and given back on others, one at a time, cost
// no more memory than what the CPUs' lists may hold, whatever their size.
func TestPoolHoard(t *testing.T) {
	const cpus = 4
	bootSMP(t, 64)
	small := hoard[[64]byte](t, cpus)
	large := hoard[[2344]byte](t, cpus)
	const slack = 64 << 10 // a block that has just been added
	if most := uint64(cpus*(64<<10) + slack); small > most || large > most {
		t.Errorf("%d and %d bytes were made for one entry at a time, most %d", small, large, most)
	}
}

// hoard takes 20,000 entries, one at a time, on CPU 0 and gives each back on
// another. It returns the bytes of the pool.
func hoard[T any](t *testing.T, cpus int) uint64 {
	var p Pool[T]
	if e := p.Init("hoarded", 20000); e != OK {
		t.Fatal(e)
	}
	turn := make([]chan *T, cpus)
	for i := range turn {
		turn[i] = make(chan *T)
	}
	done := make(chan struct{})
	onCPUs(t, cpus, 1, func(v *vcpu) {
		if v.id != 0 {
			for x := range turn[v.id] {
				p.Free(x)
				done <- struct{}{}
			}
			return
		}
		for i := range 20000 {
			x, _, ok := p.Alloc(nil)
			if !ok {
				t.Error("exhausted at", i)
				break
			}
			turn[1+i%(cpus-1)] <- x
			<-done
		}
		for _, c := range turn[1:] {
			close(c)
		}
	})
	if n := p.Live(); n != 0 {
		t.Error(n, "are live")
	}
	return uint64(p.Len()) * uint64(p.stride)
}
