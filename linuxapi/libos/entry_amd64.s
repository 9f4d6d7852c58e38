//go:build go42libos

#include "textflag.h"

// The ELF entry is never used: the kernel enters at the upcalls. The reference
// keeps them in the image.
TEXT ·entry(SB),NOSPLIT|NOFRAME,$0
	JMP	go42∕linuxapi∕entry·Keep(SB)
