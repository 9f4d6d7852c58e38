//go:build go42kernel

package sched

import (
	"unsafe"

	"go42/arch/amd64"
	"go42/mm/spin"
)

// What the scheduler asks of the processor; hw_host.go has the stand-ins of
// the host's tests.

func cpuNumber() int          { return spin.ID() }
func numCPU() int             { return amd64.NCPU }
func tsc() uint64             { return amd64.TSC() }
func tscHz() uint64           { return amd64.TSCHz }
func armTimer(at uint64)      { amd64.TimerArm(at) }
func interruptPending() bool  { return amd64.InterruptPending() }
func saveState(d *Dispatcher) { d.Ctx.Preempt() }

func reschedule(cpu int)    { amd64.Reschedule(cpu) }
func snapshot(e *epochs)    { amd64.GraceStart(e) }
func passed(e *epochs) bool { return amd64.GraceOver(e) }
func quiesce()              { amd64.Quiesce() }

type epochs = amd64.Grace

// load makes d's context the one that the processor returns to; nil: none.
func load(d *Dispatcher) {
	p := amd64.This()
	if d == nil {
		p.Cur = nil
		return
	}
	p.SetDispatcher(unsafe.Pointer(d.Page), d.VA)
	p.Cur = &d.Ctx
}
