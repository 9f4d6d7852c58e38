package proc

import (
	"sync"
	"syscall"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/proto"
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
	owner     uint32 // thread that has what it waits for; 0: not known
	woken     uint64 // 0, or proto.FutexWoken, FutexOwnerGone: off its queue
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
func (s *Server) FutexWait(c *ipc.Call, addr uint64, mask uint64, tag uint64, owner uint64) int64 {
	key, err := s.futexKey(c, addr)
	if err != nil {
		return ipc.Errno(err)
	}
	if owner != 0 {
		// Until the waiter is entered: who dies then finds it.
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.lives(uint32(owner)) {
			return -int64(syscall.ESRCH)
		}
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
	w := &futexWaiter{kpid: c.BadgePid, tag: tag, key: key, mask: uint32(mask), owner: uint32(owner)}
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
	if w.woken == 0 && cancel == 0 {
		return 0, 0
	}
	f.forget(w)
	return w.woken, 0
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
		s.endWait(w, proto.FutexWoken)
		done++
	}
	return done
}

// endWait takes w off its queue and has its process ask. futexes.mu is held.
func (s *Server) endWait(w *futexWaiter, how uint64) {
	s.futexes.unqueue(w)
	w.woken = how
	s.kernel.Notify(w.kpid, abi.ChanFutex)
}

// lives reports whether the process of a thread does: of one that is not a
// first thread, some process whose threads have such ids. s.mu is held.
func (s *Server) lives(tid uint32) bool {
	if tid < abi.FirstTID {
		p := s.byPid[tid]
		return p != nil && p.state != zombie
	}
	for pid := abi.TIDPid(tid); pid < maxPid; pid += 1 << 16 {
		if p := s.byPid[pid]; p != nil && p.state != zombie {
			return true
		}
	}
	return false
}

// ownersGone ends the waits for what threads have whose process has just become a
// zombie. s.mu is held.
func (s *Server) ownersGone() {
	f := &s.futexes
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, mine := range f.tags {
		for _, w := range mine {
			if w.owner != 0 && w.woken == 0 && !s.lives(w.owner) {
				s.endWait(w, proto.FutexOwnerGone)
			}
		}
	}
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
	if w.woken == 0 {
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
