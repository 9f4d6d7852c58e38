#include "textflag.h"
#include "go_asm.h"

// Entry from ring 3 and exit to it. Register BX is the context on the exit path.

// Ring 3's syscall: RCX = RIP, R11 = RFLAGS, interrupts off, GS and RSP still
// ring 3's. From outside the libOS's text it is reflected: 21 instructions, the
// vector registers and all others but RAX, RCX, R11, RSP untouched. While SP
// points into the dispatcher page or the context, only NMI, #DB and #MC could
// strike, and they have stacks of their own.
TEXT ·syscallEntry(SB),NOSPLIT|NOFRAME,$0
	SWAPGS
	CMPQ	CX, CPU_LibOSLo(GS)
	JCC	high
reflect:
	MOVQ	SP, CPU_userSP(GS)
	MOVQ	CPU_DispPage(GS), SP
	CMPL	const_pageDisabled(SP), $0
	JNE	disabled
	MOVL	$1, const_pageDisabled(SP)
	MOVQ	CX, const_pageSvcRIP(SP)
	MOVQ	R11, const_pageSvcRFLAGS(SP)
	MOVQ	CPU_userSP(GS), CX
	MOVQ	CX, const_pageSvcRSP(SP)
	MOVQ	AX, const_pageSvcRAX(SP)
	INCQ	CPU_Reflected(GS)
	MOVQ	CPU_SvcEntry(GS), CX
	MOVQ	CPU_DispVA(GS), AX
	MOVQ	const_pageSvcSP(SP), SP
	SWAPGS
	WRGSBASEQ	AX
	MOVL	$const_initFlags, R11
	BYTE	$0x48; SYSRET // sysretq

high:
	CMPQ	CX, CPU_LibOSHi(GS)
	JCC	reflect
	INCQ	CPU_Natives(GS)
	MOVQ	SP, CPU_userSP(GS)
	MOVQ	CPU_Cur(GS), SP
	MOVW	$(const_VecNative|1<<8), UserContext_Vec(SP) // and Fast
store:
	LOCK
	INCQ	CPU_epoch(GS) // odd: in the kernel
	MOVQ	R15, const_offR15(SP)
	MOVQ	R14, const_offR14(SP)
	MOVQ	R13, const_offR13(SP)
	MOVQ	R12, const_offR12(SP)
	MOVQ	BP, const_offRBP(SP)
	MOVQ	BX, const_offRBX(SP)
	MOVQ	R10, const_offR10(SP)
	MOVQ	R9, const_offR9(SP)
	MOVQ	R8, const_offR8(SP)
	MOVQ	AX, const_offRAX(SP)
	MOVQ	DX, const_offRDX(SP)
	MOVQ	SI, const_offRSI(SP)
	MOVQ	DI, const_offRDI(SP)
	MOVQ	CX, const_offRIP(SP)
	MOVQ	R11, const_offRFLAGS(SP)
	MOVQ	CPU_userSP(GS), AX
	MOVQ	AX, const_offRSP(SP)
	MOVQ	SP, AX
	MOVQ	CPU_StackTop(GS), SP
	XORL	BP, BP
	SUBQ	$32, SP
	MOVQ	AX, 0(SP)
	CMPB	UserContext_Fast(AX), $0
	JEQ	isDisabled
	CALL	·nativeEntry(SB)
	JMP	·exit(SB)
isDisabled:
	CALL	·disabledEntry(SB)
	JMP	·exit(SB)

disabled:
	MOVQ	CPU_Cur(GS), SP
	MOVW	$const_VecNative, UserContext_Vec(SP) // and not Fast
	JMP	store

// Traps and interrupts. The stub has pushed error code (or 0) and vector:
//	0 vector, 8 error, 16 RIP, 24 CS, 32 RFLAGS, 40 RSP, 48 SS
TEXT ·trap(SB),NOSPLIT|NOFRAME,$0
	TESTB	$3, 24(SP)
	JEQ	kernel
	SWAPGS
	PUSHQ	AX
	MOVQ	CPU_Cur(GS), AX
	MOVQ	R15, const_offR15(AX)
	MOVQ	R14, const_offR14(AX)
	MOVQ	R13, const_offR13(AX)
	MOVQ	R12, const_offR12(AX)
	MOVQ	BP, const_offRBP(AX)
	MOVQ	BX, const_offRBX(AX)
	MOVQ	R11, const_offR11(AX)
	MOVQ	R10, const_offR10(AX)
	MOVQ	R9, const_offR9(AX)
	MOVQ	R8, const_offR8(AX)
	MOVQ	CX, const_offRCX(AX)
	MOVQ	DX, const_offRDX(AX)
	MOVQ	SI, const_offRSI(AX)
	MOVQ	DI, const_offRDI(AX)
	POPQ	CX
	MOVQ	CX, const_offRAX(AX)
	MOVQ	16(SP), CX
	MOVQ	CX, const_offRIP(AX)
	MOVQ	32(SP), CX
	MOVQ	CX, const_offRFLAGS(AX)
	MOVQ	40(SP), CX
	MOVQ	CX, const_offRSP(AX)
	MOVUPS	X0, (UserContext_XMM+0x00)(AX)
	MOVUPS	X1, (UserContext_XMM+0x10)(AX)
	MOVUPS	X2, (UserContext_XMM+0x20)(AX)
	MOVUPS	X3, (UserContext_XMM+0x30)(AX)
	MOVUPS	X4, (UserContext_XMM+0x40)(AX)
	MOVUPS	X5, (UserContext_XMM+0x50)(AX)
	MOVUPS	X6, (UserContext_XMM+0x60)(AX)
	MOVUPS	X7, (UserContext_XMM+0x70)(AX)
	MOVUPS	X8, (UserContext_XMM+0x80)(AX)
	MOVUPS	X9, (UserContext_XMM+0x90)(AX)
	MOVUPS	X10, (UserContext_XMM+0xa0)(AX)
	MOVUPS	X11, (UserContext_XMM+0xb0)(AX)
	MOVUPS	X12, (UserContext_XMM+0xc0)(AX)
	MOVUPS	X13, (UserContext_XMM+0xd0)(AX)
	MOVUPS	X14, (UserContext_XMM+0xe0)(AX)
	MOVUPS	X15, (UserContext_XMM+0xf0)(AX)
	MOVW	$const_VecLow, UserContext_Vec(AX) // and not Fast
	MOVQ	0(SP), CX
	MOVQ	8(SP), DX
	MOVQ	CPU_StackTop(GS), SP
	LOCK
	INCQ	CPU_epoch(GS) // odd: in the kernel
	// A gate leaves ring 3's AC and DF in force: SMAP and Go want them clear.
	PUSHQ	$2
	POPFQ
call:
	XORL	BP, BP
	SUBQ	$32, SP
	MOVQ	AX, 0(SP)
	MOVQ	CX, 8(SP)
	MOVQ	DX, 16(SP)
	CMPQ	CX, $const_vecIRQ
	JCC	irq
	INCQ	CPU_Traps(GS)
	CALL	·trapEntry(SB)
	JMP	·exit(SB)
irq:
	INCQ	CPU_IRQs(GS)
	CALL	·irqEntry(SB)
	JMP	·exit(SB)

kernel:
	CMPQ	0(SP), $const_vecIRQ
	JCC	idleIRQ
	JMP	·kernelTrap(SB)
idleIRQ:
	// An interrupt in Idle: nothing on the stack is wanted any more.
	XORL	AX, AX
	MOVQ	0(SP), CX
	MOVQ	CPU_StackTop(GS), SP
	LOCK
	INCQ	CPU_epoch(GS) // odd: in the kernel
	MOVL	AX, CPU_idle(GS)
	JMP	call

// To ring 3 with Cur, or wait for an interrupt. The epoch, odd until here, is
// made even, and only then, behind that full barrier, is flush looked at: a
// CPU that asks for a flush does the same in the opposite order (shootdown.go).
TEXT ·exit(SB),NOSPLIT|NOFRAME,$0
start:
	LOCK
	INCQ	CPU_epoch(GS)
	CMPL	CPU_flush(GS), $0
	JNE	flush
	MOVQ	CPU_Cur(GS), BX
	TESTQ	BX, BX
	JEQ	idle
	// SetFS, SetGS, Vec, Fast in one: a native call's return.
	CMPL	UserContext_SetFS(BX), $(const_VecNative<<16|1<<24)
	JEQ	zero
	CMPB	UserContext_Fast(BX), $0
	JNE	bases
	MOVQ	const_offRIP(BX), AX
	SHRQ	$47, AX
	JNE	badRIP
bases:
	CMPB	UserContext_SetFS(BX), $0
	JNE	setFS
checkGS:
	CMPB	UserContext_SetGS(BX), $0
	JNE	setGS
vectors:
	CMPB	UserContext_Vec(BX), $const_VecLow
	JEQ	low
	JHI	image
zero:
	XORPS	X0, X0
	XORPS	X1, X1
	XORPS	X2, X2
	XORPS	X3, X3
	XORPS	X4, X4
	XORPS	X5, X5
	XORPS	X6, X6
	XORPS	X7, X7
	XORPS	X8, X8
	XORPS	X9, X9
	XORPS	X10, X10
	XORPS	X11, X11
	XORPS	X12, X12
	XORPS	X13, X13
	XORPS	X14, X14
	XORPS	X15, X15
general:
	CMPB	UserContext_Fast(BX), $0
	JEQ	iret
	MOVQ	const_offR15(BX), R15
	MOVQ	const_offR14(BX), R14
	MOVQ	const_offR13(BX), R13
	MOVQ	const_offR12(BX), R12
	MOVQ	const_offRBP(BX), BP
	MOVQ	const_offR10(BX), R10
	MOVQ	const_offR9(BX), R9
	MOVQ	const_offR8(BX), R8
	MOVQ	const_offRAX(BX), AX
	MOVQ	const_offRDX(BX), DX
	MOVQ	const_offRSI(BX), SI
	MOVQ	const_offRDI(BX), DI
	MOVQ	const_offRFLAGS(BX), R11
	MOVQ	const_offRIP(BX), CX
	MOVQ	const_offRSP(BX), SP
	MOVQ	const_offRBX(BX), BX
	SWAPGS
	BYTE	$0x48; SYSRET // sysretq

iret:
	MOVQ	CPU_StackTop(GS), SP
	PUSHQ	$const_userSS
	PUSHQ	const_offRSP(BX)
	MOVQ	const_offRFLAGS(BX), CX
	ANDL	$const_userFlags, CX
	ORL	$const_initFlags, CX
	PUSHQ	CX
	PUSHQ	$const_userCS
	PUSHQ	const_offRIP(BX)
	MOVQ	const_offR15(BX), R15
	MOVQ	const_offR14(BX), R14
	MOVQ	const_offR13(BX), R13
	MOVQ	const_offR12(BX), R12
	MOVQ	const_offRBP(BX), BP
	MOVQ	const_offR11(BX), R11
	MOVQ	const_offR10(BX), R10
	MOVQ	const_offR9(BX), R9
	MOVQ	const_offR8(BX), R8
	MOVQ	const_offRAX(BX), AX
	MOVQ	const_offRCX(BX), CX
	MOVQ	const_offRDX(BX), DX
	MOVQ	const_offRSI(BX), SI
	MOVQ	const_offRDI(BX), DI
	MOVQ	const_offRBX(BX), BX
	SWAPGS
	IRETQ

low:
	MOVUPS	(UserContext_XMM+0x00)(BX), X0
	MOVUPS	(UserContext_XMM+0x10)(BX), X1
	MOVUPS	(UserContext_XMM+0x20)(BX), X2
	MOVUPS	(UserContext_XMM+0x30)(BX), X3
	MOVUPS	(UserContext_XMM+0x40)(BX), X4
	MOVUPS	(UserContext_XMM+0x50)(BX), X5
	MOVUPS	(UserContext_XMM+0x60)(BX), X6
	MOVUPS	(UserContext_XMM+0x70)(BX), X7
	MOVUPS	(UserContext_XMM+0x80)(BX), X8
	MOVUPS	(UserContext_XMM+0x90)(BX), X9
	MOVUPS	(UserContext_XMM+0xa0)(BX), X10
	MOVUPS	(UserContext_XMM+0xb0)(BX), X11
	MOVUPS	(UserContext_XMM+0xc0)(BX), X12
	MOVUPS	(UserContext_XMM+0xd0)(BX), X13
	MOVUPS	(UserContext_XMM+0xe0)(BX), X14
	MOVUPS	(UserContext_XMM+0xf0)(BX), X15
	JMP	general

image:
	// Afterwards the state is in the processor; until the next entry the
	// context's Vec is not looked at, and each entry sets it.
	MOVQ	UserContext_XSave(BX), DI
	CMPB	UserContext_Vec(BX), $const_VecInit
	JNE	full
	MOVQ	·initImage(SB), DI
full:
	CMPB	·haveXSave(SB), $0
	JEQ	fx
	MOVL	$-1, AX
	MOVL	AX, DX
	XRSTOR64	(DI)
	JMP	general
fx:
	FXRSTOR64	(DI)
	JMP	general

	// The data segments go with FS: another context must not find selectors
	// there. A null selector may clear the bases, which are loaded after it.
setFS:
	XORL	AX, AX
	MOVW	AX, DS
	MOVW	AX, ES
	MOVW	AX, FS
	MOVQ	UserContext_FSBase(BX), AX
	WRFSBASEQ	AX
	MOVB	$0, UserContext_SetFS(BX)
	JMP	checkGS
setGS:
	MOVQ	UserContext_GSBase(BX), AX
	SWAPGS
	WRGSBASEQ	AX
	SWAPGS
	MOVB	$0, UserContext_SetGS(BX)
	JMP	vectors

flush:
	LOCK
	INCQ	CPU_epoch(GS)
	MOVQ	CPU_StackTop(GS), SP
	XORL	BP, BP
	CALL	·serveFlush(SB)
	JMP	start

badRIP:
	LOCK
	INCQ	CPU_epoch(GS)
	MOVQ	CPU_StackTop(GS), SP
	SUBQ	$32, SP
	XORL	BP, BP
	MOVQ	BX, 0(SP)
	CALL	·badRIPEntry(SB)
	JMP	start

	// STI's shadow covers HLT: no interrupt is lost between. An interrupt does
	// not come back here (see trap), an NMI does.
idle:
	MOVQ	CPU_StackTop(GS), SP
	XORL	BP, BP
	MOVL	$1, CPU_idle(GS)
halt:
	STI
	HLT
	CLI
	JMP	halt

// func Run()
TEXT ·Run(SB),NOSPLIT|NOFRAME,$0-0
	CLI
	MOVQ	CPU_Self(GS), AX
	LEAQ	const_stackGOffset(AX), CX
	MOVQ	CX, -8(GS)
	MOVQ	CX, R14
	XORPS	X15, X15
	JMP	·exit(SB)

// The trampoline's jump: long mode, DI = apParams, no descriptor tables of the
// kernel's yet.
TEXT ·apEntry(SB),NOSPLIT|NOFRAME,$0
	MOVQ	apParams_stack(DI), SP
	MOVQ	apParams_cpu(DI), BX
	LEAQ	const_stackGOffset(BX), R14
	MOVQ	R14, -8(BX)
	MOVL	$const_msrGSBase, CX
	MOVQ	BX, AX
	MOVQ	BX, DX
	SHRQ	$32, DX
	WRMSR
	XORPS	X15, X15
	XORL	BP, BP
	SUBQ	$32, SP
	CALL	·apStart(SB)
	UD2
