package amd64

import (
	"unsafe"

	"go42/boot/rt"
)

// Printing for the end: no allocation, through print.

func hex(name string, v uint64) {
	const digits = "0123456789abcdef"
	var b [16]byte
	for i := range 16 {
		b[i] = digits[v>>(60-4*i)&15]
	}
	print(name, "=", unsafe.String(&b[0], 16), " ")
}

// DumpRegs prints a ring-3 context.
func DumpRegs(c *UserContext) {
	r := &c.Regs
	hex("rax", r.RAX)
	hex("rbx", r.RBX)
	hex("rcx", r.RCX)
	hex("rdx", r.RDX)
	print("\n")
	hex("rsi", r.RSI)
	hex("rdi", r.RDI)
	hex("rbp", r.RBP)
	hex("rsp", r.RSP)
	print("\n")
	hex("r8 ", r.R8)
	hex("r9 ", r.R9)
	hex("r10", r.R10)
	hex("r11", r.R11)
	print("\n")
	hex("r12", r.R12)
	hex("r13", r.R13)
	hex("r14", r.R14)
	hex("r15", r.R15)
	print("\n")
	hex("rip", r.RIP)
	hex("rfl", r.RFLAGS)
	hex("fs ", c.FSBase)
	hex("gs ", c.GSBase)
	print("vec=", uint8(c.Vec), " fast=", c.Fast, "\n")
}

var trapNames = [...]string{
	VecDE: "divide error", VecDB: "debug", VecNMI: "NMI", VecBP: "breakpoint", VecOF: "overflow",
	VecBR: "bound range", VecUD: "invalid opcode", VecNM: "no FPU", VecDF: "double fault",
	VecTS: "invalid TSS", VecNP: "segment not present", VecSS: "stack fault", VecGP: "general protection",
	VecPF: "page fault", VecMF: "x87 error", VecAC: "alignment check", VecMC: "machine check", VecXM: "SIMD error",
}

// TrapName names an exception vector.
func TrapName(v uint64) string {
	if v < uint64(len(trapNames)) && trapNames[v] != "" {
		return trapNames[v]
	}
	return "exception"
}

// DumpFrame prints a context interrupted in ring 0, and the control registers.
func DumpFrame(f *Frame) {
	print("trap ", f.Vector, " (", TrapName(f.Vector), ") on CPU ", This().ID, "\n")
	hex("rip", f.RIP)
	hex("cs ", f.CS)
	hex("rfl", f.RFLAGS)
	hex("err", f.Error)
	print("\n")
	hex("rax", f.RAX)
	hex("rbx", f.RBX)
	hex("rcx", f.RCX)
	hex("rdx", f.RDX)
	print("\n")
	hex("rsi", f.RSI)
	hex("rdi", f.RDI)
	hex("rbp", f.RBP)
	hex("rsp", f.RSP)
	print("\n")
	hex("r8 ", f.R8)
	hex("r9 ", f.R9)
	hex("r10", f.R10)
	hex("r11", f.R11)
	print("\n")
	hex("r12", f.R12)
	hex("r13", f.R13)
	hex("r14", f.R14)
	hex("r15", f.R15)
	print("\n")
	hex("cr0", ReadCR0())
	hex("cr2", ReadCR2())
	hex("cr3", ReadCR3())
	hex("cr4", ReadCR4())
	print("\n")
}

// stackOf returns the bounds of the stack that sp is in: the current one or one
// of this package's; else nothing.
func stackOf(sp uintptr) (lo, hi uintptr) {
	if lo, hi = rt.CurrentG().Stack(); sp >= lo && sp < hi {
		return lo, hi
	}
	for i := range cpus {
		if a := start(kernelStacks[i][:]); sp >= a && sp < a+StackSize {
			return a, a + StackSize
		}
		for n := range numIST {
			if a := start(istStacks[i][n][:]); sp >= a && sp < a+istSize {
				return a, a + istSize
			}
		}
	}
	return 0, 0
}

var tracePC [64]uintptr

// Backtrace prints "function file:line" of pc and its callers, found by frame
// pointers from bp on the stack that sp is in.
func Backtrace(pc, bp, sp uintptr) {
	lo, hi := stackOf(sp)
	n := rt.Callers(pc, bp, lo, hi, tracePC[:])
	for i, p := range tracePC[:n] {
		if i > 0 {
			p-- // a return address: the call is before it
		}
		name, file, line := rt.FuncForPC(p)
		print("  ", name, " ", file, ":", line, "\n")
	}
}

// BacktraceFrame is Backtrace of an interrupted context.
func BacktraceFrame(f *Frame) {
	if f.CS&3 == 0 {
		Backtrace(uintptr(f.RIP), uintptr(f.RBP), uintptr(f.RSP))
	}
}

// Panic is for rt.SetPanicHook: stops the other CPUs, prints the message, the
// control registers of note, a backtrace and what the others were doing, and
// ends QEMU with ExitPanic.
func Panic(msg string, pc, sp uintptr) {
	beginReport()
	print("\nkernel panic: ", msg, "\n")
	hex("rip", uint64(pc))
	hex("rsp", uint64(sp))
	hex("cr2", ReadCR2())
	hex("cr3", ReadCR3())
	print("cpu=", This().ID, "\n")
	if c := This().Cur; c != nil {
		print("context:\n")
		DumpRegs(c)
	}
	print("backtrace:\n")
	bp := frameAbove(sp)
	Backtrace(pc-1, bp, sp)
	if bp == 0 {
		scan(sp)
	}
	endReport()
}

// Fatal is Panic for an exception in the kernel.
func Fatal(f *Frame) {
	beginReport()
	print("\nkernel panic: exception in the kernel\n")
	DumpFrame(f)
	print("backtrace:\n")
	BacktraceFrame(f)
	endReport()
}

// scan prints what looks like return addresses above sp: after a stack overflow,
// where the chain of frame pointers is lost. sp is then at the low end of a stack,
// so that the words looked at are all there.
func scan(sp uintptr) {
	lo, hi := rt.TextRange()
	for i, n := uintptr(0), 0; i < 512 && n < 12; i++ {
		p := *(*uintptr)(unsafe.Pointer(sp + 8*i))
		if p <= lo || p >= hi {
			continue
		}
		name, file, line := rt.FuncForPC(p - 1)
		print("  perhaps ", name, " ", file, ":", line, "\n")
		n++
	}
}

// frameAbove returns the frame pointer in force in the function whose stack
// pointer at a call was sp: the link in the frame that ends there.
func frameAbove(sp uintptr) uintptr {
	lo, hi := stackOf(sp)
	for bp := rt.FramePointer(); bp >= lo && bp+16 <= hi; {
		next := *(*uintptr)(unsafe.Pointer(bp)) // on this stack
		if bp+16 >= sp {
			return next
		}
		if next <= bp {
			break
		}
		bp = next
	}
	return 0
}
