package fs

import (
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/linuxapi/errno"
	"go42/linuxapi/hook"
)

// eventfds and timerfds are objects of this process for as long as no other has
// them: their counter or clockwork is in eventPool, timerPool. Before a fork, and
// when one is sent in a message, it moves to the pipe server for good (proto.Counter):
// the File gets a handle. What was asked of the local object until then happened
// before; who waits for it is made to look again, and then waits for the server.

// moved reports whether f's state is the pipe server's.
func (f *File) moved() bool { return f.handle != 0 }

func counterOf(f *File) client.Counter { return client.Counter{C: conn(), H: f.handle} }

// share moves f to the pipe server if it is a local eventfd or timerfd. It runs
// where handles may be granted. 0, or -errno: it is local still.
func (f *File) share(srv uint64) int64 {
	mu := &eventMu
	switch f.kind {
	case kindEvent:
	case kindTimer:
		mu = &timerMu
	default:
		return 0
	}
	// Held over the call: nobody reads or writes what is on its way.
	mu.Lock()
	st := int64(0)
	if !f.moved() {
		st = f.move(client.Pipe{C: conn(), H: srv})
	}
	mu.Unlock()
	bumpLocal()
	return st
}

// move is share under the lock of f's pool.
func (f *File) move(srv client.Pipe) int64 {
	var h uint64
	var st int64
	if f.kind == kindEvent {
		e := &eventPool[f.aux]
		var semaphore uint64
		if e.semaphore {
			semaphore = 1
		}
		if h, st = srv.Event(e.count, semaphore); st < 0 {
			return st
		}
		e.free(f.aux)
	} else {
		t := &timerPool[f.aux]
		var armed uint64
		if t.expiry != 0 {
			armed = 1
		}
		if h, st = srv.Timer(armed, int64(min(t.expiry, 1<<62)-now()), t.interval); st < 0 {
			return st
		}
		t.free(f.aux)
	}
	f.aux, f.hint, f.ch = 0, 0, chanPipe
	f.handle = h
	return 0
}

// shareAll shares what a child is to have with this process: everything, or what
// survives an exec. It runs while nobody else may be granted a handle. 0 or -errno.
func shareAll(srv uint64, which hook.Sharing) int64 {
	if which == hook.ShareKept {
		for fd := 0; ; fd++ {
			tableMu.Lock()
			var f *File
			if fd = table.Next(fd); fd >= 0 && !table.Cloexec(fd) {
				if f = table.Get(fd); !f.tryHold(1) {
					f = nil
				}
			}
			tableMu.Unlock()
			if fd < 0 {
				return 0
			}
			if f == nil {
				continue
			}
			st := f.share(srv)
			f.put()
			if st < 0 {
				return st
			}
		}
	}
	for i := int32(1); i <= filesUsed; i++ {
		f := &files[i]
		if f.kind != kindEvent && f.kind != kindTimer || !f.tryHold(1) {
			continue
		}
		st := f.share(srv)
		f.put()
		if st < 0 {
			return st
		}
	}
	return 0
}

// localCounters reports whether there may be anything to share.
func localCounters() bool { return eventsLocal+timersLocal != 0 }

// prepareShared makes f, which is to be sent in a message, an object of a server.
func (f *File) prepareShared() int64 {
	if f.kind != kindEvent && f.kind != kindTimer || f.moved() {
		return 0
	}
	srv, e := service(svcPipe)
	if e != 0 {
		return e
	}
	grantEnter()
	st := f.share(srv)
	grantLeave()
	return st
}

// take is read(2) of a moved object.
func (f *File) take(u *uio) int64 {
	for {
		var s snapshot
		s.take()
		block := !f.nonblock()
		v, state, st := counterOf(f).Take(f.waitFor(block))
		if st == -EAGAIN {
			f.note(s.seq(f.ch), widen(uint32(state)), 0)
			if !block {
				return st
			}
			if e := s.wait(1<<f.ch, forever); e != 0 {
				return e
			}
			continue
		}
		if st < 0 {
			return st
		}
		f.note(s.seq(f.ch), widen(uint32(state)), 0)
		var b [8]byte
		put64b(b[:], v)
		if _, bad := u.copyOut(b[:]); bad {
			return -EFAULT
		}
		return 8
	}
}

// add is write(2) of a moved eventfd.
func (f *File) add(v uint64) int64 {
	for {
		var s snapshot
		s.take()
		block := !f.nonblock()
		state, st := counterOf(f).Add(v, f.waitFor(block))
		if st == -EAGAIN && block {
			if e := s.wait(1<<f.ch, forever); e != 0 {
				return e
			}
			continue
		}
		if st < 0 {
			return st
		}
		f.note(s.seq(f.ch), widen(uint32(state)), 0)
		return 8
	}
}

// waitFor is the argument of a call that may have to be made again.
func (f *File) waitFor(block bool) uint64 {
	if block || f.watch != 0 {
		return proto.Wait(uint64(f.ch))
	}
	return 0
}

// shareForFork is the first step of forkPrepare: errno.OK, or what the fork answers.
func shareForFork(which hook.Sharing) (srv uint64, e errno.Errno) {
	if which == hook.ShareNone || !localCounters() {
		return 0, errno.OK
	}
	srv, st := service(svcPipe)
	switch {
	case unshared(st):
		return 0, errno.OK
	case st < 0:
		return 0, errno.ENOMEM
	}
	return srv, errno.OK
}

// unshared: the pipe server has died, or nobody can say where it is. A process must
// be able to fork then: each side keeps what it has as its own.
func unshared(st int64) bool { return st == -EIO || st == -ENODEV }
