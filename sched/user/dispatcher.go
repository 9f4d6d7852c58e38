package user

import (
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/entry"
	"go42/linuxapi/native"
)

// Dispatcher is this process's presence on one CPU. What is not said to be
// shared only its own CPU touches, disabled.
type Dispatcher struct {
	page     *abi.DispatcherPage
	index    uint32
	preempt  bool    // the running thread is to make way
	soft     bool    // the kernel asked for the CPU
	between  bool    // no thread runs: what follows brings the deadline up to date
	armed    uint64  // the Deadline that the kernel knows
	slice    uint64  // when the running thread's turn ends if others wait; 0: none
	turn     uint64  // for how long it can run then, ns
	quick    bool    // its wait has ended, and it has not yet used a turn: see turn.go
	woke     bool    // a thread was made ready that comes before it
	hurried  bool    // slice was made earlier for that one
	alone    *Thread // what it waits for at the barrier
	held     uint64  // event bits put off until the barrier goes
	yields   uint32  // sched_yields since other processes had their chance
	crowded  uint64  // since when threads have waited in the queue, as far as was seen; 0: they have not
	waiting  bool    // EventCall was seen: calls may wait in the kernel
	notified uint64  // channels not yet told to a receiver
	events   uint64  // EventExits, EventLasts, EventNotify not yet told to a receiver
	// receivers are the threads parked for calls, newest first (its stack is warm).
	receivers list

	// Shared, written by its own dispatcher: see cputime.go.
	acct account

	// Shared: atomic words.
	cpu    uint32 // where it runs
	idle   uint32 // 1: clean, with nothing to run; whoever clears it wakes it
	rest   uint32 // 1: clean: it touches nothing of the process until an upcall
	parked uint32 // 1: at rest until the barrier goes
	poked  uint32 // 1: a poke is on its way: no second one is needed

	// Shared, each with its own lock.
	queue  runQueue
	timers heap
}

var (
	disps [abi.MaxDispatchers]Dispatcher
	// ndisp is the number of dispatchers in use: disps[:ndisp]. Atomic; it only
	// grows, but for fork.
	ndisp uint32 = 1
	// spawning is the right to add a dispatcher. Atomic.
	spawning uint32
)

// Lazy lets a dispatcher be added when a thread finds all CPUs of the process
// busy. Servers have one where their receivers are pinned.
var Lazy bool

// forced is the number of dispatchers that every process is to have, whatever
// the number of CPUs (go42.dispatchers=N on the kernel's command line: for
// tests); 0: as many as it needs.
var forced uint32

// Dispatchers answers how many dispatchers the process has.
func Dispatchers() int { return int(atomic.LoadUint32(&ndisp)) }

// all are the dispatchers in use.
func all() []Dispatcher { return disps[:atomic.LoadUint32(&ndisp)] }

// several reports whether there is more than one.
func several() bool { return atomic.LoadUint32(&ndisp) > 1 }

// Setup makes dispatcher 0 of a process that begins: nothing of the memory's
// former owner's is used. On the scheduler stack, before any thread exists.
func Setup() {
	info := native.Info()
	p := pageHere()
	for i := range all() {
		disps[i].reset(uint32(i)) // not the others: their memory is untouched
	}
	d := &disps[0]
	d.page = p
	d.cpu = p.CPU
	d.bind()
	ndisp, spawning, barrier, told, counting = 1, 0, 0, 0, 0
	textLo, textHi = info.LibOSText[0], info.LibOSText[1]
	exitLo, exitHi = entry.Range()
	if info.XCR0 == 0 {
		entry.UseFX()
	}
	// What has been notified since the start stays.
	p.Accept, p.Deadline = 0, 0
	forced = option(info)
}

// reset forgets everything but the timers' memory.
func (d *Dispatcher) reset(index uint32) {
	d.timers.reset()
	d.page, d.index = nil, index
	d.preempt, d.soft, d.between, d.woke, d.waiting = false, false, true, false, false
	d.armed, d.slice, d.held, d.notified, d.events, d.crowded = 0, 0, 0, 0, 0, 0
	d.turn, d.quick, d.hurried = sliceNS, false, false
	d.receivers, d.alone = list{}, nil
	d.cpu, d.idle, d.rest, d.parked, d.poked = 0, 0, 0, 0, 0
	d.acct = account{}
	d.queue.reset()
}

func pageHere() *abi.DispatcherPage {
	p := entry.Page()
	return *(**abi.DispatcherPage)(unsafe.Pointer(&p))
}

// bind makes d what current answers on its CPU.
func (d *Dispatcher) bind() {
	d.page.Private[entry.PrivDispatcher] = uint64(uintptr(unsafe.Pointer(d)))
}

// begin is the first upcall of a further dispatcher, on its own page.
func begin(arg uint64) *Dispatcher {
	p := pageHere()
	d := &disps[p.Index]
	d.page = p
	atomic.StoreUint32(&d.cpu, uint32(arg))
	d.bind()
	publish(p.Index)
	return d
}

// publish makes ndisp cover dispatcher i: the new one and its maker do, so that
// neither has to wait for the other.
func publish(i uint32) {
	for {
		n := atomic.LoadUint32(&ndisp)
		if n > i || atomic.CompareAndSwapUint32(&ndisp, n, i+1) {
			return
		}
	}
}

// spawn adds a dispatcher on cpu; nil: it cannot be, or somebody is at it.
// The kernel numbers them in turn. Disabled.
func spawn(cpu uint32) *Dispatcher {
	if atomic.LoadUint32(&barrier) != 0 || !atomic.CompareAndSwapUint32(&spawning, 0, 1) {
		return nil
	}
	var d *Dispatcher
	n := atomic.LoadUint32(&ndisp)
	if n == abi.MaxDispatchers {
		atomic.StoreUint32(&spawning, 0)
		return nil
	}
	disps[n].reset(n) // before it can begin
	if i := native.SpawnDisp(uint64(cpu), uint64(cpu)); i == int64(n) {
		d = &disps[i]
		atomic.StoreUint32(&d.cpu, cpu)
		if n == 1 {
			// From now on the kernel moves us no more.
			atomic.StoreUint32(&disps[0].cpu, CPU())
		}
		publish(d.index)
	}
	atomic.StoreUint32(&spawning, 0)
	return d
}

// spawnForced brings the process to the number of dispatchers that the command
// line asks for.
func spawnForced() {
	n := uint32(max(native.Info().NCPU, 1))
	for i := uint32(1); i < forced; i++ {
		if spawn(i%n) == nil {
			return
		}
	}
}

// CPU is where the calling thread runs; it may be elsewhere at any time unless
// disabled.
func CPU() uint32 { return atomic.LoadUint32(&pageHere().CPU) }

// poke makes dispatcher e look at what others have left for it. Disabled, or on
// a thread that stays.
func poke(e *Dispatcher) {
	if atomic.CompareAndSwapUint32(&e.poked, 0, 1) {
		native.Poke(uint64(e.index))
	}
}

// leaving prepares d for a native call that leaves it clean, and reports whether
// it has something to run all the same. The kernel reads the deadline then. One
// that it knows already stays, though nothing may be due any more: a stale one
// costs one empty event, a new one for each turn would cost a call each time.
func (d *Dispatcher) leaving() (more bool) {
	more = d.queue.some()
	if several() {
		atomic.StoreUint32(&d.rest, 1)
		if by := atomic.LoadUint32(&barrier); by != 0 && by != d.index+1 {
			poke(&disps[by-1])
		}
		if !more {
			// First say so, then look: who makes a thread ready does it the
			// other way round, and one of both sees the other.
			atomic.StoreUint32(&d.idle, 1)
			if d.elsewhere() {
				more = true
				atomic.StoreUint32(&d.idle, 0)
			}
		}
	}
	at := d.timers.earliest()
	if d.armed != 0 && (at == 0 || d.armed < at) {
		at = d.armed
	}
	d.page.Deadline = at
	d.armed = at
	d.page.Runnable = b2u(more)
	return more
}

// back: d is clean no more.
func (d *Dispatcher) back() {
	if several() {
		atomic.StoreUint32(&d.rest, 0)
		atomic.StoreUint32(&d.idle, 0)
		atomic.StoreUint32(&d.parked, 0)
	} else {
		atomic.StoreUint32(&d.cpu, atomic.LoadUint32(&d.page.CPU)) // the kernel may have moved it
	}
}

// rearm brings the dispatcher's deadline up to date, and tells the kernel if it
// is earlier than the one that it knows: a later one costs a call that finds
// nothing due.
func (d *Dispatcher) rearm(others bool) {
	if d.between || d.page == nil {
		return
	}
	at := d.timers.earliest()
	if others {
		if d.slice == 0 {
			turn := d.turn
			if canGrow() {
				turn = min(turn, growAfter)
			}
			d.slice = Now() + turn
		}
		if d.hurry() {
			d.hurried = true
			d.slice = min(d.slice, Now()+quickNS)
		}
		if at == 0 || d.slice < at {
			at = d.slice
		}
	}
	if at != 0 && (d.armed == 0 || at < d.armed) {
		d.page.Deadline = at
		d.armed = at
		native.SetTimer()
	}
}

func b2u(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// option reads go42.dispatchers=N, 1..abi.MaxDispatchers; 0: not there.
func option(info *abi.InfoPage) uint32 {
	const key = "go42.dispatchers="
	c := info.Cmdline[:min(info.CmdlineLen, uint64(len(info.Cmdline)))]
	for i := 0; i+len(key) < len(c); i++ {
		if string(c[i:i+len(key)]) == key {
			if v := c[i+len(key)]; v >= '1' && v <= '0'+abi.MaxDispatchers {
				return uint32(v - '0')
			}
		}
	}
	return 0
}
