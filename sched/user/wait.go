package user

import "sync/atomic"

// Queue is a place to wait, first come first served.
type Queue struct {
	lock SpinLock
	q    list
}

// Wait blocks the current thread on q until Wake, deadline (monotonic ns; 0:
// none) or, if intr is set, a signal. check, if not nil, is asked under the
// queue's lock: false means that there is no reason to wait.
func (q *Queue) Wait(deadline uint64, intr bool) Reason {
	was := q.lock.Lock()
	r := q.WaitLocked(deadline, intr)
	Restore(was)
	return r
}

// Lock and Unlock guard the condition that Wait is about; WaitLocked releases
// the lock when the thread is queued and returns without it, still disabled.
func (q *Queue) Lock() (was uint32)      { return q.lock.Lock() }
func (q *Queue) Unlock(was uint32)       { q.lock.Unlock(was) }
func (q *Queue) Waiting() bool           { return q.q.head != nil }
func (q *Queue) Reset()                  { *q = Queue{} }
func (q *Queue) Contains(t *Thread) bool { return t.links[0].on == &q.q }

// WaitLocked: see Lock.
func (q *Queue) WaitLocked(deadline uint64, intr bool) Reason {
	t := Current()
	q.q.push(t)
	t.prepare()
	q.lock.Release()
	r := t.park(deadline, intr)
	if r != Woken {
		was := q.lock.Lock()
		q.q.remove(t)
		q.lock.Unlock(was)
	}
	return r
}

// Wake makes up to n waiting threads ready and says how many.
func (q *Queue) Wake(n int) int {
	was := q.lock.Lock()
	n = q.WakeLocked(n)
	q.lock.Unlock(was)
	return n
}

// WakeLocked is Wake under Lock.
func (q *Queue) WakeLocked(n int) int {
	done := 0
	for done < n {
		t := q.q.pop()
		if t == nil {
			break
		}
		// One whose time ran out meanwhile does not count.
		if t.wake(Woken) {
			done++
		}
	}
	return done
}

// Seq counts changes of something and wakes those who watch it. Its zero value
// is ready.
type Seq struct {
	lock SpinLock
	n    uint32
	head *watch
}

// watch is one thread's interest in one Seq.
type watch struct {
	seq        *Seq
	seen       uint32
	thread     *Thread
	next, prev *watch
	linked     bool
}

// Load is the count.
func (s *Seq) Load() uint32 { return atomic.LoadUint32(&s.n) }

// Bump counts a change and wakes the watchers.
func (s *Seq) Bump() {
	was := s.lock.Lock()
	atomic.AddUint32(&s.n, 1)
	for w := s.head; w != nil; w = w.next {
		w.thread.wake(Woken)
	}
	s.lock.Unlock(was)
}

// BeginWatch forgets what the thread watched before.
func (t *Thread) BeginWatch() { t.nwatch = 0 }

// Watch notes s and its present count, before the state behind it is examined.
// False: too many. Watching one twice keeps the older count.
func (t *Thread) Watch(s *Seq) bool {
	for i := 0; i < t.nwatch; i++ {
		if t.watches[i].seq == s {
			return true
		}
	}
	if t.nwatch == MaxWatch {
		return false
	}
	t.watches[t.nwatch] = watch{seq: s, seen: s.Load(), thread: t}
	t.nwatch++
	return true
}

// Changed reports whether a watched Seq has moved since Watch.
func (t *Thread) Changed() bool {
	for i := 0; i < t.nwatch; i++ {
		if t.watches[i].seq.Load() != t.watches[i].seen {
			return true
		}
	}
	return false
}

// WaitWatched blocks the current thread until a watched Seq has moved since its
// Watch (at once if it has), the deadline (monotonic ns; 0: none) or, if intr is
// set, a signal. What is watched is forgotten.
func (t *Thread) WaitWatched(deadline uint64, intr bool) Reason {
	was := Disable()
	t.prepare()
	changed := false
	for i := 0; i < t.nwatch; i++ {
		w := &t.watches[i]
		s := w.seq
		l := s.lock.Lock()
		if s.n != w.seen {
			changed = true
		}
		w.prev, w.next = nil, s.head
		if s.head != nil {
			s.head.prev = w
		}
		s.head, w.linked = w, true
		s.lock.Unlock(l)
	}
	if changed {
		t.unpark(Woken)
	}
	r := t.park(deadline, intr)
	for i := 0; i < t.nwatch; i++ {
		w := &t.watches[i]
		s := w.seq
		l := s.lock.Lock()
		if w.prev != nil {
			w.prev.next = w.next
		} else {
			s.head = w.next
		}
		if w.next != nil {
			w.next.prev = w.prev
		}
		w.linked = false
		s.lock.Unlock(l)
	}
	t.nwatch = 0
	Restore(was)
	return r
}
