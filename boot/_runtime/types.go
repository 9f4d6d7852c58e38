package runtime

import (
	"internal/abi"
	"internal/cpu"
	"internal/goarch"
	_ "internal/runtime/maps" // its types, for DWARF; its functions stay link errors
	"unsafe"
)

type (
	_type         = abi.Type
	interfacetype = abi.InterfaceType
	itab          = abi.ITab
	nameOff       = abi.NameOff
	typeOff       = abi.TypeOff
	textOff       = abi.TextOff
)

// memmove_amd64.s and memclr_amd64.s read these from go_asm.h.
const (
	offsetX86HasERMS = unsafe.Offsetof(cpu.X86.HasERMS)
	offsetX86HasAVX2 = unsafe.Offsetof(cpu.X86.HasAVX2)

	avxSupported     = 1 << 0
	repmovsPreferred = 1 << 1
)

type slice struct {
	array unsafe.Pointer
	len   int
	cap   int
}

type stringStruct struct {
	str unsafe.Pointer
	len int
}

type iface struct {
	tab  *itab
	data unsafe.Pointer
}

type eface struct {
	_type *_type
	data  unsafe.Pointer
}

type stack struct{ lo, hi uintptr }

// g stands for one stack. The compiler's prologues read stackguard0 at offset
// 16, its slice code the bounds at offsets 0 and 8.
type g struct {
	stack       stack
	stackguard0 uintptr
	stackguard1 uintptr
	_defer      *_defer
}

// stackGuard is the distance that the linker's no-split check relies on
// between stackguard0 and the end of the stack (internal/abi.StackGuard on
// Linux).
const stackGuard = 928

func (gp *g) setStack(lo, hi uintptr) {
	gp.stack = stack{lo, hi}
	gp.stackguard0 = lo + stackGuard
	gp.stackguard1 = lo + stackGuard
}

// _defer's layout is the compiler's (cmd/compile/internal/ssagen.deferstruct).
type _defer struct {
	heap      bool
	rangefunc bool
	sp        uintptr
	pc        uintptr
	fn        func()
	link      *_defer
	head      unsafe.Pointer
}

// The linker's DWARF generator wants these types to exist.
type (
	stringStructDWARF struct {
		str *byte
		len int
	}
	sudog struct{ elem unsafe.Pointer }
	waitq struct{ first, last *sudog }
	hchan struct {
		qcount, dataqsiz uint
		buf              unsafe.Pointer
		recvq, sendq     waitq
	}
)

// Error identifies a run-time error, as in the standard library.
type Error interface {
	error
	RuntimeError()
}

// errorString is the error behind the runtime's own panics.
type errorString string

func (e errorString) RuntimeError() {}
func (e errorString) Error() string { return string(e) }

func add(p unsafe.Pointer, x uintptr) unsafe.Pointer { return unsafe.Pointer(uintptr(p) + x) }

// noescape hides a pointer from escape analysis. Safe where the callee is known
// not to keep it.
//
//go:nosplit
func noescape(p unsafe.Pointer) unsafe.Pointer {
	x := uintptr(p)
	return unsafe.Pointer(x ^ 0)
}

const maxAlloc = 1 << 47

func mulUintptr(a, b uintptr) (uintptr, bool) {
	if a|b < 1<<(4*goarch.PtrSize) || a == 0 {
		return a * b, false
	}
	return a * b, b > ^uintptr(0)/a
}

func getg() *g

// Exported names that standard packages compile against.
const (
	GOOS     = "linux"
	GOARCH   = goarch.GOARCH
	Compiler = "gc"
)
