package entry

import "go42/ipc/abi"

// Regs is a program's (or an interrupted libOS thread's) general registers, in
// an order that makes Args the six arguments of a system call and its end the
// frame of an iretq.
type Regs struct {
	Args                         [6]uint64 // 0x00 RDI, RSI, RDX, R10, R8, R9
	RAX                          uint64    // 0x30
	RBX, RBP, R12, R13, R14, R15 uint64    // 0x38
	RCX, R11                     uint64    // 0x68
	Orig                         int64     // 0x78 number of the call being served; -1: none (no restart)
	_                            uint64    // 0x80
	RIP, CS, RFLAGS, RSP, SS     uint64    // 0x88
} // 0xb0

// Indices of Regs.Args.
const (
	RDI = iota
	RSI
	RDX
	R10
	R8
	R9
)

// Frame is the program's state, at the top of the thread's libOS stack.
type Frame struct {
	X [16][2]uint64 // low 128 bits of X0-X15
	Regs
}

// How a thread that is not running is resumed.
const (
	SavedNone    = iota // running, or never run
	SavedCoop           // SP, BP: it called Switch
	SavedProgram        // Frame: it was in the program
	SavedContext        // Ctx: it was interrupted in enabled libOS code
)

// Core is the head of every thread.
type Core struct {
	G        [6]uint64 // 0x00 runtime.g: stack lo, hi, guard, guard, deferred calls
	Frame    *Frame    // 0x30
	StackTop uint64    // 0x38 end of Frame; the page's SvcSP while the thread runs
	SP, BP   uint64    // 0x40 valid if SavedCoop
	XSave    uint64    // 0x50 address of the XSAVE area, 64-byte aligned
	FSBase   uint64    // 0x58 the program's
	Saved    uint32    // 0x60
	VSaved   uint32    // 0x64 the vector state is in the XSAVE area, not in the processor
	Work     uint32    // 0x68 nonzero: the exit path calls WorkFn
	OnCPU    uint32    // 0x6c not yet switched out
	Ctx      Regs      // 0x70 valid if SavedContext
}

// User selectors, as Linux's.
const (
	UserCS = 0x33
	UserSS = 0x2b
)

// Words of the dispatcher page's private area that assembly uses.
const (
	PrivThread     = 0 // *Core of the current thread, also while its scheduler runs; 0: none
	PrivSchedG     = 1 // g of the scheduler stack
	PrivTrapG      = 2 // g of the trap stack
	PrivDispatcher = 3 // what Dispatcher answers
)

// StackGuard is runtime.stackGuard.
const StackGuard = 928

// SetG fills a g for the stack [lo, hi).
func SetG(g *[6]uint64, lo, hi uint64) {
	g[0], g[1], g[2], g[3], g[4] = lo, hi, lo+StackGuard, lo+StackGuard, 0
}

// NumLeaf bounds the call numbers in Leaf.
const NumLeaf = 512

// Leaf has, for a call whose whole answer is one word, the address of that
// word: Svc then answers without entering Go.
var Leaf [NumLeaf]*int64

// The upcalls' Go sides; set once at start.
var (
	SvcFn    func(t *Core)                         // on the thread's stack, disabled; returns to the exit path
	WorkFn   func(t *Core)                         // same: Work or Pending is nonzero
	EventFn  func(t *Core)                         // on the scheduler stack, as all below; do not return
	FaultFn  func(t *Core)                         //
	RunFn    func(reason, arg uint64)              //
	CallFn   func()                                //
	ReturnFn func()                                //
	RetryFn  func(t *Core)                         // an event came while a SavedContext thread was being resumed
	TrapFn   func(t *Core)                         // on the trap stack; t nil: no thread's vector state was saved
	SwitchFn func(t *Core, arg, arg2, arg3 uint64) // on the scheduler stack after Switch
)

// Sizes of a dispatcher's stacks.
const (
	SchedStack = 32 << 10
	TrapStack  = 16 << 10
)

// Stacks are what a dispatcher's upcalls run on. Memory that no dispatcher uses
// is never touched.
type Stacks struct {
	schedG, trapG [6]uint64
	sched         [SchedStack]byte
	trap          [TrapStack]byte
}

var (
	stacks [abi.MaxDispatchers]Stacks
	// useFX: the processor has no XSAVE.
	useFX uint32
	// initX is the initial vector state for XRSTOR.
	initX [576 + 64]byte
)
