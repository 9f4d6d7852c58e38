package mm

// table is a page table of any level.
type table [512]uint64
