package fs

// eventfd(2): a counter in the process, until it is shared (share.go).

const maxEvents = 1024

type eventCounter struct {
	count     uint64
	semaphore bool
	in, out   uint32 // edges
	next      int32
}

var (
	eventMu    mutex
	eventPool  [maxEvents + 1]eventCounter
	eventsUsed int32
	eventsFree int32
	// eventsLocal are in use.
	eventsLocal int32
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
	grantEnter() // not between a fork's look at what is to be shared and the fork
	defer grantLeave()
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
	if i != 0 {
		eventsLocal++
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
	eventPool[i].free(i)
	eventMu.Unlock()
}

// free gives back e, which is number i. eventMu is held.
func (e *eventCounter) free(i int32) {
	e.next = eventsFree
	eventsFree = i
	eventsLocal--
}

func eventRelease(f *File) {
	if !f.moved() {
		freeEvent(f.aux)
	}
}

// eventState is the poll state of a local eventfd, and its edges.
func eventState(f *File) (s uint32, edges uint64, local bool) {
	eventMu.Lock()
	if f.moved() {
		eventMu.Unlock()
		return 0, 0, false
	}
	e := &eventPool[f.aux]
	c := e.count
	edges = edgeCounts(e.in, e.out)
	eventMu.Unlock()
	if c > 0 {
		s |= pollIn | pollRdNorm
	}
	if c < eventMax {
		s |= pollOut | pollWrNorm
	}
	return s, edges, true
}

func eventRead(f *File, u *uio) int64 {
	if u.total < 8 {
		return -EINVAL
	}
	for {
		var s snapshot
		s.take()
		eventMu.Lock()
		if f.moved() {
			eventMu.Unlock()
			return f.take(u)
		}
		e := &eventPool[f.aux]
		v := e.count
		if v > 0 && e.semaphore {
			v = 1
		}
		e.count -= v
		if v > 0 {
			e.out++
		}
		eventMu.Unlock()
		if v > 0 {
			var b [8]byte
			put64b(b[:], v)
			bumpLocal()
			if _, bad := u.copyOut(b[:]); bad {
				return -EFAULT
			}
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
		if f.moved() {
			eventMu.Unlock()
			return f.add(v)
		}
		e := &eventPool[f.aux]
		ok := eventMax-e.count >= v
		if ok {
			e.count += v
			e.in++
		}
		eventMu.Unlock()
		if ok {
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
