package user

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/entry"
	"go42/linuxapi/native"
)

// The dispatchers of one process on the host: each is a goroutine (its scheduler
// stack), and so is each thread, all locked to OS threads of their own, by which
// code finds the dispatcher that it is on. Events reach enabled code when it is
// enabled, not between two instructions.

type machine struct {
	cpus    []*hostCPU
	where   sync.Map // OS thread -> *hostCPU
	threads sync.Map // *entry.Core -> *hostThread
	live    sync.WaitGroup
	stop    atomic.Bool
	ended   sync.WaitGroup
}

type hostCPU struct {
	page     *abi.DispatcherPage
	mu       sync.Mutex
	cond     *sync.Cond
	disabled uint32
	thread   *entry.Core
	on       bool // on the thread's stack
	back     chan [3]uint64
	why      string
}

type hostThread struct {
	Thread
	run   chan *hostCPU
	stack []byte
}

// How a scheduler stack is abandoned.
const (
	toThread = "to a thread"
	toClean  = "to the clean state"
)

func (m *machine) here() *hostCPU {
	c, _ := m.where.Load(syscall.Gettid())
	return c.(*hostCPU)
}

func (m *machine) Disable() uint32 {
	c := m.here()
	was := c.disabled
	c.disabled = 1
	return was
}

func (m *machine) Enable() uint64 {
	c := m.here()
	c.disabled = 0
	return atomic.LoadUint64(&c.page.Pending)
}

func (m *machine) TakePending() uint64 { return atomic.SwapUint64(&m.here().page.Pending, 0) }
func (m *machine) Page() uintptr       { return uintptr(unsafe.Pointer(m.here().page)) }
func (m *machine) OnThread() bool      { return m.here().on }
func (m *machine) Thread() *entry.Core { return m.here().thread }

func (m *machine) Switch(a, b, c uint64) {
	p := m.here()
	if p.disabled == 0 || !p.on {
		panic("Switch by whom?")
	}
	h, _ := m.threads.Load(p.thread)
	p.on = false
	t := p.thread
	atomic.StoreUint32(&t.Saved, entry.SavedCoop)
	atomic.StoreUint32(&t.OnCPU, 0)
	p.back <- [3]uint64{a, b, c}
	if a == opCall && h.(*hostThread).State() == Dead {
		runtime.Goexit()
	}
	m.where.Store(syscall.Gettid(), <-h.(*hostThread).run)
}

func (m *machine) Resume(t *entry.Core) {
	p := m.here()
	if atomic.SwapUint32(&t.OnCPU, 1) != 0 {
		panic("a thread runs twice")
	}
	p.thread, p.on, p.why = t, true, toThread
	h, _ := m.threads.Load(t)
	h.(*hostThread).run <- p
	panic(toThread)
}

// native answers native calls.
func (m *machine) native(nr uint64, a [6]uint64) (int64, uint64) {
	switch nr {
	case abi.NYield:
		p := m.here()
		switch {
		case a[0]&(abi.YieldKeep|abi.YieldGiveWay) != 0:
			runtime.Gosched()
		case atomic.LoadUint64(&p.page.Pending) != 0:
			return -abi.EAGAIN, 0
		default:
			p.why = toClean
			m.timer(p)
			panic(toClean)
		}
	case abi.NSetTimer:
		m.timer(m.here())
	case abi.NPoke:
		m.post(m.cpus[a[0]], abi.EventPoke)
	default:
		return -abi.ENOSYS, 0
	}
	return 0, 0
}

func (m *machine) timer(p *hostCPU) {
	if at := p.page.Deadline; at != 0 {
		time.AfterFunc(time.Duration(int64(at-Now())), func() { m.post(p, abi.EventTimer) })
	}
}

func (m *machine) post(p *hostCPU, bits uint64) {
	p.mu.Lock()
	atomic.OrUint64(&p.page.Pending, bits)
	p.mu.Unlock()
	p.cond.Signal()
}

// upcall runs f on p's scheduler stack until that is abandoned.
func (m *machine) upcall(f func()) {
	defer func() {
		if r := recover(); r != toThread && r != toClean {
			panic(r)
		}
	}()
	f()
}

func (m *machine) dispatch(p *hostCPU) {
	runtime.LockOSThread()
	defer m.ended.Done()
	m.where.Store(syscall.Gettid(), p)
	next := func() { run(abi.RunThread, uint64(p.page.CPU)) }
	for {
		p.disabled = 1
		m.upcall(next)
		if p.why == toThread {
			op := <-p.back
			next = func() { switched(p.thread, op[0], op[1], op[2]) }
			continue
		}
		p.mu.Lock()
		for atomic.LoadUint64(&p.page.Pending) == 0 && p.page.Runnable == 0 && !m.stop.Load() {
			p.cond.Wait()
		}
		p.mu.Unlock()
		if m.stop.Load() {
			return
		}
		next = func() { run(abi.RunResume, 0) }
	}
}

// boot makes a machine of n dispatchers.
func boot(t *testing.T, n int) *machine {
	m := new(machine)
	for i := range n {
		p := &hostCPU{page: &abi.DispatcherPage{Index: uint32(i), CPU: uint32(i)}, back: make(chan [3]uint64, 1)}
		p.cond = sync.NewCond(&p.mu)
		m.cpus = append(m.cpus, p)
		disps[i].reset(uint32(i))
		disps[i].page = p.page
	}
	ndisp, barrier, spawning, Lazy = uint32(n), 0, 0, false
	native.Host, entry.Host = m.native, m
	hostCurrent = func() *Dispatcher { return &disps[m.here().page.Index] }
	for _, p := range m.cpus {
		m.ended.Add(1)
		go m.dispatch(p)
	}
	t.Cleanup(func() {
		m.stop.Store(true)
		for _, p := range m.cpus {
			m.post(p, abi.EventPoke)
		}
		m.ended.Wait()
		native.Host, entry.Host, hostCurrent = nil, nil, nil
		ndisp = 1
		disps[0].reset(0)
	})
	return m
}

// thread makes a thread that runs f; StartProgram needs a dispatcher, so the first
// ones are put on dispatcher 0's queue from outside.
func (m *machine) thread(f func(t *Thread)) *Thread {
	h := &hostThread{run: make(chan *hostCPU, 1), stack: make([]byte, 64<<10)}
	lo := uint64(uintptr(unsafe.Pointer(&h.stack[0])))
	h.Init(lo, lo+64<<10, lo, 0)
	t := &h.Thread
	m.threads.Store(&t.Core, h)
	m.live.Add(1)
	go func() {
		runtime.LockOSThread()
		m.where.Store(syscall.Gettid(), <-h.run)
		Restore(0)
		f(t)
		ExitThread(func(*Thread) { m.live.Done() })
	}()
	t.setState(Ready)
	q := &disps[0].queue
	for !atomic.CompareAndSwapUint32(&q.lock.v, 0, 1) {
		runtime.Gosched()
	}
	q.push(t, &q.run, false)
	q.lock.drop()
	m.post(m.cpus[0], abi.EventPoke)
	for i := range m.cpus {
		if atomic.CompareAndSwapUint32(&disps[i].idle, 1, 0) {
			m.post(m.cpus[i], abi.EventPoke)
		}
	}
	return t
}

// wait waits until all threads have ended.
func (m *machine) wait(t *testing.T) {
	done := make(chan bool)
	go func() { m.live.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(3 * time.Minute):
		for i := range m.cpus {
			d := &disps[i]
			t.Logf("dispatcher %d: idle %d rest %d parked %d poked %d queued %d pending %#x", i, d.idle, d.rest, d.parked, d.poked, d.queue.n, d.page.Pending)
		}
		m.threads.Range(func(_, v any) bool {
			h := v.(*hostThread)
			t.Logf("thread: word %#x on %d", h.word, h.disp)
			return true
		})
		b := make([]byte, 1<<20)
		t.Fatalf("hangs; barrier %d\n%s", barrier, b[:runtime.Stack(b, true)])
	}
}
