//go:build freestanding

package bootinfo

import "unsafe"

// Get returns the page through the boot page tables; nil if the image was not
// made by boot/image. Copy it before the boot tables go.
//
// Safe as long as the boot page tables are in force: the page is inside the
// boot segment, which the loader placed.
func Get() *Info {
	in := (*Info)(unsafe.Pointer(uintptr(Virt)))
	if in.Magic != Magic || in.Size != uint64(unsafe.Sizeof(*in)) {
		return nil
	}
	return in
}
