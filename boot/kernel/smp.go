//go:build go42kernel

package main

import (
	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/sched"
)

// startupCPUs starts the other processors. Each is idle until the scheduler
// gives it work; all that a kernel entry needs has been set up.
func startupCPUs() {
	for i := 1; i < amd64.ACPI.NCPU && i < amd64.MaxCPU; i++ {
		sched.InitCPU(i)
	}
	amd64.StartCPUs(runCPU)
	info.NCPU = uint64(amd64.NCPU)
}

// runCPU is where an application processor goes on, on its own stack.
func runCPU() {
	setLibOS()
	sched.This().Leave()
	amd64.Run()
}

// setLibOS tells the executing CPU where the libOS is.
func setLibOS() {
	l := &image.info
	amd64.This().SetLibOS(l.Text.Virt, l.Text.Virt+l.Text.Size, l.Entries[abi.EntrySvc])
}
