package runtime

import _ "unsafe" // for go:linkname

// What package boot/rt reaches through go:linkname, beside the functions of
// the other files.

//go:linkname rt_runInits
func rt_runInits() {
	runInits()
	afterInits()
}

//go:linkname rt_initG
func rt_initG(gp *g, lo, hi uintptr) { *gp = g{}; gp.setStack(lo, hi) }

//go:linkname rt_setG
func rt_setG(gp *g)

//go:linkname rt_getG
func rt_getG() *g { return getg() }

//go:linkname rt_framePointer
func rt_framePointer() uintptr

// startInfo is what the boot segment left in RDI: the physical address of
// PVH's hvm_start_info. Zero in the libOS.
var startInfo uintptr

//go:linkname rt_startInfo
func rt_startInfo() uintptr { return startInfo }

// emergencyG is the g of the stack on which an overflow is reported.
var emergencyG g

//go:linkname main_main main.main
func main_main()
