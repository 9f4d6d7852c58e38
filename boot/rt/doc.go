// Package rt is the documented face of Go42's freestanding runtime
// (boot/_runtime): stacks and their g, start-up memory, print and panic hooks,
// symbols and backtraces. Kernel and libOS use it; both are built with the tag
// freestanding. Without that tag the package is a stand-in, so that what imports
// it builds and is tested on the host.
//
// Rules of the runtime:
//   - R14 holds the current stack's G in Go code, the word at GS:-8 always.
//     Whoever switches stacks sets both (SetG does, for the next Go code).
//   - A stack without a G whose bounds are its own makes every function
//     prologue's check wrong: give each stack (interrupt, IST, CPU, thread) one.
//   - Memory is allocated before Seal only.
//   - A panic runs no deferred call and cannot be recovered: it ends in the
//     panic hook.
package rt
