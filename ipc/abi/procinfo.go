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
	NoChildWait      uint64 // SIGCHLD has SA_NOCLDWAIT: children become no zombies
	_                [4]uint64
}

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
	ProcMaxMapped = 255 // names of mapped files, behind the open ones
)
