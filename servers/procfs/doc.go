// Package procfs is the server of /proc: it holds no state of its own and
// answers from the process server, the kernel and what each process publishes
// about itself.
package procfs
