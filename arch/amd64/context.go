package amd64

import (
	"unsafe"

	"go42/ipc/abi"
)

// VecState says where a context's vector, SSE and x87 state is.
type VecState uint8

const (
	// VecNative: X0-X15 carry nothing (a native call's ABI clobbers them);
	// the exit zeroes them. Upper halves, MXCSR, x87: in the processor.
	VecNative VecState = iota
	// VecLow: X0-X15 are in XMM; the rest is in the processor.
	VecLow
	// VecFull: everything is in the XSAVE image.
	VecFull
	// VecInit: the processor's initial state (all zero, MXCSR 0x1f80, FCW 0x37f).
	VecInit
)

// UserContext is a ring-3 register context. It lies in kernel-private memory.
// No alignment is asked of it, but XSave's.
type UserContext struct {
	Regs abi.SaveArea

	// FSBase and GSBase are loaded at the next exit if SetFS, SetGS say so,
	// which the exit then clears. Otherwise the bases are in the processor.
	FSBase, GSBase uint64
	SetFS, SetGS   bool

	Vec VecState
	// Fast lets the exit use SYSRET: RCX and R11 then come out as RIP and
	// RFLAGS. Only for a RIP in the user half (the exit does not check it):
	// set by native entry and by Upcall and Start.
	Fast bool // at SetFS+3: assembly looks at the four together
	_    uint32

	// XSave is the address, 64-byte aligned, of XSaveSize bytes (at most a
	// page) for the full vector state. The kernel supplies it before Preempt.
	XSave uintptr

	// XMM is X0-X15 while Vec is VecLow.
	XMM [256]byte
}

// User selectors are Linux's.
const (
	UserCS = 0x33
	UserSS = 0x2b

	// UserFlags are the RFLAGS bits that ring 3 may choose.
	UserFlags = 0x254dd5
	// InitFlags is RFLAGS at an upcall: interrupts on.
	InitFlags = 0x202

	// UserTop is the end of the canonical user half.
	UserTop = 1 << 47
)

// Upcall makes c enter ring 3 at rip (a libOS entry) with rdi and
// rsi and all other registers zero, but for RCX and R11, which hold RIP and
// RFLAGS. GS base is set to gs; vector state and FS base stay what they were:
// for an upcall in place of resuming c. Copy c.Regs before where it matters.
func (c *UserContext) Upcall(rip, rsp, gs, rdi, rsi uint64) {
	r := &c.Regs // in place: a literal is made elsewhere first, and copied
	*r = abi.SaveArea{}
	r.RIP, r.RSP, r.RFLAGS, r.RDI, r.RSI = rip, rsp, InitFlags, rdi, rsi
	c.GSBase, c.SetGS = gs, true
	c.Fast = rip < UserTop
}

// Start is Upcall from the clean state: vector state initial, FS base zero.
// Whatever c held is forgotten.
func (c *UserContext) Start(rip, rsp, gs, rdi, rsi uint64) {
	c.Upcall(rip, rsp, gs, rdi, rsi)
	c.FSBase, c.SetFS = 0, true
	c.Vec = VecInit
}

// Preempt moves into c what of it is still in the processor: FS and GS base and
// the vector state (needs c.XSave). Call it in a handler, for the context that
// was Cur at entry, before another context becomes Cur, if c is to be resumed
// with its state. Doing it twice is harmless.
func (c *UserContext) Preempt() {
	c.SaveVectors()
	if !c.SetFS {
		c.FSBase, c.SetFS = ReadFSBase(), true
	}
	if !c.SetGS {
		c.GSBase, c.SetGS = ReadUserGSBase(), true
	}
}

// SaveVectors makes the full image in c.XSave, unless it is there already or c
// is to start with the initial state. Only for the context that was Cur at
// entry.
func (c *UserContext) SaveVectors() {
	switch c.Vec {
	case VecFull, VecInit:
		return
	case VecNative:
		clear(c.XMM[:])
	}
	if c.XSave == 0 {
		panic("amd64: context without a vector save area")
	}
	saveVectors(c)
	c.Vec = VecFull
}

// CopyVectors gives dst, a new context with its own XSave, c's full vector
// state: for a child that goes on where its parent was. c.Vec must be VecFull
// or VecInit.
func (c *UserContext) CopyVectors(dst *UserContext) {
	if c.Vec == VecFull {
		n := int(Features.XSaveSize)
		// Both areas are XSaveSize bytes by UserContext's contract.
		copy(unsafe.Slice((*byte)(unsafe.Pointer(dst.XSave)), n), unsafe.Slice((*byte)(unsafe.Pointer(c.XSave)), n))
	}
	dst.Vec = c.Vec
}

// saveVectors loads X0-X15 from c.XMM and stores all components of XCR0, or
// FXSAVE's where there is no XSAVE, in c.XSave.
func saveVectors(c *UserContext)

// ReadFSBase returns ring 3's FS base, if no context with SetFS is Cur.
func ReadFSBase() uint64

// WriteFSBase loads FS base at once; v is made canonical.
func WriteFSBase(v uint64) { writeFSBase(uint64(int64(v<<16) >> 16)) }

func writeFSBase(v uint64)

// ReadUserGSBase returns the GS base that the next exit would give ring 3.
func ReadUserGSBase() uint64

// Offsets and constants for assembly (through go_asm.h).
const (
	offR15    = unsafe.Offsetof(abi.SaveArea{}.R15)
	offR14    = unsafe.Offsetof(abi.SaveArea{}.R14)
	offR13    = unsafe.Offsetof(abi.SaveArea{}.R13)
	offR12    = unsafe.Offsetof(abi.SaveArea{}.R12)
	offRBP    = unsafe.Offsetof(abi.SaveArea{}.RBP)
	offRBX    = unsafe.Offsetof(abi.SaveArea{}.RBX)
	offR11    = unsafe.Offsetof(abi.SaveArea{}.R11)
	offR10    = unsafe.Offsetof(abi.SaveArea{}.R10)
	offR9     = unsafe.Offsetof(abi.SaveArea{}.R9)
	offR8     = unsafe.Offsetof(abi.SaveArea{}.R8)
	offRAX    = unsafe.Offsetof(abi.SaveArea{}.RAX)
	offRCX    = unsafe.Offsetof(abi.SaveArea{}.RCX)
	offRDX    = unsafe.Offsetof(abi.SaveArea{}.RDX)
	offRSI    = unsafe.Offsetof(abi.SaveArea{}.RSI)
	offRDI    = unsafe.Offsetof(abi.SaveArea{}.RDI)
	offRIP    = unsafe.Offsetof(abi.SaveArea{}.RIP)
	offRFLAGS = unsafe.Offsetof(abi.SaveArea{}.RFLAGS)
	offRSP    = unsafe.Offsetof(abi.SaveArea{}.RSP)

	pageDisabled  = abi.OffDisabled
	pageSvcSP     = abi.OffSvcSP
	pageSvcRIP    = abi.OffSvc
	pageSvcRFLAGS = abi.OffSvc + 8
	pageSvcRSP    = abi.OffSvc + 16
	pageSvcRAX    = abi.OffSvc + 24

	kernelCS  = 0x10
	kernelSS  = 0x18
	userCS    = UserCS
	userSS    = UserSS
	userFlags = UserFlags
	initFlags = InitFlags
)
