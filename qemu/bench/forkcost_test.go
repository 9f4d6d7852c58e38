package bench

import (
	"strings"
	"testing"
)

func TestForkCosts(t *testing.T) {
	const svc, start, call, syscall, fault, other = 0x7e0000000100, 0x7e0000000200, 0x7e0000000300, 0x8000, 0x8100, 0x8200
	libos := &Symbols{list: []symbol{
		{svc, svc + 1, "go42/linuxapi/entry.Svc"}, {start, start + 1, "go42/linuxapi/proc.startFork"}, {call, call + 1, "go42/linuxapi/entry.Call.abi0"},
	}}
	kernel := &Symbols{list: []symbol{{syscall, syscall + 1, "go42/arch/amd64.syscallEntry"}, {fault, fault + 1, "go42/mm.Fault"}}}
	const mark = textLow + 8
	p, err := newPhaser(mark, libos, kernel)
	if err != nil {
		t.Fatal(err)
	}
	const parent, child, server = 1, 2, 3
	steps := func(space, pc uint64, w Who, n int) {
		ring := uint8(3)
		if w == Kernel {
			ring = 0
		}
		for range n {
			p.step(site{space, pc, ring}, w)
		}
	}
	steps(parent, textLow, Program, 50) // before the mark: not counted
	steps(parent, mark, Program, 1)
	steps(parent, textLow, Program, 9)
	steps(parent, syscall, Kernel, 1)
	steps(parent, fault, Kernel, 4) // a copy in a native call meets a missing page: no page fault of the program's
	steps(parent, svc, LibOS, 1)
	steps(parent, svc+8, LibOS, 9)
	steps(parent, other, Kernel, 20)
	steps(server, 0x401000, Server, 30)
	steps(server, call, ServerLibOS, 5)
	steps(parent, svc+8, LibOS, 1)
	steps(parent, textLow, Program, 2)
	steps(parent, svc, LibOS, 1) // wait4
	steps(parent, other, Kernel, 6)
	steps(child, start, LibOS, 1)
	steps(child, other, Kernel, 3)
	steps(child, fault, Kernel, 3)
	steps(child, start+8, LibOS, 7)
	steps(child, textLow, Program, 4)
	steps(child, svc, LibOS, 2)
	steps(child, other, Kernel, 10)
	steps(parent, svc+8, LibOS, 3)
	steps(parent, mark, Program, 1)
	steps(parent, textLow, Program, 50) // after the last mark
	want := [numPhase]PhaseCosts{
		{User: 12, LibOS: 11, Kernel: 25, Server: 35},
		{LibOS: 8, Faults: 1, FaultKernel: 6},
		{User: 4, LibOS: 2, Kernel: 10},
		{LibOS: 4, Kernel: 6},
	}
	for i := range want {
		got := p.costs.Phases[i]
		want[i].Name = got.Name
		if got != want[i] {
			t.Errorf("%+v\nwant %+v", got, want[i])
		}
	}
	if n := p.costs.sum(); n != 12+11+25+35+8+6+4+2+10+4+6 {
		t.Error(n)
	}
	if _, err := newPhaser(mark, &Symbols{}, kernel); err == nil || !strings.Contains(err.Error(), "forkcost.go") {
		t.Errorf("a renamed symbol: %v", err)
	}
}
