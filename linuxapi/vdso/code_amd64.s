#include "textflag.h"

// The functions of the shared object: position-independent, System V calling
// convention, no stack. They are copied; nothing calls them here.
// Offsets are ipc/abi.InfoPage's; INFO is abi.InfoVA.
#define INFO     0x7e0008000000
#define DISPATCHERS 0x7e0020000000
#define CPU      0x48 // of abi.DispatcherPage
#define TSCBASE  8
#define MULT     16
#define SHIFT    24
#define OFFSET   40
#define SEQ      48

// AX = monotonic ns. R8 = INFO. Clobbers CX, DX.
#define MONO \
	MOVQ	$INFO, R8;      \
	RDTSC;                  \
	SHLQ	$32, DX;        \
	ORQ	DX, AX;         \
	SUBQ	TSCBASE(R8), AX; \
	MULQ	MULT(R8);       \
	MOVQ	SHIFT(R8), CX;  \
	SHRQ	CX, DX, AX

// Adds the wall clock's offset to AX. Clobbers R9, R10.
#define WALL(l) \
l: \
	MOVQ	SEQ(R8), R9;    \
	TESTB	$1, R9;         \
	JNE	l;              \
	MOVQ	OFFSET(R8), R10; \
	CMPQ	R9, SEQ(R8);    \
	JNE	l;              \
	ADDQ	R10, AX

// int __vdso_clock_gettime(clockid_t DI, struct timespec *SI)
TEXT ·codeClock(SB),NOSPLIT|NOFRAME,$0
	CMPL	DI, $7
	JA	real
	MOVL	$1, AX
	MOVL	DI, CX
	SHLL	CX, AX
	TESTL	$0x21, AX // REALTIME, REALTIME_COARSE
	JNE	wall
	TESTL	$0xd2, AX // MONOTONIC, MONOTONIC_RAW, MONOTONIC_COARSE, BOOTTIME
	JEQ	real
	MONO
	JMP	store
wall:
	MONO
	WALL(again)
store:
	XORL	DX, DX
	MOVL	$1000000000, CX
	DIVQ	CX
	MOVQ	AX, 0(SI)
	MOVQ	DX, 8(SI)
	XORL	AX, AX
	RET
real:
	MOVL	$228, AX
	SYSCALL
	RET

// int __vdso_gettimeofday(struct timeval *DI, struct timezone *SI)
TEXT ·codeDay(SB),NOSPLIT|NOFRAME,$0
	TESTQ	DI, DI
	JEQ	zone
	MONO
	WALL(again)
	XORL	DX, DX
	MOVL	$1000, CX
	DIVQ	CX
	XORL	DX, DX
	MOVL	$1000000, CX
	DIVQ	CX
	MOVQ	AX, 0(DI)
	MOVQ	DX, 8(DI)
zone:
	TESTQ	SI, SI
	JEQ	done
	MOVQ	$0, 0(SI)
done:
	XORL	AX, AX
	RET

// time_t __vdso_time(time_t *DI)
TEXT ·codeTime(SB),NOSPLIT|NOFRAME,$0
	MONO
	WALL(again)
	XORL	DX, DX
	MOVL	$1000000000, CX
	DIVQ	CX
	TESTQ	DI, DI
	JEQ	done
	MOVQ	AX, 0(DI)
done:
	RET

// int __vdso_getcpu(unsigned *DI, unsigned *SI, void *DX)
// GS base is the page of the dispatcher that the thread is on, unless the program
// has changed it.
TEXT ·codeCPU(SB),NOSPLIT|NOFRAME,$0
	RDGSBASEQ AX
	MOVQ	$DISPATCHERS, CX
	MOVQ	AX, DX
	SUBQ	CX, DX
	CMPQ	DX, $(8*0x10000)
	JAE	real
	MOVL	CPU(AX), AX
	TESTQ	DI, DI
	JEQ	node
	MOVL	AX, (DI)
node:
	TESTQ	SI, SI
	JEQ	done
	MOVL	$0, (SI)
done:
	XORL	AX, AX
	RET
real:
	MOVL	$309, AX
	SYSCALL
	RET

TEXT ·codeEnd(SB),NOSPLIT|NOFRAME,$0
	RET

// func code() (clock, day, time, cpu, end uintptr)
TEXT ·code(SB),NOSPLIT|NOFRAME,$0-40
	LEAQ	·codeClock(SB), AX
	MOVQ	AX, 8(SP)
	LEAQ	·codeDay(SB), AX
	MOVQ	AX, 16(SP)
	LEAQ	·codeTime(SB), AX
	MOVQ	AX, 24(SP)
	LEAQ	·codeCPU(SB), AX
	MOVQ	AX, 32(SP)
	LEAQ	·codeEnd(SB), AX
	MOVQ	AX, 40(SP)
	RET
