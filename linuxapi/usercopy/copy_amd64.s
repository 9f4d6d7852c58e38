#include "textflag.h"

// Each routine X has no frame and a landing XFault, entered by the Trap upcall
// with CX, DX, R8, BP, SP as they were. XEnd marks its end.

// func copyBytes(dst, src, n uintptr) (left uintptr)
TEXT ·copyBytes(SB),NOSPLIT|NOFRAME,$0-32
	MOVQ	8(SP), DI
	MOVQ	16(SP), SI
	MOVQ	24(SP), CX
	CLD
	MOVQ	CX, DX
	ANDQ	$7, DX
	SHRQ	$3, CX
	MOVL	$1, R8
	REP; MOVSQ
	MOVQ	DX, CX
	XORL	R8, R8
	REP; MOVSB
	MOVQ	$0, 32(SP)
	RET
TEXT ·copyBytesFault(SB),NOSPLIT|NOFRAME,$0
	TESTQ	R8, R8
	JEQ	bytes
	SHLQ	$3, CX
	ADDQ	DX, CX
bytes:
	MOVQ	CX, 32(SP)
	RET

// func clearBytes(dst, n uintptr) (left uintptr)
TEXT ·clearBytes(SB),NOSPLIT|NOFRAME,$0-24
	MOVQ	8(SP), DI
	MOVQ	16(SP), CX
	XORL	AX, AX
	CLD
	MOVQ	CX, DX
	ANDQ	$7, DX
	SHRQ	$3, CX
	MOVL	$1, R8
	REP; STOSQ
	MOVQ	DX, CX
	XORL	R8, R8
	REP; STOSB
	MOVQ	$0, 24(SP)
	RET
TEXT ·clearBytesFault(SB),NOSPLIT|NOFRAME,$0
	TESTQ	R8, R8
	JEQ	bytes
	SHLQ	$3, CX
	ADDQ	DX, CX
bytes:
	MOVQ	CX, 24(SP)
	RET

// func copyString(dst, src, max uintptr) (n int): length without the NUL; -1:
// fault; max: no NUL found.
TEXT ·copyString(SB),NOSPLIT|NOFRAME,$0-32
	MOVQ	8(SP), DI
	MOVQ	16(SP), SI
	MOVQ	24(SP), DX
	XORL	CX, CX
loop:
	CMPQ	CX, DX
	JAE	done
	MOVB	(SI)(CX*1), AX
	MOVB	AX, (DI)(CX*1)
	TESTB	AX, AX
	JEQ	done
	INCQ	CX
	JMP	loop
done:
	MOVQ	CX, 32(SP)
	RET
TEXT ·copyStringFault(SB),NOSPLIT|NOFRAME,$0
	MOVQ	$-1, 32(SP)
	RET

// func load32(addr uintptr) (v uint32, ok bool)
TEXT ·load32(SB),NOSPLIT|NOFRAME,$0-13
	MOVQ	8(SP), AX
	MOVL	(AX), AX
	MOVL	AX, 16(SP)
	MOVB	$1, 20(SP)
	RET
TEXT ·load32Fault(SB),NOSPLIT|NOFRAME,$0
	MOVL	$0, 16(SP)
	MOVB	$0, 20(SP)
	RET

// func load64(addr uintptr) (v uint64, ok bool)
TEXT ·load64(SB),NOSPLIT|NOFRAME,$0-17
	MOVQ	8(SP), AX
	MOVQ	(AX), AX
	MOVQ	AX, 16(SP)
	MOVB	$1, 24(SP)
	RET
TEXT ·load64Fault(SB),NOSPLIT|NOFRAME,$0
	MOVQ	$0, 16(SP)
	MOVB	$0, 24(SP)
	RET

// func store32(addr uintptr, v uint32) (ok bool)
TEXT ·store32(SB),NOSPLIT|NOFRAME,$0-17
	MOVQ	8(SP), DX
	MOVL	16(SP), AX
	MOVL	AX, (DX)
	MOVB	$1, 24(SP)
	RET
TEXT ·store32Fault(SB),NOSPLIT|NOFRAME,$0
	MOVB	$0, 24(SP)
	RET

// func store64(addr uintptr, v uint64) (ok bool)
TEXT ·store64(SB),NOSPLIT|NOFRAME,$0-17
	MOVQ	8(SP), DX
	MOVQ	16(SP), AX
	MOVQ	AX, (DX)
	MOVB	$1, 24(SP)
	RET
TEXT ·store64Fault(SB),NOSPLIT|NOFRAME,$0
	MOVB	$0, 24(SP)
	RET

// func cas32(addr uintptr, old, new uint32) (prev uint32, ok bool)
TEXT ·cas32(SB),NOSPLIT|NOFRAME,$0-21
	MOVQ	8(SP), DX
	MOVL	16(SP), AX
	MOVL	20(SP), CX
	LOCK
	CMPXCHGL CX, (DX)
	MOVL	AX, 24(SP)
	MOVB	$1, 28(SP)
	RET
TEXT ·cas32Fault(SB),NOSPLIT|NOFRAME,$0
	MOVL	$0, 24(SP)
	MOVB	$0, 28(SP)
	RET

// func touch(addr uintptr) (ok bool): makes the byte's page writable.
TEXT ·touch(SB),NOSPLIT|NOFRAME,$0-9
	MOVQ	8(SP), DX
	LOCK
	ORB	$0, (DX)
	MOVB	$1, 16(SP)
	RET
TEXT ·touchFault(SB),NOSPLIT|NOFRAME,$0
	MOVB	$0, 16(SP)
	RET

// The fixup table: start, end, landing; ends with a zero.
#define FIXUP(i, f, l) \
	DATA ·fixups+(i*24)(SB)/8, $f(SB); \
	DATA ·fixups+(i*24+8)(SB)/8, $l(SB); \
	DATA ·fixups+(i*24+16)(SB)/8, $l(SB)

FIXUP(0, ·copyBytes, ·copyBytesFault)
FIXUP(1, ·clearBytes, ·clearBytesFault)
FIXUP(2, ·copyString, ·copyStringFault)
FIXUP(3, ·load32, ·load32Fault)
FIXUP(4, ·load64, ·load64Fault)
FIXUP(5, ·store32, ·store32Fault)
FIXUP(6, ·store64, ·store64Fault)
FIXUP(7, ·cas32, ·cas32Fault)
FIXUP(8, ·touch, ·touchFault)
DATA ·fixups+216(SB)/8, $0
GLOBL ·fixups(SB), NOPTR|RODATA, $224
