package mm

import "go42/ipc/abi"

// Half is an ordered set of regions and the page-table subtree beneath its
// top-level slots. Address spaces hold references.
type Half struct {
	lock   Lock
	libos  bool
	acct   *Account
	refs   int64
	lo, hi uint64 // addresses that regions can have

	root, first, last *Region
	cache             *Region // last region found
	count             int64
	bytes             uint64 // of all regions
	resident          int64  // present entries

	spaces *AddressSpace // those that have it, linked by nextIn
	slots  [abi.HalfSlot]uint64
	used   [4]uint64 // bitmap of slots
}

// AddressSpace is a root table and two halves.
type AddressSpace struct {
	Program, LibOS *Half
	Root           uint64 // physical address of the root table
	acct           *Account
	active         int32
	nextIn         [2]*AddressSpace
	MinFaults      uint64
	dying          uint8
}

// NewAddressSpace returns an address space with two empty halves, charged to a
// (which it takes a reference to).
func NewAddressSpace(a *Account) (*AddressSpace, Errno) { return nil, ENOSYS }

// Activate loads as's root on this CPU (nil: the kernel's own).
func (as *AddressSpace) Activate() {}

// MapSpec is what Map needs to know; Flags, Prot, Inherit are abi's.
type MapSpec struct {
	Addr, Len uint64
	Prot      uint32
	MaxProt   uint32 // what Protect may later allow; 0: everything
	Flags     uint32 // abi.MapX
	FCM       *FCM   // nil: anonymous; the region takes its own reference
	Offset    uint64 // in FCM, page aligned
	Inherit   uint32 // abi.InheritX
	Name      uint64
	GrowMax   uint64 // MapGrowsDown: bytes it may grow to; 0: 8 MiB
}

// Map makes a region and returns its address. Errors: EINVAL, ENOMEM, EEXIST
// (MapNoReplace), EPERM (a pinned page in the way), EAGAIN (MapFixed still
// unmapping, MapPopulate still filling; the latter re-enters with the address
// that s.Addr was set to and s.Flags changed: keep s between calls).
func (as *AddressSpace) Map(s *MapSpec) (addr uint64, e Errno) { return 0, ENOSYS }

// Unmap removes what lies in [addr, addr+n). EAGAIN: call again.
func (as *AddressSpace) Unmap(addr, n uint64) Errno { return ENOSYS }

// Protect sets the protection of [addr, addr+n); ENOMEM if part of it is not
// mapped, EACCES if a region does not allow it. EAGAIN: call again.
func (as *AddressSpace) Protect(addr, n uint64, prot uint32) Errno { return ENOSYS }

// Advise applies abi.AdviseX. EAGAIN: call again.
func (as *AddressSpace) Advise(addr, n uint64, advice uint32) Errno { return ENOSYS }

// Move is mremap. EAGAIN: call again.
func (as *AddressSpace) Move(addr, oldLen, newLen uint64, flags uint32, newAddr uint64) (uint64, Errno) {
	return 0, ENOSYS
}

// Query describes the first region of either half that ends above addr; ENOENT: none.
func (as *AddressSpace) Query(addr uint64, ri *abi.RegionInfo) Errno { return ENOSYS }

// Mincore sets vec[i] to 1 for each page that is in memory, else 0; at most
// 512 pages a call. ENOMEM if part is not mapped.
func (as *AddressSpace) Mincore(addr uint64, vec []byte) Errno { return ENOSYS }

// MapPinned maps n kernel-owned frames from pa at va: never copy-on-write, not
// unmapped by the process, skipped at fork. The frames stay the caller's.
func (as *AddressSpace) MapPinned(va, pa uint64, n int, prot uint32, name uint64) Errno {
	return ENOSYS
}

// Usage returns bytes mapped and bytes resident of both halves.
func (as *AddressSpace) Usage() (virtual, resident uint64) { return }

// FaultResult is Fault's answer.
type FaultResult uint64

// Results of Fault.
const (
	FaultOK      FaultResult = 0
	FaultMapErr  FaultResult = abi.TrapMapErr
	FaultAccErr  FaultResult = abi.TrapAccErr
	FaultBus     FaultResult = abi.TrapBus
	FaultOOM     FaultResult = abi.TrapOOM
	FaultPending FaultResult = 8 // a server must supply the page; the tag is in the upper 32 bits
)

// Code and Tag take a FaultResult apart.
func (r FaultResult) Code() FaultResult { return r & 0xff }

// Tag names the awaited page (FaultPending).
func (r FaultResult) Tag() uint32 { return uint32(r >> 32) }

// Fault resolves a page fault at va. user says that the access was made in
// ring 3 or on its behalf (only those may touch user memory at all).
func Fault(as *AddressSpace, va uint64, write, exec, user bool) FaultResult { return FaultMapErr }

// ForkState keeps a fork's progress between steps; zero at the start.
type ForkState struct {
	id   uint64
	half uint8
	next uint64
}

// Fork fills child, fresh from NewAddressSpace, from parent by each region's
// inheritance; with vfork the child gets the parent's program half itself.
// done == false: call again. On an error destroy child.
func Fork(parent, child *AddressSpace, st *ForkState, vfork bool) (done bool, e Errno) {
	return false, ENOSYS
}

// Destroy gives back everything; the address space must not be used any more.
// done == false: call again.
func Destroy(as *AddressSpace) (done bool) { return false }

// VRange is a range of virtual addresses.
type VRange struct{ Addr, Len uint64 }

// Reset is exec's: unmaps all but pinned pages and the keep ranges (page
// aligned). A shared program half is left to its other holders and replaced by
// a new empty one. EAGAIN: call again.
func (as *AddressSpace) Reset(keep []VRange) Errno { return ENOSYS }

// CopyIn copies from user memory at va to dst; returns bytes copied (short: the
// next byte cannot be read, or 64 pages were done).
func CopyIn(as *AddressSpace, dst []byte, va uint64) int { return 0 }

// CopyOut copies src to user memory at va; returns bytes copied.
func CopyOut(as *AddressSpace, va uint64, src []byte) int { return 0 }

// CopyBetween copies n bytes between address spaces, at most 64 pages a call.
func CopyBetween(dst *AddressSpace, dstVA uint64, src *AddressSpace, srcVA uint64, n uint64) uint64 {
	return 0
}

// ReadU64 reads an aligned word of user memory.
func ReadU64(as *AddressSpace, va uint64) (v uint64, ok bool) { return }

// WriteU64 writes an aligned word of user memory.
func WriteU64(as *AddressSpace, va uint64, v uint64) bool { return false }

// Work does deferred freeing and fork-chain collapses, at most budget units;
// more says that something is left. For the idle loop and after Destroy.
func Work(budget int) (more bool) { return false }

// KernelSpec describes what the kernel's own tables map.
type KernelSpec struct {
	RAMTop             uint64      // end of RAM: the direct map covers [0, RAMTop)
	DirectVA           uint64      // 0xffff_8000_0000_0000
	ImageVA            uint64      // virtual = ImageVA + physical for the kernel image
	TextLo, TextHi     uint64      // physical, page aligned: read+execute
	RodataLo, RodataHi uint64      // read only
	DataLo, DataHi     uint64      // read+write, no execute
	MMIO               []PhysRange // mapped uncached in the direct map
	GigaPages          bool
}

// BuildKernelSpace makes the kernel's tables (W^X) and returns the root; its
// upper half becomes the template of all later address spaces.
func BuildKernelSpace(s *KernelSpec) (root uint64, e Errno) { return 0, ENOSYS }

// Check verifies the invariants of the whole memory state: OK or EUCLEAN, and
// a word for what was found broken. Nothing may run meanwhile.
func Check() (Errno, string) { return ENOSYS, "" }
