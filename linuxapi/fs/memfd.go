package fs

const (
	mfdCloexec      = 1
	mfdAllowSealing = 2
)

// ownName as a file's aux: its published name is its path.
const ownName = 1

// memfdNameMax is the longest name that memfd_create takes, without its prefix.
const memfdNameMax = 249

// MemfdCreate is memfd_create(2): an unnamed file of the root file system.
// Sealing is not offered.
func MemfdCreate(name, flags uint64) int64 {
	if flags&^(mfdCloexec|mfdAllowSealing) != 0 { // MFD_EXEC and MFD_NOEXEC_SEAL came with Linux 6.3
		return -EINVAL
	}
	b := takeBuf()
	n := b.fetch(name)
	if n < 0 || n > memfdNameMax {
		b.give()
		if n > 0 || n == -ENAMETOOLONG {
			return -EINVAL
		}
		return n
	}
	b.path[n] = 0
	var keep [130]byte
	k := copy(keep[:], "/memfd:")
	k += copy(keep[k:], b.path[:n])
	var w walk
	e := w.start(b, fdcwd, copy(b.path[:], "/"), false)
	if e != 0 {
		return e
	}
	mode := uint64(0o777)
	f, e := w.open(oTmpfile|oRdWr, mode)
	w.end()
	if e != 0 {
		return e
	}
	f.flags = oRdWr | oLargeFile
	f.aux = ownName
	k += copy(keep[k:], " (deleted)")
	f.setName(str(keep[:k]))
	return install(f, 0, flags&mfdCloexec != 0)
}
