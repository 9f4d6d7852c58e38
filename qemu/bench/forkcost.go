package bench

import "fmt"

// Phases of a fork, of exit and of wait, as the instructions of one operation
// follow each other. A process moves on with its system calls (entries at the
// libOS's Svc) and with its birth (the libOS's startFork); what the kernel and
// servers do for it counts for its phase.
type phase int

const (
	phaseFork  phase = iota // the parent's fork: its libOS, the kernel, the process server
	phaseChild              // the child's libOS until the program goes on
	phaseExit               // the child's program, and its exit
	phaseWait               // the parent after fork: wait4, and taking the child's last state
	numPhase
)

// ForkCosts says where the instructions of fork_exit_wait go.
type ForkCosts struct {
	Ops    int                  `json:"ops"`
	Phases [numPhase]PhaseCosts `json:"phases"`
}

// PhaseCosts are the sums over all operations of the window.
type PhaseCosts struct {
	Name   string `json:"name"`
	Kernel uint64 `json:"kernel"` // faults apart
	LibOS  uint64 `json:"libos"`
	Server uint64 `json:"servers"` // and their libOS
	User   uint64 `json:"program"`
	// Faults is the number of page faults, FaultKernel the kernel's
	// instructions for them.
	Faults      uint64 `json:"faults"`
	FaultKernel uint64 `json:"fault_kernel"`
}

func (p *PhaseCosts) sum() uint64 { return p.Kernel + p.LibOS + p.Server + p.User + p.FaultKernel }

func (f *ForkCosts) sum() (n uint64) {
	for i := range f.Phases {
		n += f.Phases[i].sum()
	}
	return n
}

// phaser follows a trace.
type phaser struct {
	costs                         ForkCosts
	mark                          uint64
	svc, startFork, call          uint64 // libOS
	syscallEntry, fault           uint64 // kernel
	state                         map[uint64]*life
	now                           phase
	marks                         int
	parent                        uint64
	stretch                       uint64 // kernel instructions since ring 3
	bySyscall, faulted, wasKernel bool
}

// life is what a space has done since the last mark.
type life struct {
	calls int
	child bool
	user  bool // the child's program goes on
}

func newPhaser(mark uint64, libos, kernel *Symbols) (*phaser, error) {
	p := &phaser{mark: mark, state: map[uint64]*life{}}
	p.costs.Phases = [numPhase]PhaseCosts{
		{Name: "parent: fork"}, {Name: "child: its libOS until fork returns"}, {Name: "child: exit"}, {Name: "parent: wait"},
	}
	for _, s := range []struct {
		at    *uint64
		table *Symbols
		name  string
	}{
		{&p.svc, libos, "go42/linuxapi/entry.Svc"}, {&p.startFork, libos, "go42/linuxapi/proc.startFork"},
		{&p.call, libos, "go42/linuxapi/entry.Call"},
		{&p.syscallEntry, kernel, "go42/arch/amd64.syscallEntry"}, {&p.fault, kernel, "go42/mm.Fault"},
	} {
		if *s.at = s.table.Address(s.name + ".abi0"); *s.at == 0 {
			*s.at = s.table.Address(s.name)
		}
		if *s.at == 0 {
			return nil, fmt.Errorf("no symbol %s: it was renamed; qemu/bench/forkcost.go follows a fork by it", s.name)
		}
	}
	return p, nil
}

// step takes one instruction; w is who runs it.
func (p *phaser) step(s site, w Who) {
	if s.ring == 0 {
		if !p.wasKernel {
			p.wasKernel, p.faulted, p.stretch = true, false, 0
			p.bySyscall = s.pc == p.syscallEntry
		}
		p.stretch++
		if s.pc == p.fault && !p.bySyscall {
			p.faulted = true
		}
		return
	}
	if p.wasKernel {
		p.wasKernel = false
		if p.marks == 1 {
			c := &p.costs.Phases[p.now]
			if p.faulted {
				c.Faults++
				c.FaultKernel += p.stretch
			} else {
				c.Kernel += p.stretch
			}
		}
	}
	if p.marks == 2 {
		return
	}
	if s.pc == p.mark {
		p.marks++
		p.parent, p.now = s.space, phaseFork
		clear(p.state)
		p.stretch = 0
	}
	if p.marks != 1 {
		return
	}
	if w == Program || w == LibOS {
		l := p.state[s.space]
		if l == nil || s.pc == p.startFork && !l.child {
			l = &life{child: s.space != p.parent}
			p.state[s.space] = l
		}
		switch {
		case s.pc == p.svc:
			l.calls++
		case w == Program && l.child:
			l.user = true
		}
		switch {
		case !l.child && l.calls > 1:
			p.now = phaseWait
		case !l.child:
			p.now = phaseFork
		case l.user:
			p.now = phaseExit
		default:
			p.now = phaseChild
		}
	}
	c := &p.costs.Phases[p.now]
	switch w {
	case LibOS:
		c.LibOS++
	case Program:
		c.User++
	default:
		c.Server++
	}
}
