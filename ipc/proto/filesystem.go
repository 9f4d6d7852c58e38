package proto

// FileSystem is what a directory of a file system answers: the root that the
// mount table names, or an open directory (which answers File too). path is
// walked from that directory with the caller's credentials; an empty path is
// the directory itself. A leading '/' is ignored: the directory is the start.
//
// A walk that leaves the file system answers a Redirect status and writes a
// path of n bytes to redir; the caller resolves that one and asks again.
// ERANGE: redir is too small; ELOOP: too many symbolic links in this walk
// (the caller counts its redirects).
//
// Modes come with the caller's umask applied already.
//
//ipc:base 3
type FileSystem interface {
	// Open opens or creates (O_ flags of Linux; mode: permission bits) and
	// grants the open object. For a FIFO, a terminal or a socket the object
	// only names the file: hand a copy of it to Pipe.OpenFIFO or TTY.Open.
	Open(path string, flags uint64, mode uint64, redir Out) (n uint64, r *OpenResult, obj Handle, st Status)
	// Stat; flags: AtNoFollow.
	Stat(path string, flags uint64, redir Out) (n uint64, r *Stat, st Status)
	// Access; mode: R_OK, W_OK, X_OK; flags: AtNoFollow, AtEaccess.
	Access(path string, mode uint64, flags uint64, redir Out) (n uint64, st Status)
	Mkdir(path string, mode uint64, redir Out) (n uint64, st Status)
	// Mknod; mode with the type bits, rdev as in struct stat.
	Mknod(path string, mode uint64, rdev uint64, redir Out) (n uint64, st Status)
	Unlink(path string, redir Out) (n uint64, st Status)
	Rmdir(path string, redir Out) (n uint64, st Status)
	// Rename; to is walked from dir2, a directory of the same server (0: this
	// one). Args[1] which of the answers says of a redirect: 0 from, 1 to.
	// flags: RENAME_ flags of Linux. EXDEV: different file systems.
	Rename(from string, to string, flags uint64, dir2 Give, redir Out) (n uint64, which uint64, st Status)
	// Link; flags: AtFollow. With an empty from and dir2, this object (an
	// open file) gets the name. Otherwise as Rename.
	Link(from string, to string, flags uint64, dir2 Give, redir Out) (n uint64, which uint64, st Status)
	Symlink(target string, path string, redir Out) (n uint64, st Status)
	// Readlink writes up to buf's length; size is the number of bytes written.
	Readlink(path string, buf Out, redir Out) (n uint64, size uint64, st Status)
	// Chmod; flags: AtNoFollow.
	Chmod(path string, mode uint64, flags uint64, redir Out) (n uint64, st Status)
	// Chown; uid or gid KeepID: unchanged; flags: AtNoFollow.
	Chown(path string, uid uint64, gid uint64, flags uint64, redir Out) (n uint64, st Status)
	Utimens(path string, t *Times, flags uint64, redir Out) (n uint64, st Status)
	Truncate(path string, size uint64, redir Out) (n uint64, st Status)
	Statfs(path string, redir Out) (n uint64, r *Statfs, st Status)
	// Path writes this directory's path from the file system's root ("/"
	// for the root) for getcwd; ENOENT: it has been removed.
	Path(buf Out) (n uint64, st Status)
	// Fence grants a handle on this directory above which ".." does not lead:
	// neither from it nor from what is found through it (chroot). Root only.
	Fence() (dir Handle, st Status)
	// Cover marks a directory as covered by a mount, for as long as the
	// granted handle lives (the mount-point server keeps it). Root only;
	// EBUSY: covered already.
	Cover(path string, redir Out) (n uint64, cover Handle, st Status)
	// Xattr: op XattrGet, XattrSet, XattrList, XattrRemove.
	Xattr(path string, name string, op uint64, flags uint64, value In, redir Out) (n uint64, st Status)
	// Lookup grants a handle on a directory without opening it (chdir,
	// O_PATH on a directory); the caller needs search permission on it.
	Lookup(path string, redir Out) (n uint64, r *Stat, dir Handle, st Status)
	// Watch makes inotify, of the same server (EXDEV), watch what path names;
	// mask: IN_ bits of Linux.
	Watch(path string, mask uint64, inotify Give, redir Out) (n uint64, wd uint64, st Status)
}

// Redirect statuses. Path names what was written to redir.
const (
	// RedirectAbsolute: a path in the process's name space, from its root.
	RedirectAbsolute = 1
	// RedirectUp: the walk went above the file system's root; the path is
	// what remains, relative to the parent of the mount point ("": itself).
	RedirectUp = 2
	// RedirectCovered: the path, from this file system's root, enters a
	// covered directory: put the mount point before it and look in the
	// mount table.
	RedirectCovered = 3
	// RedirectFD: a magic link to one of the caller's own descriptors: the
	// path is its decimal number, then "/..." if something remains.
	RedirectFD = 4
)

const (
	AtNoFollow = 0x100
	AtEaccess  = 0x200
	AtFollow   = 0x400

	// KeepID leaves an owner or group as it is.
	KeepID = 0xffffffff

	XattrGet    = 0
	XattrSet    = 1
	XattrList   = 2
	XattrRemove = 3

	// Times.NSec values, as UTIME_NOW and UTIME_OMIT.
	TimeNow  = 0x3fffffff
	TimeOmit = 0x3ffffffe
)

// Stat is Linux's struct stat for x86_64, byte for byte.
type Stat struct {
	Dev, Ino, Nlink   uint64
	Mode, UID, GID, _ uint32
	Rdev              uint64
	Size, Blksize     int64
	Blocks            int64
	Atim, Mtim, Ctim  Time
	_                 [3]int64
}

// Time is struct timespec.
type Time struct{ Sec, NSec int64 }

// Times is the argument of utimensat: access and modification time.
type Times struct{ Atim, Mtim Time }

// Statfs is Linux's struct statfs for x86_64, byte for byte.
type Statfs struct {
	Type, Bsize           int64
	Blocks, Bfree, Bavail uint64
	Files, Ffree          uint64
	Fsid                  [2]int32
	Namelen, Frsize       int64
	Flags                 int64
	_                     [4]int64
}

// OpenResult describes what was opened.
type OpenResult struct {
	Stat  Stat
	Kind  uint64 // Kind constants
	Flags uint64 // OpenCreated, OpenNoExec
}

// Kinds of open objects.
const (
	KindFile    = 1 // regular file: offset on the server, can be mapped
	KindDir     = 2
	KindFIFO    = 3 // name only: Pipe.OpenFIFO
	KindTTY     = 4 // name only: TTY.Open (terminals, host streams)
	KindSocket  = 5 // name only
	KindNull    = 6 // /dev/null, zero, full, random: File is answered, the
	KindZero    = 7 // libOS may answer alone
	KindFull    = 8
	KindRandom  = 9
	KindPath    = 10 // O_PATH: Stat and FileSystem methods only
	KindStream  = 11 // generated text (procfs): pread works, no mapping
	OpenCreated = 1  // O_CREAT made it
	OpenNoExec  = 2  // mounted so that nothing in it is executed
)
