#include "textflag.h"

// func enter(code, arg uintptr)
TEXT ·enter(SB), NOSPLIT, $8-16
	MOVQ code+0(FP), AX
	MOVQ arg+8(FP), DI
	CALL AX
	RET

// func native(code uintptr, args *[7]uint64)
TEXT ·native(SB), NOSPLIT, $88-16
	MOVQ args+8(FP), AX
	MOVQ 8(AX), DI
	MOVQ 16(AX), SI
	MOVQ 24(AX), DX
	MOVQ 32(AX), R10
	MOVQ 40(AX), R8
	MOVQ 48(AX), R9
	MOVQ 0(AX), AX
	MOVQ code+0(FP), R12
	CALL R12
	MOVQ args+8(FP), R11
	MOVQ AX, 0(R11)
	MOVQ DX, 24(R11)
	RET
