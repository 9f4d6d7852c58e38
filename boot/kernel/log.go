//go:build go42kernel

package main

import (
	"go42/arch/amd64"
	"go42/sched"
	"go42/sched/lifecycle"
)

// logBytes writes to the kernel's log: the debug console of the host tool, or
// the first serial port where there is none.
func logBytes(b []byte) {
	if haveLog {
		amd64.DebugLog.Write(b)
		return
	}
	amd64.COM1.WriteAll(b)
}

// haveLog says that the debug console is there.
var haveLog bool

// logServerDeath says that a server is gone: those who use it get errors.
func logServerDeath(p *sched.Process) {
	name := "?"
	for i, kpid := range bootPids {
		if kpid == p.KPid {
			name = bootTable[i].name
		}
	}
	println("server", name, "has ended, status", p.Status)
	if p.KPid == lifecycle.Manager {
		// Nobody can be born, killed or waited for any more.
		println("no system without its process server: the machine stops")
		amd64.DebugStatus.Write(serverLine[:])
		amd64.PowerOff()
	}
}

var serverLine = [...]byte{'e', 'r', 'r', 'o', 'r', ' ', 'p', 'r', 'o', 'c', ' ', 'd', 'i', 'e', 'd', '\n'}

// logDoubleTrap says why a process is killed that trapped inside Trap.
func logDoubleTrap(d *sched.Dispatcher, ctx *amd64.UserContext, vector, cr2 uint64) {
	println("process", hex(d.Proc.KPid), "trapped in its Trap entry: vector", vector,
		"rip", hex(ctx.Regs.RIP), "address", hex(cr2), "first vector", d.Page.Trap.Vector,
		"rip", hex(d.Page.Trap.RIP), "address", hex(d.Page.Trap.Addr))
}

// hex makes println show a word in base 16.
type hexWord = uintptr

func hex(v uint64) hexWord { return hexWord(v) }

// onPanic is the end of every kernel panic: the host tool is told, the reason
// and a backtrace are printed, and QEMU exits non-zero.
func onPanic(msg string, pc, sp uintptr) {
	tellPanic()
	amd64.Panic(msg, pc, sp)
}

// onKernelTrap is the same for an exception in ring 0.
func onKernelTrap(f *amd64.Frame) {
	tellPanic()
	print("\nkernel panic: exception in the kernel\n")
	amd64.Fatal(f)
}

func tellPanic() {
	if haveLog {
		amd64.DebugStatus.Write(panicLine[:])
	}
}

var panicLine = [...]byte{'p', 'a', 'n', 'i', 'c', '\n'}
