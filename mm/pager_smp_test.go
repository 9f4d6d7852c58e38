package mm

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"unsafe"

	"go42/ipc/abi"
)

type smpProc struct {
	as    *AddressSpace
	waits [4]Waiter
	told  atomic.Bool
}

// Several CPUs touch, write, supply, take dirty pages and reclaim at once: each
// finds what it has written, and the pager gets it in the end.
func TestPagerOnSeveralCPUs(t *testing.T) {
	const (
		workers = 3
		pages   = 96
		files   = 2
	)
	steps := 1500
	if raceEnabled || testing.Short() {
		steps = 300
	}
	bootSMP(t, 64)
	leaks := leakCheck(t)
	p := NewPager(RootAccount(), 1, 50)
	if !raceEnabled {
		paged.most = pages
	}
	var fs [files]*FCM
	for i := range fs {
		fs[i], _ = NewPagedFCM(RootAccount(), pages<<PageShift, uint64(i), p)
	}
	var disk [files][pages][workers]uint64 // the pager's only
	var procs [workers]*smpProc
	src := newSpace(t)
	if _, e := src.Map(&MapSpec{Addr: pagerBuf, Len: PageSize, Prot: 3, Flags: abi.MapFixed}); e != OK {
		t.Fatal(e)
	}
	for i := range procs {
		procs[i] = &smpProc{as: newSpace(t)}
	}
	tell := func() {
		for o := NextWaiter(); o != nil; o = NextWaiter() {
			(*smpProc)(o).told.Store(true)
		}
		for NextPoke() != 0 {
		}
	}
	clean := func(k int, all bool) {
		for from := uint64(0); ; {
			lo, n, e := fs[k].NextDirty(from)
			if e == EAGAIN {
				continue
			}
			if n == 0 && lo == NoPage || !all && n == 0 {
				return
			}
			for i := lo; i < lo+n; i++ {
				if n, _ := fs[k].Transfer(src, pagerBuf, i<<PageShift, PageSize, false); n != PageSize {
					t.Error("dirty page is not there")
				}
				for w := range workers {
					disk[k][i][w], _ = ReadU64(src, pagerBuf+uint64(w)*8)
				}
			}
			from = lo + n
		}
	}
	supply := func() {
		n, ok := p.NextPage()
		if !ok {
			return
		}
		if n.Sync != 0 {
			clean(int(n.Cookie), true)
			fs[n.Cookie].Synced(n.Sync, false)
		}
		for i := n.First; i < n.First+n.N; i++ {
			for k, v := range disk[n.Cookie][i] {
				WriteU64(src, pagerBuf+uint64(k)*8, v)
			}
			if _, e := fs[n.Cookie].Supply(src, i, pagerBuf, PageSize); e != OK {
				t.Error("Supply:", e)
			}
		}
	}
	var running atomic.Int32
	running.Store(workers)
	var mine [workers][files][pages]uint64
	onCPUs(t, workers+1, 3, func(v *vcpu) {
		id, r := v.id, rand.New(rand.NewPCG(uint64(v.id), 3))
		if id == workers { // the pager, and who is short of memory
			for running.Load() > 0 {
				supply()
				tell()
				if !raceEnabled && r.IntN(20) == 0 {
					clean(r.IntN(files), false)
				}
				if r.IntN(10) == 0 {
					ReclaimCache(r.IntN(40))
				}
			}
			return
		}
		defer running.Add(-1)
		q := procs[id]
		v.load(q.as)
		var va [files]uint64
		for step := range steps {
			if step%500 == 0 {
				for k := range va {
					if va[k] != 0 {
						again(func() Errno { return q.as.Unmap(va[k], pages<<PageShift) })
					}
					a, e := q.as.Map(&MapSpec{Len: pages << PageShift, Prot: 3, Flags: abi.MapShared, FCM: fs[k]})
					if e != OK {
						t.Error("Map:", e)
						return
					}
					va[k] = a
				}
			}
			k, i := r.IntN(files), r.Uint64N(pages)
			a := va[k] + i<<PageShift + uint64(id)*8
			write := r.IntN(3) == 0
			x := r.Uint64()
			for {
				if was, ok := v.access(a, write, x); ok {
					if was != mine[id][k][i] {
						t.Errorf("CPU %d, page %d: %#x, want %#x", id, i, was, mine[id][k][i])
						return
					}
					if write {
						mine[id][k][i] = x
					}
					break
				}
				if Fault(q.as, a, write, false, true) != FaultPending {
					tell()
					continue
				}
				q.told.Store(false)
				if Await(q.as, a, write, q.waits[:], unsafe.Pointer(q), 100) == FaultPending {
					for spins := 0; !q.told.Load(); spins++ {
						tell()
						if spins > 1e7 {
							t.Errorf("CPU %d waits for nothing", id)
							return
						}
						if spins%64 == 0 {
							runtime.Gosched()
						}
					}
				}
			}
			if step%16 == 0 {
				v.audit(q.as, a)
			}
			tell()
		}
	})
	settled(t)
	for k := range fs {
		clean(k, true)
		for i := range disk[k] {
			for w, v := range disk[k][i] {
				if v != mine[w][k][i] {
					t.Fatalf("file %d page %d: the pager has %#x of CPU %d, want %#x", k, i, v, w, mine[w][k][i])
				}
			}
		}
	}
	for _, q := range procs {
		Unwait(q.waits[:])
		destroy(t, q.as)
	}
	for _, f := range fs {
		f.Put()
	}
	for next := 0; !p.PagerDied(&next); {
	}
	tell()
	destroy(t, src)
	leaks()
}
