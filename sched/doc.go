// Package sched is the kernel's half of K42's two-level scheduler: it
// schedules dispatchers, and knows no thread above them (those belong to
// sched/user, in each process's libOS).
//
// Objects:
//
//	Process     an address space, its dispatchers, badge, handle set, calls, account
//	Dispatcher  a process's presence on one CPU: the page shared with its
//	            libOS, and the register context that the kernel keeps
//	CPU         run queues by class, timers, the dispatcher that runs
//
// The kernel never blocks and has one stack a CPU. Each entry (native call,
// trap, interrupt) ends in CPU.Leave, which picks the dispatcher to return to
// and makes the upcall that is due. A dispatcher is, for the kernel:
//
//	Embryo   not started
//	Clean    nothing saved: can take Call, Return or Run
//	Live     has a context: it runs (CPU.Current) or was preempted hard
//
// What does not fit in one bounded entry (tearing down an address space,
// exec's reset) is a Job on the CPU's work list, done a step at a time between
// dispatchers.
//
// Locking: one CPU is started, and the kernel runs with interrupts off; what
// is written here is per-CPU or owned by one process. Lock order, for when
// there are more: endpoint (handle set, calls) -> CPU run queue -> mm.
package sched
