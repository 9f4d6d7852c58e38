//go:build !freestanding

package rt

import (
	"runtime"
)

// The stand-in for builds on the host: same names, the host runtime's means.

// G is opaque; on the host it only remembers its bounds.
type G struct{ lo, hi uintptr }

// GuardSize is the freestanding runtime's value.
const GuardSize = 928

var hostG G

func (g *G) SetStack(lo, hi uintptr) { g.lo, g.hi = lo, hi }
func (g *G) Stack() (lo, hi uintptr) { return g.lo, g.hi }
func SetG(g *G)                      {}
func CurrentG() *G                   { return &hostG }
func SetArena(addr, size uintptr)    {}
func Seal()                          {}
func ArenaUsed() uintptr             { return 0 }
func SetPrintHook(f func(b []byte))  {}
func RunInits()                      {}
func StartInfo() uintptr             { return 0 }
func TextRange() (lo, hi uintptr)    { return 0, 0 }
func FramePointer() uintptr          { return 0 }

// SetPanicHook has no effect: the host's panics stay the host's.
func SetPanicHook(f func(msg string, pc, sp uintptr)) {}

// FuncForPC asks the host's symbol table.
func FuncForPC(pc uintptr) (name, file string, line int) {
	f := runtime.FuncForPC(pc)
	if f == nil {
		return "?", "?", 0
	}
	file, line = f.FileLine(pc)
	return f.Name(), file, line
}

// Outer knows of no inlining on the host.
func Outer(pc uintptr) uintptr { return 0 }

// Callers on the host records pc only.
func Callers(pc, bp, lo, hi uintptr, buf []uintptr) int {
	if len(buf) == 0 {
		return 0
	}
	buf[0] = pc
	return 1
}
