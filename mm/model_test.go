package mm

import (
	"flag"
	"go42/ipc/abi"
	"math/rand"
	"testing"
)

// The model: each process is a map from virtual page to what it should be.

type mobj struct {
	f     *FCM // nil: made by Map itself
	pages uint64
	vals  map[uint64]uint64
}

type mpage struct {
	prot    uint32
	shared  bool
	inherit uint32
	obj     *mobj
	oi      uint64
	own     bool
	val     uint64
}

type mproc struct {
	as    *AddressSpace
	pages *map[uint64]*mpage // shared after vfork
}

type model struct {
	t     *testing.T
	r     *rand.Rand
	procs []*mproc
	objs  []*mobj
	stamp uint64
}

// The windows that addresses are chosen from straddle tables of each level.
var windows = [...]struct{ lo, pages uint64 }{
	{0x40_0000 - 20<<12, 40},
	{1<<30 - 8<<12, 16},
	{1<<39 - 8<<12, 16},
	{0x7d00_0000_0000, 200},
}

func (m *model) addr() uint64 {
	w := windows[m.r.Intn(len(windows))]
	return w.lo + uint64(m.r.Intn(int(w.pages)))<<12
}

func (m *model) rng() (uint64, uint64) {
	n := 1 + m.r.Intn(12)
	if m.r.Intn(10) == 0 {
		n = 1 + m.r.Intn(120)
	}
	return m.addr(), uint64(n)
}

func (m *model) proc() *mproc { return m.procs[m.r.Intn(len(m.procs))] }

func (m *model) bus(p *mpage) bool { return p.obj != nil && p.oi >= p.obj.pages }

func (m *model) value(p *mpage) uint64 {
	if p.own {
		return p.val
	}
	if p.obj != nil {
		return p.obj.vals[p.oi]
	}
	return 0
}

func (m *model) verifyPage(p *mproc, va uint64) {
	m.t.Helper()
	pg := (*p.pages)[va>>12]
	v, ok := ReadU64(p.as, va)
	wok := pg != nil && pg.prot != 0 && !m.bus(pg)
	if ok != wok || ok && v != m.value(pg) {
		m.t.Fatalf("read %#x: %#x %v, want %#v", va, v, ok, pg)
	}
}

// audit compares what the FCMs hold with the model, without touching anything.
func (m *model) audit() {
	m.t.Helper()
	for i, p := range m.procs {
		for vpn, pg := range *p.pages {
			h := p.as.half(vpn << 12)
			r := h.find(vpn << 12)
			if r == nil || r.start > vpn<<12 {
				m.t.Fatalf("process %d: %#x is not mapped", i, vpn<<12)
			}
			if m.bus(pg) {
				continue
			}
			v := uint64(0)
			if pa := h.resolve(r, vpn<<12); pa != 0 {
				v = *wordAt(pa)
			}
			if v != m.value(pg) {
				m.t.Fatalf("process %d: %#x holds %#x, want %#x: %#v", i, vpn<<12, v, m.value(pg), pg)
			}
		}
	}
}

func (m *model) write(p *mproc, va uint64) {
	m.t.Helper()
	pg := (*p.pages)[va>>12]
	m.stamp++
	ok := WriteU64(p.as, va, m.stamp)
	wok := pg != nil && pg.prot&abi.ProtWrite != 0 && !m.bus(pg)
	if ok != wok {
		m.t.Fatalf("write %#x: %v, want %v %#v", va, ok, wok, pg)
	}
	if !ok {
		return
	}
	if pg.shared {
		pg.obj.vals[pg.oi] = m.stamp
	} else {
		pg.own, pg.val = true, m.stamp
	}
}

func (m *model) mapOp(p *mproc) {
	va, n := m.rng()
	s := MapSpec{Addr: va, Len: n << 12, Prot: [...]uint32{0, 1, 3, 3, 3, 3, 5, 7}[m.r.Intn(8)], Flags: abi.MapFixed}
	var o *mobj
	switch m.r.Intn(6) {
	case 0:
		s.Flags |= abi.MapShared
		o = &mobj{pages: n, vals: map[uint64]uint64{}}
	case 1, 2:
		o = m.objs[m.r.Intn(len(m.objs))]
		s.FCM = o.f
		s.Offset = uint64(m.r.Intn(20)) << 12
		if m.r.Intn(2) == 0 {
			s.Flags |= abi.MapShared
		}
	}
	if m.r.Intn(4) == 0 {
		s.Flags |= abi.MapPopulate
	}
	if m.r.Intn(8) == 0 {
		s.Inherit = abi.InheritNone
	} else if o == nil && m.r.Intn(8) == 0 {
		s.Inherit = abi.InheritZero
	}
	if e := again(func() Errno { _, e := p.as.Map(&s); return e }); e != OK {
		m.t.Fatal("Map:", e)
	}
	for i := uint64(0); i < n; i++ {
		(*p.pages)[va>>12+i] = &mpage{prot: s.Prot, shared: s.Flags&abi.MapShared != 0, inherit: s.Inherit, obj: o, oi: s.Offset>>12 + i}
	}
}

func (m *model) moveOp(p *mproc) {
	var va uint64
	for i := 0; i < 20; i++ {
		va = m.addr()
		if (*p.pages)[va>>12] != nil {
			break
		}
	}
	pg := (*p.pages)[va>>12]
	n := uint64(1 + m.r.Intn(6))
	nn := uint64(1 + m.r.Intn(8))
	flags := uint32(abi.MoveMayMove)
	dst := uint64(0)
	if m.r.Intn(2) == 0 {
		flags |= abi.MoveFixed
		dst = m.addr()
	}
	dontUnmap := m.r.Intn(4) == 0
	if dontUnmap {
		flags |= abi.MoveDontUnmap
		nn = n
	}
	var to uint64
	e := again(func() (e Errno) { to, e = p.as.Move(va, n<<12, nn<<12, flags, dst); return e })
	if e != OK {
		// What must fail is told from the model where that is simple; a failed
		// fixed move may have unmapped its target.
		if pg != nil && e != EFAULT && e != EINVAL {
			m.t.Fatal("Move:", e)
		}
		if flags&abi.MoveFixed != 0 {
			for i := uint64(0); i < nn; i++ {
				if _, ok := ReadU64(p.as, dst+i<<12); !ok {
					if q := (*p.pages)[dst>>12+i]; q != nil && (q.prot == 0 || m.bus(q)) {
						continue
					}
					delete(*p.pages, dst>>12+i)
				}
			}
		}
		return
	}
	if pg == nil {
		m.t.Fatal("Move of nothing succeeds")
	}
	if flags&abi.MoveFixed != 0 && to != dst {
		m.t.Fatal("Move went elsewhere")
	}
	old := map[uint64]*mpage{}
	for i := uint64(0); i < n; i++ {
		old[i] = (*p.pages)[va>>12+i]
		delete(*p.pages, va>>12+i)
	}
	first := *old[0]
	for i := uint64(0); i < nn; i++ {
		if i < n {
			if old[i] != nil { // shrinking in place does not ask what lies behind
				c := *old[i]
				(*p.pages)[to>>12+i] = &c
			}
		} else {
			(*p.pages)[to>>12+i] = &mpage{prot: first.prot, shared: first.shared, inherit: first.inherit, obj: first.obj, oi: first.oi + i}
		}
	}
	if dontUnmap {
		for i := uint64(0); i < n; i++ {
			c := *old[i]
			c.own = false
			(*p.pages)[va>>12+i] = &c
		}
	}
	if to < windows[3].lo || to >= windows[3].lo+windows[3].pages<<12 { // keep the address space within the windows
		if flags&abi.MoveFixed == 0 && to != va {
			for i := uint64(0); i < nn; i++ {
				m.verifyPage(p, to+i<<12)
				delete(*p.pages, to>>12+i)
			}
			if e := again(func() Errno { return p.as.Unmap(to, nn<<12) }); e != OK {
				m.t.Fatal(e)
			}
		}
	}
}

func (m *model) forkOp(p *mproc) {
	c := forkSpace(m.t, p.as, false)
	pages := map[uint64]*mpage{}
	for k, v := range *p.pages {
		if v.inherit == abi.InheritNone {
			continue
		}
		w := *v
		if v.inherit == abi.InheritZero && !v.shared {
			w.own = false
		}
		pages[k] = &w
	}
	m.procs = append(m.procs, &mproc{c, &pages})
}

func (m *model) exit(i int) {
	destroy(m.t, m.procs[i].as)
	m.procs = append(m.procs[:i], m.procs[i+1:]...)
}

func (m *model) step() {
	p := m.proc()
	va, n := m.rng()
	k := m.r.Intn(100)
	if *modelSeed != 0 {
		m.t.Log(k, va>>12, n, len(m.procs), p == m.procs[0])
	}
	switch {
	case k < 12:
		m.mapOp(p)
	case k < 18:
		if e := again(func() Errno { return p.as.Unmap(va, n<<12) }); e != OK {
			m.t.Fatal("Unmap:", e)
		}
		for i := uint64(0); i < n; i++ {
			delete(*p.pages, va>>12+i)
		}
	case k < 24:
		prot := [...]uint32{0, 1, 3, 3, 5, 7}[m.r.Intn(6)]
		e := again(func() Errno { return p.as.Protect(va, n<<12, prot) })
		all := true
		for i := uint64(0); i < n; i++ {
			all = all && (*p.pages)[va>>12+i] != nil
		}
		if (e == OK) != all {
			m.t.Fatal("Protect:", e, all)
		}
		if all {
			for i := uint64(0); i < n; i++ {
				(*p.pages)[va>>12+i].prot = prot
			}
		}
	case k < 50:
		for i := 0; i < 4; i++ {
			m.write(p, m.addr())
		}
	case k < 66:
		for i := 0; i < 8; i++ {
			m.verifyPage(p, m.addr())
		}
	case k < 72:
		if len(m.procs) < 12 {
			m.forkOp(p)
		}
	case k < 77:
		if len(m.procs) > 1 {
			m.exit(m.r.Intn(len(m.procs)))
		}
	case k < 82:
		e := again(func() Errno { return p.as.Advise(va, n<<12, abi.AdviseDontNeed) })
		if e != OK && e != ENOMEM {
			m.t.Fatal("Advise:", e)
		}
		for i := uint64(0); i < n; i++ {
			if q := (*p.pages)[va>>12+i]; q != nil {
				q.own = false
			}
		}
	case k < 85:
		adv := [...]uint32{abi.AdviseDontFork, abi.AdviseDoFork}[m.r.Intn(2)]
		again(func() Errno { return p.as.Advise(va, n<<12, adv) })
		for i := uint64(0); i < n; i++ {
			if q := (*p.pages)[va>>12+i]; q != nil {
				q.inherit = map[uint32]uint32{abi.AdviseDontFork: abi.InheritNone, abi.AdviseDoFork: abi.InheritCopy}[adv]
			}
		}
	case k < 87:
		again(func() Errno { return p.as.Advise(va, n<<12, abi.AdviseWillNeed) })
	case k < 92:
		m.moveOp(p)
	case k < 95:
		o := m.objs[m.r.Intn(len(m.objs))]
		size := uint64(m.r.Intn(32))
		if e := again(func() Errno { return o.f.Resize(size << 12) }); e != OK {
			m.t.Fatal("Resize:", e)
		}
		for i := range o.vals {
			if i >= size {
				delete(o.vals, i)
			}
		}
		if size < o.pages {
			for _, p := range m.procs {
				for _, q := range *p.pages {
					if q.obj == o && q.oi >= size {
						q.own = false
					}
				}
			}
		}
		o.pages = size
	case k < 98:
		q := m.proc()
		src, dst := m.addr(), m.addr()
		n := CopyBetween(q.as, dst+8, p.as, src+8, 8) // the word beside the stamp: only moves data
		sp, dp := (*p.pages)[src>>12], (*q.pages)[dst>>12]
		sok := sp != nil && sp.prot != 0 && !m.bus(sp)
		dok := dp != nil && dp.prot&2 != 0 && !m.bus(dp)
		if (n == 8) != (sok && dok) {
			m.t.Fatal("CopyBetween:", n, sok, dok)
		}
		if dok && !dp.shared && !dp.own { // the destination may have been faulted in, for sure if it was copied to
			if sok {
				dp.val = m.value(dp)
				dp.own = true
			} else {
				m.write(q, dst)
			}
		}
	case k < 99 && len(m.procs) > 2:
		// exec
		if e := again(func() Errno { return p.as.Reset([]VRange{{windows[3].lo, 5 << 12}}) }); e != OK {
			m.t.Fatal("Reset:", e)
		}
		for v := range *p.pages {
			if v<<12 < windows[3].lo || v<<12 >= windows[3].lo+5<<12 {
				delete(*p.pages, v)
			}
		}
	default:
		for va := range *p.pages {
			m.verifyPage(p, va<<12)
		}
	}
}

var (
	modelSeed  = flag.Int64("seed", 0, "seed of the model test; 0: several")
	modelSteps = flag.Int("steps", 4000, "steps of the model test")
)

func TestModel(t *testing.T) {
	seeds := 25
	if testing.Short() {
		seeds = 6
	}
	for s := 1; s <= seeds; s++ {
		seed := int64(s)
		if *modelSeed != 0 {
			seed = *modelSeed
		}
		boot(t, 24)
		leak := leakCheck(t)
		eagerPages = [2]int64{8, 32}
		stepBudget = Budget
		if seed%2 == 0 { // operations in many steps
			stepBudget = 20 + int(seed)*3
		}
		if seed%3 == 0 { // no short cut around the chains
			eagerPages = [2]int64{}
		}
		m := &model{t: t, r: rand.New(rand.NewSource(seed))}
		for i := 0; i < 4; i++ {
			f, e := NewFileFCM(RootAccount(), 20<<12)
			if e != OK {
				t.Fatal(e)
			}
			m.objs = append(m.objs, &mobj{f, 20, map[uint64]uint64{}})
		}
		m.procs = append(m.procs, &mproc{newSpace(t), &map[uint64]*mpage{}})
		for i := 0; i < *modelSteps; i++ {
			step := i
			func() {
				defer func() {
					if t.Failed() {
						t.Logf("seed %d step %d", seed, step)
					}
					if r := recover(); r != nil {
						t.Logf("seed %d step %d", seed, step)
						panic(r)
					}
				}()
				m.step()
				if step%4 == 0 || *modelSeed != 0 {
					mustCheck(t)
					m.audit()
				}
			}()
		}
		for _, p := range m.procs {
			for va := range *p.pages {
				m.verifyPage(p, va<<12)
			}
		}
		for len(m.procs) > 0 {
			m.exit(0)
			mustCheck(t)
		}
		for _, o := range m.objs {
			o.f.Put()
		}
		stepBudget = Budget
		leak()
		if t.Failed() || *modelSeed != 0 {
			return
		}
	}
}

// tighten gives a limits that a little more reaches; loosen takes them away.
func tighten(a *Account, r *rand.Rand) {
	frames, bytes, entries := a.Usage()
	a.SetFrameLimit(frames + int64(r.Intn(6)))
	a.SetByteLimit(bytes + int64(r.Intn(30))<<12)
	a.SetEntryLimit(entries + int64(r.Intn(4)))
	a.SetDataLimit(a.used(countData) + int64(r.Intn(30))<<12)
}

func loosen(a *Account) {
	a.SetFrameLimit(NoLimit)
	a.SetByteLimit(NoLimit)
	a.SetEntryLimit(NoLimit)
	a.SetDataLimit(NoLimit)
}

// TestFailures lets single allocations, and charges, fail at random and checks that
// the state stays sound and everything comes back.
func TestFailures(t *testing.T) {
	seeds := int64(20)
	if testing.Short() {
		seeds = 5
	}
	for seed := int64(1); seed <= seeds; seed++ {
		boot(t, 24)
		leak := leakCheck(t)
		stepBudget = Budget
		eagerPages = [2]int64{8, 32}
		if seed%4 == 3 {
			stepBudget = 50
		}
		if seed%2 == 0 {
			eagerPages = [2]int64{}
		}
		r := rand.New(rand.NewSource(seed))
		f, _ := NewFileFCM(RootAccount(), 30<<12)
		procs := []*AddressSpace{newSpace(t)}
		addr := func() uint64 { return windows[3].lo + uint64(r.Intn(200))<<12 }
		for i := 0; i < 3000; i++ {
			p := procs[r.Intn(len(procs))]
			n := uint64(1+r.Intn(20)) << 12
			switch r.Intn(4) {
			case 0, 1:
				failAlloc = 1 + r.Intn(6)
			case 2:
				tighten(p.acct, r)
			}
			switch r.Intn(10) {
			case 0:
				s := MapSpec{Addr: addr(), Len: n, Prot: rw, Flags: abi.MapFixed}
				if r.Intn(2) == 0 {
					s.FCM = f
				}
				if r.Intn(2) == 0 {
					s.Flags |= abi.MapShared
				}
				p.Map(&s)
			case 1:
				p.Unmap(addr(), n)
			case 2:
				p.Protect(addr(), n, uint32(r.Intn(8)))
			case 3:
				if len(procs) < 10 {
					a, _ := NewAccount(RootAccount())
					c, e := NewAddressSpace(a)
					a.Put()
					if e != OK {
						break
					}
					var st ForkState
					done := false
					for e == OK && !done {
						done, e = Fork(p, c, &st, r.Intn(8) == 0 && st == ForkState{})
						if r.Intn(20) == 0 && !done {
							break
						}
					}
					if done {
						procs = append(procs, c)
					} else {
						failAlloc = 0
						destroy(t, c)
					}
				}
			case 4:
				if len(procs) > 1 {
					k := r.Intn(len(procs))
					destroy(t, procs[k])
					procs = append(procs[:k], procs[k+1:]...)
				}
			case 5:
				p.Advise(addr(), n, abi.AdviseDontNeed)
			case 6:
				p.Move(addr(), n, uint64(1+r.Intn(20))<<12, abi.MoveMayMove, 0)
			case 7:
				f.Resize(uint64(r.Intn(40)) << 12)
			case 8:
				if r.Intn(4) == 0 {
					if again(func() Errno { return p.Reset([]VRange{{windows[3].lo, 5 << 12}}) }) != OK {
						failAlloc = 0
						destroy(t, p)
						for k := range procs {
							if procs[k] == p {
								procs[k] = newSpace(t)
							}
						}
					}
				}
			default:
				for j := 0; j < 20; j++ {
					WriteU64(p, addr(), 1)
				}
			}
			failAlloc = 0
			for _, p := range procs {
				loosen(p.acct)
			}
			if i%4 == 0 {
				if e, s := Check(); e != OK {
					t.Fatalf("seed %d step %d: %s", seed, i, s)
				}
			}
		}
		for _, p := range procs {
			destroy(t, p)
		}
		f.Put()
		stepBudget = Budget
		leak()
		if t.Failed() {
			t.Fatal("seed", seed)
		}
	}
}
