package fs

// signalfd: a set of signals; what is pending of them is the reader's, as the
// thread that asks sees it.

const maxSignalfds = 256

var (
	signalfdMu   mutex
	signalMasks  [maxSignalfds + 1]uint64
	signalNext   [maxSignalfds + 1]int32
	signalfdUsed int32
	signalfdFree int32
)

// SIGKILL and SIGSTOP cannot be taken.
const unblockable = 1<<(9-1) | 1<<(19-1)

// Signalfd4 is signalfd4(2).
func Signalfd4(fd, mask, size, flags uint64) int64 {
	if flags&^(oCloexec|oNonBlock) != 0 || size != 8 {
		return -EINVAL
	}
	m, ok := get64(mask)
	if !ok {
		return -EFAULT
	}
	m &^= unblockable
	if int32(fd) != -1 {
		f := get(fd)
		if f == nil {
			return -EBADF
		}
		r := int64(-EINVAL)
		if f.kind == kindSignal {
			signalMasks[f.aux] = m
			bumpLocal()
			r = int64(int32(fd))
		}
		f.put()
		return r
	}
	f := newSignalfd(m, uint32(flags&oNonBlock))
	if f == nil {
		return -ENFILE
	}
	return install(f, 0, flags&oCloexec != 0)
}

func newSignalfd(mask uint64, flags uint32) *File {
	signalfdMu.Lock()
	i := signalfdFree
	if i != 0 {
		signalfdFree = signalNext[i]
	} else if signalfdUsed < maxSignalfds {
		signalfdUsed++
		i = signalfdUsed
	}
	signalfdMu.Unlock()
	if i == 0 {
		return nil
	}
	signalMasks[i] = mask
	f := newFile(kindSignal, oRdWr|flags)
	if f == nil {
		freeSignalfd(i)
		return nil
	}
	f.aux = i
	f.setName("anon_inode:[signalfd]")
	return f
}

func freeSignalfd(i int32) {
	signalfdMu.Lock()
	signalNext[i] = signalfdFree
	signalfdFree = i
	signalfdMu.Unlock()
}

func signalRelease(f *File) { freeSignalfd(f.aux) }

func signalState(f *File) uint32 {
	if pendingSignals(signalMasks[f.aux]) != 0 {
		return pollIn | pollRdNorm
	}
	return 0
}

const signalfdSize = 128 // sizeof(struct signalfd_siginfo)

func signalRead(f *File, u *uio) int64 {
	if u.total < signalfdSize {
		return -EINVAL
	}
	for {
		var s snapshot
		s.take()
		done := signalTake(f, u)
		if done < 0 {
			return done
		}
		if done > 0 {
			return done
		}
		if f.nonblock() {
			return -EAGAIN
		}
		if r := s.wait(1<<localChan, forever); r != 0 {
			return r
		}
	}
}

// signalTake moves pending signals to u and returns the number of bytes.
func signalTake(f *File, u *uio) int64 {
	b := takeBuf()
	info := b.path[:signalfdSize]
	var done int64
	for u.total >= signalfdSize && takeSignal(signalMasks[f.aux], info) {
		if _, bad := u.copyOut(info); bad {
			done = partial(done, -EFAULT)
			break
		}
		done += signalfdSize
	}
	b.give()
	return done
}
