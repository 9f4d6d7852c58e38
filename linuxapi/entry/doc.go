// Package entry is the libOS's door: the upcall entries that the kernel finds by
// name (Svc, Event, Run, Call, Return, Fault, Trap), the restartable exit range
// [ExitLo, ExitHi), the switch between user-level threads and the saving of
// vector state. It holds no policy: each entry brings the machine into a state
// in which Go code can run, and calls one of the function variables in hooks.go.
//
// Objects:
//   - Core, the part of a thread that assembly knows, at the thread's start. Its
//     first words are the runtime's g for the thread's libOS stack, so the word
//     at GS:-8 is both g and the current thread.
//   - Frame, the program's registers, always in the last bytes of the thread's
//     libOS stack. The low 128 bits of X0-X15 are in it; everything else of the
//     vector state is in the processor, or in the XSAVE area when VSaved is set.
//
// States: each entry starts with upcalls disabled. SVC runs on the thread's own
// libOS stack; Run, Event, Call, Return, Fault on the dispatcher's scheduler
// stack, which holds nothing between two upcalls; Trap on the trap stack.
//
// Nothing here uses floating point: MXCSR and the x87 control word are the
// program's while its thread is in the libOS.
package entry
