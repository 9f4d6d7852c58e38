#include "textflag.h"
#include "go_asm.h"

#define SAVE \
	PUSHQ	DI; \
	PUSHQ	SI; \
	PUSHQ	DX; \
	PUSHQ	CX; \
	PUSHQ	AX; \
	PUSHQ	R8; \
	PUSHQ	R9; \
	PUSHQ	R10; \
	PUSHQ	R11; \
	PUSHQ	BX; \
	PUSHQ	BP; \
	PUSHQ	R12; \
	PUSHQ	R13; \
	PUSHQ	R14; \
	PUSHQ	R15

#define RESTORE \
	POPQ	R15; \
	POPQ	R14; \
	POPQ	R13; \
	POPQ	R12; \
	POPQ	BP; \
	POPQ	BX; \
	POPQ	R11; \
	POPQ	R10; \
	POPQ	R9; \
	POPQ	R8; \
	POPQ	AX; \
	POPQ	CX; \
	POPQ	DX; \
	POPQ	SI; \
	POPQ	DI

// An exception in ring 0, on the stack it happened on: the end. GS base is ring
// 3's if the defect is in the entry or exit: the descriptor table, which lies in
// the CPU's area, tells which CPU it is. During start-up it is another one, and
// GS base is right.
TEXT ·kernelTrap(SB),NOSPLIT|NOFRAME,$0
	SAVE
	MOVQ	SP, BX
	PUSHQ	$2
	POPFQ
	SUBQ	$16, SP
	SGDT	(SP)
	MOVQ	2(SP), AX
	LEAQ	·cpus(SB), CX
	MOVQ	AX, DX
	SUBQ	CX, DX
	CMPQ	DX, $const_cpusSize
	JCC	early
	SUBQ	$(const_gdtOffset-const_cpuOffset), AX
	WRGSBASEQ	AX
early:
	XORL	BP, BP
	ANDQ	$~15, SP
	SUBQ	$32, SP
	MOVQ	BX, 0(SP)
	CALL	·kernelTrapEntry(SB)
	UD2

// NMI, #MC, #DF, and #DB in ring 0, on a stack of their own whose last words
// are CPU and g. GS base may be anybody's, and so may the word before it.
TEXT ·istTrap(SB),NOSPLIT|NOFRAME,$0
	SAVE
	MOVQ	SP, BX
	PUSHQ	$2
	POPFQ
	RDGSBASEQ	R12
	MOVQ	const_frameSize(BX), AX
	WRGSBASEQ	AX
	MOVQ	-8(GS), R13
	MOVQ	(const_frameSize+8)(BX), CX
	MOVQ	CX, -8(GS)
	SUBQ	$(256+48), SP
	MOVUPS	X0, 0x30(SP)
	MOVUPS	X1, 0x40(SP)
	MOVUPS	X2, 0x50(SP)
	MOVUPS	X3, 0x60(SP)
	MOVUPS	X4, 0x70(SP)
	MOVUPS	X5, 0x80(SP)
	MOVUPS	X6, 0x90(SP)
	MOVUPS	X7, 0xa0(SP)
	MOVUPS	X8, 0xb0(SP)
	MOVUPS	X9, 0xc0(SP)
	MOVUPS	X10, 0xd0(SP)
	MOVUPS	X11, 0xe0(SP)
	MOVUPS	X12, 0xf0(SP)
	MOVUPS	X13, 0x100(SP)
	MOVUPS	X14, 0x110(SP)
	MOVUPS	X15, 0x120(SP)
	MOVQ	BX, 0(SP)
	MOVQ	BX, 0x10(SP)
	MOVQ	R12, 0x18(SP)
	MOVQ	R13, 0x20(SP)
	XORL	BP, BP
	CALL	·istEntry(SB)
	MOVUPS	0x30(SP), X0
	MOVUPS	0x40(SP), X1
	MOVUPS	0x50(SP), X2
	MOVUPS	0x60(SP), X3
	MOVUPS	0x70(SP), X4
	MOVUPS	0x80(SP), X5
	MOVUPS	0x90(SP), X6
	MOVUPS	0xa0(SP), X7
	MOVUPS	0xb0(SP), X8
	MOVUPS	0xc0(SP), X9
	MOVUPS	0xd0(SP), X10
	MOVUPS	0xe0(SP), X11
	MOVUPS	0xf0(SP), X12
	MOVUPS	0x100(SP), X13
	MOVUPS	0x110(SP), X14
	MOVUPS	0x120(SP), X15
	MOVQ	0x18(SP), R12
	MOVQ	0x20(SP), R13
	MOVQ	R13, -8(GS)
	WRGSBASEQ	R12
	MOVQ	0x10(SP), SP
	RESTORE
	ADDQ	$16, SP
	IRETQ

// #DB in ring 3 is like any trap there: leave the separate stack.
TEXT ·debugTrap(SB),NOSPLIT|NOFRAME,$0
	TESTB	$3, 24(SP)
	JEQ	kernel
	JMP	·trap(SB)
kernel:
	JMP	·istTrap(SB)

// Stubs, 16 bytes apart: push an error code where the processor does not, and
// the vector (push imm8).
#define STUB(n, to) \
	PCALIGN	$16; \
	BYTE	$0x6a; BYTE	$0; \
	BYTE	$0x6a; BYTE	$n; \
	JMP	to(SB)
#define STUBERR(n, to) \
	PCALIGN	$16; \
	BYTE	$0x6a; BYTE	$n; \
	JMP	to(SB)

TEXT ·stubs(SB),NOSPLIT|NOFRAME,$0
	STUB(0, ·trap)
	STUB(1, ·debugTrap)
	STUB(2, ·istTrap)
	STUB(3, ·trap)
	STUB(4, ·trap)
	STUB(5, ·trap)
	STUB(6, ·trap)
	STUB(7, ·trap)
	STUBERR(8, ·istTrap)
	STUB(9, ·trap)
	STUBERR(10, ·trap)
	STUBERR(11, ·trap)
	STUBERR(12, ·trap)
	STUBERR(13, ·trap)
	STUBERR(14, ·trap)
	STUB(15, ·trap)
	STUB(16, ·trap)
	STUBERR(17, ·trap)
	STUB(18, ·istTrap)
	STUB(19, ·trap)
	STUB(20, ·trap)
	STUBERR(21, ·trap)
	STUB(22, ·trap)
	STUB(23, ·trap)
	STUB(24, ·trap)
	STUB(25, ·trap)
	STUB(26, ·trap)
	STUB(27, ·trap)
	STUB(28, ·trap)
	STUBERR(29, ·trap)
	STUBERR(30, ·trap)
	STUB(31, ·trap)
	STUB(32, ·trap)
	STUB(33, ·trap)
	STUB(34, ·trap)
	STUB(35, ·trap)
	STUB(36, ·trap)
	STUB(37, ·trap)
	STUB(38, ·trap)
	STUB(39, ·trap)
	STUB(40, ·trap)
	STUB(41, ·trap)
	STUB(42, ·trap)
	STUB(43, ·trap)
	STUB(44, ·trap)
	STUB(45, ·trap)
	STUB(46, ·trap)
	STUB(47, ·trap)
	STUB(48, ·trap)
	STUB(49, ·trap)
	STUB(50, ·trap)
	STUB(51, ·trap)
	STUB(52, ·trap)
	STUB(53, ·trap)
	STUB(54, ·trap)
	STUB(55, ·trap)
	STUB(56, ·trap)
	STUB(57, ·trap)
	STUB(58, ·trap)
	STUB(59, ·trap)
	STUB(60, ·trap)
	STUB(61, ·trap)
	STUB(62, ·trap)
	STUB(63, ·trap)
	STUB(const_vecFlush, ·trap)

// func entryPoints() (syscall, stubs, ap uintptr)
TEXT ·entryPoints(SB),NOSPLIT,$0-24
	LEAQ	·syscallEntry(SB), AX
	MOVQ	AX, syscall+0(FP)
	LEAQ	·stubs(SB), AX
	MOVQ	AX, stubs+8(FP)
	LEAQ	·apEntry(SB), AX
	MOVQ	AX, ap+16(FP)
	RET

// func saveVectors(c *UserContext)
// X15 is zero again when Go code goes on: its caller's wrapper sees to that.
TEXT ·saveVectors(SB),NOSPLIT,$0-8
	MOVQ	c+0(FP), BX
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
	MOVQ	UserContext_XSave(BX), DI
	CMPB	·haveXSave(SB), $0
	JEQ	fx
	// XSAVE leaves the rest of the header as it finds it; XRSTOR faults
	// unless it is zero.
	XORL	AX, AX
	MOVQ	AX, 512(DI)
	MOVQ	AX, 520(DI)
	MOVQ	AX, 528(DI)
	MOVQ	AX, 536(DI)
	MOVQ	AX, 544(DI)
	MOVQ	AX, 552(DI)
	MOVQ	AX, 560(DI)
	MOVQ	AX, 568(DI)
	MOVL	$-1, AX
	MOVL	AX, DX
	XSAVE64	(DI)
	RET
fx:
	FXSAVE64	(DI)
	RET

// func ReadFSBase() uint64
TEXT ·ReadFSBase(SB),NOSPLIT,$0-8
	RDFSBASEQ	AX
	MOVQ	AX, ret+0(FP)
	RET

// func writeFSBase(v uint64)
TEXT ·writeFSBase(SB),NOSPLIT,$0-8
	MOVQ	v+0(FP), AX
	WRFSBASEQ	AX
	RET

// func ReadUserGSBase() uint64
TEXT ·ReadUserGSBase(SB),NOSPLIT,$0-8
	SWAPGS
	RDGSBASEQ	AX
	SWAPGS
	MOVQ	AX, ret+0(FP)
	RET
