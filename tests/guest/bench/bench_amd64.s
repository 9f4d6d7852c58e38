#include "textflag.h"

// func calls(nr, n, a0, a1, a2, a3 uintptr) uint64
TEXT ·calls(SB), NOSPLIT, $0-56
	RDTSC
	SHLQ $32, DX
	ORQ DX, AX
	MOVQ AX, R12
	MOVQ n+8(FP), R13
	MOVQ a0+16(FP), DI
	MOVQ a1+24(FP), SI
	MOVQ a3+40(FP), R10
	XORL R8, R8
	XORL R9, R9
again:
	MOVQ nr+0(FP), AX
	MOVQ a2+32(FP), DX
	SYSCALL
	DECQ R13
	JNZ again
	RDTSC
	SHLQ $32, DX
	ORQ DX, AX
	SUBQ R12, AX
	MOVQ AX, ret+48(FP)
	RET

// func ticks() uint64
TEXT ·ticks(SB), NOSPLIT, $0-8
	RDTSC
	SHLQ $32, DX
	ORQ DX, AX
	MOVQ AX, ret+0(FP)
	RET
