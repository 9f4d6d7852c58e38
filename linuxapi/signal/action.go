package signal

// Action is the kernel's struct sigaction: 32 bytes.
type Action struct {
	Handler  uint64
	Flags    uint64
	Restorer uint64
	Mask     Set
}

// Special handlers and flags.
const (
	SIG_DFL = 0
	SIG_IGN = 1

	SA_NOCLDSTOP = 0x1
	SA_NOCLDWAIT = 0x2
	SA_SIGINFO   = 0x4
	SA_ONSTACK   = 0x08000000
	SA_RESTART   = 0x10000000
	SA_NODEFER   = 0x40000000
	SA_RESETHAND = 0x80000000
	SA_RESTORER  = 0x04000000

	SS_ONSTACK    = 1
	SS_DISABLE    = 2
	SS_AUTODISARM = 1 << 31

	MINSIGSTKSZ = 2048
)

// Ignored reports whether an unblocked s has no effect under a.
func (a *Action) Ignored(s int) bool {
	return a.Handler == SIG_IGN || a.Handler == SIG_DFL && DefaultOf(s) == Ignore
}

// Stack is stack_t: 24 bytes.
type Stack struct {
	SP    uint64
	Flags uint32
	_     uint32
	Size  uint64
}

// On reports whether sp lies on the alternative stack.
func (s *Stack) On(sp uint64) bool {
	return s.Size != 0 && sp > s.SP && sp-s.SP <= s.Size
}

// ThreadState is a thread's signal state. Guarded by the process's signal lock;
// Mask and Alt are changed by the thread itself only.
type ThreadState struct {
	Mask      Set
	Saved     Set  // the mask to put back after sigsuspend, ppoll..
	HaveSaved bool // Saved is valid
	Wait      Set  // sigtimedwait waits for these
	Pending   Pending
	Alt       Stack
}
