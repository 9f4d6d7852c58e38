package abi

// Errno values that native calls answer, negated; Linux's numbers.
const (
	EPERM        = 1
	ENOENT       = 2
	ESRCH        = 3
	EINTR        = 4
	EIO          = 5
	E2BIG        = 7
	ENOEXEC      = 8
	EBADF        = 9
	EAGAIN       = 11
	ENOMEM       = 12
	EACCES       = 13
	EFAULT       = 14
	EBUSY        = 16
	EEXIST       = 17
	ENODEV       = 19
	EINVAL       = 22
	ENFILE       = 23
	EMFILE       = 24
	ENOSPC       = 28
	EDEADLK      = 35
	ENOSYS       = 38
	ETOOMANYREFS = 109
	ESTALE       = 116
	EUCLEAN      = 117
	EOWNERDEAD   = 130 // the server that was called has died
)
