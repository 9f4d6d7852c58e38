package abi

// The two halves of an address space. Each half is a whole number of
// top-level page-table slots (512 GiB), so that a half can be shared
// (vfork) by sharing its slots.
const (
	PageSize = 4096

	ProgramLo = 0x1_0000         // lowest address a program can map
	ProgramHi = 0x7e00_0000_0000 // end of the program half (exclusive); top-level slots 0..251
	LibOSLo   = 0x7e00_0000_0000 // start of the libOS half; top-level slots 252..255
	LibOSHi   = 0x7fff_ffff_f000 // the last canonical page is never mapped
	HalfSlot  = 252              // first top-level slot of the libOS half

	// InfoVA is the kernel's info page (InfoPage), read-only in every process.
	InfoVA = 0x7e00_0800_0000

	// LibOSBase is where the libOS image is linked (its ELF header page).
	LibOSBase = 0x7e00_1000_0000

	// DispatcherVA(i) is the user address of dispatcher i's page. The frame
	// before it belongs to the same dispatcher and is the libOS's own; its
	// last word (GS:-8) holds the current g.
	dispatcherBase   = 0x7e00_2000_0000
	dispatcherStride = 0x1_0000
	MaxDispatchers   = 8 // per process, one a CPU

	// LibOSHeapLo..LibOSHeapHi is where the kernel places libOS-half regions
	// whose address the libOS left open (libOS stacks, tables).
	LibOSHeapLo = 0x7e10_0000_0000
	LibOSHeapHi = 0x7f00_0000_0000

	// ParcelVA is where a reset or a boot start maps the parcel (read-only).
	ParcelVA  = 0x7e00_4000_0000
	MaxParcel = 8 << 20

	// ModuleVA is where the ELF of a boot module (a server) is mapped
	// read-only in the process that starts from it.
	ModuleVA = 0x7e00_8000_0000
)

// DispatcherVA returns the user address of dispatcher i's page; GS base of
// ring 3 is this address while that dispatcher runs.
func DispatcherVA(i int) uintptr {
	return dispatcherBase + uintptr(i)*dispatcherStride + PageSize
}

// InfoPage is published by the kernel at InfoVA, read-only.
// Monotonic time in ns = (rdtsc - TSCBase) * Mult >> Shift (128-bit product).
type InfoPage struct {
	Magic      uint64 // InfoMagic
	TSCBase    uint64
	Mult       uint64
	Shift      uint64
	TSCHz      uint64
	WallOffset uint64 // CLOCK_REALTIME ns = monotonic ns + WallOffset
	WallSeq    uint64 // odd while WallOffset changes (clock_settime)
	NCPU       uint64
	MemTotal   uint64 // bytes
	MemFree    uint64 // bytes, updated by the kernel at faults and timer interrupts
	XSaveSize  uint64 // bytes an XSAVE of XCR0 needs
	XCR0       uint64
	LibOSText  [2]uint64 // [lo, hi) of the libOS's text
	Loads      [3]uint64 // load averages, 16.16 fixed point
	Random     [2]uint64 // unused by the kernel after start; boot nonce
	CmdlineLen uint64
	Cmdline    [2048]byte // kernel command line
}

// MaxProcesses is how many processes there can be on a machine with so many bytes of
// memory: a small one has some 60 frames, and some memory is to be left to others.
func MaxProcesses(memTotal uint64) uint64 { return min(8192, memTotal/PageSize/96) }

// InfoMagic marks a valid InfoPage.
const InfoMagic = 0x3234_6f47 // "Go42"
