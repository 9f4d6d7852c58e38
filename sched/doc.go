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
//	process.go  processes and dispatchers
//	cpu.go      the scheduler of one CPU: Leave, turns, hand-off
//	runq.go     its queues; share.go: who is next within a class
//	timer.go    its deadlines
//	job.go      its work list
//	pages.go    dispatchers that wait for a page: told by EventFault, or stalled
//	mail.go     what one CPU tells another
//	balance.go  which CPU a program runs on; which address space a CPU has loaded
//	grace.go    when what was taken away can be given back
//	inject.go, pause.go, dump.go  debug builds: preemption at odd places, a
//	            machine that stands still, what there is to see of a hang
//
// # Several CPUs
//
// There is no global lock, and none for scheduling. A dispatcher belongs to one
// CPU, which alone touches its state, its place in queues and timers, and its
// registers; others send mail (a bit, a link, an interrupt). Calls are kept with
// dispatchers (ipc/call.Endpoint, with its lock), so that two CPUs that call a
// server which has a dispatcher on each do not meet. A process's lock guards its
// state, its handle set and the array of its dispatchers. Lock order: package
// spin.
//
// Find gives a pointer without a reference: it is good until the end of the
// kernel entry. A dead process is found until its handles have gone, says Dying
// from the first moment on, and is given back after grace periods.
package sched
