// Package lifecycle is birth and death of processes in the kernel: fork, the
// start of a child, exec's reset, kill, suspend, exit and its notice. The
// kernel's native calls are thin layers over it; it touches no machine state
// and is tested on the host.
//
//	area.go    the dispatcher's page and the frame before it
//	fork.go    NFork, NStart, embryos
//	reset.go   NReset
//	exit.go    death, teardown, exit notices
//	oom.go     what happens when memory is short
//	pager.go   native calls of pagers; who is told that pages have come
//	manage.go  what the process manager may do
//
// A process is an embryo from its first NFork on until its parent starts it or
// lets go of its handle; while the NFork is not done its parent's dispatcher
// names it (Dispatcher.Child). Teardown and reset are jobs (sched.Process):
// bounded steps, each of which leaves the process in a state from which the
// next goes on, or from which it can be killed.
//
// Invariants: a dying process runs no more and is on no run queue and in no
// timer; its calls, handles and memory go in that order of Stage; the manager is
// told once its handles are gone; when all that has been done and the manager
// knows, nobody finds the record any more, and it goes a grace period later. Nobody
// keeps a pointer to a process across kernel entries but Dispatcher.Child, which
// death clears, and the list of exits.
package lifecycle
