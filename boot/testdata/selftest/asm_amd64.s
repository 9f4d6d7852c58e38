#include "textflag.h"

TEXT ·exit(SB),NOSPLIT,$0-4
	MOVW	$0xf4, DX
	MOVL	code+0(FP), AX
	OUTL
	CLI
	HLT
	RET

// func try(f func()): calls f; comes back when f does or when escape is called.
TEXT ·try(SB),NOSPLIT,$8-8
	MOVQ	(TLS), AX
	MOVQ	AX, ·tryG(SB)
	MOVQ	SP, ·trySP(SB)
	MOVQ	BP, ·tryBP(SB)
	MOVQ	f+0(FP), DX
	MOVQ	(DX), CX
	MOVQ	AX, R14
	CALL	CX
	RET

// func escape(): return from the last try, on its stack.
TEXT ·escape(SB),NOSPLIT|NOFRAME,$0
	MOVQ	·trySP(SB), SP
	MOVQ	·tryBP(SB), BP
	MOVQ	·tryG(SB), AX
	MOVQ	AX, (TLS)
	MOVQ	8(SP), BP
	LEAQ	16(SP), SP
	RET

// func xmm15() uint64
TEXT ·xmm15(SB),NOSPLIT,$0-8
	MOVQ	X15, ret+0(FP)
	RET
