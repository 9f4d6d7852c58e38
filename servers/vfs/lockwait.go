package vfs

import (
	"math"
	"syscall"
	"time"

	"go42/ipc"
)

// request is a record lock that somebody waits for.
type request struct {
	owner      owner
	node       Node
	write      bool
	start, end int64
}

// blocked notes that r has to wait. EDEADLK: it would wait for ever, since one
// who is in its way waits, in the end, for r's owner. t.mu is held.
func (t *lockTable) blocked(k ipc.Kernel, r request, alive func(uint64) bool) error {
	if r.owner.open == nil && t.waitsFor(r, r.owner, map[owner]bool{}, alive) {
		return syscall.EDEADLK
	}
	if t.requests == nil {
		t.requests = map[request]bool{}
	}
	t.requests[r] = true
	t.period = firstLook
	if !t.looking {
		t.looking = true
		time.AfterFunc(t.period, func() { t.look(k, alive) })
	}
	return nil
}

// waitsFor says whether r waits for who, be it through others (seen: those that
// have been looked at).
func (t *lockTable) waitsFor(r request, who owner, seen map[owner]bool, alive func(uint64) bool) bool {
	l := t.m[r.node]
	if l == nil {
		return false
	}
	for _, x := range l.conflicts(r.owner, r.write, r.start, r.end) {
		if x.owner == who {
			return true
		}
		if seen[x.owner] || x.owner.open == nil && alive != nil && !alive(x.owner.kpid) {
			continue
		}
		seen[x.owner] = true
		for next := range t.requests {
			if next.owner == x.owner && t.waitsFor(next, who, seen, alive) {
				return true
			}
		}
	}
	return false
}

// Nobody tells this server that a process has died which held record locks of a
// file that others have open, too: while somebody waits it looks by itself, less
// and less often.
const (
	firstLook = 50 * time.Millisecond
	lastLook  = time.Second
)

// look drops the locks and requests of the dead and has their waiters ask again.
func (t *lockTable) look(k ipc.Kernel, alive func(uint64) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := range t.requests {
		if r.owner.open == nil && alive != nil && !alive(r.owner.kpid) {
			delete(t.requests, r)
			continue
		}
		if l := t.m[r.node]; l != nil && l.bury(alive) {
			l.waiters.Wake(k, math.MaxUint64)
		}
	}
	t.looking = len(t.requests) != 0
	if t.looking {
		t.period = min(2*t.period, lastLook)
		time.AfterFunc(t.period, func() { t.look(k, alive) })
	}
}

// bury drops the records of dead processes; false: there were none.
func (l *nodeLocks) bury(alive func(uint64) bool) bool {
	if alive == nil {
		return false
	}
	n := len(l.records)
	keep := l.records[:0]
	for _, r := range l.records {
		if r.owner.open != nil || alive(r.owner.kpid) {
			keep = append(keep, r)
		}
	}
	l.records = keep
	return len(keep) != n
}
