#include "textflag.h"

// start is the program's entry, in the place of the Go runtime's. The stack is
// as execve leaves it. Compiled Go wants g in R14 and at FS:-8; this one's
// stack guard is zero, so that no stack check ever fails.
TEXT ·start(SB),NOSPLIT|NOFRAME,$0
	MOVQ	SP, ·initial(SB)
	LEAQ	·fakeG(SB), R14
	LEAQ	·tls(SB), SI
	MOVQ	R14, (SI)
	ADDQ	$8, SI
	MOVQ	$0x1002, DI // ARCH_SET_FS
	MOVQ	$158, AX
	SYSCALL
	XORPS	X15, X15
	XORL	BP, BP
	ANDQ	$~15, SP
	CALL	·entry(SB)
	INT	$3

// func sys6(nr, a, b, c, d, e, f uintptr) uintptr
TEXT ·sys6(SB),NOSPLIT,$0-64
	MOVQ	nr+0(FP), AX
	MOVQ	a+8(FP), DI
	MOVQ	b+16(FP), SI
	MOVQ	c+24(FP), DX
	MOVQ	d+32(FP), R10
	MOVQ	e+40(FP), R8
	MOVQ	f+48(FP), R9
	SYSCALL
	MOVQ	AX, ret+56(FP)
	RET

// func sys(nr, a, b, c uintptr) uintptr
TEXT ·sys(SB),NOSPLIT,$0-40
	MOVQ	nr+0(FP), AX
	MOVQ	a+8(FP), DI
	MOVQ	b+16(FP), SI
	MOVQ	c+24(FP), DX
	XORL	R10, R10
	XORL	R8, R8
	XORL	R9, R9
	SYSCALL
	MOVQ	AX, ret+32(FP)
	RET

// func vfork() uintptr
//
// The child runs on the parent's stack, so that the return address has to
// survive its calls: it is kept in a register.
TEXT ·vfork(SB),NOSPLIT|NOFRAME,$0-8
	MOVQ	0(SP), R12
	MOVQ	$58, AX
	SYSCALL
	MOVQ	R12, 0(SP)
	MOVQ	AX, ret+0(FP)
	RET

// func clone(flags, stack, tid, kind, arg uintptr) uintptr
//
// The thread runs threadMain(kind, arg) and ends. It shares g and FS with its
// maker: neither is ever written.
TEXT ·clone(SB),NOSPLIT,$0-48
	MOVQ	flags+0(FP), DI
	MOVQ	stack+8(FP), SI
	MOVQ	tid+16(FP), R10
	MOVQ	kind+24(FP), R12
	MOVQ	arg+32(FP), R13
	MOVQ	R10, DX
	XORL	R8, R8
	MOVQ	$56, AX
	SYSCALL
	TESTQ	AX, AX
	JZ	child
	MOVQ	AX, ret+40(FP)
	RET
child:
	SUBQ	$32, SP
	MOVQ	R12, 0(SP)
	MOVQ	R13, 8(SP)
	CALL	·threadMain(SB)
	MOVQ	$60, AX
	XORL	DI, DI
	SYSCALL
	INT	$3

// func ticks() uint64
TEXT ·ticks(SB),NOSPLIT,$0-8
	RDTSC
	SHLQ	$32, DX
	ORQ	DX, AX
	MOVQ	AX, ret+0(FP)
	RET

// func mark()
//
// The host finds this address in QEMU's log: iterations begin here.
TEXT ·mark(SB),NOSPLIT,$0-0
	RET

// func callC(fn, a, b uintptr) uintptr
//
// By the C calling convention, for the vDSO.
TEXT ·callC(SB),NOSPLIT,$16-32
	MOVQ	fn+0(FP), AX
	MOVQ	a+8(FP), DI
	MOVQ	b+16(FP), SI
	MOVQ	SP, R12
	ANDQ	$~15, SP
	CALL	AX
	MOVQ	R12, SP
	MOVQ	AX, ret+24(FP)
	RET

// func copy64k(dst, src uintptr)
TEXT ·copy64k(SB),NOSPLIT,$0-16
	MOVQ	dst+0(FP), DI
	MOVQ	src+8(FP), SI
	MOVQ	$8192, CX
	REP; MOVSQ
	RET

// func swap(p *uint32, v uint32) uint32
TEXT ·swap(SB),NOSPLIT,$0-20
	MOVQ	p+0(FP), DI
	MOVL	v+8(FP), AX
	XCHGL	AX, (DI)
	MOVL	AX, ret+16(FP)
	RET

// Signal handlers, called by the system in the C convention.

TEXT ·onSignal(SB),NOSPLIT|NOFRAME,$0
	INCQ	·signals(SB)
	RET

// onFault makes the page at page writable again.
TEXT ·onFault(SB),NOSPLIT|NOFRAME,$0
	INCQ	·signals(SB)
	MOVQ	·page(SB), DI
	MOVQ	$4096, SI
	MOVQ	$3, DX // PROT_READ | PROT_WRITE
	MOVQ	$10, AX // mprotect
	SYSCALL
	RET

TEXT ·restorer(SB),NOSPLIT|NOFRAME,$0
	MOVQ	$15, AX // rt_sigreturn
	SYSCALL
	INT	$3

// func handlers() (onSignal, onFault, restorer uintptr)
TEXT ·handlers(SB),NOSPLIT,$0-24
	LEAQ	·onSignal(SB), AX
	MOVQ	AX, onSignal+0(FP)
	LEAQ	·onFault(SB), AX
	MOVQ	AX, onFault+8(FP)
	LEAQ	·restorer(SB), AX
	MOVQ	AX, restorer+16(FP)
	RET
