#include "textflag.h"

// func rawClone(flags uintptr) (pid, errno uintptr)
// The child, on the caller's stack, does nothing but exit with status 7.
TEXT ·rawClone(SB),NOSPLIT,$0-24
	MOVQ flags+0(FP), DI
	MOVQ $0, SI
	MOVQ $0, DX
	MOVQ $0, R10
	MOVQ $0, R8
	MOVQ $56, AX // clone
	SYSCALL
	TESTQ AX, AX
	JNZ  parent
	MOVQ $7, DI
	MOVQ $231, AX // exit_group
	SYSCALL
	INT  $3
parent:
	CMPQ AX, $-4095
	JHI  failed
	MOVQ AX, pid+8(FP)
	MOVQ $0, errno+16(FP)
	RET
failed:
	NEGQ AX
	MOVQ $0, pid+8(FP)
	MOVQ AX, errno+16(FP)
	RET
