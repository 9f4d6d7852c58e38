package proto

import "go42/ipc/abi"

// Proc is object 0 of the process server (abi.HandleProc). The caller is
// known by its badge. pid arguments are Linux pids; 0: the caller.
//
// The process server notifies abi.ChanProc whenever signals are to be fetched
// or a child has changed state.
//
//ipc:base 1
type Proc interface {
	// Self describes the caller.
	Self() (r *ProcRecord, st Status)
	// Fork enters kpid, an embryo whose kernel parent is the caller, as the
	// caller's child (flags ForkParent: as its sibling, CLONE_PARENT) with
	// exit signal sig. EAGAIN: RLIMIT_NPROC. EINTR: a signal to many has come, and
	// is to be taken first: it would not reach the child. Before NStart.
	Fork(kpid uint64, flags uint64, sig uint64) (pid uint64, st Status)
	// Exec is called before NReset: comm is the new command name. With setid !=
	// 0 the file server has vouched for the image, and the reset changes the
	// credentials (EAGAIN: it has not, or they have changed since); with 0 a
	// vouched image is forgotten. secure is what AT_SECURE shall say.
	Exec(comm string, setid uint64) (secure uint64, st Status)
	// Wait is waitid(2): idtype P_ALL 0, P_PID 1, P_PGID 2; options as Linux
	// (WNOHANG is the caller's affair: EAGAIN says there is none yet).
	Wait(idtype uint64, id uint64, options uint64, wait uint64) (pid uint64, r *WaitResult, st Status)
	Setpgid(pid uint64, pgid uint64) (st Status)
	Getpgid(pid uint64) (pgid uint64, st Status)
	Setsid() (sid uint64, st Status)
	Getsid(pid uint64) (sid uint64, st Status)
	// Kill is kill(2) with pid as there (> 0, 0, -1, < -1); info.Code and
	// Value as in siginfo (SI_USER if nil); the server fills in pid and uid.
	Kill(pid int64, sig uint64, info *Siginfo) (st Status)
	// FetchSignals moves pending signals (up to FetchMax) out of the server.
	// more: FetchMore, some are left; FetchSelf, Self has something new. Its upper
	// bits (FetchSeq) go into the caller's block (abi.ProcHead.Fetched) when what was
	// moved is pending there.
	FetchSignals() (n uint64, more uint64, r *SignalBatch, st Status)
	// Stopped says that sig's default action stops the caller. The server
	// tells the parent, suspends the process, and SIGCONT resumes it.
	// ECANCELED: a SIGCONT has come meanwhile, or the process group is an orphan.
	Stopped(sig uint64) (st Status)
	// SetUID changes user ids: op SetID constants; KeepID: unchanged.
	// r is the caller's record afterwards.
	SetUID(op uint64, ruid uint64, euid uint64, suid uint64) (r *ProcRecord, st Status)
	SetGID(op uint64, rgid uint64, egid uint64, sgid uint64) (r *ProcRecord, st Status)
	// SetGroups; groups is an array of uint32.
	SetGroups(groups In) (st Status)
	// Groups writes the caller's supplementary groups; n is their number.
	Groups(groups Out) (n uint64, st Status)
	// Cred describes a credential token (from a badge) and writes its
	// groups. Tokens never change their meaning.
	Cred(token uint64, groups Out) (n uint64, r *Cred, st Status)
	// Prctl: op PrctlX.
	Prctl(op uint64, arg uint64) (res uint64, st Status)
	// SetComm names the process (PR_SET_NAME of the main thread).
	SetComm(comm string) (st Status)
	// Rlimit reads, and with set != 0 sets, a limit that the server enforces
	// or that another process asks for. which: RLIMIT_ constants.
	Rlimit(pid uint64, which uint64, set uint64, cur uint64, max uint64) (oldcur uint64, oldmax uint64, st Status)
	// Rusage: who RUSAGE_SELF 0, RUSAGE_CHILDREN as 1.
	Rusage(who uint64) (r *Rusage, st Status)
	// CPUTime is what any process has used, in ns.
	CPUTime(pid uint64) (ns uint64, st Status)
	// Nice is getpriority(2) and, with set != 0, setpriority(2): which
	// NiceProcess (one thread), NiceGroup or NiceUser; value and old are nice
	// values + 20, old is the least of all that id names.
	Nice(which uint64, id uint64, set uint64, value uint64) (old uint64, st Status)
	// Thread is what the scheduler knows of a thread of any process, by its id (0:
	// the caller's first): its nice value + 20, its policy (SCHED_OTHER 0,
	// SCHED_BATCH 3 or SCHED_IDLE 5, and ResetOnFork), and the CPUs on which it may
	// run, a bit each (AllCPUs: everywhere).
	Thread(id uint64) (nice uint64, policy uint64, cpus uint64, st Status)
	// SetThread changes a thread's policy (ThreadPolicy) or CPUs (ThreadCPUs).
	SetThread(id uint64, what uint64, value uint64) (st Status)
	// Change hands the caller what has been set of its threads by Nice and
	// SetThread, one after the other: seq names the change, tid the thread (0: all).
	// done is the last one that the caller has made, and shows in its block. share is
	// the nice value + 20 by which the kernel gives the process its share, the least
	// of its threads' (IdleShare: all are SCHED_IDLE). EAGAIN: there are no more.
	Change(done uint64) (seq uint64, tid uint64, what uint64, value uint64, share uint64, st Status)
	// Publish names the caller's process information block.
	Publish(addr uint64, size uint64) (st Status)
	// List writes pids (uint32) greater than after, in order; n is their number.
	List(after uint64, pids Out) (n uint64, st Status)
	// Info describes any process.
	Info(pid uint64) (r *ProcRecord, st Status)
	// InfoK describes the process with a kernel process id, with the signals
	// that it publishes as blocked and ignored. Servers only.
	InfoK(kpid uint64) (r *ProcRecord, st Status)
	// Name reads a system name: which NameHost, NameDomain.
	Name(which uint64, buf Out) (n uint64, st Status)
	// SetName sets it; root only.
	SetName(which uint64, name string) (st Status)
	// Power ends the machine: op abi.PowerX. If no result has been reported
	// (Report), "exit status" is. Root only.
	Power(op uint64, status uint64) (st Status)
	// SetTime sets CLOCK_REALTIME's offset from the monotonic clock. Root only.
	SetTime(offset int64) (st Status)

	// --- for servers (rank below applications) ---

	// KillGroup sends sig to every process of a group. Servers only.
	KillGroup(pgid uint64, sig uint64, info *Siginfo) (n uint64, st Status)
	// SetTerminal gives session sid the controlling terminal rdev (0: none).
	// EPERM: the session has another. Servers only.
	SetTerminal(sid uint64, rdev uint64) (st Status)
	// GroupInfo: sid of a group (ESRCH: no such group), whether it is
	// orphaned. Servers only.
	GroupInfo(pgid uint64) (sid uint64, orphaned uint64, st Status)
	// KillK sends sig to one process by kernel process id. Servers only.
	KillK(kpid uint64, sig uint64, info *Siginfo) (st Status)
	// SignalState tells what the process does with the job-control signals:
	// masks of blocked and ignored signals, for the terminal's decisions.
	SignalState(blocked uint64, ignored uint64) (st Status)
	// Resources writes counters for procfs: processes made since boot, running.
	Resources() (made uint64, alive uint64, lastPid uint64, st Status)

	// Report sends a status line (without newline; qemu/runspec has the
	// grammar) to the host tool. Root only.
	Report(line string) (st Status)

	// NextHangup answers a terminal whose session leader has died, for the
	// terminal server, which is notified (ChanHangup). EAGAIN: none. Servers
	// only.
	NextHangup() (rdev uint64, sid uint64, st Status)

	// PidOpen is pidfd_open(2): obj is a PidFD, whose File methods are those
	// that make sense (Poll: PollIn once the process is a zombie). EINVAL: pid 0.
	PidOpen(pid uint64) (obj Handle, st Status)

	// Serve lets the caller be a server from now on: it may receive calls from
	// programs, and supply pages, with rank abi.RankUser. Root only; EBUSY: it is
	// one already. It stays a program in all else: its priority, its limits, and
	// its place among those that are ended when memory is short.
	Serve() (st Status)

	// Vouch: the file server says what process v.KPid may execute as whom. image is
	// a copy of the file that nobody can write. set: the kernel changes the
	// credentials when that process resets itself, and the libOS of the new
	// program, which the old one had no say in, takes the image from here. The
	// file server only.
	Vouch(v *Vouched, image Give) (set uint64, st Status)
	// TakeImage is the new libOS's: what has been vouched for, once. EPERM: the
	// caller's credentials are not those that the reset gave.
	TakeImage() (v *Vouched, image Handle, st Status)

	// FutexWait enters thread tag of the caller's as one who waits for the word at
	// addr, in shared memory, with the bits of mask. The caller then looks at the
	// word again: if it is not what it should be it takes the wait back (FutexEnd),
	// and passes on (FutexWake) the wake that it may have had. owner, if not 0, is the
	// thread that has what the caller waits for. EFAULT, EINVAL: no memory, or none
	// that is shared. ESRCH: the owner's process is no more.
	FutexWait(addr uint64, mask uint64, tag uint64, owner uint64) (st Status)
	// FutexEnd asks whether the wait of thread tag is over, as ChanFutex says of one of
	// the process's: FutexWoken, FutexOwnerGone; cancel != 0 ends it in any case. ESRCH:
	// it does not wait.
	FutexEnd(tag uint64, cancel uint64) (woken uint64, st Status)
	// FutexWake wakes up to n who wait for the word at addr with a bit of mask.
	FutexWake(addr uint64, n uint64, mask uint64) (done uint64, st Status)
	// FutexRequeue wakes up to wake who wait for the word at from, and lets up to
	// move others wait for the one at to. done is the number of both.
	FutexRequeue(from uint64, to uint64, wake uint64, move uint64) (done uint64, st Status)
}

// Vouched is an executable file with set-id bits, as the file server found it.
type Vouched struct {
	KPid, Cred uint64 // who asked, and its credential token
	UID, GID   uint32 // effective ids that it gives; KeepID: none
	Size       uint64 // bytes
	Dev, Ino   uint64
}

// PidFD is an object that names one process, whatever becomes of its pid.
//
//ipc:base 11
type PidFD interface {
	// Target is its pid; ESRCH once it has been waited for.
	Target() (pid uint64, st Status)
	// Signal is Kill for that process.
	Signal(sig uint64, info *Siginfo) (st Status)
}

// ChanHangup is the channel on which the process server tells the terminal
// server of NextHangup: one that the libOS leaves to servers.
const ChanHangup = abi.ChanIRQ + 7

const (
	ForkParent = 1

	FetchMax = 5 // Siginfo records in a SignalBatch

	FetchMore = 1
	FetchSelf = 2
	FetchSeq  = 8 // bits to shift

	AllCPUs = 1<<64 - 1

	ThreadNice   = 0
	ThreadPolicy = 1
	ThreadCPUs   = 2

	SchedIdle   = 5
	ResetOnFork = 1 << 30 // in a policy
	IdleShare   = 40

	FutexWoken     = 1
	FutexOwnerGone = 2

	SetIDPlain = 0 // setuid: first argument only
	SetIDRE    = 1 // setreuid: first two
	SetIDRES   = 2 // setresuid
	SetIDFS    = 3 // setfsuid: first argument

	PrctlSetSubreaper = 36
	PrctlGetSubreaper = 37
	PrctlSetPdeathsig = 1
	PrctlGetPdeathsig = 2
	PrctlSetDumpable  = 4
	PrctlGetDumpable  = 3
	PrctlSetNoNew     = 38 // PR_SET_NO_NEW_PRIVS

	NameHost   = 0
	NameDomain = 1
)

// Whose nice values Nice is asked for.
const (
	NiceProcess = 0
	NiceGroup   = 1
	NiceUser    = 2 // by the real user id
)

// ProcRecord describes a process.
type ProcRecord struct {
	KPid, Cred                uint64
	Pid, PPid, PGid, Sid      uint32
	UID, EUID, SUID, FSUID    uint32
	GID, EGID, SGID, FSGID    uint32
	NGroups                   uint32
	State                     uint32 // 'R' alive, 'T' stopped, 'Z' zombie
	TTY                       uint32 // controlling terminal's rdev; 0: none
	Flags                     uint32 // ProcX
	Share                     uint32 // see Proc.Change
	ExitStatus                uint32
	StartNS                   uint64 // monotonic
	Block, BlockSize          uint64 // published process information block
	KParent                   uint64 // parent's kernel process id
	Blocked, Ignored, Pending uint64 // signal masks as last known
	// Moved are the signals that were moved by the last FetchSignals, and Fetched what
	// that said: they are pending as long as the block does not say so.
	Moved, Fetched uint64
	Comm           [16]byte
}

// ProcRecord.Flags.
const (
	ProcExecked   = 1
	ProcSubreaper = 2
	ProcKernel    = 4 // a server
	ProcSecure    = 8 // set-uid at its last exec
	// ProcLimits: another process has changed resource limits of this one since
	// its last Self (which alone shows it, once).
	ProcLimits  = 16
	ProcChanges = 64  // Change has something; Self alone shows it
	ProcPrivate = 32  // not PR_SET_DUMPABLE: for root to look at only
	ProcNoNew   = 128 // PR_SET_NO_NEW_PRIVS
)

// Cred describes a credential token.
type Cred struct {
	Token                  uint64
	UID, EUID, SUID, FSUID uint32
	GID, EGID, SGID, FSGID uint32
	NGroups                uint32
	_                      uint32
}

// Rusage of waited-for processes; times in ns, sizes in bytes.
type Rusage struct {
	UserNS, SysNS, MaxResident, MinFaults, MajFaults, Switches uint64
}

// WaitResult describes the child that a Wait found.
type WaitResult struct {
	Pid, UID uint32
	Code     uint32 // CLD_ constants of Linux
	Status   uint32 // si_status: exit code or signal
	Wstatus  uint32 // as wait4 has it
	_        uint32
	Rusage   Rusage
}

// Siginfo is a signal as it travels between processes.
type Siginfo struct {
	Signo, Code  int32
	Pid, UID     uint32
	Status       int32 // SIGCHLD
	_            int32
	Value        uint64
	UTime, STime uint64
}

// SignalBatch is what FetchSignals brings.
type SignalBatch struct {
	Info [FetchMax]Siginfo
}
