#include "textflag.h"
#include "funcdata.h"

#define EMERGENCY 8192

// func rt_setG(gp *g): GS:-8 and R14 (the wrapper reloads R14 from there).
TEXT ·rt_setG(SB),NOSPLIT,$0-8
	MOVQ	gp+0(FP), AX
	MOVQ	AX, -8(GS)
	RET

// func rt_framePointer() uintptr: the caller's BP.
TEXT ·rt_framePointer<ABIInternal>(SB),NOSPLIT|NOFRAME,$0-8
	MOVQ	BP, AX
	RET

// A stack has run out: report on the emergency stack. One overflow at a time;
// a second CPU's waits for ever, the first one's report ends the machine.
TEXT runtime·morestack(SB),NOSPLIT|NOFRAME,$0-0
	MOVQ	0(SP), AX
	LEAQ	8(SP), BX
	MOVL	$1, CX
	XCHGL	CX, runtime·overflowing(SB)
	TESTL	CX, CX
	JNE	hang
	LEAQ	runtime·emergencyStack+EMERGENCY(SB), SP
	LEAQ	runtime·emergencyStack(SB), CX
	LEAQ	runtime·emergencyG(SB), R14
	MOVQ	CX, 0(R14)
	MOVQ	SP, 8(R14)
	ADDQ	$928, CX
	MOVQ	CX, 16(R14)
	MOVQ	CX, 24(R14)
	MOVQ	R14, -8(GS)
	XORPS	X15, X15
	XORL	BP, BP
	SUBQ	$96, SP
	CALL	runtime·stackOverflow<ABIInternal>(SB)
hang:
	PAUSE
	JMP	hang

TEXT runtime·morestack_noctxt(SB),NOSPLIT|NOFRAME,$0-0
	JMP	runtime·morestack(SB)

GLOBL runtime·emergencyStack(SB), NOPTR, $EMERGENCY
GLOBL runtime·overflowing(SB), NOPTR, $4

// panicBounds saves the integer registers in the compiler's numbering: the
// PCDATA at the call says which of them hold index and length.
TEXT runtime·panicBounds<ABIInternal>(SB),NOSPLIT,$144-0
	NO_LOCAL_POINTERS
	MOVQ	AX, 16(SP)
	MOVQ	CX, 24(SP)
	MOVQ	DX, 32(SP)
	MOVQ	BX, 40(SP)
	MOVQ	BP, 56(SP)
	MOVQ	SI, 64(SP)
	MOVQ	DI, 72(SP)
	MOVQ	R8, 80(SP)
	MOVQ	R9, 88(SP)
	MOVQ	R10, 96(SP)
	MOVQ	R11, 104(SP)
	MOVQ	R12, 112(SP)
	MOVQ	R13, 120(SP)
	MOVQ	R15, 136(SP)
	MOVQ	SP, AX
	MOVQ	152(AX), AX
	LEAQ	16(SP), BX
	CALL	runtime·panicBounds64<ABIInternal>(SB)
	RET


// The linker points the initialisers of map variables that nothing uses here.
TEXT runtime·mapinitnoop<ABIInternal>(SB),NOSPLIT,$0-0
	RET
