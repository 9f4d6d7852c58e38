package mm

import (
	"math/rand"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"go42/mm/spin"
)

// A vcpu plays a processor: an OS thread with a CPU number, and a TLB, which is
// filled by walking page tables as the processor does, without a lock, and
// emptied only by the hooks.
type vcpu struct {
	id  int
	tid int64 // atomic
	t   *testing.T
	r   *rand.Rand

	mu  sync.Mutex // held for one access in ring 3, so that ShootDown waits for it
	as  *AddressSpace
	tlb map[uint64]tlbEntry // by virtual page number
}

type tlbEntry struct {
	pa uint64
	w  bool
}

var vcpus [maxCPU]vcpu

func vcpuID() int {
	tid := int64(syscall.Gettid())
	for i := range vcpus {
		if atomic.LoadInt64(&vcpus[i].tid) == tid {
			return i
		}
	}
	return 0
}

// onCPUs runs f on n CPUs at once. No CPU has an address space loaded before or
// after.
func onCPUs(t *testing.T, n int, seed int64, f func(v *vcpu)) {
	t.Helper()
	old := runtime.GOMAXPROCS(max(n, runtime.GOMAXPROCS(0)))
	defer runtime.GOMAXPROCS(old)
	mem.hooks = Hooks{InvalidatePage: hookInvalidate, FlushAll: hookFlushAll, LoadRoot: hookLoadRoot, ShootDown: hookShootDown}
	spin.CPU = vcpuID
	var ready, wg sync.WaitGroup
	ready.Add(n)
	for i := range n {
		v := &vcpus[i]
		v.id, v.t, v.r, v.as, v.tlb = i, t, rand.New(rand.NewSource(seed*64+int64(i))), nil, map[uint64]tlbEntry{}
		wg.Go(func() {
			runtime.LockOSThread()
			atomic.StoreInt64(&v.tid, int64(syscall.Gettid()))
			ready.Done()
			ready.Wait()
			f(v)
			v.load(nil)
			atomic.StoreInt64(&v.tid, 0)
		})
	}
	wg.Wait()
	spin.CPU = nil
	mem.hooks = Hooks{}
}

func hookInvalidate(va uint64) {
	v := &vcpus[vcpuID()]
	v.mu.Lock()
	delete(v.tlb, va>>PageShift)
	v.mu.Unlock()
}

func (v *vcpu) forgetAll() {
	v.mu.Lock()
	clear(v.tlb)
	v.mu.Unlock()
}

func hookFlushAll()       { vcpus[vcpuID()].forgetAll() }
func hookLoadRoot(uint64) { vcpus[vcpuID()].forgetAll() }

// hookShootDown also verifies that the caller holds no lock (go42debug), and
// takes its time.
func hookShootDown(cpus uint64, va []uint64) {
	spin.HoldsNone()
	self := vcpuID()
	for range vcpus[self].r.Intn(20) {
		runtime.Gosched()
	}
	for i := range vcpus {
		if cpus>>i&1 == 0 {
			continue
		}
		if i == self {
			panic("a CPU shoots at itself")
		}
		v := &vcpus[i]
		if va == nil {
			v.forgetAll()
			continue
		}
		v.mu.Lock()
		for _, a := range va {
			delete(v.tlb, a>>PageShift)
		}
		v.mu.Unlock()
	}
}

// load makes the CPU run as.
func (v *vcpu) load(as *AddressSpace) {
	as.Activate()
	v.mu.Lock()
	v.as = as
	v.mu.Unlock()
}

// holds verifies that the frame at pa is still of such a kind: nothing that a
// TLB or a walk names is given back.
//
//go:norace
func (v *vcpu) holds(pa uint64, kinds ...Kind) {
	if k := frameAt(pa).kind; !slices.Contains(kinds, k) {
		v.t.Errorf("CPU %d uses a frame that is of kind %d by now", v.id, k)
	}
}

//go:norace
func peekWord(p *uint64) uint64 { return *p }

//go:norace
func pokeWord(p *uint64, x uint64) { *p = x }

// walk reads page tables as a processor does.
func (v *vcpu) walk(va uint64) (e tlbEntry, ok bool) {
	pa, w := v.as.Root, ^uint64(0)
	for s := uint(39); ; s -= 9 {
		v.holds(pa, KindTable)
		x := peekWord(&tableAt(pa)[va>>s&511])
		if x&ptePresent == 0 {
			return e, false
		}
		w &= x
		pa = x & pteAddr
		if s == 12 {
			return tlbEntry{pa, w&pteWrite != 0}, true
		}
	}
}

// access is a load or a store in ring 3, of the aligned word at va. false: a
// signal would have come.
func (v *vcpu) access(va uint64, write bool, x uint64) (was uint64, ok bool) {
	for try := 0; ; try++ {
		v.mu.Lock()
		e, ok := v.tlb[va>>PageShift]
		if !ok || write && !e.w {
			if e, ok = v.walk(va); ok && (!write || e.w) {
				v.tlb[va>>PageShift] = e
			}
		}
		if ok && (!write || e.w) {
			if e.pa != mem.zero {
				v.holds(e.pa, KindAnon, KindFile, KindKernel)
			}
			p := wordAt(e.pa | va&pageMask)
			was = peekWord(p)
			if write {
				pokeWord(p, x)
			}
			v.mu.Unlock()
			return was, true
		}
		v.mu.Unlock()
		if Fault(v.as, va, write, false, true) != FaultOK {
			return 0, false
		}
		if try == 1000 {
			v.t.Error("a fault is resolved again and again")
			return 0, false
		}
	}
}

// audit verifies, for the half of as that va lies in, that no TLB has anything
// that the page tables do not say: so it must be whenever the half can be locked,
// but for what an Advise has still to see to.
func (v *vcpu) audit(as *AddressSpace, va uint64) {
	h := as.acquire(va)
	if h == nil {
		return
	}
	if atomic.LoadInt32(&h.late) != 0 {
		h.lock.Release()
		return
	}
	for i := range vcpus {
		c := &vcpus[i]
		c.mu.Lock()
		if c.as != nil && c.as.half(va) == h {
			for vpn, e := range c.tlb {
				a := vpn << PageShift
				if a < h.lo || a >= h.hi {
					continue
				}
				if p := h.peek(a); p&pteAddr != e.pa || p == 0 || e.w && p&pteWrite == 0 {
					v.t.Errorf("CPU %d has a stale translation of %#x: %#x writable %v, entry %#x", i, a, e.pa, e.w, p)
				}
			}
		}
		c.mu.Unlock()
	}
	h.lock.Release()
}

// forkHere is forkSpace for a CPU; nil: no memory.
func (v *vcpu) forkHere(p *AddressSpace, vfork bool) *AddressSpace {
	a, ok := NewAccount(RootAccount())
	if !ok {
		return nil
	}
	c, e := NewAddressSpace(a)
	a.Put()
	if e != OK {
		return nil
	}
	var st ForkState
	for done := false; !done; {
		if done, e = Fork(p, c, &st, vfork); e != OK {
			v.destroy(c)
			return nil
		}
	}
	return c
}

func (v *vcpu) destroy(as *AddressSpace) {
	if v.as == as {
		v.load(nil)
	}
	for i := 0; !Destroy(as); i++ {
		if i > 1e6 {
			v.t.Error("Destroy does not end")
			return
		}
		runtime.Gosched()
	}
}

// settled runs the work that each CPU has left.
func settled(t *testing.T) {
	t.Helper()
	for i := range work {
		for !work[i].empty() {
			spin.CPU = func() int { return i }
			Work(Budget)
		}
	}
	spin.CPU = nil
	mustCheck(t)
}

// bootSMP is boot with the RAM where the race detector looks at it.
func bootSMP(t *testing.T, mib int) {
	if raceEnabled {
		old := hostRAM
		t.Cleanup(func() { hostRAM = old })
		b := make([]byte, mib<<20+PageSize)
		hostRAM = b[-uintptr(unsafe.Pointer(&b[0]))&pageMask:]
	}
	boot(t, mib)
}
