package user

import (
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/native"
)

// CPU time of threads. The kernel says in each dispatcher's page what that has
// used; when another thread begins to run there the difference is that of the one
// before. Nothing is counted in a process that never had a second thread: its
// time is that of its only one.
//
// A dispatcher writes its account itself, between two steps of acct.seq (odd:
// within), so that others read used, ran and mark as they belong together.

// account is a dispatcher's record of who runs.
type account struct {
	seq  uint32
	ran  uint64 // address of the thread whose time it is since mark; 0: nobody's
	mark uint64 // of the dispatcher's clock, ns
}

// counting is 1 once threads' times are counted. Atomic.
var counting uint32

// processTime is the CPU time that the process has used, in ns.
func processTime() uint64 {
	var pi abi.ProcessInfo
	if native.ProcessInfo(0, &pi) < 0 {
		return 0
	}
	return pi.UserNS + pi.SysNS
}

// cpuTime is what d has used, in ns: up to now if it runs.
func (d *Dispatcher) cpuTime() uint64 {
	for {
		used := d.page.CPUTime.Load()
		if !used.Runs() {
			return used.At(0)
		}
		now := Now()
		// Otherwise it has been interrupted, or moved, meanwhile.
		if d.page.CPUTime.Load() == used {
			return used.At(now)
		}
	}
}

// CountThreads begins to count the times of threads: the caller, the only one
// so far, is about to make a second. Servers do not: they would read the clock at
// each call that they serve.
func CountThreads() {
	if atomic.LoadUint32(&counting) != 0 || !Lazy {
		return
	}
	was := Disable()
	t, d := Current(), current()
	t.used = processTime()
	d.acct.ran, d.acct.mark = holder(t), d.cpuTime()
	atomic.StoreUint32(&counting, 1)
	Restore(was)
}

// charge makes t (nil: nobody) the one whose time it is on d from now on.
// Disabled.
func (d *Dispatcher) charge(t *Thread) {
	if atomic.LoadUint32(&counting) != 0 && d.acct.ran != holder(t) {
		d.book(t)
	}
}

// book gives the thread whose time it was so far what it has used.
func (d *Dispatcher) book(t *Thread) {
	a := &d.acct
	was := a.ran
	now := d.cpuTime()
	atomic.AddUint32(&a.seq, 1)
	if was != 0 {
		// Threads are never moved, and their memory stays.
		u := *(**Thread)(unsafe.Pointer(&was))
		atomic.AddUint64(&u.used, now-a.mark)
		atomic.AddUint64(&u.spent, now-a.mark)
	}
	atomic.StoreUint64(&a.ran, holder(t))
	atomic.StoreUint64(&a.mark, now)
	atomic.AddUint32(&a.seq, 1)
}

// spent is what t, which nobody else runs, has used of its turn, in ns.
func (d *Dispatcher) spent(t *Thread) uint64 {
	ns := atomic.LoadUint64(&t.spent)
	if d.acct.ran == holder(t) {
		ns += d.cpuTime() - d.acct.mark
	}
	return ns
}

// CPUTime is the CPU time that t has used, in ns. t must not end meanwhile.
func (t *Thread) CPUTime() uint64 {
	if atomic.LoadUint32(&counting) == 0 {
		return processTime()
	}
	was := Disable()
	for n := 0; ; n++ {
		before := accounts()
		ns := atomic.LoadUint64(&t.used)
		ds := all()
		for i := range ds {
			if a := &ds[i].acct; atomic.LoadUint64(&a.ran) == holder(t) {
				ns += ds[i].cpuTime() - atomic.LoadUint64(&a.mark)
			}
		}
		if before&1 == 0 && accounts() == before {
			Restore(was)
			return ns
		}
		pause(n)
	}
}

// accounts is a number that is odd while a dispatcher writes its account, or two
// do, and is another one afterwards.
func accounts() uint32 {
	sum, busy := uint32(0), uint32(0)
	ds := all()
	for i := range ds {
		s := atomic.LoadUint32(&ds[i].acct.seq)
		busy |= s & 1
		sum += s &^ 1
	}
	return sum | busy
}
