#include "textflag.h"

// Ring-3 code. Each function is copied to a page of its own for ring 3, so it
// refers to nothing outside itself.

// The libOS's Svc entry. Native calls by programs: RAX 60 ends the test, 39 is
// answered with the four saved words' sum of checks, then iretq.
TEXT ·userSvc(SB),NOSPLIT|NOFRAME,$0
	// GS base is the dispatcher page's.
	MOVQ	0(GS), DI
	MOVQ	$0x7e0020001000, DX
	CMPQ	DI, DX
	JNE	fail
	CMPL	0x8(GS), $1
	JNE	fail
	MOVQ	$0x7e0020038000, DX
	CMPQ	SP, DX
	JNE	fail
	MOVQ	0x118(GS), AX
	CMPQ	AX, $60
	JEQ	done
	CMPQ	AX, $39
	JNE	fail
	CMPQ	R11, $0x202
	JNE	fail
	// Back by iretq, disabled cleared.
	SUBQ	$40, SP
	MOVQ	0x100(GS), AX
	MOVQ	AX, 0(SP)
	MOVQ	$0x33, 8(SP)
	MOVQ	0x108(GS), AX
	MOVQ	AX, 16(SP)
	MOVQ	0x110(GS), AX
	MOVQ	AX, 24(SP)
	MOVQ	$0x2b, 32(SP)
	MOVL	$4242, AX
	MOVL	$0, 0x8(GS)
	IRETQ
done:
	MOVL	$1, AX
	SYSCALL
fail:
	MOVL	$999, DI
	MOVL	$2, AX
	SYSCALL

TEXT ·userNative(SB),NOSPLIT|NOFRAME,$0
	MOVL	$1000, R15
again:
	MOVQ	SP, R14
	MOVL	$13, R13
	MOVL	$12, R12
	MOVL	$5, BP
	MOVL	$3, BX
	MOVL	$10, R10
	MOVL	$9, R9
	MOVL	$8, R8
	MOVL	$6, SI
	MOVL	$7, DI
	PCMPEQB	X3, X3
	PCMPEQB	X15, X15
	MOVL	$3, AX
	STC
	SYSCALL
	JCC	fail
	CMPQ	AX, $0x1234
	JNE	fail
	CMPQ	DX, $0x5678
	JNE	fail
	CMPQ	SP, R14
	JNE	fail
	CMPQ	R13, $13
	JNE	fail
	CMPQ	R12, $12
	JNE	fail
	CMPQ	BP, $5
	JNE	fail
	CMPQ	BX, $3
	JNE	fail
	CMPQ	R10, $10
	JNE	fail
	CMPQ	R9, $9
	JNE	fail
	CMPQ	R8, $8
	JNE	fail
	CMPQ	SI, $6
	JNE	fail
	CMPQ	DI, $7
	JNE	fail
	MOVQ	X3, AX
	TESTQ	AX, AX
	JNE	fail
	MOVQ	X15, AX
	TESTQ	AX, AX
	JNE	fail
	DECQ	R15
	JNE	again
	MOVL	$1, AX
	SYSCALL
fail:
	MOVL	$1, DI
	MOVL	$2, AX
	SYSCALL

// The program: its own GS base, all registers, a reflected call, and back.
TEXT ·userReflect(SB),NOSPLIT|NOFRAME,$0
	MOVL	$100, R15
again:
	MOVQ	R15, AX
	WRGSBASEQ	AX
	MOVQ	SP, R14
	MOVL	$0x1313, R13
	MOVL	$0x1212, R12
	MOVL	$0x0505, BP
	MOVL	$0x0303, BX
	MOVL	$0x1010, R10
	MOVL	$0x0909, R9
	MOVL	$0x0808, R8
	MOVL	$0x0606, SI
	MOVQ	R15, X7
	MOVQ	R15, X15
	MOVL	$39, AX
	STD
	SYSCALL
	CLD
	CMPQ	AX, $4242
	JNE	fail
	CMPQ	SP, R14
	JNE	fail
	CMPQ	R13, $0x1313
	JNE	fail
	CMPQ	R12, $0x1212
	JNE	fail
	CMPQ	BP, $0x0505
	JNE	fail
	CMPQ	BX, $0x0303
	JNE	fail
	CMPQ	R10, $0x1010
	JNE	fail
	CMPQ	R9, $0x0909
	JNE	fail
	CMPQ	R8, $0x0808
	JNE	fail
	CMPQ	SI, $0x0606
	JNE	fail
	MOVQ	X7, AX
	CMPQ	AX, R15
	JNE	fail
	MOVQ	X15, AX
	CMPQ	AX, R15
	JNE	fail
	DECQ	R15
	JNE	again
	MOVL	$60, AX
	SYSCALL
fail:
	UD2

// Each fault happens elsewhere, with the address of the PUSHQ here on the stack:
// the handler pops it and resumes behind those two bytes with R14 = 1.
// The bytes are lea r15, [rip+0].
#define FAULT(label) \
	XORL	R14, R14; \
	BYTE	$0x4c; BYTE $0x8d; BYTE $0x3d; LONG $0; \
	PUSHQ	R15; \
	TESTQ	R14, R14; \
	JNE	2(PC); \
	JMP	label

TEXT ·userTraps(SB),NOSPLIT|NOFRAME,$0
	MOVL	$0x77, R12
	PCMPEQB	X9, X9
	STD
	FAULT(f0)
	FAULT(f1)
	FAULT(f2)
	MOVQ	$0x123456789000, AX
	FAULT(f3)
	FAULT(f4)
	MOVQ	$0x7e0010000000, AX
	FAULT(f4b)
	MOVQ	$0xffffffff80200000, AX
	FAULT(f3)
	MOVQ	$0x7e0020000100, AX
	FAULT(f7)
	FAULT(f8)
	MOVQ	$0x8000000000000000, AX
	FAULT(f3)
	FAULT(f10)
	MOVQ	$0x8000000000000000, AX
	FAULT(f7)
	FAULT(f12)
	FAULT(f13)
	FAULT(f14)
	FAULT(f15)
	BYTE	$0xdb; BYTE $0xe3 // fninit
	PUSHFQ
	POPQ	AX
	TESTQ	$0x400, AX
	JEQ	fail
	CLD
	CMPQ	R12, $0x77
	JNE	fail
	CMPQ	R13, $16
	JNE	fail
	MOVQ	X9, AX
	CMPQ	AX, $-1
	JNE	fail
	MOVL	$1, AX
	SYSCALL
fail:
	MOVQ	R13, DI
	MOVL	$2, AX
	SYSCALL
f0:
	UD2
f1:
	XORL	AX, AX
	XORL	DX, DX
	DIVL	AX
f2:
	INT	$3
f3:
	MOVQ	(AX), CX
f4:
	MOVQ	CX, 8(AX)
f4b:
	MOVQ	CX, (AX)
f7:
	JMP	AX
f8:
	HLT
f10:
	INT	$0x80
f12:
	BYTE	$0x0f; BYTE $0x01; BYTE $0x4c; BYTE $0x24; BYTE $0xe0 // sidt -32(SP)
	BYTE	$0xf4 // hlt, where there is no UMIP
f13:
	MOVL	$0x23, AX
	MOVW	AX, DS
f14:
	WRMSR
f15:
	MOVL	$0x37b, AX
	MOVW	AX, -8(SP)
	BYTE	$0xd9; BYTE $0x6c; BYTE $0x24; BYTE $0xf8 // fldcw -8(SP): zero divide unmasked
	BYTE	$0xd9; BYTE $0xe8 // fld1
	BYTE	$0xd9; BYTE $0xee // fldz
	BYTE	$0xde; BYTE $0xf9 // fdivp
	WAIT
	UD2

// Vector registers, MXCSR, FCW, FS and GS base all made from RDI, RSI, RDX, and
// checked until the flag says stop.
TEXT ·userVectors(SB),NOSPLIT|NOFRAME,$0
	MOVQ	$0x7e0020005000, BX
	MOVL	SI, -8(SP)
	LDMXCSR	-8(SP)
	MOVW	DX, -8(SP)
	BYTE	$0xd9; BYTE $0x6c; BYTE $0x24; BYTE $0xf8 // fldcw -8(SP)
	MOVL	DI, R8
	WRFSBASEQ	R8
	LEAQ	1(R8), R9
	WRGSBASEQ	R9
	MOVQ	DI, X0
	LEAQ	1(DI), AX
	MOVQ	AX, X1
	LEAQ	2(DI), AX
	MOVQ	AX, X2
	LEAQ	3(DI), AX
	MOVQ	AX, X3
	LEAQ	14(DI), AX
	MOVQ	AX, X14
	LEAQ	15(DI), AX
	MOVQ	AX, X15
	CMPQ	8(BX), $0
	JEQ	loop
	VINSERTF128	$1, X1, Y0, Y0
	VINSERTF128	$1, X2, Y15, Y15
loop:
	MOVQ	X0, AX
	CMPQ	AX, DI
	MOVL	$1, R10
	JNE	fail
	MOVQ	X1, AX
	SUBQ	DI, AX
	CMPQ	AX, $1
	MOVL	$2, R10
	JNE	fail
	MOVQ	X2, AX
	SUBQ	DI, AX
	CMPQ	AX, $2
	MOVL	$3, R10
	JNE	fail
	MOVQ	X3, AX
	SUBQ	DI, AX
	CMPQ	AX, $3
	MOVL	$4, R10
	JNE	fail
	MOVQ	X14, AX
	SUBQ	DI, AX
	CMPQ	AX, $14
	MOVL	$5, R10
	JNE	fail
	MOVQ	X15, AX
	SUBQ	DI, AX
	CMPQ	AX, $15
	MOVL	$6, R10
	JNE	fail
	STMXCSR	-8(SP)
	MOVL	-8(SP), AX
	CMPL	AX, SI
	MOVL	$7, R10
	JNE	fail
	BYTE	$0xd9; BYTE $0x7c; BYTE $0x24; BYTE $0xf8 // fnstcw -8(SP)
	MOVWLZX	-8(SP), AX
	CMPL	AX, DX
	MOVL	$8, R10
	JNE	fail
	RDFSBASEQ	AX
	CMPQ	AX, R8
	MOVL	$9, R10
	JNE	fail
	RDGSBASEQ	AX
	CMPQ	AX, R9
	MOVL	$10, R10
	JNE	fail
	CMPQ	8(BX), $0
	JEQ	noavx
	VMOVUPS	Y0, -64(SP)
	MOVQ	-48(SP), AX
	SUBQ	DI, AX
	CMPQ	AX, $1
	MOVL	$11, R10
	JNE	fail
	VMOVUPS	Y15, -64(SP)
	MOVQ	-48(SP), AX
	SUBQ	DI, AX
	CMPQ	AX, $2
	MOVL	$12, R10
	JNE	fail
noavx:
	CMPQ	0(BX), $0
	JEQ	loop
	MOVL	$1, AX
	SYSCALL
fail:
	MOVQ	R10, DI
	MOVL	$2, AX
	SYSCALL

// The initial state: nothing of anybody.
TEXT ·userInit(SB),NOSPLIT|NOFRAME,$0
	ORQ	AX, BX
	ORQ	DX, BX
	ORQ	SI, BX
	ORQ	DI, BX
	ORQ	BP, BX
	ORQ	R8, BX
	ORQ	R9, BX
	ORQ	R10, BX
	ORQ	R12, BX
	ORQ	R13, BX
	ORQ	R14, BX
	ORQ	R15, BX
	MOVL	$1, DI
	JNE	fail
	CMPQ	R11, $0x202
	JNE	fail
	RDFSBASEQ	AX
	TESTQ	AX, AX
	MOVL	$2, DI
	JNE	fail
	MOVW	DS, AX
	MOVWLZX	AX, AX
	TESTQ	AX, AX
	MOVL	$3, DI
	JNE	fail
	STMXCSR	-8(SP)
	MOVL	-8(SP), AX
	CMPL	AX, $0x1f80
	MOVL	$4, DI
	JNE	fail
	BYTE	$0xd9; BYTE $0x7c; BYTE $0x24; BYTE $0xf8 // fnstcw -8(SP)
	MOVWLZX	-8(SP), AX
	CMPL	AX, $0x37f
	MOVL	$5, DI
	JNE	fail
	MOVQ	$0x7e0020005000, BX
	CMPQ	8(BX), $0
	JEQ	low
	VMOVUPS	Y0, -64(SP)
	MOVQ	-48(SP), AX
	MOVL	$6, DI
	TESTQ	AX, AX
	JNE	fail
	VMOVUPS	Y15, -64(SP)
	MOVQ	-48(SP), AX
	TESTQ	AX, AX
	JNE	fail
low:
	ORPS	X1, X0
	ORPS	X2, X0
	ORPS	X3, X0
	ORPS	X4, X0
	ORPS	X5, X0
	ORPS	X6, X0
	ORPS	X7, X0
	ORPS	X8, X0
	ORPS	X9, X0
	ORPS	X10, X0
	ORPS	X11, X0
	ORPS	X12, X0
	ORPS	X13, X0
	ORPS	X14, X0
	ORPS	X15, X0
	MOVQ	X0, AX
	MOVL	$7, DI
	TESTQ	AX, AX
	JNE	fail
	MOVL	$1, AX
	SYSCALL
fail:
	MOVL	$2, AX
	SYSCALL

TEXT ·userStep(SB),NOSPLIT|NOFRAME,$0
	PUSHFQ
	ORQ	$0x100, 0(SP)
	POPFQ
	NOP
	MOVL	$3, AX
	SYSCALL
	CMPQ	AX, $0x1234
	JNE	fail
	BYTE	$0x90
	PUSHFQ
	ANDQ	$~0x100, 0(SP)
	POPFQ
	MOVL	$1, AX
	SYSCALL
fail:
	MOVL	$2, AX
	SYSCALL

TEXT ·userDisabled(SB),NOSPLIT|NOFRAME,$0
	MOVL	$77, AX
	MOVL	$0x1212, R12
	SYSCALL
	UD2

// Several CPUs. The Svc entry: R12 is the CPU's dispatcher page. RAX 60 is a
// native call, 39 is answered.
TEXT ·userSmpSvc(SB),NOSPLIT|NOFRAME,$0
	MOVQ	0(GS), DI
	CMPQ	DI, R12
	JNE	fail
	CMPL	0x8(GS), $1
	JNE	fail
	MOVQ	0x18(GS), DI
	CMPQ	SP, DI
	JNE	fail
	MOVQ	0x118(GS), AX
	CMPQ	AX, $60
	JEQ	done
	CMPQ	AX, $39
	JNE	fail
	SUBQ	$40, SP
	MOVQ	0x100(GS), AX
	MOVQ	AX, 0(SP)
	MOVQ	$0x33, 8(SP)
	MOVQ	0x108(GS), AX
	MOVQ	AX, 16(SP)
	MOVQ	0x110(GS), AX
	MOVQ	AX, 24(SP)
	MOVQ	$0x2b, 32(SP)
	MOVL	$4242, AX
	MOVL	$0, 0x8(GS)
	IRETQ
done:
	MOVL	$1, AX
	SYSCALL
fail:
	MOVL	$999, DI
	MOVL	$2, AX
	SYSCALL

// Reads R14 pages from R12 on, each of which must hold R13, and makes a call now
// and then.
TEXT ·userShoot(SB),NOSPLIT|NOFRAME,$0
again:
	MOVL	$200, R15
round:
	MOVQ	R12, BX
	MOVQ	R14, CX
read:
	MOVQ	(BX), AX
	CMPQ	AX, R13
	JNE	fail
	ADDQ	$4096, BX
	DECQ	CX
	JNE	read
	DECQ	R15
	JNE	round
	MOVL	$5, AX
	SYSCALL
	JMP	again
fail:
	MOVQ	BX, DI
	MOVL	$2, AX
	SYSCALL

// Reflected calls, with a GS base of the program's own.
TEXT ·userBoth(SB),NOSPLIT|NOFRAME,$0
	MOVL	$100, R15
again:
	MOVQ	R15, AX
	WRGSBASEQ	AX
	MOVQ	SP, R14
	MOVQ	R15, X15
	MOVL	$39, AX
	SYSCALL
	CMPQ	AX, $4242
	JNE	fail
	CMPQ	SP, R14
	JNE	fail
	MOVQ	X15, AX
	CMPQ	AX, R15
	JNE	fail
	DECQ	R15
	JNE	again
	MOVL	$60, AX
	SYSCALL
fail:
	UD2

// A native call.
TEXT ·userNop(SB),NOSPLIT|NOFRAME,$0
	MOVL	$1, AX
	SYSCALL

// Ring 3 and nothing else.
TEXT ·userSpin(SB),NOSPLIT|NOFRAME,$0
again:
	PAUSE
	JMP	again

// func userAddresses(a *[numUser]uintptr)
TEXT ·userAddresses(SB),NOSPLIT,$0-8
	MOVQ	a+0(FP), CX
	LEAQ	·userSvc(SB), AX
	MOVQ	AX, 0(CX)
	LEAQ	·userNative(SB), AX
	MOVQ	AX, 8(CX)
	LEAQ	·userReflect(SB), AX
	MOVQ	AX, 16(CX)
	LEAQ	·userTraps(SB), AX
	MOVQ	AX, 24(CX)
	LEAQ	·userVectors(SB), AX
	MOVQ	AX, 32(CX)
	LEAQ	·userInit(SB), AX
	MOVQ	AX, 40(CX)
	LEAQ	·userStep(SB), AX
	MOVQ	AX, 48(CX)
	LEAQ	·userDisabled(SB), AX
	MOVQ	AX, 56(CX)
	LEAQ	·userSmpSvc(SB), AX
	MOVQ	AX, 64(CX)
	LEAQ	·userShoot(SB), AX
	MOVQ	AX, 72(CX)
	LEAQ	·userBoth(SB), AX
	MOVQ	AX, 80(CX)
	LEAQ	·userNop(SB), AX
	MOVQ	AX, 88(CX)
	LEAQ	·userSpin(SB), AX
	MOVQ	AX, 96(CX)
	RET

// func breakStack()
TEXT ·breakStack(SB),NOSPLIT|NOFRAME,$0
	MOVQ	$0x123456789000, AX
	MOVQ	AX, SP
	PUSHQ	AX
	UD2
