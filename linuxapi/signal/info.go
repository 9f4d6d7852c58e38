package signal

// Info is siginfo_t: 128 bytes, the union as words.
type Info struct {
	Signo int32
	Errno int32
	Code  int32
	_     int32
	F     [14]uint64 // the union from offset 16
}

// si_code.
const (
	SI_USER    = 0
	SI_KERNEL  = 0x80
	SI_QUEUE   = -1
	SI_TIMER   = -2
	SI_MESGQ   = -3
	SI_ASYNCIO = -4
	SI_TKILL   = -6

	ILL_ILLOPN  = 2
	FPE_INTDIV  = 1
	FPE_INTOVF  = 2
	FPE_FLTDIV  = 3
	FPE_FLTOVF  = 4
	FPE_FLTUND  = 5
	FPE_FLTRES  = 6
	FPE_FLTINV  = 7
	SEGV_MAPERR = 1
	SEGV_ACCERR = 2
	BUS_ADRALN  = 1
	BUS_ADRERR  = 2
	TRAP_BRKPT  = 1
	TRAP_TRACE  = 2

	CLD_EXITED    = 1
	CLD_KILLED    = 2
	CLD_DUMPED    = 3
	CLD_STOPPED   = 5
	CLD_CONTINUED = 6
)

// Sent is the siginfo of kill, tgkill, sigqueue.
func Sent(sig, code int, pid, uid uint32, value uint64) Info {
	i := Info{Signo: int32(sig), Code: int32(code)}
	i.F[0] = uint64(pid) | uint64(uid)<<32
	i.F[1] = value
	return i
}

// Fault is the siginfo of an exception at addr.
func Fault(sig, code int, addr uint64) Info {
	i := Info{Signo: int32(sig), Code: int32(code)}
	i.F[0] = addr
	return i
}

// Child is the siginfo of SIGCHLD and of waitid: status as exit code or signal.
func Child(code int, pid, uid uint32, status int32, utime, stime int64) Info {
	i := Info{Signo: SIGCHLD, Code: int32(code)}
	i.F[0] = uint64(pid) | uint64(uid)<<32
	i.F[1] = uint64(uint32(status))
	i.F[2] = uint64(utime)
	i.F[3] = uint64(stime)
	return i
}

// Expired is the siginfo of a POSIX timer.
func Expired(sig int, id, overrun int32, value uint64) Info {
	i := Info{Signo: int32(sig), Code: SI_TIMER}
	i.F[0] = uint64(uint32(id)) | uint64(uint32(overrun))<<32
	i.F[1] = value
	return i
}

// Overrun is how often the timer of an Expired siginfo has expired besides.
func (i *Info) Overrun() int32 { return int32(i.F[0] >> 32) }

// Pid is the sender of a Sent siginfo.
func (i *Info) Pid() uint32 { return uint32(i.F[0]) }
