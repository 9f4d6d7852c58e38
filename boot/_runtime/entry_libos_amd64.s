//go:build go42libos

#include "textflag.h"

// The image's ELF entry. The kernel enters the libOS at its entry vector, which
// the libOS's main package defines as TEXT ·entry(SB) in its own assembly.
TEXT _rt0_amd64_linux(SB),NOSPLIT|NOFRAME,$0
	JMP	main·entry(SB)

// func stop()
TEXT ·stop(SB),NOSPLIT,$0
	UD2
	RET
