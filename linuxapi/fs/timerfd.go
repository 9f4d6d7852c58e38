package fs

// timerfd: an expiry time on the monotonic clock. Nothing runs when it passes;
// whoever waits does so at most until the earliest armed timer (nextTimer). So it
// is until the timer is shared (share.go).

const maxTimers = 512

type timer struct {
	expiry   uint64 // monotonic ns of the next expiration; 0: disarmed
	interval uint64 // ns; 0: once
	settings uint32 // how often it was set, or read, which begins a new wait for it
	used     bool
	next     int32
}

var (
	timerMu    mutex
	timerPool  [maxTimers + 1]timer
	timersUsed int32
	timersFree int32
	timersSet  int32 // armed timers, so that waits without any are cheap
	// timersLocal are in use.
	timersLocal int32
)

const (
	clockRealtime      = 0
	clockMonotonic     = 1
	clockBoottime      = 7
	clockRealtimeAlarm = 8
	clockBoottimeAlarm = 9

	tfdAbstime     = 1
	tfdCancelOnSet = 2

	nsPerSec = 1e9
)

// TimerfdCreate is timerfd_create(2).
func TimerfdCreate(clock, flags uint64) int64 {
	if flags&^(oCloexec|oNonBlock) != 0 {
		return -EINVAL
	}
	switch clock {
	case clockRealtime, clockMonotonic, clockBoottime, clockRealtimeAlarm, clockBoottimeAlarm:
	default:
		return -EINVAL
	}
	grantEnter() // as Eventfd2
	defer grantLeave()
	f := newTimer(int32(clock), oRdWr|uint32(flags&oNonBlock))
	if f == nil {
		return -ENFILE
	}
	return install(f, 0, flags&oCloexec != 0)
}

func newTimer(clock int32, flags uint32) *File {
	timerMu.Lock()
	i := timersFree
	if i != 0 {
		timersFree = timerPool[i].next
	} else if timersUsed < maxTimers {
		timersUsed++
		i = timersUsed
	}
	if i != 0 {
		timerPool[i] = timer{used: true}
		timersLocal++
	}
	timerMu.Unlock()
	if i == 0 {
		return nil
	}
	f := newFile(kindTimer, flags)
	if f == nil {
		freeTimer(i)
		return nil
	}
	f.aux, f.rdev = i, uint64(clock)
	f.setName("anon_inode:[timerfd]")
	return f
}

func freeTimer(i int32) {
	timerMu.Lock()
	timerPool[i].free(i)
	timerMu.Unlock()
}

// free gives back t, which is number i. timerMu is held.
func (t *timer) free(i int32) {
	if t.expiry != 0 {
		timersSet--
	}
	*t = timer{next: timersFree}
	timersFree = i
	timersLocal--
}

func timerRelease(f *File) {
	if !f.moved() {
		freeTimer(f.aux)
	}
}

// due returns the number of expirations since the last read. timerMu is held.
func (t *timer) due(now uint64) uint64 {
	if t.expiry == 0 || now < t.expiry {
		return 0
	}
	if t.interval == 0 {
		return 1
	}
	return 1 + (now-t.expiry)/t.interval
}

// timerState is the poll state of a local timerfd, and its edges: the first
// expiration after each setting is one.
func timerState(f *File) (s uint32, edges uint64, local bool) {
	timerMu.Lock()
	if f.moved() {
		timerMu.Unlock()
		return 0, 0, false
	}
	t := &timerPool[f.aux]
	n, in := t.due(now()), 2*t.settings
	timerMu.Unlock()
	if n > 0 {
		s = pollIn | pollRdNorm
		in++
	}
	return s, edgeCounts(in, 0), true
}

// nextTimer returns the earliest expiry after t0, when the caller began to look at
// what it waits for, or forever. It may have passed meanwhile.
func nextTimer(t0 uint64) uint64 {
	if timersSet == 0 {
		return forever
	}
	best := uint64(forever)
	timerMu.Lock()
	for i := int32(1); i <= timersUsed; i++ {
		t := &timerPool[i]
		if !t.used || t.expiry == 0 {
			continue
		}
		e := t.expiry
		if e <= t0 {
			// Due then already: whoever waits has seen that; the next period is news.
			if t.interval == 0 {
				continue
			}
			e += ((t0-e)/t.interval + 1) * t.interval
		}
		if e < best {
			best = e
		}
	}
	timerMu.Unlock()
	return best
}

func timerRead(f *File, u *uio) int64 {
	if u.total < 8 {
		return -EINVAL
	}
	for {
		var s snapshot
		s.take()
		timerMu.Lock()
		if f.moved() {
			timerMu.Unlock()
			return f.take(u)
		}
		t := &timerPool[f.aux]
		n := t.due(now())
		if n > 0 {
			t.settings++
			if t.interval == 0 {
				t.expiry = 0
				timersSet--
			} else {
				t.expiry += n * t.interval
			}
		}
		timerMu.Unlock()
		if n > 0 {
			var b [8]byte
			put64b(b[:], n)
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

// left returns interval and time to the next expiration. timerMu is held.
func (t *timer) left(now uint64) (interval, value uint64) {
	if t.expiry == 0 {
		return t.interval, 0
	}
	e := t.expiry
	if e <= now {
		if t.interval == 0 {
			return 0, 0
		}
		e += ((now-e)/t.interval + 1) * t.interval
	}
	return t.interval, e - now
}

// TimerfdSettime is timerfd_settime(2).
func TimerfdSettime(fd, flags, spec, old uint64) int64 {
	if flags&^(tfdAbstime|tfdCancelOnSet) != 0 {
		return -EINVAL
	}
	interval, ok1, bad1 := getTimespec(spec)
	value, ok2, bad2 := getTimespec(spec + 16)
	if bad1 || bad2 {
		return -EFAULT
	}
	if !ok1 || !ok2 {
		return -EINVAL
	}
	f := get(fd)
	if f == nil {
		return -EBADF
	}
	if f.kind != kindTimer {
		f.put()
		return -EINVAL
	}
	t0 := now()
	expiry := uint64(0)
	if value != 0 {
		switch {
		case flags&tfdAbstime == 0:
			expiry = add(t0, value)
		case f.rdev == clockRealtime || f.rdev == clockRealtimeAlarm:
			expiry = fromWall(value)
		default:
			expiry = value
		}
		expiry = max(expiry, 1)
	}
	oi, ov, st := f.setTimer(t0, expiry, interval)
	f.put()
	if st < 0 {
		return st
	}
	bumpLocal()
	if old != 0 && (!putTimespec(old, oi) || !putTimespec(old+16, ov)) {
		return -EFAULT
	}
	return 0
}

// setTimer arms the timer for expiry (0: disarms it) and answers what was.
func (f *File) setTimer(t0, expiry, interval uint64) (every, left uint64, st int64) {
	timerMu.Lock()
	if f.moved() {
		timerMu.Unlock()
		var armed uint64
		if expiry != 0 {
			armed = 1
		}
		return counterOf(f).Set(armed, int64(min(expiry, 1<<62)-t0), interval)
	}
	t := &timerPool[f.aux]
	every, left = t.left(t0)
	if t.expiry != 0 {
		timersSet--
	}
	if expiry != 0 {
		timersSet++
	}
	t.expiry, t.interval = expiry, interval
	t.settings++
	timerMu.Unlock()
	return every, left, 0
}

// TimerfdGettime is timerfd_gettime(2).
func TimerfdGettime(fd, cur uint64) int64 {
	f := get(fd)
	if f == nil {
		return -EBADF
	}
	if f.kind != kindTimer {
		f.put()
		return -EINVAL
	}
	i, v, st := f.timerLeft()
	f.put()
	if st < 0 {
		return st
	}
	if !putTimespec(cur, i) || !putTimespec(cur+16, v) {
		return -EFAULT
	}
	return 0
}

func (f *File) timerLeft() (every, left uint64, st int64) {
	timerMu.Lock()
	if f.moved() {
		timerMu.Unlock()
		return counterOf(f).Left()
	}
	every, left = timerPool[f.aux].left(now())
	timerMu.Unlock()
	return every, left, 0
}

// add is a+b without wrapping.
func add(a, b uint64) uint64 {
	if a+b < a {
		return forever
	}
	return a + b
}

// getTimespec reads a struct timespec as ns; ok: it is a valid one.
func getTimespec(addr uint64) (ns uint64, ok, bad bool) {
	s, ok1 := get64(addr)
	n, ok2 := get64(addr + 8)
	if !ok1 || !ok2 {
		return 0, false, true
	}
	if int64(s) < 0 || n >= nsPerSec {
		return 0, false, false
	}
	if s >= forever/nsPerSec {
		return forever - 1, true, false
	}
	return s*nsPerSec + n, true, false
}

func putTimespec(addr, ns uint64) bool {
	return put64(addr, ns/nsPerSec) && put64(addr+8, ns%nsPerSec)
}
