package proto

// TTY is the root object of the terminal server (service "tty"). Open
// terminals answer File; Control takes Linux's terminal ioctls (TCGETS ...,
// TIOCSWINSZ, TIOCGPGRP, TIOCSPGRP, TIOCSCTTY, TIOCNOTTY, TIOCGSID ...).
//
// The server itself sends SIGTTIN and SIGTTOU (through the process server)
// and then answers ERestart: the caller handles its signals and repeats.
//
//ipc:base 6
type TTY interface {
	// Open opens the device that dev (from FileSystem.Open) names; flags: as
	// given to open; without O_NOCTTY a session leader with no terminal gets
	// it as its controlling terminal. ENXIO: no such terminal (/dev/tty
	// without one).
	Open(flags uint64, dev Give) (rdev uint64, obj Handle, st Status)
	// Foreground answers the foreground process group of the terminal with
	// device number rdev (/proc/PID/stat). ENXIO: no such terminal.
	Foreground(rdev uint64) (pgid uint64, st Status)
}

// ERestart is the errno (ERESTARTSYS) of a call that a signal to the
// caller itself has cut short.
const ERestart = 512

// Device numbers (as in struct stat).
const (
	RdevNull    = 1<<8 | 3
	RdevZero    = 1<<8 | 5
	RdevFull    = 1<<8 | 7
	RdevRandom  = 1<<8 | 8
	RdevURandom = 1<<8 | 9
	RdevKmsg    = 1<<8 | 11
	RdevTTYS0   = 4<<8 | 64
	RdevTTY     = 5<<8 | 0
	RdevConsole = 5<<8 | 1
	RdevPtmx    = 5<<8 | 2
	RdevHostIn  = 240<<8 | 0
	RdevHostOut = 240<<8 | 1
	RdevHostErr = 240<<8 | 2
)
