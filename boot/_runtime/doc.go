// Package runtime is Go42's freestanding runtime: what the stock Go compiler
// and linker ask of package runtime, and nothing else. boot/image maps it over
// the standard library's package of that name with go build -overlay, for the
// kernel (ring 0) and for the libOS (user mode) alike.
//
// What is not here is a link error on purpose: goroutines, channels, select,
// growing maps, recover, defer in a loop. That is the guard of the freestanding
// subset. There is no garbage collector; memory comes from a bump allocator
// that is sealed after start-up (arena.go).
//
// g: R14 holds it under ABIInternal and the word at GS:-8 always holds the same
// pointer (boot/image turns the FS:-8 accesses that the toolchain generates
// into GS ones). Every stack needs a g with its bounds, or the prologue checks
// compare against the wrong stack.
//
// Entry: the linker's entry symbol _rt0_amd64_linux is in entry_kernel_amd64.s
// (sets up the boot stack and calls main.main) or in entry_libos_amd64.s (never
// called: the kernel enters the libOS at the entries of package linuxapi/entry).
//
// The public face is package boot/rt.
package runtime
