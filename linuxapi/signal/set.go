// Package signal is what a Linux signal is: numbers, sets, queues, actions, the
// layout of siginfo and of the frame on a program's stack. Pure data and logic,
// tested on the host; package sigcall delivers.
package signal

import "math/bits"

// Signal numbers (x86_64).
const (
	SIGHUP    = 1
	SIGINT    = 2
	SIGQUIT   = 3
	SIGILL    = 4
	SIGTRAP   = 5
	SIGABRT   = 6
	SIGBUS    = 7
	SIGFPE    = 8
	SIGKILL   = 9
	SIGUSR1   = 10
	SIGSEGV   = 11
	SIGUSR2   = 12
	SIGPIPE   = 13
	SIGALRM   = 14
	SIGTERM   = 15
	SIGSTKFLT = 16
	SIGCHLD   = 17
	SIGCONT   = 18
	SIGSTOP   = 19
	SIGTSTP   = 20
	SIGTTIN   = 21
	SIGTTOU   = 22
	SIGURG    = 23
	SIGXCPU   = 24
	SIGXFSZ   = 25
	SIGVTALRM = 26
	SIGPROF   = 27
	SIGWINCH  = 28
	SIGIO     = 29
	SIGPWR    = 30
	SIGSYS    = 31
	SIGRTMIN  = 32
	SIGRTMAX  = 64
	NumSig    = 64
)

// Set has bit s-1 for signal s, as sigset_t.
type Set uint64

// Bit is the set of one signal.
func Bit(s int) Set { return 1 << (uint(s) - 1) }

// Has reports whether s is in the set.
func (m Set) Has(s int) bool { return m&Bit(s) != 0 }

// First is the lowest signal in the set, 0: none.
func (m Set) First() int {
	if m == 0 {
		return 0
	}
	return bits.TrailingZeros64(uint64(m)) + 1
}

// Unblockable cannot be masked, caught or ignored.
const Unblockable Set = 1<<(SIGKILL-1) | 1<<(SIGSTOP-1)

// Synchronous signals come from what the thread itself did: delivered first.
const Synchronous Set = 1<<(SIGSEGV-1) | 1<<(SIGBUS-1) | 1<<(SIGILL-1) | 1<<(SIGTRAP-1) | 1<<(SIGFPE-1) | 1<<(SIGSYS-1)

// Stops and the signal that undoes them.
const Stops Set = 1<<(SIGSTOP-1) | 1<<(SIGTSTP-1) | 1<<(SIGTTIN-1) | 1<<(SIGTTOU-1)

// Default is what happens without a handler.
type Default uint8

const (
	Terminate Default = iota
	Core              // terminate; the core flag of the status stays off: there are no core files
	Ignore
	Stop
	Continue
)

// DefaultOf is signal(7)'s table.
func DefaultOf(s int) Default {
	switch s {
	case SIGCHLD, SIGURG, SIGWINCH:
		return Ignore
	case SIGCONT:
		return Continue
	case SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU:
		return Stop
	case SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS:
		return Core
	}
	return Terminate
}
