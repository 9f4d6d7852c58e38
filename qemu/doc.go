// Package qemu is how people use Go42: it makes what a boot needs (the kernel
// image, u-root's commands, the initramfs), starts QEMU, and carries the
// guest's terminal, standard streams and exit status to the host. The command
// is qemu/cmd/go42; the guest tests under tests/ use the package directly.
//
// Objects, from the outside in:
//
//   - Project: the source tree and its build folder; makes images when they
//     are missing or older than their sources, one process at a time (a lock
//     file), so that `go test -exec` may start many boots at once.
//   - Image: an initramfs in the making, a tree of files.
//   - Config, Run: one boot from the initramfs to the result.
//   - Machine: a running QEMU and its channels (see package runspec for the
//     devices).
//
// Linux can be booted in the place of Go42, with the same initramfs, the same
// devices and a small init of its own (linuxinit), so that one program is seen
// on both under equal conditions.
package qemu
