package mm

import (
	"runtime"
	"sync/atomic"
	"testing"

	"go42/ipc/abi"
)

// TestAdviseThreads: each CPU writes to pages of its own, and empties them; the
// others read them. When Advise has returned nobody finds what was there; meanwhile
// another unmaps some of the range, and when it has, no TLB has anything there.
func TestAdviseThreads(t *testing.T) {
	for seed := int64(1); seed <= 3 && !t.Failed(); seed++ {
		bootSMP(t, 32)
		leak := leakCheck(t)
		as := newSpace(t)
		const cpus, pages, gone = 4, 64, 16
		base := mapAnon(t, as, 0, pages<<12, 0)
		var emptied [pages]atomic.Uint64 // the last value that has been taken away
		onCPUs(t, cpus, seed, func(v *vcpu) {
			v.load(as)
			var last [pages]uint64
			for i := 0; i < rounds(4000) && !t.Failed(); i++ {
				p := uint64(v.r.Intn(pages))
				mine := p%cpus == uint64(v.id)
				va := base + p<<12
				switch k := v.r.Intn(20); {
				case k == 0 && v.id == 0:
					// The last pages, which are nobody's own, come and go.
					lo := base + (pages-gone)<<12
					again(func() Errno { return as.Unmap(lo, gone<<12) })
					for c := range cpus {
						o := &vcpus[c]
						o.mu.Lock()
						for vpn := range o.tlb {
							if vpn >= lo>>PageShift && vpn < lo>>PageShift+gone {
								t.Errorf("CPU %d has a translation of page %d, which is unmapped", c, vpn-base>>PageShift)
							}
						}
						o.mu.Unlock()
					}
					again(func() Errno {
						_, e := as.Map(&MapSpec{Addr: lo, Len: gone << 12, Prot: rw, Flags: abi.MapFixed})
						return e
					})
				case k == 1:
					v.audit(as, base)
				case p >= pages-gone && k < 5:
					again(func() Errno { return as.Advise(va, 2<<12, abi.AdviseDontNeed) })
				case p >= pages-gone:
					v.access(va, k < 12, 1)
				case mine && k < 5:
					again(func() Errno { return as.Advise(va, 1<<12, abi.AdviseDontNeed) })
					emptied[p].Store(last[p])
				case mine:
					last[p]++
					v.access(va, true, last[p])
				default:
					was := emptied[p].Load()
					runtime.Gosched()
					if x, ok := v.access(va, false, 0); !ok || x != 0 && x <= was {
						t.Errorf("CPU %d reads %d of page %d, where %d was taken away", v.id, x, p, was)
					}
				}
			}
		})
		settled(t)
		destroy(t, as)
		leak()
	}
}

// What the leaf has from a parent is not taken away late: a sibling may have it.
func TestAdviseChain(t *testing.T) {
	boot(t, 32)
	eagerPages = [2]int64{}
	leak := leakCheck(t)
	as := newSpace(t)
	a := mapAnon(t, as, 0, 4<<12, 0)
	put(t, as, a, 7)
	put(t, as, a+1<<12, 8)
	c := forkSpace(t, as, false)
	put(t, as, a, 9)
	if e := again(func() Errno { return as.Advise(a, 4<<12, abi.AdviseDontNeed) }); e != OK {
		t.Error(e)
	}
	want(t, as, a, 0)
	want(t, as, a+1<<12, 0)
	want(t, c, a, 7)
	want(t, c, a+1<<12, 8)
	mustCheck(t)
	destroy(t, c)
	destroy(t, as)
	leak()
}

// TestAdviseAfterAdvise: who empties what another CPU is emptying has it forgotten
// when its own call returns, though it found nothing to take away.
func TestAdviseAfterAdvise(t *testing.T) {
	bootSMP(t, 32)
	leak := leakCheck(t)
	as := newSpace(t)
	a := mapAnon(t, as, 0, 4<<12, 0)
	cached, first, second := make(chan bool), make(chan bool), make(chan bool)
	onCPUs(t, 3, 1, func(v *vcpu) {
		v.load(as)
		empty := func() { again(func() Errno { return as.Advise(a, 4<<12, abi.AdviseDontNeed) }) }
		switch v.id {
		case 0:
			<-cached
			mem.hooks.ShootDown = func(cpus uint64, va []uint64) {
				if vcpuID() == 0 {
					close(first)
					<-second
				}
				hookShootDown(cpus, va)
			}
			empty()
		case 1:
			<-first
			empty()
			if x, _ := vcpus[2].access(a, false, 0); x != 0 {
				t.Error("what was emptied is still seen:", x)
			}
			close(second)
		case 2:
			v.access(a, true, 5)
			close(cached)
			<-second
		}
	})
	settled(t)
	destroy(t, as)
	leak()
}
