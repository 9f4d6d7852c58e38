package signal

// The frame that Linux puts on the stack for a handler (struct rt_sigframe), in
// words: return address, ucontext, siginfo. The XSAVE image is above it.
const (
	FrameWords = 55
	FrameSize  = FrameWords * 8

	frFlags   = 1
	frStack   = 3
	frRegs    = 6 // r8 r9 r10 r11 r12 r13 r14 r15 rdi rsi rbp rbx rdx rax rcx rsp rip eflags
	frSegs    = 24
	frErr     = 25
	frTrap    = 26
	frOldMask = 27
	frCR2     = 28
	frFP      = 29
	frMask    = 38
	frInfo    = 39

	// UContext and SigInfo are their offsets in the frame, in bytes.
	UContext = 8
	SigInfo  = frInfo * 8
)

// ucontext flags.
const (
	ucFPXState = 1
	ucSS       = 2
	ucStrictSS = 4
)

// Indices of Context.Regs.
const (
	R8 = iota
	R9
	R10
	R11
	R12
	R13
	R14
	R15
	RDI
	RSI
	RBP
	RBX
	RDX
	RAX
	RCX
	RSP
	RIP
	RFLAGS
	NumRegs
)

// Context is what a frame says of the interrupted program.
type Context struct {
	Regs           [NumRegs]uint64
	Err, Trap, CR2 uint64
	FP             uint64 // address of the XSAVE image, 0: none
	Mask           Set
	Alt            Stack
}

// Frame is struct rt_sigframe.
type Frame [FrameWords]uint64

// Encode fills the frame.
func (f *Frame) Encode(restorer uint64, c *Context, info *Info, xstate bool) {
	*f = Frame{}
	f[0] = restorer
	f[frFlags] = ucSS | ucStrictSS
	if xstate {
		f[frFlags] |= ucFPXState
	}
	f[frStack], f[frStack+1], f[frStack+2] = c.Alt.SP, uint64(c.Alt.Flags), c.Alt.Size
	copy(f[frRegs:], c.Regs[:])
	f[frSegs] = 0x33 | 0x2b<<48
	f[frErr], f[frTrap], f[frOldMask], f[frCR2], f[frFP] = c.Err, c.Trap, uint64(c.Mask), c.CR2, c.FP
	f[frMask] = uint64(c.Mask)
	f[frInfo] = uint64(uint32(info.Signo)) | uint64(uint32(info.Errno))<<32
	f[frInfo+1] = uint64(uint32(info.Code))
	copy(f[frInfo+2:], info.F[:])
}

// Decode is the reverse: what rt_sigreturn restores.
func (f *Frame) Decode(c *Context) {
	copy(c.Regs[:], f[frRegs:])
	c.Err, c.Trap, c.CR2, c.FP = f[frErr], f[frTrap], f[frCR2], f[frFP]
	c.Mask = Set(f[frMask])
	c.Alt = Stack{SP: f[frStack], Flags: uint32(f[frStack+1]), Size: f[frStack+2]}
}

// Place computes where frame and XSAVE image go on a stack whose pointer is sp
// (the red zone already left out): the handler is entered with RSP = frame.
func Place(sp, xsize uint64) (frame, fp uint64) {
	fp = (sp - xsize) &^ 63
	frame = (fp-FrameSize)&^15 - 8
	return frame, fp
}

// The software-reserved words of the FXSAVE area and what follows the image.
const (
	SWOffset = 464
	Magic1   = 0x46505853
	Magic2   = 0x46505845
)

// FlagsMask are the RFLAGS bits that a frame can change.
const FlagsMask = 1<<0 | 1<<2 | 1<<4 | 1<<6 | 1<<7 | 1<<8 | 1<<10 | 1<<11 | 1<<16 | 1<<18
