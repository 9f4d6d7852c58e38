// Package image builds Go42's boot image: the kernel and the libOS over the
// freestanding runtime of boot/_runtime, the server as an ordinary Go program,
// and one PVH ELF that holds them all and that QEMU's -kernel boots.
//
// Freestanding code is built with the tag freestanding, and go42kernel or
// go42libos besides. (The tag go42 is set too, but go vet, and with it go test,
// refuses it in a //go:build line: it takes it for a Go version.)
//
// Steps: check the toolchain's version (toolchain.go), write the overlay
// (overlay.go), go build (build.go), turn FS accesses into GS ones (patch.go),
// check the linked image for allocations (alloc.go) and stack depth
// (stack.go), emit the 32-bit start and the boot page tables (start32.go),
// assemble (assemble.go).
package image
