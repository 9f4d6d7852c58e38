//go:build go42kernel

package main

import (
	"unsafe"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/mm"
	"go42/mm/spin"
	"go42/sched"
	"go42/sched/lifecycle"
)

// nativeDebug is NDebug: what the tests ask that look for leaks and broken
// invariants, or end a server. Only a debug build has it: it is not bounded,
// and asks for no rights.
func nativeDebug(c *sched.CPU, p *sched.Process, op, arg, va uint64) (second uint64, status int64) {
	if !debugBuild {
		return 0, -abi.ENOSYS
	}
	switch op {
	case abi.DebugCheck:
		if !c.StopOthers(deferred) {
			return 0, -abi.EAGAIN
		}
		err, what := mm.Check()
		c.ResumeOthers()
		if err != mm.OK {
			println("mm check:", what)
		}
		return 0, int64(err)
	case abi.DebugFree:
		if !c.StopOthers(deferred) {
			return 0, -abi.EAGAIN
		}
		n := uint64(mm.FreeFrameCount())
		c.ResumeOthers()
		return n, 0
	case abi.DebugProcesses:
		return uint64(sched.Live()), 0
	case abi.DebugPool:
		name, live, ok := mm.PoolLive(arg)
		if !ok {
			return 0, -abi.EINVAL
		}
		var b [32]byte
		copy(b[:len(b)-1], name)
		return uint64(live), out(p, va, &b)
	case abi.DebugServer:
		if arg >= uint64(len(bootPids)) {
			return 0, -abi.EINVAL
		}
		return bootPids[arg], 0
	case abi.DebugKill:
		t := sched.Find(arg)
		if t == nil || t.State() == sched.Dying {
			return 0, -abi.ESRCH
		}
		lifecycle.Die(t, lifecycle.Killed(lifecycle.SigKILL))
		return 0, 0
	case abi.DebugContended:
		if arg == 0 {
			spin.PrintSites()
			return 0, 0
		}
		if arg >= uint64(spin.NumRanks) {
			return 0, -abi.EINVAL
		}
		return spin.Contended(spin.Rank(arg)), 0
	case abi.DebugPanic:
		endKernel(arg)
	}
	return 0, -abi.EINVAL
}

// endKernel is DebugPanic. It returns if how is none of its ways.
func endKernel(how uint64) {
	switch how {
	case abi.DebugPanicBounds:
		println(bootPids[how+uint64(len(bootPids))])
	case abi.DebugPanicFault:
		nowhere := uintptr(0x10) // not mapped: ring 0 faults
		println(**(**uint64)(unsafe.Pointer(&nowhere)))
	case abi.DebugPanicHang:
		for {
		}
	case abi.DebugPanicTriple:
		amd64.TripleFault()
	}
}

// deferred does some of what memory has put off; false: there is none.
func deferred() bool { return mm.Work(64) }

// bootPids are the kernel process ids of the boot table's processes.
var bootPids [len(bootTable)]uint64

// cover notes interrupts in the libOS's restartable exit range.
var cover sched.Cover

// startupInject turns on what go42.inject on the command line asks for.
func startupInject() {
	if debugBuild && hasWord(amd64.Boot.Cmdline, "go42.inject") {
		cover.Watch(image.info.ExitLo, image.info.ExitHi)
		sched.Inject()
	}
}

// printCover says which instructions of the exit range were interrupted.
func printCover() {
	print("exit range interrupted at")
	cover.Each(func(off uint64) { print(" ", off) })
	println()
}
