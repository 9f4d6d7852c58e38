//go:build go42kernel

package main

import (
	"sync/atomic"
	"unsafe"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/sched"
	"go42/sched/lifecycle"
)

// logBytes writes b to the kernel's log in one piece: to the debug console of
// the host tool, or the first serial port where there is none.
func logBytes(b []byte) {
	if haveLog {
		writeConsole(amd64.DebugLog, b)
		return
	}
	q := &ports[0]
	q.lock.Acquire()
	q.port.WriteAll(b)
	q.lock.Release()
}

// writeConsole writes b to a debug console in one piece.
func writeConsole(d amd64.Debugcon, b []byte) {
	consoleLock.Acquire()
	d.Write(b)
	consoleLock.Release()
}

var (
	// haveLog says that the debug console is there.
	haveLog     bool
	consoleLock amd64.DeviceLock
)

// lines is what each CPU has printed since its last line: lines of two CPUs do
// not mix. Only its own CPU uses an entry.
var lines [amd64.MaxCPU]struct {
	n int
	b [248]byte
}

// printBytes is the print hook: print and println come here piece by piece.
func printBytes(b []byte) {
	id := amd64.This().ID
	if debugBuild && atomic.LoadUint32(&dumping) == 1+id {
		amd64.DebugLog.Write(b)
		return
	}
	l := &lines[id]
	for _, c := range b {
		l.b[l.n] = c
		l.n++
		if c == '\n' || l.n == len(l.b) {
			n := l.n
			l.n = 0
			logBytes(l.b[:n])
		}
	}
}

// logServerDeath says that a server is gone: those who use it get errors.
func logServerDeath(p *sched.Process) {
	if p.Rank == abi.RankUser {
		println("process", uintptr(p.KPid), "that served has ended, status", p.Status)
		return
	}
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
		writeConsole(amd64.DebugStatus, serverLine[:])
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

// hex makes println show a word in base 16: as it shows pointers.
func hex(v uint64) unsafe.Pointer { return unsafe.Pointer(uintptr(v)) }

// onReport is called before a kernel panic is reported: the host tool is told.
// Then the reason and a backtrace are printed, and QEMU exits non-zero.
func onReport() {
	if haveLog {
		writeConsole(amd64.DebugStatus, panicLine[:])
	}
}

var panicLine = [...]byte{'p', 'a', 'n', 'i', 'c', '\n'}
