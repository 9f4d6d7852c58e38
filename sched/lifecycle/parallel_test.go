package lifecycle

import (
	"math/rand"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/ipc/handle"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/mm/spin"
	"go42/sched"
)

// TestParallel runs several CPUs at once, each a thread of the host: programs call
// servers with a dispatcher on each CPU, which call each other, and are moved, stopped,
// killed, made anew and executed meanwhile. A CPU that is idle, or whose program
// computes, enters the kernel by an interrupt only; so who has been forgotten stays so,
// and fails the test at the end, when everybody is to have been answered.
func TestParallel(t *testing.T) {
	for seed := range int64(6) {
		if !t.Failed() {
			(&parallel{t: t}).run(seed)
		}
	}
}

const parallelCPUs = 3

type parallel struct {
	t       *testing.T
	w       *world
	phase   uint32 // atomic
	libs    sync.Map
	servers [2]*sched.Process
	tids    [parallelCPUs]int64 // atomic
	clients int64               // atomic
	answers int64               // atomic
}

// Phases: all that is; nothing new, until all is answered; the end.
const (
	storming = iota
	draining
	closing
	over
)

// lib is a libOS: who runs its dispatcher has it.
type lib struct {
	d      *sched.Dispatcher
	kpid   uint64
	server bool
	spins  bool            // it computes for ever, and yields when it is asked to
	calls  []uint64        // handles that it may call
	out    map[uint64]bool // tags of calls that are not answered
	taken  []uint64        // records that it has to answer
	tag    uint64
	alarm  uint64 // EventTimer is to come then; 0: none
	events uint64 // those that it has taken and not seen to
	quiet  uint32 // it waits for nothing; atomic
}

type pcpu struct {
	*parallel
	id int
	c  *sched.CPU
	r  *rand.Rand
}

func (m *parallel) cpu() int {
	tid := int64(syscall.Gettid())
	for i := range m.tids {
		if atomic.LoadInt64(&m.tids[i]) == tid {
			return i
		}
	}
	return 0
}

func key(d *sched.Dispatcher) uint64 { return d.Proc.KPid*abi.MaxDispatchers + uint64(d.Index) }

func (m *parallel) add(d *sched.Dispatcher, server bool, calls []uint64) *lib {
	l := &lib{d: d, kpid: d.Proc.KPid, server: server, calls: calls, out: map[uint64]bool{}}
	m.libs.Store(key(d), l)
	return l
}

func (m *parallel) lib(d *sched.Dispatcher) *lib {
	v, ok := m.libs.Load(key(d))
	if !ok {
		return nil
	}
	return v.(*lib)
}

// spread gives server s a dispatcher on each CPU. In a kernel entry.
func (m *parallel) spread(s *sched.Process, calls []uint64) {
	for k := 1; k < parallelCPUs; k++ {
		// It can begin at once.
		m.libs.Store(s.KPid*abi.MaxDispatchers+uint64(k), &lib{kpid: s.KPid, server: true, calls: calls, out: map[uint64]bool{}})
		if st := Spawn(sched.This(), s, uint64(k), 0); st != int64(k) && st != -abi.ESRCH {
			m.t.Error("no dispatcher:", st)
		}
	}
}

// client makes a program. On a CPU, in a kernel entry.
func (m *parallel) client(spins bool) {
	p := sched.NewProcess(Account)
	if p == nil {
		return
	}
	c := sched.This()
	p.Rank = abi.RankApp
	var err mm.Errno
	if p.Space, err = mm.NewAddressSpace(p.Acct); err != mm.OK {
		m.t.Error("no memory")
		return
	}
	if First(p, c, nil) != 0 || image(p) != mm.OK {
		m.t.Error("no memory")
		return
	}
	var hs []uint64
	for _, s := range m.servers {
		h, err := ppc.NewHandle(p, handle.KindObject, s.KPid, 1, nil)
		if err != 0 {
			m.t.Error("no handle")
			return
		}
		hs = append(hs, h)
	}
	m.add(p.Dispatcher(0), false, hs).spins = spins
	atomic.AddInt64(&m.clients, 1)
	Run(c, p, abi.RunFork, 0)
}

func (m *parallel) run(seed int64) {
	t := m.t
	for i := 0; ; { // what other tests have left
		p := sched.Each(&i)
		if p == nil {
			break
		}
		Die(p, 0)
	}
	for range 1000 {
		sched.This().Step()
	}
	amd64.NCPU = parallelCPUs
	m.w = newWorld(t, seed)
	defer func(n int) { runtime.GOMAXPROCS(n); amd64.NCPU, sched.HostCPUs = 1, 1 }(runtime.GOMAXPROCS(max(parallelCPUs, runtime.GOMAXPROCS(0))))
	sched.HostCPUs, sched.HostIPI = parallelCPUs, 0
	for i := range sched.Entries {
		sched.Entries[i] = 0x1000 + uint64(i)
	}
	for i := 1; i < parallelCPUs; i++ {
		sched.InitCPU(i)
	}
	m.add(m.w.manager.Dispatcher(0), true, nil)
	for i := range m.servers {
		s := m.w.boot(abi.RankFile+uint32(i), abi.RoleServer)
		m.servers[i] = s
		var calls []uint64
		if i > 0 {
			h, _ := ppc.NewHandle(s, handle.KindObject, m.servers[0].KPid, 1, nil)
			calls = append(calls, h)
		}
		m.add(s.Dispatcher(0), true, calls)
		m.spread(s, calls)
	}
	for range parallelCPUs - 1 {
		m.client(true)
	}
	spin.CPU = m.cpu
	var wg, ready sync.WaitGroup
	ready.Add(parallelCPUs)
	for i := range parallelCPUs {
		wg.Go(func() {
			runtime.LockOSThread()
			atomic.StoreInt64(&m.tids[i], int64(syscall.Gettid()))
			ready.Done()
			ready.Wait()
			(&pcpu{m, i, sched.ByID(i), rand.New(rand.NewSource(seed*64 + int64(i)))}).loop()
			atomic.StoreInt64(&m.tids[i], 0)
		})
	}
	await := func(what string, done func() bool) {
		for end := time.Now().Add(2 * time.Minute); !done(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				sched.Dump()
				println("time", sched.Now())
				m.libs.Range(func(k, v any) bool {
					l := v.(*lib)
					if p := sched.Find(l.kpid); p != nil && p.State() != sched.Dying {
						println("process", l.kpid, "index", k.(uint64)%abi.MaxDispatchers, "quiet", atomic.LoadUint32(&l.quiet), "out", len(l.out), "taken", len(l.taken), "alarm", l.alarm)
					}
					return true
				})
				t.Errorf("seed %d: %s", seed, what)
				return
			}
		}
	}
	dur := time.Second
	if testing.Short() {
		dur /= 8
	}
	time.Sleep(dur)
	await("too few answers", func() bool { return atomic.LoadInt64(&m.answers) >= 100 })
	atomic.StoreUint32(&m.phase, draining)
	await("somebody waits for ever", func() bool {
		all := true
		m.libs.Range(func(_, v any) bool {
			l := v.(*lib)
			p := sched.Find(l.kpid)
			all = all && (p == nil || p.State() == sched.Dying || atomic.LoadUint32(&l.quiet) != 0)
			return all
		})
		return all
	})
	atomic.StoreUint32(&m.phase, closing)
	await("not all ends", func() bool { return sched.Live() == 0 })
	atomic.StoreUint32(&m.phase, over)
	wg.Wait()
	spin.CPU = nil
	for i := range parallelCPUs {
		sched.HostEpoch[i] = 0
	}
	if t.Failed() {
		return
	}
	for mm.Work(1000) {
	}
	if recs, lvs := ppc.Counts(); recs != 0 || lvs != 0 {
		t.Errorf("seed %d: left %d records, %d leaves", seed, recs, lvs)
	}
	t.Log("seed", seed, "clients", m.clients, "answers", m.answers)
}

// enter is a kernel entry that does f.
func (v *pcpu) enter(f func()) {
	atomic.AddUint64(&sched.HostEpoch[v.id], 1)
	atomic.AndUint64(&sched.HostIPI, ^(1 << v.id))
	if f != nil {
		f()
	}
	sched.HostLeave(v.c)
	atomic.AddUint64(&sched.HostEpoch[v.id], 1)
}

func (v *pcpu) loop() {
	for !v.t.Failed() {
		phase := atomic.LoadUint32(&v.phase)
		if phase == over {
			return
		}
		atomic.AddUint64(&sched.HostTime, uint64(v.r.Intn(2000)))
		switch {
		case sched.HostInterrupted() && v.r.Intn(3) != 0:
			v.enter(nil)
		case v.r.Intn(40) == 0 && phase == storming:
			v.enter(v.meddle)
		case v.id == 0 && v.r.Intn(20) == 0: // others are not to be helped by it
			v.enter(func() {
				NextExit(v.w.manager, dataVA)
				if phase == draining {
					v.all(func(p *sched.Process) { Manage(v.c, v.w.manager, abi.NResume, p.KPid, 0) })
				}
				if phase == closing {
					v.all(func(p *sched.Process) {
						if p != v.w.manager || sched.Live() == 1 {
							Die(p, 0)
						}
					})
				}
			})
		case v.c.Current == nil:
			runtime.Gosched()
		default:
			v.ring3(v.lib(v.c.Current), phase)
		}
	}
}

// all calls f for all that have begun and live.
func (v *pcpu) all(f func(p *sched.Process)) {
	for i := 0; ; {
		p := sched.Each(&i)
		if p == nil {
			return
		}
		if s := p.State(); s == sched.Running || s == sched.Suspended {
			f(p)
		}
	}
}

// meddle is what others do to programs.
func (v *pcpu) meddle() {
	var ps []*sched.Process
	v.all(func(p *sched.Process) {
		if p.Rank == abi.RankApp && !v.lib(p.Dispatcher(0)).spins {
			ps = append(ps, p)
		}
	})
	if len(ps) < 8 && !crowded(v.c) {
		v.client(false)
	}
	if len(ps) == 0 {
		return
	}
	p := ps[v.r.Intn(len(ps))]
	switch v.r.Intn(8) {
	case 0:
		Die(p, 9)
	case 1, 2:
		Manage(v.c, v.w.manager, abi.NSuspend, p.KPid, 0)
	case 3, 4, 5:
		Manage(v.c, v.w.manager, abi.NResume, p.KPid, 0)
	default:
		v.c.Notify(p, uint(v.r.Intn(8)))
	}
}

// ring3 is something that l does, whose dispatcher runs here.
func (v *pcpu) ring3(l *lib, phase uint32) {
	if l == nil {
		v.t.Error("who runs?")
		return
	}
	c, r := v.c, v.r
	d := c.Current
	page := d.Page
	l.d = d
	if l.spins {
		v.spin(l)
		return
	}
	atomic.StoreUint32(&l.quiet, 0)
	entry, why := d.Ctx.Regs.RIP, d.Ctx.Regs.RDI
	d.Ctx.Regs.RIP = 0
	switch entry {
	case sched.Entries[abi.EntryRun]:
		if why == abi.RunExec {
			l.out, l.taken, l.alarm, l.events = map[uint64]bool{}, nil, 0, 0
			if l.server {
				v.enter(func() { v.spread(d.Proc, l.calls) })
				return
			}
		}
	case sched.Entries[abi.EntryCall]:
		l.taken = append(l.taken, page.Call.Record)
	case sched.Entries[abi.EntryReturn]:
		v.returned(l)
	}
	if !l.server && r.Intn(4) == 0 { // it computes, and takes events
		atomic.StoreUint32(&page.Disabled, 0)
		return
	}
	atomic.StoreUint32(&page.Disabled, 1)
	l.events |= atomic.SwapUint64(&page.Pending, 0)
	if l.events&abi.EventTimer != 0 {
		l.alarm = 0
	}
	if !l.server || len(l.taken) == 3 {
		l.events &^= abi.EventCall // more receivers look for themselves: Accept
	}
	switch l.events &= abi.EventReturn | abi.EventCall | abi.EventLasts; {
	case l.events&abi.EventReturn != 0:
		v.enter(func() {
			if ppc.NextReturn(d) == 0 {
				v.returned(l)
			} else {
				l.events &^= abi.EventReturn
			}
		})
		return
	case l.events&abi.EventLasts != 0:
		v.enter(func() {
			if g := d.Proc.PopLast(uint64(d.Index)); g != nil {
				ppc.Handles.Grants.Put(g)
			} else {
				l.events &^= abi.EventLasts
			}
		})
		return
	case l.events != 0:
		v.enter(func() {
			if ppc.TakeCall(d) == 0 {
				l.taken = append(l.taken, page.Call.Record)
			} else {
				l.events = 0
			}
		})
		return
	}
	switch k := r.Intn(10); {
	case len(l.taken) > 0 && k < 7:
		i := r.Intn(len(l.taken))
		id := l.taken[i]
		l.taken = append(l.taken[:i], l.taken[i+1:]...)
		receive := r.Intn(3) != 0
		v.rest(l)
		v.enter(func() {
			if st := ppc.Reply(c, d, id, 0, 0, receive); st != 0 && st != -abi.ESRCH {
				v.t.Error("reply:", st)
			}
		})
	case len(l.calls) > 0 && len(l.out) < 3 && k < 9 && phase == storming && (!l.server || len(l.taken) > 0):
		l.tag++
		tag := l.tag
		l.out[tag] = true
		page.Out.Len, page.Out.NRanges, page.Out.NGrants = 0, 0, 0
		v.rest(l)
		h := l.calls[r.Intn(len(l.calls))]
		v.enter(func() {
			if st := ppc.Invoke(c, d, h, 1, d.VA+abi.OffOut, tag); st < 0 {
				delete(l.out, tag)
				c.SetDeadline(d, page.Deadline)
			}
		})
	case k == 9 && !l.server && phase == storming && r.Intn(8) == 0:
		v.enter(func() {
			r := &d.Ctx.Regs
			r.RAX = 0
			c.SetCPU(d.Proc, 0, uint64(v.r.Intn(parallelCPUs)), ^uint64(0))
		})
	case k == 9 && d.Index == 0 && d.Proc != v.w.manager && phase == storming && r.Intn(8) == 0 && (!l.server || r.Intn(30) == 0):
		v.enter(func() {
			p := d.Proc
			p.Space.Unmap(parcelVA, abi.PageSize)
			if _, err := p.Space.Map(&mm.MapSpec{Addr: parcelVA, Len: abi.PageSize, Prot: 3, Flags: abi.MapLibOS | abi.MapFixed}); err == mm.OK {
				mm.CopyOut(p.Space, parcelVA, []byte{1})
				if st := Reset(c, d, parcelVA, 8); st < 0 && st != -abi.ESRCH {
					v.t.Error("reset:", st)
				}
			}
		})
	default:
		more := r.Intn(8) == 0
		if !more && l.alarm == 0 && r.Intn(4) == 0 && phase == storming {
			l.alarm = sched.Now() + uint64(r.Intn(300_000))
		}
		v.rest(l)
		v.enter(func() {
			if atomic.LoadUint64(&page.Pending) != 0 {
				c.SetDeadline(d, page.Deadline)
				return
			}
			c.Clean(more || page.Runnable != 0)
		})
	}
}

// spin is a program that computes: it enters the kernel by interrupts only.
func (v *pcpu) spin(l *lib) {
	atomic.StoreUint32(&l.quiet, 1)
	atomic.AddUint64(&sched.HostTime, uint64(v.r.Intn(100_000)))
	p := l.d.Page
	if atomic.SwapUint64(&p.Pending, 0)&abi.EventYield != 0 {
		v.enter(func() { v.c.Clean(true) })
		return
	}
	atomic.StoreUint32(&p.Disabled, 0)
}

// rest prepares l for a call that leaves it clean.
func (v *pcpu) rest(l *lib) {
	p := l.d.Page
	p.Deadline = l.alarm
	atomic.StoreUint32(&p.Runnable, 0)
	if len(l.taken) != 0 {
		atomic.StoreUint32(&p.Runnable, 1)
	}
	if l.server {
		atomic.StoreUint32(&p.Accept, uint32(max(3-len(l.taken), 0)))
	}
	if len(l.out)+len(l.taken) == 0 && l.alarm == 0 {
		atomic.StoreUint32(&l.quiet, 1)
	}
}

// returned takes the reply in l's page.
func (v *pcpu) returned(l *lib) {
	tag := l.d.Page.Return.Tag
	if !l.out[tag] {
		v.t.Errorf("an answer to call %d, which is not out", tag)
	}
	delete(l.out, tag)
	atomic.AddInt64(&v.answers, 1)
}
