package amd64

import (
	"sync/atomic"

	"go42/boot/rt"
)

// A panic on one of several CPUs. It claims the report, stops all others by
// NMI, which strikes wherever they are, prints, and ends the machine. CPUs
// that panic while another reports print theirs after it. A panic in a report
// ends the machine at once.

var report struct {
	owner   uint32 // 1 + the CPU that prints; 0: nobody has panicked
	claimed uint32 // mask of the CPUs that panic or have
	stopped uint32 // mask of those that the NMI has stopped
	done    uint32 // mask of those that have reported
	where   [MaxCPU]stopPlace
}

// stopPlace is where the NMI struck.
type stopPlace struct {
	rip  uintptr
	user bool
	idle bool
}

// stopLimit is how many ms the others have to stop. They do so at once, unless
// this is a guest whose host has no time for one of its CPUs.
const stopLimit = 5000

// Reporting says whether a CPU has panicked.
func Reporting() bool { return atomic.LoadUint32(&report.owner) != 0 }

// beginReport returns when it is this CPU's turn to print and the others that
// could be have been stopped.
func beginReport() {
	disableInterrupts()
	me := This().ID
	if atomic.OrUint32(&report.claimed, 1<<me)&(1<<me) != 0 {
		Exit(ExitPanic)
	}
	if atomic.CompareAndSwapUint32(&report.owner, 0, me+1) {
		stopOthers(me)
	} else {
		for atomic.LoadUint32(&report.owner) != me+1 {
			Pause()
		}
	}
	if h := Handler.Report; h != nil {
		h()
	}
}

func stopOthers(me uint32) {
	for i := range NCPU {
		if uint32(i) != me {
			SendIPI(cpus[i].APICID, IPINMI, 0)
		}
	}
	all := uint32(1)<<NCPU - 1
	end := TSC() + stopLimit*(TSCHz/1000)
	for (atomic.LoadUint32(&report.stopped)|atomic.LoadUint32(&report.claimed)|1<<me)&all != all {
		if int64(TSC()-end) > 0 {
			return
		}
		Pause()
	}
}

// stopHere is the end of this CPU if another has panicked: called at an NMI. One
// that panics itself waits for its turn instead.
func stopHere(f *Frame) {
	p := This()
	bit := uint32(1) << p.ID
	if atomic.LoadUint32(&report.owner) == 0 || atomic.LoadUint32(&report.claimed)&bit != 0 {
		return
	}
	report.where[p.ID] = stopPlace{uintptr(f.RIP), f.CS&3 != 0, p.Idle()}
	atomic.OrUint32(&report.stopped, bit)
	stop()
}

// endReport says what the other CPUs were doing and hands on to one that has
// panicked meanwhile, or ends the machine.
func endReport() {
	me := This().ID
	stopped, claimed := atomic.LoadUint32(&report.stopped), atomic.LoadUint32(&report.claimed)
	for i := range NCPU {
		w := &report.where[i]
		switch {
		case uint32(i) == me:
		case claimed>>i&1 != 0:
			print("CPU ", i, ": panics too\n")
		case stopped>>i&1 == 0:
			print("CPU ", i, ": does not answer\n")
		case w.idle:
			print("CPU ", i, ": idle\n")
		case w.user:
			print("CPU ", i, ": in ring 3, ")
			hex("rip", uint64(w.rip))
			print("\n")
		default:
			name, file, line := rt.FuncForPC(w.rip)
			print("CPU ", i, ": in the kernel, ", name, " ", file, ":", line, "\n")
		}
	}
	done := report.done | 1<<me
	report.done = done
	for i := range NCPU {
		if atomic.LoadUint32(&report.claimed)&^done>>i&1 != 0 {
			atomic.StoreUint32(&report.owner, uint32(i)+1)
			stop()
		}
	}
	Exit(ExitPanic)
}
