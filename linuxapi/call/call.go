// Package call says what a system call's entry in the table is made of. Packages
// with handlers declare tables of entries (var Calls); package table joins them.
package call

import "go42/linuxapi/thread"

// Args are a call's six arguments: RDI, RSI, RDX, R10, R8, R9. They are the
// program's registers themselves: do not change them.
type Args = [6]uint64

// Handler serves a call: >= 0 (or any word for calls that answer one) or -errno.
type Handler func(t *thread.Thread, a *Args) int64

// Kind is how a handler runs.
type Kind uint8

const (
	// Full: with upcalls enabled; may block, call servers, take mutexes.
	Full Kind = iota
	// Leaf: disabled, at most some 2,000 instructions, no blocking; user memory
	// only through usercopy and a few bytes of it.
	Leaf
)

// Entry is one call. Support is what docs/syscalls.md says of it: "full",
// "partial: what is missing", or "none: EXXX, why" for one that is refused.
type Entry struct {
	Nr      int
	Name    string
	Fn      Handler
	Kind    Kind
	Support string
}
