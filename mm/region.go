package mm

// Region flags.
const (
	regShared    = 1 << 0 // writes go to obj
	regGrowsDown = 1 << 1
	regNoReserve = 1 << 2
	regPinned    = 1 << 3 // kernel-owned frames: the process cannot change it, fork skips it
	regLibOS     = 1 << 4
)

// Region is a range of a half that maps obj from off on, or zeroes if obj is
// nil. A private region keeps written pages in priv, from page index pidx on;
// priv is nil until the first page. All fields are guarded by half.lock, the
// links of the mapper list by obj.lock.
type Region struct {
	start, end uint64
	half       *Half

	left, right, up *Region // treap, ordered by start
	next, prev      *Region
	prio            uint32
	gap             uint64 // bytes free before start
	maxGap          uint64 // largest gap in the subtree

	obj  *FCM
	off  uint64
	priv *FCM
	pidx uint64

	prot, maxProt, inherit uint8
	flags                  uint8
	zapEpoch               uint32
	name                   uint64
	growMax                uint64 // GrowsDown: lowest address it may reach
	mnext, mprev           *Region
}
