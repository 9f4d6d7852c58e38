package runtime

import (
	"internal/abi"
	"unsafe"
)

// Names, files and lines of code addresses, straight from the image's pclntab,
// without allocation or cache: for panics and backtraces.

// _func is the linker's per-function record.
type _func struct {
	entryOff    uint32
	nameOff     int32
	args        int32
	deferreturn uint32
	pcsp        uint32
	pcfile      uint32
	pcln        uint32
	npcdata     uint32
	cuOffset    uint32
	startLine   int32
	funcID      abi.FuncID
	flag        abi.FuncFlag
	_           [1]byte
	nfuncdata   uint8
}

// findfunc returns the function that holds pc, nil if none does.
func findfunc(pc uintptr) *_func {
	md := &firstmoduledata
	if pc < md.text || pc >= md.etext || len(md.ftab) < 2 {
		return nil
	}
	off := uint32(pc - md.text)
	lo, hi := 0, len(md.ftab)-1
	for hi-lo > 1 {
		mid := int(uint(lo+hi) >> 1)
		if md.ftab[mid].entryoff <= off {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (*_func)(unsafe.Pointer(&md.pclntable[md.ftab[lo].funcoff]))
}

func (f *_func) entry() uintptr { return firstmoduledata.text + uintptr(f.entryOff) }

func (f *_func) pcdata(table uint32, pc uintptr) (int32, bool) {
	if f == nil || table >= f.npcdata {
		return -1, false
	}
	off := *(*uint32)(add(unsafe.Pointer(f), unsafe.Sizeof(_func{})+uintptr(table)*4))
	return f.pcvalue(off, pc)
}

// pcvalue reads a delta-coded table at offset off of pctab.
func (f *_func) pcvalue(off uint32, target uintptr) (int32, bool) {
	if off == 0 {
		return -1, false
	}
	p := firstmoduledata.pctab[off:]
	pc, val := f.entry(), int32(-1)
	for first := true; ; first = false {
		d, n := uvarint(p)
		if d == 0 && !first {
			return -1, false
		}
		val += int32(-(d & 1) ^ (d >> 1))
		p = p[n:]
		d, n = uvarint(p)
		p = p[n:]
		pc += uintptr(d)
		if target < pc {
			return val, true
		}
	}
}

func uvarint(p []byte) (v uint32, n int) {
	for shift := uint(0); ; shift += 7 {
		b := p[n]
		n++
		v |= uint32(b&0x7f) << (shift & 31)
		if b < 0x80 {
			return v, n
		}
	}
}

// inlinedCall is the linker's record of one call that the compiler inlined.
type inlinedCall struct {
	funcID    abi.FuncID
	_         [3]byte
	nameOff   int32
	parentPC  int32 // a pc of the call's place, as offset from the function's entry
	startLine int32
}

// inlined returns the innermost inlined call that pc belongs to, nil if none.
func (f *_func) inlined(pc uintptr) *inlinedCall {
	i, ok := f.pcdata(abi.PCDATA_InlTreeIndex, pc)
	if !ok || i < 0 || f.nfuncdata <= abi.FUNCDATA_InlTree {
		return nil
	}
	table := add(unsafe.Pointer(f), unsafe.Sizeof(_func{})+uintptr(f.npcdata)*4)
	off := *(*uint32)(add(table, abi.FUNCDATA_InlTree*4))
	if off == ^uint32(0) {
		return nil
	}
	tree := unsafe.Pointer(firstmoduledata.gofunc + uintptr(off))
	return (*inlinedCall)(add(tree, uintptr(i)*unsafe.Sizeof(inlinedCall{})))
}

//go:linkname rt_funcForPC
func rt_funcForPC(pc uintptr) (name, file string, line int) {
	f := findfunc(pc)
	if f == nil {
		return "?", "?", 0
	}
	md := &firstmoduledata
	off := f.nameOff
	if c := f.inlined(pc); c != nil {
		off = c.nameOff
	}
	name = gostringnocopy(&md.funcnametab[off])
	file = "?"
	if n, ok := f.pcvalue(f.pcfile, pc); ok && n >= 0 {
		if off := md.cutab[f.cuOffset+uint32(n)]; off != ^uint32(0) {
			file = gostringnocopy(&md.filetab[off])
		}
	}
	if n, ok := f.pcvalue(f.pcln, pc); ok {
		line = int(n)
	}
	return name, file, line
}

//go:linkname rt_outer
func rt_outer(pc uintptr) uintptr {
	f := findfunc(pc)
	if f == nil {
		return 0
	}
	c := f.inlined(pc)
	if c == nil {
		return 0
	}
	return f.entry() + uintptr(c.parentPC)
}

//go:linkname rt_textRange
func rt_textRange() (lo, hi uintptr) { return firstmoduledata.text, firstmoduledata.etext }
