package proto

// File is what every open object answers, whichever server it is of: files,
// directories, pipe ends, terminals, generated files. A method that makes no
// sense for the object answers what Linux does (ESPIPE, EISDIR, ENOTTY,
// EINVAL ...).
//
// Read, Write and Poll answer the object's state, in bits of poll(2).
//
//ipc:base 4
type File interface {
	// Read reads at off, or, with off OwnOffset, at the object's offset, which
	// moves. size is the number of bytes (0: end of file).
	Read(off int64, wait uint64, buf Out) (size uint64, state uint64, st Status)
	// Write writes at off, or at the object's offset, or at the end if the
	// object has O_APPEND; limit is RLIMIT_FSIZE (EFBIG beyond; the libOS
	// raises SIGXFSZ). EPIPE: the libOS raises SIGPIPE. wait: a write may be
	// short; EAGAIN if nothing could be written.
	Write(off int64, wait uint64, limit uint64, buf In) (size uint64, state uint64, st Status)
	Lseek(off int64, whence uint64) (pos uint64, st Status)
	// Getdents writes struct linux_dirent64 records.
	Getdents(buf Out) (size uint64, st Status)
	Stat() (r *Stat, st Status)
	Truncate(size uint64) (st Status)
	// Allocate is fallocate(2).
	Allocate(mode uint64, off uint64, size uint64, limit uint64) (st Status)
	Sync(dataOnly uint64) (st Status)
	Chmod(mode uint64) (st Status)
	Chown(uid uint64, gid uint64) (st Status)
	Utimens(t *Times) (st Status)
	// GetFlags, SetFlags: O_ status flags and access mode of the open object
	// (F_GETFL, F_SETFL: O_APPEND, O_NONBLOCK, O_NOATIME ...).
	GetFlags() (flags uint64, st Status)
	SetFlags(flags uint64) (st Status)
	// Flock is flock(2) with LOCK_ flags; EAGAIN while another holds it.
	Flock(op uint64, wait uint64) (st Status)
	// SetLock, GetLock: fcntl record locks; cmd F_SETLK or F_OFD_SETLK (the
	// waiting forms are wait != 0), F_GETLK or F_OFD_GETLK. EDEADLK: the wait would
	// have no end. Who gives up waiting says so, with WaitOver.
	SetLock(cmd uint64, l *Lock, wait uint64) (st Status)
	GetLock(cmd uint64, l *Lock) (r *Lock, st Status)
	// Map grants a handle on the file's FCM, whose pages are the file's. prot:
	// abi.Prot bits wanted with a shared mapping (share != 0), checked
	// against the access mode. ENODEV: cannot be mapped.
	Map(prot uint64, share uint64) (size uint64, fcm Handle, st Status)
	// Poll answers the state; if none of mask (or POLLERR, POLLHUP) is in
	// it and wait != 0, the caller is notified at a change. With PollEdges in mask
	// the answer is a PollState, and the caller is notified, whatever the state, of
	// what is new: a bit of mask that appears, or another edge.
	Poll(mask uint64, wait uint64) (state uint64, st Status)
	// Control is ioctl(2): arg is its word; in and out are that address with
	// the size the request has (64 bytes serve for any terminal request).
	Control(request uint64, arg uint64, wait uint64, in In, out Out) (res uint64, st Status)
	// Path writes the object's path from its file system's root (/proc/PID/fd
	// and maps); " (deleted)" is appended when it has no name any more.
	Path(buf Out) (n uint64, st Status)
	Statfs() (r *Statfs, st Status)
	// Xattr as FileSystem.Xattr.
	Xattr(name string, op uint64, flags uint64, value In) (n uint64, st Status)
	// Reopen opens the same file again with other flags (/proc/self/fd/N).
	Reopen(flags uint64) (r *OpenResult, obj Handle, st Status)
	// ExecIDs is asked before the caller executes this file. set: it has set-id
	// bits that change the caller's credentials, and the process server has been
	// told (Proc.Vouch). EACCES: the caller may not execute it.
	ExecIDs() (set uint64, st Status)
}

// OwnOffset as offset: the open object's own.
const OwnOffset = -1

// Poll bits, Linux's.
const (
	PollIn    = 0x1
	PollPri   = 0x2
	PollOut   = 0x4
	PollErr   = 0x8
	PollHup   = 0x10
	PollNval  = 0x20
	PollRDHup = 0x2000

	PollBits  = 0xffff
	PollEdges = 1 << 16 // in a mask
)

// PollState is a state with edges: the bits of poll(2), and the numbers of edges of PollIn
// and of PollOut that there have been, modulo 1<<24: how often something has come, or
// room has, whether or not there was some already.
func PollState(bits uint64, in, out uint32) uint64 {
	return bits&PollBits | uint64(in&0xffffff)<<16 | uint64(out)<<40
}

// Timed is set beside the poll bits of an answer EAGAIN if a socket option
// limits how long the caller is to wait.
const Timed = 1 << 32

// Lock is struct flock with Pid resolved: Type F_RDLCK 0, F_WRLCK 1, F_UNLCK 2.
type Lock struct {
	Type, Whence int16
	_            int32
	Start, Len   int64
	Pid          int32
	_            int32
}
