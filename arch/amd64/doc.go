// Package amd64 is what only an x86_64 has, for the kernel: descriptor tables,
// entry from ring 3 and exit to it, vector state, traps, the local and I/O APIC,
// clocks, ports, the page-table format, what the loader hands over. It knows
// no process, dispatcher object or policy.
//
// Objects
//   - UserContext: one ring-3 register context, in the kernel's private memory.
//   - CPU: one processor's data behind GS. CPU.Cur is the context that the exit
//     path returns to; nil means that there is nothing to run.
//   - Handler: the kernel's event handlers, the same for all CPUs.
//   - Grace: a grace period, over when each other CPU has left the kernel once.
//
// Model. The kernel is an event handler: one stack a CPU, interrupts off. Each
// entry (native call, trap, interrupt) stores the registers of ring 3 in *Cur
// and calls one handler on the empty kernel stack; when it returns, the exit
// path loads whatever Cur then is, or halts. Nothing is kept on the kernel stack
// from one entry to the next.
//
// Several CPUs (smp.go) share the code and the interrupt table; all else is each
// CPU's own. An epoch word a CPU tells the others whether it is in the kernel
// (epoch.go); on it rest grace periods and the shootdown of translations
// (shootdown.go).
//
// Invariants
//   - What the exit path loads into RIP, RFLAGS, RSP and the segment registers
//     comes from a UserContext, which ring 3 cannot write. RFLAGS is masked and
//     a RIP outside the user half is turned into a trap before IRETQ could fault.
//   - Whoever takes the CPU from a context whose vector state, FS and GS base
//     are still in the processor calls its Preempt first.
//   - Interrupts are on in Idle's HLT only. NMI, #DB, #MC and #DF run on stacks
//     of their own and find their CPU at the end of that stack, because GS base
//     may be anybody's when they strike.
//   - The kernel reaches user memory through the direct map only (SMAP is on and
//     AC always clear), so that a trap in ring 0 is a kernel defect: it is reported
//     and ends the machine (report.go).
//   - Kernel code does no floating-point arithmetic: MXCSR and the x87 state are
//     the interrupted context's.
//
// SMAP stays on unless the processor is QEMU's TCG before 9.1, whose IRETQ in
// ring 3 does not work with it: the first one turns it off (smapBroken).
//
// No page-table isolation: the kernel half is mapped (supervisor, NX where not
// text) while ring 3 runs. PCID is not used.
package amd64
