// Package boot holds the tests of the boot path: image builder, freestanding
// runtime and 32-bit start, in QEMU. See boot/image, boot/rt, boot/bootinfo.
package boot
