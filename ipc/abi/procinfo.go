package abi

// ProcInfo is what a process's libOS publishes of itself for /proc: it names
// the block with Proc.Publish, and procfs reads it by NReadMemory. The program
// can write all of it: a reader clamps every length and index, and takes
// nothing here as proof of anything.
//
// Writers write a name before its length; readers take what they see.
type ProcInfo struct {
	ProcHead
	FD   [ProcMaxFD]ProcFD
	File [ProcMaxFile]ProcFile
	// Thread are the threads but for Main, which is in the head since most processes
	// have no other.
	Thread [ProcMaxThread]ProcThread
}

// ProcHead is what is small of it: readers take it in one piece.
type ProcHead struct {
	Magic            uint64 // ProcInfoMagic
	ArgLo, ArgHi     uint64 // program memory that holds the argument strings
	EnvLo, EnvHi     uint64
	CodeLo, CodeHi   uint64
	DataLo, DataHi   uint64
	BrkLo, BrkHi     uint64
	Stack            uint64 // initial stack pointer
	AuxvLo, AuxvHi   uint64
	Threads          uint32
	Umask            uint32
	ExeLen, CwdLen   uint32
	RootLen, FDLimit uint32 // FDLimit: no descriptor in use at or above it
	Comm             [16]byte
	Exe, Cwd, Root   [ProcPath]byte
	SigBlocked       uint64
	SigIgnored       uint64
	SigCaught        uint64
	ChildFlags       uint64 // SIGCHLD's SA_NOCLDSTOP and SA_NOCLDWAIT
	ThreadLimit      uint32 // Thread: none in use at or above it
	// Pid is the process that all this is of: a child that has not begun to run shows
	// its parent's. It is written last, so that 0 is a program that is still being
	// put in the place of another (exec).
	Pid     uint32
	Main    ProcThread
	Pending uint64 // address of the word with the signals pending for the process
	// Fetched is what the process server said (FetchSignals) of the last signals
	// that it gave away and that are pending here since.
	Fetched uint64
	_       [2]uint64
}

// ProcInfo.ChildFlags.
const (
	NoChildStop = 1 // no SIGCHLD when a child stops or goes on
	NoChildWait = 2 // children become no zombies
)

// ProcThread is one thread; TID 0: none.
type ProcThread struct {
	TID     uint32
	CPUs    uint16 // where it may run, a bit each; 0: everywhere
	Nice    int8
	Policy  uint8  // SCHED_ constant, PolicyReset
	State   uint64 // address of a word whose low byte is a ThreadX state
	Blocked uint64 // signal mask
	Pending uint64 // address of the word with its own pending signals
	Comm    [16]byte
}

// PolicyReset is SCHED_RESET_ON_FORK in ProcThread.Policy.
const PolicyReset = 0x80

// Ids of threads other than a process's first are FirstTID and above, and say
// which process they are of.
const FirstTID = 1 << 22

// NewTID is the id of the n-th thread (1 to 8191) of a process.
func NewTID(pid, n uint32) uint32 { return FirstTID + (pid&0xffff)<<13 + n }

// TIDPid is the low 16 bits of the pid of the process whose thread tid is.
func TIDPid(tid uint32) uint32 { return (tid - FirstTID) >> 13 & 0xffff }

// States of a thread (sched/user's).
const (
	ThreadReady    = 1
	ThreadRunning  = 2
	ThreadBlocked  = 3
	ThreadCalling  = 4 // waits for a server's reply
	ThreadFaulting = 5 // waits for a page
)

// ProcFD is one descriptor: File indexes ProcInfo.File, 0: closed.
type ProcFD struct {
	File  uint16
	Flags uint16 // 1: close-on-exec
}

// ProcFile is one open file description.
type ProcFile struct {
	Flags   uint32 // as F_GETFL
	NameLen uint16
	_       uint16
	Name    [120]byte // "/path", "pipe:[ino]", "anon_inode:[eventpoll]"; cut if longer
}

const (
	ProcInfoMagic = 0x6f66_6e49_636f_7250
	ProcPath      = 512
	ProcMaxFD     = 4096
	ProcMaxFile   = ProcMaxFD + 65 + ProcMaxMapped
	ProcMaxThread = 6000
	ProcMaxMapped = 255 // names of mapped files, behind the open ones
)
