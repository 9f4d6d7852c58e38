package mm

import (
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"

	"go42/mm/spin"
)

// Half is an ordered set of regions and the page-table subtree beneath its
// top-level slots. Its lock guards everything in it, the root tables' entries
// for it too. While busy only the one that set it changes anything.
type Half struct {
	lock spin.Lock // never cleared: others may try it when the entry is used again
	halfState
}

type halfState struct {
	late  int32  // Advises that have cleared entries and not had them forgotten (late.go); atomic
	busy  uint32 // a flush is under way (see flush.go); written with the lock, read without
	libos bool
	fork  uint64 // not 0: a child's half (its Ref) is being filled from it: its regions must stay as they are; atomic
	from  Ref    // in a fork's child until the half is complete: the parent's half
	seed  uint32 // of the treap's priorities
	acct  *Account
	refs  int64
	lo    uint64 // addresses that regions can have
	hi    uint64

	root, first, last *Region
	cache             *Region // last region found
	count             int64   // of regions; written with the lock, read without
	bytes             uint64  // of all regions
	data              uint64  // of those that are private and writable
	locked            uint64  // of those that are locked
	resident          int64   // present entries
	ahead, noZero     bool    // see RunAhead

	leaf  *FCM // private pages by virtual page number; nil: none yet
	fresh *FCM // the leaf to come, during a reset

	spaces  *AddressSpace  // those that have it, linked by nextIn
	cursors [maxCPU]cursor // progress of Advise, by the CPU on which it was begun

	slots [abi.HalfSlot]uint64 // top-level entries
	used  [4]uint64            // bitmap of slots
}

// cursor is the progress of an operation that is called again with the same
// arguments.
type cursor struct {
	addr, n uint64
	what    uint32
	next    uint64 // 0: free
}

// AddressSpace is a root table and two halves. Program may be shared.
type AddressSpace struct {
	// Changed by its own process only (NewAddressSpace, fork, exec, Destroy),
	// with the old or the new half locked; others read with half() or acquire().
	Program, LibOS *Half
	Root           uint64 // physical address of the root table

	acct   *Account
	stock  int64            // see prepare; set before it runs
	active uint64           // mask of the CPUs that have it loaded; atomic
	nextIn [2]*AddressSpace // in Half.spaces; guarded by that half's lock
	dying  uint8            // Destroy's
	reset  bool             // Reset's: what is left to do is Work
}

// newHalf returns an empty half with no reference yet.
func newHalf(a *Account, libos bool) *Half {
	h, _, ok := mem.halves.Alloc(a)
	if !ok {
		return nil
	}
	a.Get()
	h.lock.SetRank(spin.Half)
	h.lock.Acquire()
	h.halfState = halfState{}
	h.acct, h.libos = a, libos
	if libos {
		h.lo, h.hi = abi.LibOSLo, abi.LibOSHi
	} else {
		h.lo, h.hi = abi.ProgramLo, abi.ProgramHi
	}
	h.lock.Release()
	return h
}

// slotOf returns where as keeps halves of h's kind.
func (as *AddressSpace) slotOf(h *Half) *uintptr {
	if h.which() == 0 {
		return (*uintptr)(unsafe.Pointer(&as.Program))
	}
	return (*uintptr)(unsafe.Pointer(&as.LibOS))
}

// attach gives as, which has none of this kind, the half h.
func (as *AddressSpace) attach(h *Half) {
	w := h.which()
	h.acquire()
	h.refs++
	as.nextIn[w] = h.spaces
	h.spaces = as
	root, first := tableAt(as.Root), h.firstSlot()
	for i := range h.used {
		for b := h.used[i]; b != 0; b &= b - 1 {
			s := i*64 + trailingZeros(b)
			root[s+first] = h.slots[s]
		}
	}
	atomic.StoreUintptr(as.slotOf(h), addressOf(h))
	h.lock.Release()
}

// detach takes the half h from as, if others have it too or even is set. When it
// is done no CPU that runs as has a translation of it.
func (as *AddressSpace) detach(h *Half, even bool) bool {
	w := h.which()
	h.acquire()
	if h.refs == 1 && !even {
		h.lock.Release()
		return false
	}
	for p := &h.spaces; *p != nil; p = &(*p).nextIn[w] {
		if *p == as {
			*p = as.nextIn[w]
			break
		}
	}
	as.nextIn[w] = nil
	root, first := tableAt(as.Root), h.firstSlot()
	for i := range h.used {
		for b := h.used[i]; b != 0; b &= b - 1 {
			root[i*64+trailingZeros(b)+first] = 0
		}
	}
	barrier()
	h.outlook()
	fs := everything()
	h.forget(&fs, as.Active())
	// Only now may the others free what as saw, and who waits for h look again.
	h.refs--
	atomic.StoreUintptr(as.slotOf(h), 0)
	h.lock.Release()
	return true
}

// NewAddressSpace returns an address space with two empty halves, charged to
// a, which it takes references to.
func NewAddressSpace(a *Account) (*AddressSpace, Errno) {
	as, _, ok := mem.spaces.Alloc(a)
	if !ok {
		return nil, ENOMEM
	}
	root, ok := AllocFrame(a, KindTable)
	if !ok {
		mem.spaces.Free(as)
		return nil, ENOMEM
	}
	p, l := newHalf(a, false), newHalf(a, true)
	if p == nil || l == nil {
		if p != nil {
			freeHalf(p)
		}
		if l != nil {
			freeHalf(l)
		}
		FreeFrame(a, KindTable, root)
		mem.spaces.Free(as)
		return nil, ENOMEM
	}
	a.Get()
	as.acct, as.Root, as.stock = a, root, stockProgram
	if mem.rootTmpl != 0 {
		copy(tableAt(root)[256:], tableAt(mem.rootTmpl)[256:])
	}
	as.attach(p)
	as.attach(l)
	return as, OK
}

func freeHalf(h *Half) {
	a := h.acct
	mem.halves.Free(h)
	a.Put()
}

// Account returns the account that the address space is charged to.
func (as *AddressSpace) Account() *Account { return as.acct }

// noHalf is the place of the half of addresses that lie in none.
var noHalf unsafe.Pointer

// place returns where as keeps the half that va lies in.
func (as *AddressSpace) place(va uint64) *unsafe.Pointer {
	if va < abi.ProgramHi {
		return (*unsafe.Pointer)(unsafe.Pointer(&as.Program))
	}
	if va < abi.LibOSHi {
		return (*unsafe.Pointer)(unsafe.Pointer(&as.LibOS))
	}
	return &noHalf
}

// half returns the half that va lies in, nil for none.
func (as *AddressSpace) half(va uint64) *Half {
	return (*Half)(atomic.LoadPointer(as.place(va)))
}

// acquireRange locks the half that holds all of [addr, addr+n), page aligned and
// not empty, and returns it and the range's end.
func (as *AddressSpace) acquireRange(addr, n uint64) (h *Half, end uint64, e Errno) {
	n = (n + pageMask) &^ pageMask
	end = addr + n
	if addr&pageMask != 0 || n == 0 || end < addr {
		return nil, 0, EINVAL
	}
	if h = as.acquire(addr); h == nil {
		return nil, 0, EINVAL
	}
	if end > h.hi {
		h.lock.Release()
		return nil, 0, EINVAL
	}
	return h, end, OK
}

// Usage returns bytes mapped and bytes present of both halves: of a moment, and
// without a lock, for those who look at many.
//
//go:norace
func (as *AddressSpace) Usage() (virtual, resident, locked uint64) {
	for _, va := range [2]uint64{0, abi.LibOSLo} {
		if h := as.half(va); h != nil {
			virtual += h.bytes
			locked += h.locked
			resident += uint64(h.resident) * PageSize
		}
	}
	return
}

// Query describes the first region of either half that ends above addr;
// ENOENT: none.
func (as *AddressSpace) Query(addr uint64, ri *abi.RegionInfo) Errno {
	for _, va := range [2]uint64{0, abi.LibOSLo} {
		h := as.acquire(va)
		if h == nil {
			continue
		}
		if addr >= h.hi {
			h.lock.Release()
			continue
		}
		r := h.find(max(addr, h.lo))
		if r != nil {
			h.describe(r, ri)
		}
		h.lock.Release()
		if r != nil {
			return OK
		}
	}
	return ENOENT
}

func (h *Half) describe(r *Region, ri *abi.RegionInfo) {
	*ri = abi.RegionInfo{Addr: r.start, Len: r.end - r.start, Offset: r.off,
		Prot: uint32(r.prot), Inherit: uint32(r.inherit), Name: r.name}
	if r.shared() {
		ri.Flags |= abi.MapShared
	}
	if r.flags&regGrowsDown != 0 {
		ri.Flags |= abi.MapGrowsDown
	}
	if r.flags&regNoReserve != 0 {
		ri.Flags |= abi.MapNoReserve
	}
	if r.flags&regLocked != 0 {
		ri.Flags |= abi.MapLocked
	}
	if h.libos {
		ri.Flags |= abi.MapLibOS
	}
	if o := r.obj; o != nil {
		ri.Kind, ri.FCMID, ri.Shared = uint32(o.kind), o.id, o.mapped()
	} else if r.flags&regPinned != 0 {
		ri.Kind = uint32(FCMDevice)
	}
	ri.Resident = h.present(r.start, r.end) * PageSize
}

// present counts the present entries of [lo, hi), table by table; beyond 256
// tables it stops looking.
func (h *Half) present(lo, hi uint64) (n uint64) {
	looked := 0
	for va := lo; va < hi && looked < 256; {
		t, f, end := h.lastTable(va)
		if t == nil {
			va = end
			continue
		}
		looked++
		if end = min(end, hi); end-va == span2 {
			n += uint64(f.live)
		} else {
			for a := va; a < end; a += PageSize {
				if t[a>>12&511] != 0 {
					n++
				}
			}
		}
		va = end
	}
	return n
}

// Mincore sets vec[i] to 1 for each page from addr on that is in memory, else
// to 0; at most 512 pages a call. ENOMEM if part is not mapped.
func (as *AddressSpace) Mincore(addr uint64, vec []byte) Errno {
	if len(vec) > 512 {
		return EINVAL
	}
	h, _, e := as.acquireRange(addr, uint64(len(vec))*PageSize)
	if e != OK {
		return e
	}
	for i := range vec {
		va := addr + uint64(i)*PageSize
		r := h.find(va)
		if r == nil || va < r.start {
			h.lock.Release()
			return ENOMEM
		}
		vec[i] = 0
		if h.peek(va) != 0 || h.resolve(r, va) != 0 {
			vec[i] = 1
		}
	}
	h.lock.Release()
	return OK
}

// resolve returns the frame that the FCMs name for va in r, 0 if none does yet.
func (h *Half) resolve(r *Region, va uint64) (pa uint64) {
	if !r.shared() && h.leaf != nil {
		h.leaf.lock.Acquire()
		pa, _ = h.leaf.lookup(va >> PageShift)
		h.leaf.lock.Release()
	}
	if pa == 0 && r.obj != nil {
		r.obj.lock.Acquire()
		pa, _ = r.obj.page((r.off+(va-r.start))>>PageShift, false, nil)
		r.obj.lock.Release()
	}
	return pa
}
