#include "textflag.h"

// func enter(code, arg uintptr)
TEXT ·enter(SB), NOSPLIT, $8-16
	MOVQ code+0(FP), AX
	MOVQ arg+8(FP), DI
	CALL AX
	RET
