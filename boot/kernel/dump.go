//go:build go42kernel

package main

import (
	"sync/atomic"

	"go42/arch/amd64"
	"go42/sched"
)

// A debug build tells at a non-maskable interrupt (`nmi` in QEMU's monitor)
// who waits for what: what there is to see of a machine that hangs. It reads
// without any lock, since whatever was interrupted may hold one.

func startupDump() {
	if debugBuild {
		amd64.Handler.NMI = dump
	}
}

// dump is called on every CPU that the NMI reaches. It may have struck in the
// middle of a print, and under a lock: dump writes around both.
func dump(f *amd64.Frame) {
	id := amd64.This().ID
	for !atomic.CompareAndSwapUint32(&dumping, 0, 1+id) {
		amd64.Pause()
	}
	println("dump: CPU", id, "time", sched.Now(), "epoch", amd64.This().Epoch(), "rip", hex(f.RIP))
	if id == 0 {
		sched.Dump()
	}
	atomic.StoreUint32(&dumping, 0)
}

// dumping is 1 + the CPU that dumps. It waits for nobody.
var dumping uint32
