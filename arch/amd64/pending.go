package amd64

// apicIRR1 is the request register of vectors 32 to 63: all that this kernel
// uses.
const apicIRR1 = 0x210

// InterruptPending reports whether an interrupt waits for the CPU to take it.
func InterruptPending() bool { return apicRead(apicIRR1) != 0 }
