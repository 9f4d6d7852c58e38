package amd64

import (
	"sync/atomic"
	"unsafe"
)

// Start of the application processors, one after the other. The boot CPU sends
// INIT to all, then to each a startup IPI, waits for it for a bounded time,
// compares time stamp counters and lets it go or stops it by another INIT.

const (
	initWait  = 10   // ms from INIT to the startup IPI (MultiProcessor Specification, B.4)
	startWait = 5000 // ms that a processor has to come up

	// Its time stamp counter is read until the bounds are within 10 us, or
	// tscWait ms have passed: where an emulator's CPUs share a few real ones,
	// each reading can take long.
	tscNear = 100_000 // parts of a second
	tscMin  = 3
	tscWait = 20
)

// starting is between the boot CPU and the one that starts.
var starting struct {
	state uint32 // apNone, apThere, apGo
	root  uint64
	main  func()

	// The time stamp exchange: the boot CPU counts ask up, the other one reads
	// its counter into tsc and follows with answer.
	ask, answer uint32
	tsc         uint64
}

const (
	apNone = iota
	apThere
	apGo
)

// StartCPUs starts the processors that ACPI names, up to MaxCPU with this one,
// under the page tables that are loaded. Each calls main, on its own stack, which
// ends in Run; it has SetLibOS to do. A processor that does not come, or whose
// time stamp counter disagrees with this one's, is left out with a line in the
// log. Called once on CPU 0, after Init and before Run, with the first MiB of
// memory free.
func StartCPUs(main func()) {
	self := This().APICID
	n := 0
	for _, id := range ACPI.APICIDs[:ACPI.NCPU] {
		if id != self {
			n++
		}
	}
	if n == 0 {
		return
	}
	if !lowIsRAM() {
		println("no memory below 1 MiB to start other CPUs in")
		return
	}
	starting.root = ReadCR3()
	starting.main = main
	setTrampoline(starting.root)
	for _, id := range ACPI.APICIDs[:ACPI.NCPU] {
		if id != self {
			SendIPI(id, IPIInit, 0)
		}
	}
	wait(initWait)
	for _, id := range ACPI.APICIDs[:ACPI.NCPU] {
		if id != self && NCPU < MaxCPU {
			startCPU(id)
		}
	}
	clearTrampoline()
}

// startCPU makes the processor with that APIC id CPU number NCPU.
func startCPU(id uint32) {
	i := NCPU
	p := &cpus[i]
	initStacks(i)
	p.APICID = id
	_, _, entry := entryPoints()
	*params() = apParams{entry: uint64(entry), stack: uint64(p.StackTop), cpu: uint64(uintptr(unsafe.Pointer(&p.CPU)))}
	s := &starting
	s.ask, s.answer = 0, 0
	atomic.StoreUint32(&s.state, apNone)
	for range 2 {
		SendIPI(id, IPIStartup, lowPage>>PageShift)
		if until(&s.state, apThere, startWait/2) {
			break
		}
	}
	if atomic.LoadUint32(&s.state) != apThere {
		println("CPU with APIC id", id, "does not start")
		abandon(p, id)
		return
	}
	o, ok := compareTSC()
	switch {
	case !ok:
		println("CPU with APIC id", id, "stopped while starting")
		abandon(p, id)
	case !o.agrees():
		println("CPU with APIC id", id, "left out: its time stamp counter is off by", o.lo, "to", o.hi, "ticks")
		abandon(p, id)
	default:
		println("CPU", i, "APIC id", id, "time stamp counter agrees within", o.hi-o.lo, "ticks")
		NCPU++
		atomic.StoreUint32(&s.state, apGo)
		// The next one takes over starting: let this one be done with it.
		until(&s.state, apNone, startWait)
	}
}

// abandon puts the processor back to where only a startup IPI wakes it, wherever
// it is.
func abandon(p *cpuArea, id uint32) {
	SendIPI(id, IPIInit, 0)
	wait(initWait)
	p.epoch = 0
}

// offset bounds how far ahead another CPU's time stamp counter is, in ticks.
type offset struct{ lo, hi int64 }

// unknown is the offset before anything is known.
var unknown = offset{-1 << 62, 1 << 62}

// narrow takes account of theirs, read between two readings here.
func (o *offset) narrow(before, theirs, after uint64) {
	o.lo = max(o.lo, int64(theirs-after))
	o.hi = min(o.hi, int64(theirs-before))
}

// agrees reports whether the counters may be the same.
func (o *offset) agrees() bool { return o.lo <= 0 && o.hi >= 0 }

// compareTSC bounds the starting CPU's offset; false: it does not answer.
func compareTSC() (o offset, ok bool) {
	s := &starting
	o = unknown
	end := TSC() + tscWait*(TSCHz/1000)
	for r := uint32(1); r <= tscMin || o.hi-o.lo > int64(TSCHz/tscNear); r++ {
		before := tscAfter()
		if r > tscMin && int64(before-end) > 0 {
			break
		}
		atomic.StoreUint32(&s.ask, r)
		if !until(&s.answer, r, startWait) {
			return o, false
		}
		o.narrow(before, s.tsc, tscAfter())
	}
	return o, true
}

// until waits at most ms until *word is v.
func until(word *uint32, v uint32, ms uint64) bool {
	end := TSC() + ms*(TSCHz/1000)
	for atomic.LoadUint32(word) != v {
		if int64(TSC()-end) > 0 {
			return false
		}
		Pause()
	}
	return true
}

// wait lets ms pass.
func wait(ms uint64) {
	for end := TSC() + ms*(TSCHz/1000); int64(TSC()-end) < 0; {
		Pause()
	}
}

// apEntry is where the trampoline jumps to, in long mode, with DI = params: it
// gets onto the CPU's stack and GS area and calls apStart.
func apEntry()

// apStart goes on with what Init does for the boot CPU.
func apStart() {
	p := This()
	enable()
	loadTables(int(p.ID))
	s := &starting
	WriteCR3(s.root)
	initAPIC()
	initTimer()
	atomic.StoreUint32(&s.state, apThere)
	for atomic.LoadUint32(&s.state) != apGo {
		if r := atomic.LoadUint32(&s.ask); r != s.answer {
			s.tsc = tscAfter()
			atomic.StoreUint32(&s.answer, r)
		}
		Pause()
	}
	main := s.main
	atomic.StoreUint32(&s.state, apNone)
	main()
}
