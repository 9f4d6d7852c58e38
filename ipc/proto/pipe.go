package proto

// Pipe is the root object of the pipe server (service "pipe"). Pipe ends
// answer File; Control takes F_SETPIPE_SZ and F_GETPIPE_SZ as requests
// PipeSetSize and PipeGetSize, and FIONREAD.
//
//ipc:base 5
type Pipe interface {
	// Create makes a pipe; flags: O_NONBLOCK, O_DIRECT of both ends.
	Create(flags uint64) (ino uint64, r Handle, w Handle, st Status)
	// OpenFIFO opens an end of the FIFO that fifo (from FileSystem.Open)
	// names. flags: as given to open. Unless O_NONBLOCK or O_RDWR, the caller
	// waits for the other side with Opened. ENXIO: O_WRONLY|O_NONBLOCK and no
	// reader.
	OpenFIFO(flags uint64, fifo Give) (obj Handle, st Status)
	// Event makes an eventfd's counter, Timer a timerfd's clockwork (as
	// Counter.Set arms it), which several processes are to have.
	Event(count uint64, semaphore uint64) (obj Handle, st Status)
	Timer(armed uint64, delay int64, interval uint64) (obj Handle, st Status)
}

// Counter is what an eventfd or a timerfd of several processes answers, beside Poll
// and Stat of File.
//
//ipc:base 13
type Counter interface {
	// Take is read(2): the counter's value (1 of a semaphore's), or how often
	// the timer has expired since.
	Take(wait uint64) (value uint64, state uint64, st Status)
	// Add is an eventfd's write(2).
	Add(value uint64, wait uint64) (state uint64, st Status)
	// Set arms a timer to expire in delay ns (negative: it is overdue) and then
	// every interval ns (0: once); armed 0: disarms it. It answers what was:
	// the interval, and what was left (0: disarmed).
	Set(armed uint64, delay int64, interval uint64) (every uint64, left uint64, st Status)
	Left() (every uint64, left uint64, st Status)
}

// PipeEnd is what a FIFO's end answers beyond File.
//
//ipc:base 8
type PipeEnd interface {
	// Opened succeeds once the other side has been opened since this end was.
	Opened(wait uint64) (st Status)
	// Splice is not a data path: it moves up to size bytes from this read
	// end into the write end to, of the same server. tee != 0: copies.
	Splice(size uint64, tee uint64, wait uint64, to Give) (n uint64, st Status)
}

const (
	PipeSetSize = 1031 // F_SETPIPE_SZ
	PipeGetSize = 1032 // F_GETPIPE_SZ
	PipeBuf     = 4096
)
