//go:build go42libos

#include "textflag.h"

// func Call(nr, a, b, c, d, e, f uint64) (r int64)
TEXT ·Call(SB),NOSPLIT|NOFRAME,$0-64
	MOVQ	8(SP), AX
	MOVQ	16(SP), DI
	MOVQ	24(SP), SI
	MOVQ	32(SP), DX
	MOVQ	40(SP), R10
	MOVQ	48(SP), R8
	MOVQ	56(SP), R9
	SYSCALL
	MOVQ	AX, 64(SP)
	RET

// func Call2(nr, a, b, c, d, e, f uint64) (r int64, r2 uint64)
TEXT ·Call2(SB),NOSPLIT|NOFRAME,$0-72
	MOVQ	8(SP), AX
	MOVQ	16(SP), DI
	MOVQ	24(SP), SI
	MOVQ	32(SP), DX
	MOVQ	40(SP), R10
	MOVQ	48(SP), R8
	MOVQ	56(SP), R9
	SYSCALL
	MOVQ	AX, 64(SP)
	MOVQ	DX, 72(SP)
	RET
