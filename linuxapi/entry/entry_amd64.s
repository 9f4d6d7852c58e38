//go:build go42libos

#include "textflag.h"

// Dispatcher page (ipc/abi), GS-relative.
#define DISABLED 0x008
#define PENDING  0x010
#define SVCSP    0x018
#define INTRAP   0x03c
#define THREAD   0x080
#define SCHEDG   0x088
#define TRAPG    0x090
#define DISP     0x098
#define INDEX    0x00c
#define SVC_RIP  0x100
#define SVC_RFL  0x108
#define SVC_RSP  0x110
#define SVC_RAX  0x118
#define TRAP     0x200

// Stacks.
#define SCHEDSIZE (32<<10)
#define TRAPSIZE  (16<<10)
#define STACKS    (96+SCHEDSIZE+TRAPSIZE)

// Core.
#define T_FRAME  0x30
#define T_TOP    0x38
#define T_SP     0x40
#define T_BP     0x48
#define T_XSAVE  0x50
#define T_FS     0x58
#define T_SAVED  0x60
#define T_VSAVED 0x64
#define T_WORK   0x68
#define T_ONCPU  0x6c
#define T_CTX    0x70

// Frame: 256 bytes of X registers, then Regs.
#define REGS     256
#define FRAME    432
#define IRET     (REGS+0x88)
#define NUMLEAF  512

#define SAVEX(base) \
	MOVUPS	X0, 0(base);    \
	MOVUPS	X1, 16(base);   \
	MOVUPS	X2, 32(base);   \
	MOVUPS	X3, 48(base);   \
	MOVUPS	X4, 64(base);   \
	MOVUPS	X5, 80(base);   \
	MOVUPS	X6, 96(base);   \
	MOVUPS	X7, 112(base);  \
	MOVUPS	X8, 128(base);  \
	MOVUPS	X9, 144(base);  \
	MOVUPS	X10, 160(base); \
	MOVUPS	X11, 176(base); \
	MOVUPS	X12, 192(base); \
	MOVUPS	X13, 208(base); \
	MOVUPS	X14, 224(base); \
	MOVUPS	X15, 240(base)

#define LOADX(base) \
	MOVUPS	0(base), X0;    \
	MOVUPS	16(base), X1;   \
	MOVUPS	32(base), X2;   \
	MOVUPS	48(base), X3;   \
	MOVUPS	64(base), X4;   \
	MOVUPS	80(base), X5;   \
	MOVUPS	96(base), X6;   \
	MOVUPS	112(base), X7;  \
	MOVUPS	128(base), X8;  \
	MOVUPS	144(base), X9;  \
	MOVUPS	160(base), X10; \
	MOVUPS	176(base), X11; \
	MOVUPS	192(base), X12; \
	MOVUPS	208(base), X13; \
	MOVUPS	224(base), X14; \
	MOVUPS	240(base), X15

// All but RAX, RCX, R11.
#define SAVEREGS(base, off) \
	MOVQ	DI, (off+0x00)(base);  \
	MOVQ	SI, (off+0x08)(base);  \
	MOVQ	DX, (off+0x10)(base);  \
	MOVQ	R10, (off+0x18)(base); \
	MOVQ	R8, (off+0x20)(base);  \
	MOVQ	R9, (off+0x28)(base);  \
	MOVQ	BX, (off+0x38)(base);  \
	MOVQ	BP, (off+0x40)(base);  \
	MOVQ	R12, (off+0x48)(base); \
	MOVQ	R13, (off+0x50)(base); \
	MOVQ	R14, (off+0x58)(base); \
	MOVQ	R15, (off+0x60)(base)

// All; base must be SP.
#define LOADREGS(base, off) \
	MOVQ	(off+0x00)(base), DI;  \
	MOVQ	(off+0x08)(base), SI;  \
	MOVQ	(off+0x10)(base), DX;  \
	MOVQ	(off+0x18)(base), R10; \
	MOVQ	(off+0x20)(base), R8;  \
	MOVQ	(off+0x28)(base), R9;  \
	MOVQ	(off+0x30)(base), AX;  \
	MOVQ	(off+0x38)(base), BX;  \
	MOVQ	(off+0x40)(base), BP;  \
	MOVQ	(off+0x48)(base), R12; \
	MOVQ	(off+0x50)(base), R13; \
	MOVQ	(off+0x58)(base), R14; \
	MOVQ	(off+0x60)(base), R15; \
	MOVQ	(off+0x68)(base), CX;  \
	MOVQ	(off+0x70)(base), R11

// Calls the Go function in variable f (ABIInternal: arguments are in AX, BX, ..,
// context in DX, R14 = g, X15 = 0, room below for spilled arguments).
#define GOCALL(f) \
	XORPS	X15, X15; \
	XORL	BP, BP;   \
	SUBQ	$96, SP;  \
	MOVQ	f, DX;    \
	CALL	(DX);     \
	ADDQ	$96, SP

// Svc: a system call of the program. RSP is the thread's StackTop; RAX, RIP,
// RFLAGS, RSP are in the page; RCX and R11 are free.
TEXT ·Svc(SB),NOSPLIT|NOFRAME,$0
	MOVQ	SVC_RAX(GS), AX
	CMPQ	AX, $NUMLEAF
	JAE	full
	LEAQ	·Leaf(SB), CX
	MOVQ	(CX)(AX*8), CX
	TESTQ	CX, CX
	JEQ	full
	MOVQ	(CX), AX
	MOVQ	SVC_RIP(GS), CX
	MOVQ	SVC_RFL(GS), R11
	PUSHQ	$0x2b
	PUSHQ	SVC_RSP(GS)
	PUSHQ	R11
	PUSHQ	$0x33
	PUSHQ	CX
	JMP	·ExitLo(SB)
full:
	SUBQ	$FRAME, SP
	SAVEREGS(SP, REGS)
	MOVQ	AX, (REGS+0x30)(SP)
	MOVQ	AX, (REGS+0x78)(SP)
	MOVQ	SVC_RIP(GS), CX
	MOVQ	SVC_RFL(GS), R11
	MOVQ	SVC_RSP(GS), DX
	MOVQ	CX, (REGS+0x68)(SP)
	MOVQ	R11, (REGS+0x70)(SP)
	MOVQ	CX, (IRET+0)(SP)
	MOVQ	$0x33, (IRET+8)(SP)
	MOVQ	R11, (IRET+16)(SP)
	MOVQ	DX, (IRET+24)(SP)
	MOVQ	$0x2b, (IRET+32)(SP)
	SAVEX(SP)
	MOVQ	-8(GS), R14
	MOVQ	R14, AX
	GOCALL(·SvcFn(SB))
	JMP	·leave(SB)

// leave: back to the program. Disabled, on the thread's stack, SP = Frame.
TEXT ·leave(SB),NOSPLIT|NOFRAME,$0
	MOVQ	-8(GS), R14
again:
	CMPL	T_WORK(R14), $0
	JNE	work
	LOADX(SP)
	LOADREGS(SP, REGS)
	ADDQ	$IRET, SP
	JMP	·ExitLo(SB)
work:
	MOVQ	R14, AX
	GOCALL(·WorkFn(SB))
	MOVQ	-8(GS), R14
	JMP	again

// ExitLo..ExitHi: SP points at an iretq frame, all other registers are those of
// the context. Restartable: an event in here loses nothing, since the frame is
// untouched until iretq has taken it.
TEXT ·ExitLo(SB),NOSPLIT|NOFRAME,$0
	MOVL	$0, DISABLED(GS)
	CMPQ	PENDING(GS), $0
	JNE	pending
	IRETQ
pending:
	MOVL	$1, DISABLED(GS)
	JMP	·exitPending(SB)

TEXT ·ExitHi(SB),NOSPLIT|NOFRAME,$0
	// Something is pending. The iretq frame is either the thread's Frame's (on
	// its stack) or that of Core.Ctx.
TEXT ·exitPending(SB),NOSPLIT|NOFRAME,$0
	PUSHQ	AX
	PUSHQ	CX
	MOVQ	-8(GS), AX
	LEAQ	(FRAME-IRET+16)(SP), CX
	CMPQ	CX, T_TOP(AX)
	JNE	context
	POPQ	CX
	POPQ	AX
	SUBQ	$IRET, SP
	SAVEREGS(SP, REGS)
	MOVQ	AX, (REGS+0x30)(SP)
	MOVQ	CX, (REGS+0x68)(SP)
	MOVQ	R11, (REGS+0x70)(SP)
	MOVQ	$-1, (REGS+0x78)(SP)
	SAVEX(SP)
	MOVQ	-8(GS), R14
	MOVQ	R14, AX
	GOCALL(·WorkFn(SB))
	// Not a direct jump: the linker would see an endless chain of calls.
	LEAQ	·leave(SB), AX
	JMP	AX
context:
	// The two words just pushed fell on Ctx.Orig and its pad, which a context
	// in the libOS does not use. The registers are still in Ctx, the vector
	// state still in the XSAVE area.
	MOVL	$1, T_VSAVED(AX)
	MOVQ	SCHEDG(GS), R14
	MOVQ	R14, -8(GS)
	MOVQ	0x08(R14), SP
	GOCALL(·RetryFn(SB))
	UD2

// Event and Fault: enabled code was interrupted; its registers are in the page,
// its vector state in the processor. RSP is the scheduler's.
TEXT ·Event(SB),NOSPLIT|NOFRAME,$0
	MOVQ	-8(GS), BX
	RDFSBASEQ AX
	MOVQ	AX, T_FS(BX)
	MOVQ	T_XSAVE(BX), DI
	CALL	·xsave(SB)
	MOVL	$1, T_VSAVED(BX)
	MOVQ	SCHEDG(GS), R14
	MOVQ	R14, -8(GS)
	MOVQ	BX, AX
	GOCALL(·EventFn(SB))
	UD2

TEXT ·Fault(SB),NOSPLIT|NOFRAME,$0
	MOVQ	-8(GS), BX
	RDFSBASEQ AX
	MOVQ	AX, T_FS(BX)
	MOVQ	T_XSAVE(BX), DI
	CALL	·xsave(SB)
	MOVL	$1, T_VSAVED(BX)
	MOVQ	SCHEDG(GS), R14
	MOVQ	R14, -8(GS)
	MOVQ	BX, AX
	GOCALL(·FaultFn(SB))
	UD2

// Run: DI says why, SI is its argument. In a dispatcher's first run nothing is
// set up yet: the page's stack pointers are zero or another one's.
TEXT ·Run(SB),NOSPLIT|NOFRAME,$0
	TESTQ	DI, DI
	JEQ	known
	MOVL	INDEX(GS), R8
	IMUL3Q	$STACKS, R8, R8
	LEAQ	·stacks(SB), AX
	ADDQ	R8, AX // Stacks: schedG, trapG, sched, trap
	MOVQ	AX, R14
	LEAQ	48(AX), CX
	ADDQ	$96, AX
	LEAQ	SCHEDSIZE(AX), SP
	MOVQ	AX, 0(R14)
	MOVQ	SP, 8(R14)
	ADDQ	$928, AX
	MOVQ	AX, 16(R14)
	MOVQ	AX, 24(R14)
	MOVQ	R14, SCHEDG(GS)
	MOVQ	SP, AX
	LEAQ	TRAPSIZE(AX), DX
	MOVQ	AX, 0(CX)
	MOVQ	DX, 8(CX)
	ADDQ	$928, AX
	MOVQ	AX, 16(CX)
	MOVQ	AX, 24(CX)
	MOVQ	CX, TRAPG(GS)
	MOVQ	SP, 0x20(GS)
	MOVQ	DX, 0x28(GS)
known:
	MOVQ	SCHEDG(GS), R14
	MOVQ	R14, -8(GS)
	CLD
	CMPQ	·RunFn(SB), $0
	JEQ	pristine
	MOVQ	DI, AX
	MOVQ	SI, BX
	GOCALL(·RunFn(SB))
	UD2
pristine:
	SUBQ	$128, SP
	XORL	BP, BP
	MOVQ	DI, 0(SP)
	MOVQ	SI, 8(SP)
	CALL	·first(SB)
	UD2

TEXT ·Call(SB),NOSPLIT|NOFRAME,$0
	MOVQ	SCHEDG(GS), R14
	MOVQ	R14, -8(GS)
	GOCALL(·CallFn(SB))
	UD2

TEXT ·Return(SB),NOSPLIT|NOFRAME,$0
	MOVQ	SCHEDG(GS), R14
	MOVQ	R14, -8(GS)
	GOCALL(·ReturnFn(SB))
	UD2

// Trap: an exception. In a user copy routine it becomes that routine's error;
// its wrapper restores g and X15, so that little of the context matters.
TEXT ·Trap(SB),NOSPLIT|NOFRAME,$0
	MOVQ	(TRAP+0x78)(GS), AX
	LEAQ	go42∕linuxapi∕usercopy·fixups(SB), BX
next:
	MOVQ	(BX), CX
	TESTQ	CX, CX
	JEQ	real
	CMPQ	AX, CX
	JB	skip
	CMPQ	AX, 8(BX)
	JB	fixup
skip:
	ADDQ	$24, BX
	JMP	next
fixup:
	MOVQ	16(BX), R9
	MOVQ	(TRAP+0x58)(GS), CX
	MOVQ	(TRAP+0x60)(GS), DX
	MOVQ	(TRAP+0x48)(GS), R8
	MOVQ	(TRAP+0x20)(GS), BP
	MOVQ	(TRAP+0xb0)(GS), AX
	MOVQ	(TRAP+0x88)(GS), SP
	MOVL	$0, INTRAP(GS)
	MOVL	AX, DISABLED(GS)
	JMP	R9
real:
	XORL	BX, BX
	CMPQ	(TRAP+0xb0)(GS), $0
	JNE	go
	MOVQ	-8(GS), BX
	RDFSBASEQ AX
	MOVQ	AX, T_FS(BX)
	MOVQ	T_XSAVE(BX), DI
	CALL	·xsave(SB)
	MOVL	$1, T_VSAVED(BX)
go:
	MOVQ	TRAPG(GS), R14
	MOVQ	R14, -8(GS)
	CLD
	MOVQ	BX, AX
	GOCALL(·TrapFn(SB))
	UD2

// xsave: vector state to (DI). Clobbers AX, DX.
TEXT ·xsave(SB),NOSPLIT|NOFRAME,$0
	CMPL	·useFX(SB), $0
	JNE	fx
	MOVL	$-1, AX
	MOVL	$-1, DX
	BYTE $0x48; BYTE $0x0f; BYTE $0xae; BYTE $0x27 // XSAVE64 (DI)
	RET
fx:
	BYTE $0x48; BYTE $0x0f; BYTE $0xae; BYTE $0x07 // FXSAVE64 (DI)
	RET

// xrstor: vector state from (DI). Clobbers AX, DX.
TEXT ·xrstor(SB),NOSPLIT|NOFRAME,$0
	CMPL	·useFX(SB), $0
	JNE	fx
	MOVL	$-1, AX
	MOVL	$-1, DX
	BYTE $0x48; BYTE $0x0f; BYTE $0xae; BYTE $0x2f // XRSTOR64 (DI)
	RET
fx:
	BYTE $0x48; BYTE $0x0f; BYTE $0xae; BYTE $0x0f // FXRSTOR64 (DI)
	RET

// func XSave(addr uintptr)
TEXT ·XSave(SB),NOSPLIT,$0-8
	MOVQ	addr+0(FP), DI
	CALL	·xsave(SB)
	RET

// func XRestore(addr uintptr)
TEXT ·XRestore(SB),NOSPLIT,$0-8
	MOVQ	addr+0(FP), DI
	CALL	·xrstor(SB)
	RET

// func Switch(arg, arg2, arg3 uint64): saves the current thread and calls
// SwitchFn(thread, arg..) on the scheduler stack. Must be called disabled;
// returns disabled, when the thread is resumed.
TEXT ·Switch(SB),NOSPLIT|NOFRAME,$0-24
	MOVQ	-8(GS), R12
	MOVQ	8(SP), BX
	MOVQ	16(SP), CX
	MOVQ	24(SP), R13
	MOVQ	SP, T_SP(R12)
	MOVQ	BP, T_BP(R12)
	RDFSBASEQ AX
	MOVQ	AX, T_FS(R12)
	MOVQ	T_XSAVE(R12), DI
	CALL	·xsave(SB)
	MOVL	$1, T_VSAVED(R12)
	MOVL	$1, T_SAVED(R12)
	MOVQ	SCHEDG(GS), R14
	MOVQ	R14, -8(GS)
	MOVQ	0x08(R14), SP
	MOVL	$0, T_ONCPU(R12)
	MOVQ	R12, AX
	MOVQ	R13, DI
	GOCALL(·SwitchFn(SB))
	UD2

// func Resume(t *Core): continues a thread that is not running. Called disabled
// on the scheduler or trap stack, which is abandoned. Does not return.
TEXT ·Resume(SB),NOSPLIT|NOFRAME,$0-8
	MOVQ	8(SP), BX
	MOVQ	BX, THREAD(GS)
	MOVQ	BX, -8(GS)
	MOVQ	T_TOP(BX), AX
	MOVQ	AX, SVCSP(GS)
	MOVL	$1, T_ONCPU(BX)
	MOVQ	T_FS(BX), AX
	WRFSBASEQ AX
	CMPL	T_VSAVED(BX), $0
	JEQ	live
	MOVQ	T_XSAVE(BX), DI
	CALL	·xrstor(SB)
	MOVL	$0, T_VSAVED(BX)
live:
	MOVL	T_SAVED(BX), AX
	MOVL	$0, T_SAVED(BX)
	CMPL	AX, $1
	JEQ	coop
	CMPL	AX, $3
	JEQ	context
	CMPL	AX, $2
	JNE	bad
	MOVQ	T_FRAME(BX), SP
	JMP	·leave(SB)
coop:
	MOVQ	T_SP(BX), SP
	MOVQ	T_BP(BX), BP
	RET
context:
	MOVQ	BX, SP
	LOADREGS(SP, T_CTX)
	ADDQ	$(T_CTX+0x88), SP
	JMP	·ExitLo(SB)
bad:
	UD2

// func Disable() (was uint32)
TEXT ·Disable(SB),NOSPLIT|NOFRAME,$0-4
	MOVL	DISABLED(GS), AX
	MOVL	$1, DISABLED(GS)
	MOVL	AX, 8(SP)
	RET

// func enable() (pending uint64): upcalls are on again; what came meanwhile.
TEXT ·enable(SB),NOSPLIT|NOFRAME,$0-8
	MOVL	$0, DISABLED(GS)
	MOVQ	PENDING(GS), AX
	MOVQ	AX, 8(SP)
	RET

// func TakePending() uint64: fetches and clears the event bits.
TEXT ·TakePending(SB),NOSPLIT|NOFRAME,$0-8
	XORL	AX, AX
	XCHGQ	AX, PENDING(GS)
	MOVQ	AX, 8(SP)
	RET

// func Page() uintptr
TEXT ·Page(SB),NOSPLIT|NOFRAME,$0-8
	MOVQ	0(GS), AX
	MOVQ	AX, 8(SP)
	RET

// func Thread() *Core
TEXT ·Thread(SB),NOSPLIT|NOFRAME,$0-8
	MOVQ	THREAD(GS), AX
	MOVQ	AX, 8(SP)
	RET

// func Dispatcher() uintptr
TEXT ·Dispatcher(SB),NOSPLIT|NOFRAME,$0-8
	MOVQ	DISP(GS), AX
	MOVQ	AX, 8(SP)
	RET

// func OnThread() bool
TEXT ·OnThread(SB),NOSPLIT|NOFRAME,$0-1
	MOVQ	THREAD(GS), AX
	CMPQ	AX, -8(GS)
	SETEQ	8(SP)
	RET

// func SetFSBase(v uint64)
TEXT ·SetFSBase(SB),NOSPLIT|NOFRAME,$0-8
	MOVQ	8(SP), AX
	WRFSBASEQ AX
	RET

// func FSBase() uint64
TEXT ·FSBase(SB),NOSPLIT|NOFRAME,$0-8
	RDFSBASEQ AX
	MOVQ	AX, 8(SP)
	RET

// func TSC() uint64
TEXT ·TSC(SB),NOSPLIT|NOFRAME,$0-8
	RDTSC
	SHLQ	$32, DX
	ORQ	DX, AX
	MOVQ	AX, 8(SP)
	RET

// func Range() (exitLo, exitHi uint64)
TEXT ·Range(SB),NOSPLIT|NOFRAME,$0-16
	LEAQ	·ExitLo(SB), AX
	MOVQ	AX, 8(SP)
	LEAQ	·ExitHi(SB), AX
	MOVQ	AX, 16(SP)
	RET

// The kernel finds the entries by name; this keeps them in the image.
TEXT ·Keep(SB),NOSPLIT|NOFRAME,$0-0
	JMP	·Svc(SB)
	JMP	·Event(SB)
	JMP	·Run(SB)
	JMP	·Call(SB)
	JMP	·Return(SB)
	JMP	·Fault(SB)
	JMP	·Trap(SB)

// func Features() uint32: EDX of CPUID leaf 1 (AT_HWCAP).
TEXT ·Features(SB),NOSPLIT,$0-4
	MOVL	$1, AX
	XORL	CX, CX
	CPUID
	MOVL	DX, ret+0(FP)
	RET
