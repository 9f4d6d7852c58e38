//go:build freestanding

package rt

import "unsafe"

// G stands for one stack. Its memory must stay where it is for as long as the
// stack is in use. 64 bytes; what is in it belongs to the runtime. Assembly
// that makes a G by itself needs only: offset 0 the lowest address of the
// stack, 8 the address behind its end, 16 and 24 the lowest address + GuardSize,
// 32 zero.
type G struct {
	lo, hi, guard0, guard1 uintptr
	deferred               uintptr
	_                      [3]uintptr
}

// GuardSize is how much of a stack's low end is kept for functions without a
// stack check.
const GuardSize = 928

// SetStack makes g the g of the stack [lo, hi): addresses in bytes, hi
// exclusive.
func (g *G) SetStack(lo, hi uintptr) { initG(g, lo, hi) }

// Stack returns the bounds that SetStack gave.
func (g *G) Stack() (lo, hi uintptr) { return g.lo, g.hi }

// SetG makes g the current one: in the word at GS:-8 and, on return, in R14.
// The caller must already run on g's stack (or call no function that checks its
// stack before it does).
func SetG(g *G) { setG(g) }

// CurrentG returns the g in R14.
func CurrentG() *G { return getG() }

// SetArena gives the start-up allocator [addr, addr+size), in place of what was
// left of the previous one. Before the first call there are 16 KiB in the
// image, for package initialisers. Start-up runs on one CPU: not for
// concurrent use.
func SetArena(addr, size uintptr) { setArena(addr, size) }

// Seal ends start-up: any later allocation is a panic.
func Seal() { seal() }

// ArenaUsed returns how many bytes have been allocated since the image started.
func ArenaUsed() uintptr { return arenaUsed() }

// SetPrintHook makes f the output of print and println. b is valid during the
// call only. Before it is set, the kernel's output goes to the first serial
// port, the libOS's nowhere.
func SetPrintHook(f func(b []byte)) { setPrintHook(f) }

// SetPanicHook makes f the end of every panic: explicit ones (msg is the string,
// the error's or the value's text), the compiler's checks, an allocation after
// Seal, and a stack overflow (f then runs on an 8 KiB emergency stack). pc is
// the return address in the code that panicked, sp its stack pointer. msg is
// valid during the call only. f must not return; if it does, the CPU stops.
// Until it is set, a panic prints its message and place.
func SetPanicHook(f func(msg string, pc, sp uintptr)) { setPanicHook(f) }

// RunInits is for the libOS, which calls it on its first stack, with g set, in
// each pristine image: it runs the package initialisers in dependency order and
// then main.main, which returns. The kernel's entry does both by itself.
func RunInits() { runInits() }

// StartInfo returns the physical address of PVH's hvm_start_info (kernel only).
func StartInfo() uintptr { return startInfo() }

// FuncForPC returns the function, file and line of a code address of this
// image; "?", "?", 0 if it has none. For a return address pass pc-1. It does
// not allocate. Where calls were inlined at pc it describes the innermost; Outer
// leads to the others.
func FuncForPC(pc uintptr) (name, file string, line int) { return funcForPC(pc) }

// Outer returns a code address at the place from which the innermost call
// inlined at pc was made, to be given to FuncForPC as it is; 0 if nothing is
// inlined there.
func Outer(pc uintptr) uintptr { return outer(pc) }

// TextRange returns the bounds of the image's Go text.
func TextRange() (lo, hi uintptr) { return textRange() }

// FramePointer returns the caller's frame pointer (BP).
//
//go:noinline
func FramePointer() uintptr { return *(*uintptr)(unsafe.Pointer(framePointer())) }

// Callers fills buf with pc and the return addresses found by following frame
// pointers from bp, as long as they stay inside the stack [lo, hi) and grow,
// and returns how many. A damaged chain ends the walk, it does not fault.
func Callers(pc, bp, lo, hi uintptr, buf []uintptr) int {
	if len(buf) == 0 {
		return 0
	}
	buf[0] = pc
	n := 1
	for n < len(buf) && bp >= lo && bp+16 <= hi && bp+16 > bp && bp%8 == 0 {
		ret := *(*uintptr)(unsafe.Pointer(bp + 8))
		next := *(*uintptr)(unsafe.Pointer(bp))
		if ret == 0 {
			break
		}
		buf[n] = ret
		n++
		if next <= bp {
			break
		}
		bp = next
	}
	return n
}

//go:linkname initG runtime.rt_initG
func initG(g *G, lo, hi uintptr)

//go:linkname setG runtime.rt_setG
func setG(g *G)

//go:linkname getG runtime.rt_getG
func getG() *G

//go:linkname setArena runtime.rt_setArena
func setArena(addr, size uintptr)

//go:linkname seal runtime.rt_seal
func seal()

//go:linkname arenaUsed runtime.rt_arenaUsed
func arenaUsed() uintptr

//go:linkname setPrintHook runtime.rt_setPrintHook
func setPrintHook(f func(b []byte))

//go:linkname setPanicHook runtime.rt_setPanicHook
func setPanicHook(f func(msg string, pc, sp uintptr))

//go:linkname runInits runtime.rt_runInits
func runInits()

//go:linkname startInfo runtime.rt_startInfo
func startInfo() uintptr

//go:linkname funcForPC runtime.rt_funcForPC
func funcForPC(pc uintptr) (name, file string, line int)

//go:linkname outer runtime.rt_outer
func outer(pc uintptr) uintptr

//go:linkname textRange runtime.rt_textRange
func textRange() (lo, hi uintptr)

//go:linkname framePointer runtime.rt_framePointer
func framePointer() uintptr
