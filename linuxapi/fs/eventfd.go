package fs

// eventfd(2): a counter in the process. Parent and child have one each after a
// fork.

const maxEvents = 1024

type eventCounter struct {
	count     uint64
	semaphore bool
	next      int32
}

var (
	eventMu    mutex
	eventPool  [maxEvents + 1]eventCounter
	eventsUsed int32
	eventsFree int32
)

const (
	efdSemaphore = 1
	eventMax     = ^uint64(0) - 1
)

// Eventfd2 is eventfd2(2).
func Eventfd2(initval, flags uint64) int64 {
	if flags&^(efdSemaphore|oCloexec|oNonBlock) != 0 {
		return -EINVAL
	}
	f := newEvent(uint64(uint32(initval)), uint32(flags&oNonBlock), flags&efdSemaphore != 0)
	if f == nil {
		return -ENFILE
	}
	return install(f, 0, flags&oCloexec != 0)
}

func newEvent(count uint64, flags uint32, semaphore bool) *File {
	eventMu.Lock()
	i := eventsFree
	if i != 0 {
		eventsFree = eventPool[i].next
	} else if eventsUsed < maxEvents {
		eventsUsed++
		i = eventsUsed
	}
	eventMu.Unlock()
	if i == 0 {
		return nil
	}
	eventPool[i] = eventCounter{count: count, semaphore: semaphore}
	f := newFile(kindEvent, oRdWr|flags)
	if f == nil {
		freeEvent(i)
		return nil
	}
	f.aux = i
	f.setName("anon_inode:[eventfd]")
	return f
}

func freeEvent(i int32) {
	eventMu.Lock()
	eventPool[i].next = eventsFree
	eventsFree = i
	eventMu.Unlock()
}

func eventRelease(f *File) { freeEvent(f.aux) }

func eventState(f *File) uint32 {
	eventMu.Lock()
	c := eventPool[f.aux].count
	eventMu.Unlock()
	var s uint32
	if c > 0 {
		s |= pollIn | pollRdNorm
	}
	if c < eventMax {
		s |= pollOut | pollWrNorm
	}
	return s
}

func eventRead(f *File, u *uio) int64 {
	if u.total < 8 {
		return -EINVAL
	}
	for {
		var s snapshot
		s.take()
		eventMu.Lock()
		e := &eventPool[f.aux]
		v := e.count
		if v > 0 && e.semaphore {
			v = 1
		}
		e.count -= v
		eventMu.Unlock()
		if v > 0 {
			var b [8]byte
			put64b(b[:], v)
			f.edge(pollIn | pollRdNorm | pollOut | pollWrNorm)
			bumpLocal()
			if _, bad := u.copyOut(b[:]); bad {
				return -EFAULT
			}
			return 8
		}
		f.edge(pollIn | pollRdNorm)
		if f.nonblock() {
			return -EAGAIN
		}
		if r := s.wait(1<<localChan, forever); r != 0 {
			return r
		}
	}
}

func eventWrite(f *File, u *uio) int64 {
	if u.total < 8 {
		return -EINVAL
	}
	var b [8]byte
	if _, bad := u.copyIn(b[:]); bad {
		return -EFAULT
	}
	v := le64(b[:])
	if v == ^uint64(0) {
		return -EINVAL
	}
	for {
		var s snapshot
		s.take()
		eventMu.Lock()
		e := &eventPool[f.aux]
		ok := eventMax-e.count >= v
		if ok {
			e.count += v
		}
		eventMu.Unlock()
		if ok {
			f.edge(pollIn | pollRdNorm)
			bumpLocal()
			return 8
		}
		if f.nonblock() {
			return -EAGAIN
		}
		if r := s.wait(1<<localChan, forever); r != 0 {
			return r
		}
	}
}
