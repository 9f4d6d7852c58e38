package proto

// FileServer is the root object of the file server (service "file").
//
//ipc:base 10
type FileServer interface {
	// NewFS makes an empty file system of kind "tmpfs" and grants its root,
	// to be mounted. It lives as long as that handle and what is open in it.
	// options are mount(2)'s: size=, mode=, uid=, gid=, nr_inodes=. Root only.
	NewFS(kind string, options string) (root Handle, st Status)
	// SetFlags changes the MS_ flags of the file system whose root is given:
	// MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC. EBUSY: files are open for
	// writing; EINVAL: not a root of this server's. Root only.
	SetFlags(root Give, flags uint64) (st Status)
	// Users is the number of files and directories in it that are open, or
	// somebody's current directory or root.
	Users(root Give) (n uint64, st Status)
	// Inotify grants an Inotify, which is also a File to read from and poll. EMFILE:
	// there are too many.
	Inotify() (obj Handle, st Status)
}

// Inotify watches nodes of the file server's, as inotify(7) says. Read answers
// whole struct inotify_event records (EINVAL: no room for the next).
//
//ipc:base 12
type Inotify interface {
	// Remove ends a watch, whose number FileSystem.Watch gave.
	Remove(wd uint64) (st Status)
}
