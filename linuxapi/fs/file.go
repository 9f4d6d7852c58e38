package fs

import (
	"math/bits"
	"sync/atomic"

	"go42/linuxapi/fs/fdtable"
	"go42/sched/user"
)

// kind says which implementation stands behind an open file description.
type kind uint8

const (
	kindNone    kind = iota
	kindFile         // regular file, or device-like file of a file server (procfs): data by PPC
	kindDir          // directory of a file server
	kindPath         // O_PATH: a name only
	kindNull         // character device (1,3)
	kindZero         // (1,5)
	kindFull         // (1,7)
	kindRandom       // (1,8), (1,9)
	kindPipe         // one end of a pipe or FIFO
	kindTTY          // terminal, or a host stream
	kindSock         // socket
	kindEvent        // eventfd
	kindTimer        // timerfd
	kindSignal       // signalfd
	kindEpoll        // epoll instance
	kindPidFD        // process descriptor
	kindInotify      // inotify instance
	kindLog          // server mode: fd 1 and 2 are the kernel log
)

// File is the client object of one open file description. It lives in a pool
// and is never moved.
//
// refs counts the descriptors that name it, the calls that are using it, and
// the current and root directory; at zero the handle is dropped and the object
// freed.
type File struct {
	refs   int32  // atomic
	flags  uint32 // atomic: access mode and status flags, as F_GETFL shows them
	kind   kind
	wake   bool // local object: changes are announced on the local channel
	ch     uint8
	mode   uint32 // S_IFMT and permissions as open saw them
	rdev   uint64
	mount  uint64 // id of the mount that it was opened in
	handle uint64 // server object; 0: local
	aux    int32  // index into the pool of that kind (eventfd, timerfd, ...)
	owner  int32  // F_SETOWN

	posMu mutex // serialises seek+read of local positions

	hint hint // atomic: the poll state, as far as it is known

	watch int32 // first epoll item that watches this object; guarded by epollMu
	next  int32 // free list
}

// maxFiles bounds the open file descriptions of one process. Every descriptor
// can name one of its own; the excess is for the two directories and for calls
// that outlive their descriptor.
const maxFiles = fdtable.Max + 64

// Locks, in the order they are taken: epollMu, tableMu, poolMu. None is held
// over a server call or a copy of program memory.
var (
	tableMu mutex
	table   fdtable.Table[File]

	poolMu    mutex
	files     [maxFiles + 1]File // index 0 is unused
	filesUsed int32              // high-water mark
	filesFree int32              // free list through next
)

// newFile takes a client object with one reference from the pool, or nil.
func newFile(k kind, flags uint32) *File {
	poolMu.Lock()
	i := filesFree
	if i != 0 {
		filesFree = files[i].next
	} else if filesUsed < maxFiles {
		filesUsed++
		i = filesUsed
	}
	poolMu.Unlock()
	if i == 0 {
		return nil
	}
	f := &files[i]
	f.refs = 1
	f.flags = flags
	f.kind = k
	f.wake = false
	f.ch = 0
	f.mode = 0
	f.rdev = 0
	f.mount = 0
	f.handle = 0
	f.aux = 0
	f.owner = 0
	f.hint = 0
	f.watch = 0
	f.next = 0
	return f
}

// freeFile returns f to the pool.
func freeFile(f *File) {
	f.kind = kindNone
	i := fileIndex(f)
	poolMu.Lock()
	f.next = filesFree
	filesFree = i
	poolMu.Unlock()
}

// hold adds a reference.
func (f *File) hold() { atomic.AddInt32(&f.refs, 1) }

// tryHold adds n to the references unless the object is being released.
func (f *File) tryHold(n int32) bool {
	for {
		r := atomic.LoadInt32(&f.refs)
		if r <= 0 {
			return false
		}
		if atomic.CompareAndSwapInt32(&f.refs, r, r+n) {
			return true
		}
	}
}

// put takes a reference away; the last one closes the object.
func (f *File) put() {
	if atomic.AddInt32(&f.refs, -1) == 0 {
		f.release()
	}
}

// release is the last close: local state goes, the handle is dropped.
func (f *File) release() {
	if f.watch != 0 {
		epollForget(f) // added while its last descriptor was closed
	}
	switch f.kind {
	case kindEvent:
		eventRelease(f)
	case kindTimer:
		timerRelease(f)
	case kindSignal:
		signalRelease(f)
	case kindEpoll:
		epollRelease(f)
	}
	if f.handle == 0 {
		freeFile(f)
		return
	}
	grantEnter()
	drop(f.handle)
	kind, ch := f.kind, f.ch
	freeFile(f)
	grantLeave()
	switch kind {
	case kindPipe, kindTTY, kindSock:
		streamsChanged(1 << ch)
	}
}

// streamsChanged: an end of a stream has been let go of, here or by a child that
// was waited for. Its server may be about to tell what others see of it, on another
// CPU, or on this one where programs have a turn before servers; so it is asked again: a
// server of streams sees to what was given up before it serves a call. chans: the
// channels concerned.
func streamsChanged(chans uint32) {
	for ; chans != 0; chans &= chans - 1 {
		user.Chan[bits.TrailingZeros32(chans)].Bump()
	}
}

// get returns the object at fd with a reference, or nil.
func get(fd uint64) *File {
	n := int(int32(fd))
	for {
		f := table.Get(n)
		if f == nil {
			return nil
		}
		// Between the two looks at the slot the object may have been closed,
		// and even made anew; objects never move, so that does no harm.
		if f.tryHold(1) {
			if table.Get(n) == f {
				return f
			}
			f.put()
		}
	}
}

// getIO is get for calls that transfer data: an O_PATH descriptor is EBADF.
func getIO(fd uint64) *File {
	f := get(fd)
	if f != nil && f.kind == kindPath {
		f.put()
		return nil
	}
	return f
}

func (f *File) getFlags() uint32 { return atomic.LoadUint32(&f.flags) }
func (f *File) nonblock() bool   { return f.getFlags()&oNonBlock != 0 }
func (f *File) canRead() bool    { return f.getFlags()&(oAccMode|oPath) != oWrOnly }
func (f *File) canWrite() bool   { return f.getFlags()&oAccMode != oRdOnly }

// install puts f, whose reference passes to the table, at the lowest free
// number from min on. On failure the reference is given up.
func install(f *File, min int, cloexec bool) int64 {
	limit := int(nofile())
	tableMu.Lock()
	fd := table.Alloc(f, min, limit, cloexec)
	if fd >= 0 {
		publishFD(fd, f, cloexec)
	}
	tableMu.Unlock()
	if fd < 0 {
		f.put()
		return -EMFILE
	}
	return int64(fd)
}

// noRoom is EMFILE if there is no free descriptor: for calls that change something
// before they install what they have made.
func noRoom() int64 {
	tableMu.Lock()
	fd := table.Free(0, int(nofile()))
	tableMu.Unlock()
	if fd < 0 {
		return -EMFILE
	}
	return 0
}

// closeFd removes fd from the table and gives its reference up.
func closeFd(fd int) int64 {
	tableMu.Lock()
	f := table.Remove(fd)
	if f != nil {
		publishFD(fd, nil, false)
	}
	last := f != nil && f.watch != 0 && !table.Holds(f)
	tableMu.Unlock()
	if f == nil {
		return -EBADF
	}
	closed(f, last)
	return 0
}

// closed finishes the close of a descriptor of f. last: it was the last
// descriptor of a watched object, whose epoll items go with it although a
// running call may still hold it.
func closed(f *File, last bool) {
	if last {
		epollForget(f)
	}
	switch f.kind {
	case kindFile, kindDir:
		closeLocks(f)
	}
	f.awaitLooks()
	f.put()
}

// Close is close(2).
func Close(fd uint64) int64 { return closeFd(int(int32(fd))) }

// CloseRange is close_range(2). CLOSE_RANGE_UNSHARE changes nothing: a table
// is never shared between processes.
func CloseRange(first, last, flags uint64) int64 {
	if flags&^(closeRangeUnshare|closeRangeCloexec) != 0 || uint32(first) > uint32(last) {
		return -EINVAL
	}
	lo, hi := uint64(uint32(first)), uint64(uint32(last))
	if lo >= fdtable.Max {
		return 0
	}
	for fd := int(lo); ; fd++ {
		tableMu.Lock()
		fd = table.Next(fd)
		if fd >= 0 && uint64(fd) <= hi && flags&closeRangeCloexec != 0 {
			table.SetCloexec(fd, true)
		}
		tableMu.Unlock()
		if fd < 0 || uint64(fd) > hi {
			return 0
		}
		if flags&closeRangeCloexec == 0 {
			closeFd(fd)
		}
	}
}

// Dup is dup(2).
func Dup(fd uint64) int64 {
	f := get(fd)
	if f == nil {
		return -EBADF
	}
	return install(f, 0, false)
}

// Dup2 is dup2(2).
func Dup2(oldfd, newfd uint64) int64 {
	if uint32(oldfd) == uint32(newfd) {
		f := get(oldfd)
		if f == nil {
			return -EBADF
		}
		f.put()
		return int64(uint32(newfd))
	}
	return dupTo(oldfd, newfd, false)
}

// Dup3 is dup3(2).
func Dup3(oldfd, newfd, flags uint64) int64 {
	if flags&^oCloexec != 0 || uint32(oldfd) == uint32(newfd) {
		return -EINVAL
	}
	return dupTo(oldfd, newfd, flags&oCloexec != 0)
}

func dupTo(oldfd, newfd uint64, cloexec bool) int64 {
	newfd = uint64(uint32(newfd)) // descriptors are ints: the upper half is ignored
	f := get(oldfd)
	if f == nil {
		return -EBADF
	}
	if uint64(uint32(newfd)) >= nofile() || uint32(newfd) >= fdtable.Max {
		f.put()
		return -EBADF
	}
	tableMu.Lock()
	old := table.Set(int(newfd), f, cloexec)
	publishFD(int(newfd), f, cloexec)
	last := old != nil && old.watch != 0 && !table.Holds(old)
	tableMu.Unlock()
	if old != nil {
		closed(old, last)
	}
	return int64(uint32(newfd))
}
