package mm

// Errno is a result: OK or a negative Linux error number.
type Errno int64

// The errors this package returns.
const (
	OK      Errno = 0
	EPERM   Errno = -1
	ENOENT  Errno = -2
	EIO     Errno = -5
	EAGAIN  Errno = -11 // more to do: call again with the same arguments
	ENOMEM  Errno = -12
	EACCES  Errno = -13
	EFAULT  Errno = -14
	EBUSY   Errno = -16
	EEXIST  Errno = -17
	EINVAL  Errno = -22
	ENOSYS  Errno = -38
	EUCLEAN Errno = -117 // Check found a broken invariant
)
