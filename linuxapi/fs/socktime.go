package fs

import "go42/ipc/proto"

// SO_RCVTIMEO and SO_SNDTIMEO: how long a call on a socket may block. The
// server keeps the microseconds, as a socket's options are everyone's who has
// it; a call that has to wait asks for them only if the answer EAGAIN says that
// there are any.

const (
	tick      = 4000 // microseconds that such limits are rounded up to, as with Linux's 250 a second
	maxLimit  = 1 << 50
	secondsUS = 1000000
)

// setTimeLimit sets the option opt to the struct timeval at val.
func setTimeLimit(f *File, opt, val, size uint64) int64 {
	if int32(size) < 16 {
		return -EINVAL
	}
	sec, ok := get64(val)
	us, ok2 := get64(val + 8)
	if !ok || !ok2 {
		return -EFAULT
	}
	if us >= secondsUS {
		return -EDOM
	}
	limit := uint64(1) // a negative time has passed already
	switch {
	case sec == 0 && us == 0, int64(sec) > maxLimit/secondsUS:
		limit = 0
	case int64(sec) >= 0:
		limit = (sec*secondsUS + us + tick - 1) / tick * tick
	}
	_, st := sockEnd(f).Option(opt, 1, limit)
	return st
}

// waitLimited waits for a change of f after an answer EAGAIN with state. If that
// has proto.Timed, the option opt limits the time: EAGAIN when it has passed, and
// EINTR after a handler, whatever that says of restarts. until is 0 at a call's
// first wait and keeps the deadline for the others.
func (f *File) waitLimited(s *snapshot, state, opt uint64, until *uint64) int64 {
	if *until == 0 {
		*until = forever
		if state&proto.Timed != 0 {
			us, st := sockEnd(f).Option(opt, 0, 0)
			if st < 0 {
				return st
			}
			if us != 0 {
				*until = now() + us*1000
			}
		}
	}
	e := s.wait(1<<f.ch, *until)
	if *until != forever {
		switch e {
		case -ETIMEDOUT:
			return -EAGAIN
		case -restartSys:
			return -restartNoHand
		}
	}
	return e
}
