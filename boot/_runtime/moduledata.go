package runtime

import (
	"internal/abi"
	"unsafe"
)

// moduledata is filled in by the linker (cmd/link/internal/ld.(*Link).symtab);
// order and types belong to the pinned Go version.
type moduledata struct {
	pcHeader     unsafe.Pointer
	funcnametab  []byte
	cutab        []uint32
	filetab      []byte
	pctab        []byte
	pclntable    []byte
	ftab         []functab
	findfunctab  uintptr
	minpc, maxpc uintptr

	text, etext           uintptr
	noptrdata, enoptrdata uintptr
	data, edata           uintptr
	bss, ebss             uintptr
	noptrbss, enoptrbss   uintptr
	covctrs, ecovctrs     uintptr
	end, gcdata, gcbss    uintptr
	types, etypes         uintptr
	rodata                uintptr
	gofunc                uintptr
	epclntab              uintptr

	textsectmap []textsect
	typelinks   []int32
	itablinks   []*itab

	ptab []byte

	pluginpath string
	pkghashes  []byte

	inittasks []*initTask

	modulename   string
	modulehashes []byte

	hasmain uint8
	next    *moduledata
}

type textsect struct{ vaddr, end, baseaddr uintptr }

type functab struct{ entryoff, funcoff uint32 }

// initTask is one package's initialisation, laid out by the compiler: a state
// word, a count, and that many function pointers behind it.
type initTask struct {
	state uint32
	nfns  uint32
}

var (
	firstmoduledata   moduledata
	lastmoduledatap   *moduledata
	runtime_inittasks []*initTask
)

// runInits runs the package initialisers in the linker's dependency order.
// It may be called once, on a stack whose g is set.
func runInits() {
	runTasks(runtime_inittasks)
	runTasks(firstmoduledata.inittasks)
}

func runTasks(ts []*initTask) {
	for _, t := range ts {
		if t.state != 0 {
			continue
		}
		t.state = 2
		first := add(unsafe.Pointer(t), 8)
		for i := uintptr(0); i < uintptr(t.nfns); i++ {
			// A func value is a pointer to a word that holds the code
			// pointer: the slot itself is that word.
			p := add(first, i*8)
			f := *(*func())(unsafe.Pointer(&p))
			f()
		}
	}
}

func nameAt(off nameOff) abi.Name {
	if off == 0 {
		return abi.Name{}
	}
	return abi.Name{Bytes: (*byte)(unsafe.Pointer(firstmoduledata.types + uintptr(off)))}
}

func typeAt(off typeOff) *_type {
	if off == 0 || off == -1 {
		return nil
	}
	return (*_type)(unsafe.Pointer(firstmoduledata.types + uintptr(off)))
}

func textAt(off textOff) unsafe.Pointer {
	if off == -1 {
		return unsafe.Pointer(abi.FuncPCABIInternal(unreachableMethod))
	}
	return unsafe.Pointer(firstmoduledata.text + uintptr(off))
}

func typeString(t *_type) string {
	if t == nil {
		return "nil"
	}
	s := nameAt(t.Str).Name()
	if t.TFlag&abi.TFlagExtraStar != 0 {
		return s[1:]
	}
	return s
}

// unreachableMethod stands in for methods that the linker pruned.
func unreachableMethod() { throw("unreachable method called: linker bug?") }
