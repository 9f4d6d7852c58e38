//go:build go42kernel

#include "go_asm.h"
#include "textflag.h"

// func pause()
TEXT ·pause(SB), NOSPLIT, $0-0
	PAUSE
	RET

// func ID() int
TEXT ·ID(SB), NOSPLIT, $0-8
	MOVL	const_IDOffset(GS), AX
	MOVQ	AX, ret+0(FP)
	RET
