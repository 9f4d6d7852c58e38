#include "textflag.h"

// func outs(port uint16, p []byte)
TEXT ·outs(SB), NOSPLIT, $0-32
	MOVWLZX port+0(FP), DX
	MOVQ p_base+8(FP), SI
	MOVQ p_len+16(FP), CX
	CLD
	REP; OUTSB
	RET

// func rdtsc() uint64
TEXT ·rdtsc(SB), NOSPLIT, $0-8
	RDTSC
	SHLQ $32, DX
	ORQ DX, AX
	MOVQ AX, ret+0(FP)
	RET
