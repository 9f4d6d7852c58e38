//go:build go42libos

#include "textflag.h"

// The image's ELF entry is never called: the kernel enters at the upcall entries
// of package linuxapi/entry, which boot/image looks up by name. Naming them
// here keeps them, and what they call, in the image.
TEXT _rt0_amd64_linux(SB),NOSPLIT|NOFRAME,$0
	UD2
	JMP	go42∕linuxapi∕entry·Svc(SB)
	JMP	go42∕linuxapi∕entry·Event(SB)
	JMP	go42∕linuxapi∕entry·Run(SB)
	JMP	go42∕linuxapi∕entry·Call(SB)
	JMP	go42∕linuxapi∕entry·Return(SB)
	JMP	go42∕linuxapi∕entry·Fault(SB)
	JMP	go42∕linuxapi∕entry·Trap(SB)
	JMP	go42∕linuxapi∕entry·ExitLo(SB)
	JMP	go42∕linuxapi∕entry·ExitHi(SB)

// func stop()
TEXT ·stop(SB),NOSPLIT,$0
	UD2
	RET
