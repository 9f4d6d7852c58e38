package mm

// Bits of page-table entries (Intel SDM volume 3, 4.5).
const (
	ptePresent  = 1 << 0
	pteWrite    = 1 << 1
	pteUser     = 1 << 2
	pteWT       = 1 << 3 // write-through
	pteCD       = 1 << 4 // cache disable
	pteAccessed = 1 << 5
	pteDirty    = 1 << 6
	pteHuge     = 1 << 7 // 2 MiB or 1 GiB page
	pteGlobal   = 1 << 8
	pteNX       = 1 << 63
	pteAddr     = 0x000f_ffff_ffff_f000

	// ptePrivate, a bit for software, marks an entry of a private region: a
	// fork takes its write permission away.
	ptePrivate = 1 << 9

	tableFlags = ptePresent | pteWrite | pteUser // of entries that name user tables
)

// Spans of one entry at each level.
const (
	span1 = 1 << 12
	span2 = 1 << 21
	span3 = 1 << 30
	span4 = 1 << 39
)
