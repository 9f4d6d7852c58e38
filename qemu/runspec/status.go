package runspec

import (
	"fmt"
	"strconv"
	"strings"
)

// Status lines, guest to host, each ended by a newline:
//
//	boot STAGE TSC   a stage was reached; TSC is the processor's time stamp
//	error TEXT       why the program could not be started
//	exit N           the program exited with status N
//	signal N         the program was killed by signal N
//	panic TEXT       the kernel panicked
//
// After exit, signal or panic the guest ends the machine.
const (
	LineBoot   = "boot"
	LineError  = "error"
	LineExit   = "exit"
	LineSignal = "signal"
	LinePanic  = "panic"
)

// Stages of LineBoot.
const (
	StageKernel  = "kernel"  // the kernel's first instruction in Go
	StageInit    = "init"    // init's main has begun
	StageProgram = "program" // init is about to start the program or shell
	StageEnd     = "end"     // the program has ended
)

// Status is one parsed status line.
type Status struct {
	Kind  string // one of the Line constants
	Value int    // exit status or signal number
	Stage string // of LineBoot
	TSC   uint64 // of LineBoot
	Text  string // of LineError and LinePanic
}

// String is the line of s, without a newline.
func (s Status) String() string {
	switch s.Kind {
	case LineBoot:
		return fmt.Sprintf("%s %s %d", s.Kind, s.Stage, s.TSC)
	case LineExit, LineSignal:
		return fmt.Sprintf("%s %d", s.Kind, s.Value)
	}
	return s.Kind + " " + strings.ReplaceAll(s.Text, "\n", " ")
}

// ParseStatus reads one line without its newline.
func ParseStatus(line string) (Status, error) {
	kind, rest, _ := strings.Cut(strings.TrimRight(line, "\r"), " ")
	s := Status{Kind: kind}
	var err error
	switch kind {
	case LineBoot:
		var tsc string
		s.Stage, tsc, _ = strings.Cut(rest, " ")
		s.TSC, err = strconv.ParseUint(tsc, 10, 64)
	case LineExit, LineSignal:
		s.Value, err = strconv.Atoi(rest)
	case LineError, LinePanic:
		s.Text = rest
	default:
		err = fmt.Errorf("unknown kind")
	}
	if err != nil {
		return Status{}, fmt.Errorf("status line %q: %w", line, err)
	}
	return s, nil
}
