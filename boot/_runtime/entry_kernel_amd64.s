//go:build go42kernel

#include "textflag.h"

#define BOOTSTACK 32768
#define IA32_GS_BASE 0xc0000101

// The boot segment jumps here in long mode, high half, interrupts off, with
// RDI = physical address of hvm_start_info. Sets up the boot stack, a GS area
// whose word at GS:-8 is the boot g, and runs initialisers and main.main.
TEXT _rt0_amd64_linux(SB),NOSPLIT|NOFRAME,$0
	LEAQ	runtime·bootStack+BOOTSTACK(SB), SP
	LEAQ	runtime·bootStack(SB), CX
	LEAQ	runtime·bootG(SB), R14
	MOVQ	CX, 0(R14)
	MOVQ	SP, 8(R14)
	ADDQ	$928, CX
	MOVQ	CX, 16(R14)
	MOVQ	CX, 24(R14)
	LEAQ	runtime·bootGS+8(SB), AX
	MOVQ	R14, -8(AX)
	MOVQ	AX, 0(AX)
	MOVQ	AX, DX
	SHRQ	$32, DX
	MOVL	$IA32_GS_BASE, CX
	WRMSR
	MOVQ	DI, runtime·startInfo(SB)
	XORL	BP, BP
	XORPS	X15, X15
	SUBQ	$96, SP
	CALL	runtime·kernelMain<ABIInternal>(SB)
	UD2

GLOBL runtime·bootStack(SB), NOPTR, $BOOTSTACK
GLOBL runtime·bootG(SB), NOPTR, $64
GLOBL runtime·bootGS(SB), NOPTR, $16

// func outb(port uint16, v byte)
TEXT ·outb(SB),NOSPLIT,$0-3
	MOVW	port+0(FP), DX
	MOVB	v+2(FP), AX
	OUTB
	RET

// func cpuFeatures() uint32: ECX of CPUID leaf 1.
TEXT ·cpuFeatures(SB),NOSPLIT,$0-4
	MOVL	$1, AX
	XORL	CX, CX
	CPUID
	MOVL	CX, ret+0(FP)
	RET

// func stop()
TEXT ·stop(SB),NOSPLIT,$0
	CLI
halt:
	HLT
	JMP	halt
