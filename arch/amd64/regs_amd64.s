#include "textflag.h"
#include "go_asm.h"

// func ReadCR0() uint64
TEXT ·ReadCR0(SB),NOSPLIT,$0-8
	MOVQ	CR0, AX
	MOVQ	AX, ret+0(FP)
	RET

// func WriteCR0(v uint64)
TEXT ·WriteCR0(SB),NOSPLIT,$0-8
	MOVQ	v+0(FP), AX
	MOVQ	AX, CR0
	RET

// func ReadCR2() uint64
TEXT ·ReadCR2(SB),NOSPLIT,$0-8
	MOVQ	CR2, AX
	MOVQ	AX, ret+0(FP)
	RET

// func ReadCR3() uint64
TEXT ·ReadCR3(SB),NOSPLIT,$0-8
	MOVQ	CR3, AX
	MOVQ	AX, ret+0(FP)
	RET

// func WriteCR3(v uint64)
TEXT ·WriteCR3(SB),NOSPLIT,$0-8
	MOVQ	v+0(FP), AX
	MOVQ	AX, CR3
	RET

// func ReadCR4() uint64
TEXT ·ReadCR4(SB),NOSPLIT,$0-8
	MOVQ	CR4, AX
	MOVQ	AX, ret+0(FP)
	RET

// func WriteCR4(v uint64)
TEXT ·WriteCR4(SB),NOSPLIT,$0-8
	MOVQ	v+0(FP), AX
	MOVQ	AX, CR4
	RET

// func ReadMSR(msr uint32) uint64
TEXT ·ReadMSR(SB),NOSPLIT,$0-16
	MOVL	msr+0(FP), CX
	RDMSR
	SHLQ	$32, DX
	ORQ	DX, AX
	MOVQ	AX, ret+8(FP)
	RET

// func WriteMSR(msr uint32, v uint64)
TEXT ·WriteMSR(SB),NOSPLIT,$0-16
	MOVL	msr+0(FP), CX
	MOVQ	v+8(FP), AX
	MOVQ	AX, DX
	SHRQ	$32, DX
	WRMSR
	RET

// func setXCR0(v uint64)
TEXT ·setXCR0(SB),NOSPLIT,$0-8
	XORL	CX, CX
	MOVQ	v+0(FP), AX
	MOVQ	AX, DX
	SHRQ	$32, DX
	XSETBV
	RET

// func CPUID(leaf, sub uint32) (a, b, c, d uint32)
TEXT ·CPUID(SB),NOSPLIT,$0-24
	MOVL	leaf+0(FP), AX
	MOVL	sub+4(FP), CX
	CPUID
	MOVL	AX, a+8(FP)
	MOVL	BX, b+12(FP)
	MOVL	CX, c+16(FP)
	MOVL	DX, d+20(FP)
	RET

// func InvalidatePage(va uint64)
TEXT ·InvalidatePage(SB),NOSPLIT,$0-8
	MOVQ	va+0(FP), AX
	INVLPG	(AX)
	RET

// func TSC() uint64
TEXT ·TSC(SB),NOSPLIT,$0-8
	RDTSC
	SHLQ	$32, DX
	ORQ	DX, AX
	MOVQ	AX, ret+0(FP)
	RET

// func tscAfter() uint64
TEXT ·tscAfter(SB),NOSPLIT,$0-8
	LFENCE
	RDTSC
	SHLQ	$32, DX
	ORQ	DX, AX
	MOVQ	AX, ret+0(FP)
	RET

// func Pause()
TEXT ·Pause(SB),NOSPLIT,$0
	PAUSE
	RET

// func rdrand() (v uint64, ok bool)
TEXT ·rdrand(SB),NOSPLIT,$0-9
	RDRANDQ	AX
	SETCS	ok+8(FP)
	MOVQ	AX, v+0(FP)
	RET

// func In8(port uint16) uint8
TEXT ·In8(SB),NOSPLIT,$0-9
	MOVW	port+0(FP), DX
	INB
	MOVB	AX, ret+8(FP)
	RET

// func In16(port uint16) uint16
TEXT ·In16(SB),NOSPLIT,$0-10
	MOVW	port+0(FP), DX
	INW
	MOVW	AX, ret+8(FP)
	RET

// func In32(port uint16) uint32
TEXT ·In32(SB),NOSPLIT,$0-12
	MOVW	port+0(FP), DX
	INL
	MOVL	AX, ret+8(FP)
	RET

// func Out8(port uint16, v uint8)
TEXT ·Out8(SB),NOSPLIT,$0-3
	MOVW	port+0(FP), DX
	MOVB	v+2(FP), AX
	OUTB
	RET

// func Out16(port uint16, v uint16)
TEXT ·Out16(SB),NOSPLIT,$0-4
	MOVW	port+0(FP), DX
	MOVW	v+2(FP), AX
	OUTW
	RET

// func Out32(port uint16, v uint32)
TEXT ·Out32(SB),NOSPLIT,$0-8
	MOVW	port+0(FP), DX
	MOVL	v+4(FP), AX
	OUTL
	RET

// func outString(port uint16, p *byte, n int)
TEXT ·outString(SB),NOSPLIT,$0-24
	MOVW	port+0(FP), DX
	MOVQ	p+8(FP), SI
	MOVQ	n+16(FP), CX
	CLD
	REP; OUTSB
	RET

// func loadGDT(base *uint64, limit uint16)
TEXT ·loadGDT(SB),NOSPLIT,$16-10
	MOVQ	base+0(FP), AX
	MOVW	limit+8(FP), CX
	MOVW	CX, 0(SP)
	MOVQ	AX, 2(SP)
	LGDT	(SP)
	RET

// func loadIDT(base *[2]uint64, limit uint16)
TEXT ·loadIDT(SB),NOSPLIT,$16-10
	MOVQ	base+0(FP), AX
	MOVW	limit+8(FP), CX
	MOVW	CX, 0(SP)
	MOVQ	AX, 2(SP)
	LIDT	(SP)
	RET

// func loadSelectors(tr uint16)
TEXT ·loadSelectors(SB),NOSPLIT,$0-2
	MOVL	$const_kernelSS, AX
	MOVW	AX, SS
	XORL	AX, AX
	MOVW	AX, DS
	MOVW	AX, ES
	MOVW	AX, FS
	MOVW	tr+0(FP), AX
	LTR	AX
	MOVQ	SP, CX
	PUSHQ	$const_kernelSS
	PUSHQ	CX
	PUSHFQ
	PUSHQ	$const_kernelCS
	LEAQ	·farTarget(SB), AX
	PUSHQ	AX
	IRETQ

TEXT ·farTarget(SB),NOSPLIT|NOFRAME,$0
	RET

// func This() *CPU
TEXT ·This(SB),NOSPLIT,$0-8
	MOVQ	CPU_Self(GS), AX
	MOVQ	AX, ret+0(FP)
	RET

// func setGS(base *CPU)
TEXT ·setGS(SB),NOSPLIT,$0-8
	MOVQ	base+0(FP), AX
	MOVQ	-8(GS), CX
	MOVQ	CX, -8(AX)
	WRGSBASEQ	AX
	RET

// func disableInterrupts()
TEXT ·disableInterrupts(SB),NOSPLIT,$0
	CLI
	RET

// func stop()
TEXT ·stop(SB),NOSPLIT,$0
	CLI
halt:
	HLT
	JMP	halt

// func trigger()
TEXT ·trigger(SB),NOSPLIT,$0
	UD2
	RET
