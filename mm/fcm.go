package mm

// FCMKind is the kind of a memory object.
type FCMKind uint8

// Kinds of FCMs. The values are those of abi.RegionInfo.Kind where they are visible.
const (
	FCMAnon    FCMKind = 0 // shared anonymous memory
	FCMFile    FCMKind = 1 // a file's pages, owned by a server
	FCMArea    FCMKind = 2 // shared area (VM_SFORK)
	FCMDevice  FCMKind = 3 // fixed physical memory
	FCMImage   FCMKind = 4 // fixed physical memory: libOS image, boot modules
	fcmPrivate FCMKind = 5 // node of a fork chain
)

// FCM is a memory object (file cache manager): pages by index, independent of
// who maps it. It lives while it has references: handles, regions, children.
type FCM struct {
	lock       Lock
	kind       FCMKind
	dead       bool // no references: being torn down
	moved      bool // private: some region does not map index va>>12 at va
	queued     bool // on the work list
	freeOnLast bool // device, image: frames go to the allocator at the end

	refs  int64
	acct  *Account
	size  uint64 // bytes
	base  uint64 // device, image: physical address
	id    uint64
	index pageIndex

	// Fork chain (kind private). Guarded by the parent's lock: its child list
	// and nchild, and each child's sib links; parent by the node's own lock.
	parent   *FCM
	child    *FCM
	sibNext  *FCM
	sibPrev  *FCM
	nchild   int32
	twin     *FCM   // fork in progress: the child's leaf
	twinFork uint64 // which fork

	mappers  *Region // regions that map it; guarded by lock
	mapTail  *Region
	nmappers int64
	nwriters int64
	zapEpoch uint32

	work *FCM // next on the work list
}

type pageIndex struct{}
type node struct{}

// NewAnonFCM returns shared anonymous memory of size bytes (rounded up to
// pages), zero-filled on demand, with one reference. Frames are charged to a.
func NewAnonFCM(a *Account, size uint64) (*FCM, Errno) { return nil, ENOSYS }

// NewFileFCM returns an object for a file's pages: size bytes, missing pages
// below size are zero-filled on demand, an access beyond the last page is
// FaultBus. Frames are charged to a, the owning server's account.
func NewFileFCM(a *Account, size uint64) (*FCM, Errno) { return nil, ENOSYS }

// NewPhysFCM returns an object for the fixed physical range [pa, pa+size), pa
// page aligned: the libOS image, boot modules, device memory. With free, its
// frames (kernel kind, order 0 each) are given back with the last reference.
func NewPhysFCM(kind FCMKind, pa, size uint64, free bool) (*FCM, Errno) { return nil, ENOSYS }

// Get takes a further reference (a handle, or a call in progress).
func (f *FCM) Get() {}

// Put drops a reference; what the last one frees is freed by Work.
func (f *FCM) Put() {}

// Resize sets the size in bytes. Shrinking takes pages beyond it from every
// mapper and frees them; it may answer EAGAIN (call again).
func (f *FCM) Resize(size uint64) Errno { return ENOSYS }

// Size returns the size in bytes.
func (f *FCM) Size() uint64 { return f.size }

// ID returns a number that no other FCM ever has.
func (f *FCM) ID() uint64 { return f.id }

// Kind returns the kind.
func (f *FCM) Kind() FCMKind { return f.kind }

// Info fills in abi.FCMInfo's figures: bytes resident, regions that map it,
// regions that map it shared and writable.
func (f *FCM) Info() (resident, mappers, writers uint64) { return }

// ReadAt copies from the object's pages at byte off; absent pages read as
// zeroes. It stops at the size, or after 64 pages, and returns bytes copied.
func (f *FCM) ReadAt(off uint64, dst []byte) int { return 0 }

// WriteAt copies into the object's pages, filling absent ones; it stops at the
// size, after 64 pages, or when no frame can be had, and returns bytes copied.
func (f *FCM) WriteAt(off uint64, src []byte) int { return 0 }
