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
}
