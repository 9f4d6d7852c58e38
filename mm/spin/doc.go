// Package spin is the kernel's lock. The kernel runs with interrupts off, so a
// holder is never interrupted by code that could want the same lock on its
// CPU; sections are short and bounded.
//
// Each lock has a rank, and a CPU acquires in ascending order of rank. With
// build tag go42debug every Acquire asserts that. The order from outside to
// inside, over all packages:
//
//	Endpoint  a dispatcher's calls (ipc/call): the callee's before the caller's;
//	          a call goes to a lower process rank, so this has no cycle
//	Process   one process: its state, its handle set (ipc/handle)
//	Grants    a bucket of the grants of an object (ipc/ppc)
//	Half      half of an address space (mm); a fork's parent before its child
//	FCM       memory object or node of a fork chain: child before parent
//	Work      mm's list of deferred work
//	Pool      a typed pool: a CPU's list before the common one
//	Frame     the frame allocator: a CPU's cache before the common lists
//	Device    a serial port, the log, the random generator
//
// What belongs to one CPU (run queue, timers, jobs) has no lock: other CPUs send a
// message. Its caches of frames and pool entries have one, which others take only
// when there is nothing left elsewhere.
//
// Acquisitions that had to wait are counted, by rank and CPU: a path is free of
// shared writes only if its count stays zero. A debug build also notes who waited,
// and who took a lock that another CPU had had before, which no timing hides:
// PrintSites.
package spin
