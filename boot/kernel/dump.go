//go:build go42kernel

package main

import (
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

func dump(f *amd64.Frame) {
	println("dump: time", sched.Now(), "rip", hex(f.RIP))
	sched.Dump()
}
