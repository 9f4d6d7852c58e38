package amd64

import "sync/atomic"

// Shootdown of translations on other CPUs.
//
// Each CPU has a word flush, of a bit for each CPU that asks it to forget
// addresses, and a bit for everything; and for each CPU that may ask a slot with
// the addresses.
//
//	The one that asks			The one that is asked
//	page tables changed			exit: epoch becomes even
//	slot, flush of the target set		full barrier
//	full barrier				flush not zero: epoch odd again,
//	epoch of the target read		  forget, begin again
//	  odd or idle: done			ring 3
//	  even: IPI, until the epoch differs
//
// Of the two barriers one is first, so that the target either sees flush
// before it reaches ring 3, or was seen in ring 3. An epoch that has changed is
// as good as an answer: the CPU is in the kernel, which does not use
// translations of the user half, and looks at flush before it leaves. An idle
// CPU comes by there too. So the IPI's handler does nothing but enter and exit,
// and does not reach the scheduler.
//
// It cannot deadlock. The one that asks is in the kernel, where nobody
// waits for it. It waits only for CPUs that were in ring 3, or within the few
// instructions (interrupts off, no loop, no lock) around it, where the IPI is
// taken at once; and the epoch changes in the first instructions of any entry,
// before the kernel could wait for anything. Locks held by the caller
// make others wait longer but not for ever; still, none should be.
//
// What is not there: a CPU that is in the kernel or idle keeps its translations
// until it leaves. It cannot use them on purpose, but a processor may walk page
// tables speculatively and set an accessed bit in a table that has been freed
// meanwhile. Emulators do not; a port to hardware that does would let idle CPUs
// load the kernel's own tables.

// MaxShootDown is how many addresses a CPU forgets singly; more: all.
const MaxShootDown = 16

const flushAll = 1 << 31

// A slot belongs to the one that asks while its bit in flush is clear, else to
// the one that is asked.
type flushSlot struct {
	n  int
	va [MaxShootDown]uint64
	_  [7]uint64
}

// flushSlots is by the number of the CPU that is asked, then the one that asks.
var flushSlots [MaxCPU][MaxCPU]flushSlot

// ShootDown makes the CPUs in the mask cpus (without this one; those that do not
// run are ignored) forget their translations of the pages at va, or all of the
// user half if va is nil, before they next execute in ring 3. The page tables
// have been changed already. When it returns no ring 3 uses what was there: the
// frames may be used for something else.
func ShootDown(cpus uint64, va []uint64) {
	self := int(This().ID)
	cpus &= 1<<NCPU - 1
	cpus &^= 1 << self
	var seen [MaxCPU]uint64
	var waits uint64
	for i := range NCPU {
		if cpus>>i&1 == 0 {
			continue
		}
		p := CPUByID(i)
		ask(p, self, va)
		if e := p.Epoch(); e&1 == 0 && !p.Idle() {
			seen[i] = e
			waits |= 1 << i
			SendIPI(p.APICID, IPIFixed, vecFlush)
		}
	}
	for i := range NCPU {
		if waits>>i&1 == 0 {
			continue
		}
		for p := CPUByID(i); p.Epoch() == seen[i]; {
			Pause()
		}
	}
}

// ask hands p a request of CPU number self. It ends in a full barrier.
func ask(p *CPU, self int, va []uint64) {
	bit := uint32(flushAll)
	s := &flushSlots[p.ID][self]
	// A slot that is still in use may be being read.
	if va != nil && len(va) <= MaxShootDown && atomic.LoadUint32(&p.flush)&(1<<self) == 0 {
		s.n = copy(s.va[:], va)
		bit = 1 << self
	}
	atomic.OrUint32(&p.flush, bit)
}

// serveFlush does what other CPUs ask of this one. Called by the exit.
func serveFlush() {
	p := This()
	w := atomic.LoadUint32(&p.flush)
	if w&flushAll != 0 {
		// What the slots taken back with it name goes too.
		atomic.SwapUint32(&p.flush, 0)
		FlushTLB()
		return
	}
	for i := range MaxCPU {
		if w>>i&1 == 0 {
			continue
		}
		s := &flushSlots[p.ID][i]
		for _, va := range s.va[:s.n] {
			InvalidatePage(va)
		}
	}
	atomic.AndUint32(&p.flush, ^w)
}
