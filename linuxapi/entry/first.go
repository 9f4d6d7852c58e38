package entry

import "go42/boot/rt"

// first is the Run upcall of a pristine image: it runs the initialisers, one of
// which (package main's) puts the real function in RunFn.
func first(reason, arg uint64) {
	rt.RunInits()
	RunFn(reason, arg)
}
