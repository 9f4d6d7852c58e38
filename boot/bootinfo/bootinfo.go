// Package bootinfo is what the image builder (boot/image) tells the kernel
// about the image it is in: where the kernel's own segments lie and where the
// boot modules (libOS, server) are. The builder writes it, little-endian, to
// the fixed physical page Phys; both sides use this one declaration of it.
package bootinfo

import "go42/ipc/abi"

const (
	// Phys is the physical address of the Info page; Virt is where the boot
	// page tables show it (the high half maps physical 0 to 1 GiB at
	// KernelBase).
	Phys       = 0x101000
	KernelBase = 0xffffffff80000000
	Virt       = KernelBase + Phys

	// BootPhys and BootEnd bound the boot segment: 32-bit start, GDT, this
	// page, the boot page tables. The kernel may reclaim it once it runs on
	// tables of its own and has copied this page.
	BootPhys = 0x100000
	BootEnd  = 0x10a000

	// Magic spells "GO42INFO".
	Magic = 0x4f464e4932344f47

	MaxModules = 16
)

// Info is the page at Phys.
type Info struct {
	Magic uint64
	// Size is the size of this structure in bytes.
	Size uint64
	// Text, ROData and Data are the kernel's segments, each page-aligned
	// and without overlap: map them R-X, R-- and RW-. Data includes BSS.
	Text, ROData, Data Segment
	// BSS is the part of Data that is zero at start.
	BSS Segment
	// LibOS describes the module "libos"; zero if the image has none.
	LibOS LibOS
	// EndPhys is the first physical byte, page-aligned, behind everything in
	// the image, modules included.
	EndPhys uint64
	// NModules counts the valid entries of Modules.
	NModules uint64
	Modules  [MaxModules]Module
}

// Segment is a page-aligned range (BSS: byte-aligned) of the kernel image.
type Segment struct {
	Virt, Phys, Size uint64
}

// LibOS is what the kernel needs to map the libOS image and to enter it. The
// segments lie in the module at page-aligned offsets: their frames can be mapped
// as they are (Text R-X, ROData R--) or copied (Data RW-).
type LibOS struct {
	Text, ROData, Data Segment
	// DataFile is how many bytes of Data are in the module; from there up to
	// Data.Size it is zero, and the last partial page's rest in the module is
	// not to be used.
	DataFile uint64
	// Entries are the upcall entries in the order of ipc/abi.EntrySvc and
	// following; ExitLo and ExitHi bound the restartable exit range.
	Entries        [abi.NumEntries]uint64
	ExitLo, ExitHi uint64
}

// Module is a file carried in the image, page-aligned and zero-padded to a
// page.
type Module struct {
	Name [32]byte
	// Phys is its first byte's physical address, Size its length in bytes.
	Phys, Size uint64
}

// Is reports whether m has the given name.
func (m *Module) Is(name string) bool {
	if len(name) >= len(m.Name) || m.Name[len(name)] != 0 {
		return false
	}
	for i := range len(name) {
		if m.Name[i] != name[i] {
			return false
		}
	}
	return true
}

// Module returns the module of that name, nil if the image has none.
func (in *Info) Module(name string) *Module {
	for i := range min(in.NModules, MaxModules) {
		if m := &in.Modules[i]; m.Is(name) {
			return m
		}
	}
	return nil
}
