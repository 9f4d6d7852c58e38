package proc

import (
	"sync"
	"syscall"

	"go42/ipc"
	"go42/ipc/abi"
)

// futexes are the threads that wait for words in memory which several processes
// share. The libOS decides whether to wait (it enters the waiter first, and then
// compares the word once more); this table decides who is woken. Which word an
// address of the caller's means is the kernel's answer, not the caller's.
//
// futexes.mu guards all of it; it is taken after Server.mu, or alone.
type futexes struct {
	mu     sync.Mutex
	queues map[futexKey][]*futexWaiter // in the order of their coming; no empty ones
	tags   map[uint64]map[uint64]*futexWaiter
}

// futexKey names a word: memory object and offset.
type futexKey struct{ fcm, offset uint64 }

type futexWaiter struct {
	kpid, tag uint64
	key       futexKey
	mask      uint32
	woken     bool
}

// maxFutexWaiters bounds what one process can have in the table.
const maxFutexWaiters = 16 << 10

// key finds the word at addr of the caller's.
func (s *Server) futexKey(c *ipc.Call, addr uint64) (futexKey, error) {
	var ri abi.RegionInfo
	if s.kernel.Region(c.BadgePid, addr, &ri) != nil || ri.Addr > addr {
		return futexKey{}, syscall.EFAULT
	}
	if ri.Flags&abi.MapShared == 0 || addr&3 != 0 {
		return futexKey{}, syscall.EINVAL
	}
	return futexKey{ri.FCMID, ri.Offset + addr - ri.Addr}, nil
}

// FutexWait implements proto.Proc.
func (s *Server) FutexWait(c *ipc.Call, addr uint64, mask uint64, tag uint64) int64 {
	key, err := s.futexKey(c, addr)
	if err != nil {
		return ipc.Errno(err)
	}
	f := &s.futexes
	f.mu.Lock()
	defer f.mu.Unlock()
	mine := f.tags[c.BadgePid]
	if mine[tag] != nil {
		return -int64(syscall.EINVAL)
	}
	if len(mine) >= maxFutexWaiters {
		return -int64(syscall.ENOMEM)
	}
	if mine == nil {
		mine = map[uint64]*futexWaiter{}
		f.tags[c.BadgePid] = mine
	}
	w := &futexWaiter{kpid: c.BadgePid, tag: tag, key: key, mask: uint32(mask)}
	mine[tag] = w
	f.queues[key] = append(f.queues[key], w)
	return 0
}

// FutexEnd implements proto.Proc.
func (s *Server) FutexEnd(c *ipc.Call, tag uint64, cancel uint64) (woken uint64, st int64) {
	f := &s.futexes
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.tags[c.BadgePid][tag]
	if w == nil {
		return 0, -int64(syscall.ESRCH)
	}
	if w.woken {
		woken = 1
	} else if cancel == 0 {
		return 0, 0
	}
	f.forget(w)
	return woken, 0
}

// FutexWake implements proto.Proc.
func (s *Server) FutexWake(c *ipc.Call, addr uint64, n uint64, mask uint64) (done uint64, st int64) {
	key, err := s.futexKey(c, addr)
	if err != nil {
		return 0, ipc.Errno(err)
	}
	s.futexes.mu.Lock()
	defer s.futexes.mu.Unlock()
	return s.wakeFutex(key, n, uint32(mask)), 0
}

// FutexRequeue implements proto.Proc.
func (s *Server) FutexRequeue(c *ipc.Call, from uint64, to uint64, wake uint64, move uint64) (done uint64, st int64) {
	key, err := s.futexKey(c, from)
	if err != nil {
		return 0, ipc.Errno(err)
	}
	dest, err := s.futexKey(c, to)
	if err != nil {
		return 0, ipc.Errno(err)
	}
	f := &s.futexes
	f.mu.Lock()
	defer f.mu.Unlock()
	done = s.wakeFutex(key, wake, ^uint32(0))
	moved := min(move, uint64(len(f.queues[key])))
	if key == dest {
		return done + moved, 0
	}
	for range moved {
		w := f.queues[key][0]
		f.unqueue(w)
		w.key = dest
		f.queues[dest] = append(f.queues[dest], w)
	}
	return done + moved, 0
}

// wakeFutex wakes up to n that wait for key with a bit of mask. futexes.mu is held.
func (s *Server) wakeFutex(key futexKey, n uint64, mask uint32) (done uint64) {
	f := &s.futexes
	for i := 0; done < n && i < len(f.queues[key]); {
		w := f.queues[key][i]
		if w.mask&mask == 0 {
			i++
			continue
		}
		f.unqueue(w)
		w.woken = true
		s.kernel.Notify(w.kpid, abi.ChanFutex)
		done++
	}
	return done
}

// unqueue takes w off its queue. f.mu is held.
func (f *futexes) unqueue(w *futexWaiter) {
	q := f.queues[w.key]
	for i := range q {
		if q[i] == w {
			q = append(q[:i], q[i+1:]...)
			break
		}
	}
	if len(q) == 0 {
		delete(f.queues, w.key)
		return
	}
	f.queues[w.key] = q
}

// forget ends a wait. f.mu is held.
func (f *futexes) forget(w *futexWaiter) {
	if !w.woken {
		f.unqueue(w)
	}
	mine := f.tags[w.kpid]
	delete(mine, w.tag)
	if len(mine) == 0 {
		delete(f.tags, w.kpid)
	}
}

// leave ends all waits of a process that has died or executes another program.
func (f *futexes) leave(kpid uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.tags[kpid] {
		f.forget(w)
	}
}
