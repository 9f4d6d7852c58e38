package amd64

// Handler holds the kernel's event handlers; kernel main sets all of them before
// StartCPUs and Run. Each is called on the empty kernel stack with interrupts off, and returns;
// then the exit path goes on with This().Cur.
var Handler struct {
	// Native is a native call: syscall within the libOS's text. c is Cur; RIP,
	// RFLAGS, RSP are those after the call; RCX and R11 in c.Regs are stale;
	// Vec is VecNative, Fast is set. Put the result in c.Regs.RAX.
	Native func(c *UserContext)

	// Trap is an exception in ring 3. cr2 is valid for vector 14. Vec is
	// VecLow, Fast is clear.
	Trap func(c *UserContext, vector, err, cr2 uint64)

	// IRQ is an interrupt: 0..23 an I/O APIC input, or IRQTimer, IRQIPI. c is
	// the interrupted context (as after Trap), nil if the CPU was idle. It is
	// acknowledged to the APIC after the handler has returned.
	IRQ func(c *UserContext, irq int)

	// ReflectDisabled is a syscall outside the libOS's text while the
	// dispatcher is disabled; c is as at Native, but without Vec's and RCX's
	// meaning: the process is to be killed.
	ReflectDisabled func(c *UserContext)

	// Report, if set, is called when a panic, or an exception in ring 0, #DF or
	// #MC, is about to be reported: the other CPUs have stopped. It may run
	// on any stack.
	Report func()

	// NMI, if set, is called on the NMI's stack with whatever was
	// interrupted, which may be any instruction of the kernel. It returns.
	NMI func(f *Frame)
}

// Frame is a context interrupted in ring 0, or at an NMI in either ring, on the
// stack of its handler.
type Frame struct {
	R15, R14, R13, R12, RBP, RBX, R11, R10, R9, R8, RAX, RCX, RDX, RSI, RDI uint64
	Vector, Error                                                           uint64
	RIP, CS, RFLAGS, RSP, SS                                                uint64
}

// Exception vectors.
const (
	VecDE  = 0 // divide error
	VecDB  = 1
	VecNMI = 2
	VecBP  = 3
	VecOF  = 4
	VecBR  = 5
	VecUD  = 6
	VecNM  = 7
	VecDF  = 8
	VecTS  = 10
	VecNP  = 11
	VecSS  = 12
	VecGP  = 13
	VecPF  = 14
	VecMF  = 16 // x87
	VecAC  = 17
	VecMC  = 18
	VecXM  = 19 // SIMD
)

// Error code bits of a page fault.
const (
	FaultPresent = 1 << 0 // protection, not absence
	FaultWrite   = 1 << 1
	FaultUser    = 1 << 2
	FaultRsvd    = 1 << 3
	FaultFetch   = 1 << 4
)

// Vectors: exceptions, then the I/O APIC's inputs, then the local ones. The
// legacy PIC's spurious interrupts (masked, but never quite silent) come in the
// range of the local ones that nothing else uses.
const (
	vecIRQ      = 32
	NumIRQ      = 24
	vecTimer    = vecIRQ + NumIRQ + 0
	vecIPI      = vecIRQ + NumIRQ + 1
	vecError    = vecIRQ + NumIRQ + 2
	vecSpurious = 63
	numVectors  = 64
	// vecFlush asks for serveFlush (shootdown.go). It is of a higher priority
	// class than the others, and InterruptPending does not see it.
	vecFlush = 0x70

	// Handler.IRQ's numbers beyond the I/O APIC's.
	IRQTimer = vecTimer - vecIRQ
	IRQIPI   = vecIPI - vecIRQ
	irqError = vecError - vecIRQ

	// I/O APIC inputs of the ISA serial ports (after MADT overrides these are
	// the same on every machine here).
	IRQCOM1 = 4
	IRQCOM2 = 3
)

// The entries from assembly.

func nativeEntry(c *UserContext) { Handler.Native(c) }

func disabledEntry(c *UserContext) { Handler.ReflectDisabled(c) }

func trapEntry(c *UserContext, vector, err uint64) {
	cr2 := uint64(0)
	if vector == VecPF {
		cr2 = ReadCR2()
		if err&(FaultUser|FaultPresent) == FaultPresent && smapBroken() {
			return
		}
	}
	Handler.Trap(c, vector, err, cr2)
}

// badRIPEntry is reached at the exit, when c.Regs.RIP is not in the user half:
// IRETQ would fault in ring 0. It becomes what ring 3 would have got.
func badRIPEntry(c *UserContext) {
	Handler.Trap(c, VecGP, 0, 0)
}

func irqEntry(c *UserContext, vector uint64) {
	if vector == vecFlush {
		// The exit does what is asked for.
		apicEOI()
		return
	}
	if vector == vecSpurious {
		return
	}
	if vector == vecTimer {
		This().armed = 0
	}
	if vector == vecError {
		This().APICErrors++
		apicEOI()
		return
	}
	Handler.IRQ(c, int(vector)-vecIRQ)
	apicEOI()
}

func kernelTrapEntry(f *Frame) { Fatal(f) }

// istEntry handles what has a stack of its own, from ring 0, and NMI, #DF, #MC
// from ring 3 (#DB from ring 3 is an ordinary trap).
func istEntry(f *Frame) {
	p := This()
	switch f.Vector {
	case VecNMI:
		p.NMIs++
		stopHere(f)
		if h := Handler.NMI; h != nil {
			h(f)
		}
	case VecDB:
		// Ring 3 can bring about a single step in the kernel's first
		// instruction at most: it goes on without.
		p.Debugs++
		f.RFLAGS &^= 1 << 8
	default:
		kernelTrapEntry(f)
	}
}
