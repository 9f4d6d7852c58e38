package proto

// Mount is object 0 of the mount-point server (abi.HandleMount): the table of
// mount points, and the names of services.
//
// Paths are absolute and clean (no ".", "..", no double or trailing slash).
//
//ipc:base 2
type Mount interface {
	// Version answers the table's version and grants an FCM whose first word
	// is always the current version: map it read-only.
	Version() (version uint64, page Handle, st Status)
	// Lookup finds the mount point that path lies under (the longest prefix):
	// r describes it, root is a handle on its root directory.
	Lookup(path string) (version uint64, r *MountInfo, root Handle, st Status)
	// Entry is the i-th mount, in the order of mounting; ENOENT: no more.
	Entry(i uint64) (version uint64, r *MountInfo, root Handle, st Status)
	// Mount puts root at info.Point; cover is what FileSystem.Cover granted (none
	// for "/"). Root only.
	Mount(info *MountInfo, root Give, cover Give) (version uint64, st Status)
	// Umount takes the last mount at path away. Root only. flags: MNT_ flags.
	Umount(path string, flags uint64) (version uint64, st Status)
	// SetFlags changes the flags that the last mount at path shows. Root only.
	SetFlags(path string, flags uint64) (version uint64, st Status)
	// Service grants a handle on a named service; EAGAIN: not (yet)
	// registered; with wait, notified when one registers.
	Service(name string, wait uint64) (h Handle, st Status)
	// Register names the caller's object. Root only; EEXIST while another
	// live one has the name.
	Register(name string, h Give) (st Status)
}

// MountInfo describes a mount. Strings end with a zero byte.
type MountInfo struct {
	Point  [128]byte
	Type   [24]byte // as in /proc/mounts
	Source [40]byte
	Flags  uint64 // MS_ flags
	ID     uint64
}
