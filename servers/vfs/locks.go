package vfs

import (
	"math"
	"sync"
	"syscall"
	"time"

	"go42/ipc"
	"go42/ipc/proto"
)

// lockTable holds the flock and fcntl locks of all nodes. mu guards
// everything in it.
type lockTable struct {
	mu sync.Mutex
	m  map[Node]*nodeLocks

	requests map[request]bool // record locks that are waited for: lockwait.go
	looking  bool             // a timer for look runs
	period   time.Duration    // of it
}

// owner is who holds a record lock: a process (fcntl) or an open object (OFD).
type owner struct {
	kpid uint64
	open *Object
}

type record struct {
	owner      owner
	pid        int32
	write      bool
	start, end int64 // [start, end)
}

type nodeLocks struct {
	shared    map[*Object]bool // flock LOCK_SH
	exclusive *Object          // flock LOCK_EX
	records   []record
	waiters   ipc.Waiters
}

func (t *lockTable) of(n Node) *nodeLocks {
	if t.m == nil {
		t.m = map[Node]*nodeLocks{}
	}
	l := t.m[n]
	if l == nil {
		l = &nodeLocks{shared: map[*Object]bool{}}
		t.m[n] = l
	}
	return l
}

// tidy forgets a node without locks or waiters.
func (t *lockTable) tidy(n Node, l *nodeLocks) {
	if l.exclusive == nil && len(l.shared) == 0 && len(l.records) == 0 && l.waiters.Empty() {
		delete(t.m, n)
	}
}

// closed frees what an open object held, and lets waiters look again: its
// last holder may have died with record locks.
func (t *lockTable) closed(k ipc.Kernel, o *Object) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.m[o.node]
	if l == nil {
		return
	}
	delete(l.shared, o)
	if l.exclusive == o {
		l.exclusive = nil
	}
	l.cut(owner{open: o}, 0, math.MaxInt64)
	for r := range t.requests {
		if r.owner.open == o {
			delete(t.requests, r)
		}
	}
	l.waiters.Wake(k, math.MaxUint64)
	t.tidy(o.node, l)
}

// settled is try's answer, which is not that of a lock whose holder has closed its file.
func (o file) settled(try func() int64) int64 {
	st := try()
	if st == -int64(syscall.EAGAIN) && o.fs.srv.Settle != nil {
		o.fs.srv.Settle()
		st = try()
	}
	return st
}

func (o file) Flock(c *ipc.Call, op uint64, wait uint64) int64 {
	return o.settled(func() int64 { return o.flock(c, op, wait) })
}

func (o file) flock(c *ipc.Call, op uint64, wait uint64) int64 {
	if !o.open || o.kind == proto.KindPath {
		return -int64(syscall.EBADF)
	}
	t := &o.fs.srv.locks
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.of(o.node)
	defer t.tidy(o.node, l)
	ob := o.Object
	switch op &^ syscall.LOCK_NB {
	case syscall.LOCK_UN:
		delete(l.shared, ob)
		if l.exclusive == ob {
			l.exclusive = nil
		}
		l.waiters.Wake(c.Kernel(), math.MaxUint64)
		return 0
	case syscall.LOCK_SH:
		if l.exclusive != nil && l.exclusive != ob {
			l.waiters.Arm(c.BadgePid, wait, 1)
			return -int64(syscall.EAGAIN)
		}
		if l.exclusive == ob {
			l.exclusive = nil
			l.waiters.Wake(c.Kernel(), math.MaxUint64)
		}
		l.shared[ob] = true
		return 0
	case syscall.LOCK_EX:
		others := len(l.shared)
		if l.shared[ob] {
			others--
		}
		if l.exclusive != nil && l.exclusive != ob || others > 0 {
			// A conversion gives up the old lock first (flock(2)).
			if l.shared[ob] {
				delete(l.shared, ob)
				l.waiters.Wake(c.Kernel(), math.MaxUint64)
			}
			l.waiters.Arm(c.BadgePid, wait, 1)
			return -int64(syscall.EAGAIN)
		}
		delete(l.shared, ob)
		l.exclusive = ob
		return 0
	}
	return -int64(syscall.EINVAL)
}

// fcntl commands and lock types of Linux.
const (
	fGetLk, fSetLk, fSetLkW          = 5, 6, 7
	fOFDGetLk, fOFDSetLk, fOFDSetLkW = 36, 37, 38
	fRdLck, fWrLck, fUnLck           = 0, 1, 2
)

// extent turns a struct flock into [start, end).
func (o *Object) extent(x *Ctx, l *proto.Lock) (start, end int64, err error) {
	start = l.Start
	switch l.Whence {
	case 0:
	case 1:
		start += o.off
	case 2:
		start += o.node.Stat(x).Size
	default:
		return 0, 0, syscall.EINVAL
	}
	end = math.MaxInt64
	switch {
	case l.Len > 0:
		if start > math.MaxInt64-l.Len {
			return 0, 0, syscall.EOVERFLOW
		}
		end = start + l.Len
	case l.Len < 0:
		start, end = start+l.Len, start
	}
	if start < 0 {
		return 0, 0, syscall.EINVAL
	}
	return start, end, nil
}

// conflicts are the records that keep own from a lock.
func (l *nodeLocks) conflicts(own owner, write bool, start, end int64) (found []record) {
	for _, r := range l.records {
		if r.owner != own && r.end > start && end > r.start && (write || r.write) {
			found = append(found, r)
		}
	}
	return found
}

// conflict finds the first record, by its place in the file, that keeps own from
// a lock. Records of processes that have died are dropped on the way, and who waits
// for those is told.
func (l *nodeLocks) conflict(k ipc.Kernel, own owner, write bool, start, end int64, alive func(uint64) bool) *record {
	found := l.conflicts(own, write, start, end)
	if found != nil && l.bury(alive) {
		l.waiters.Wake(k, math.MaxUint64)
		found = l.conflicts(own, write, start, end)
	}
	if found == nil {
		return nil
	}
	first := &found[0]
	for i := range found {
		if found[i].start < first.start {
			first = &found[i]
		}
	}
	return first
}

// cut takes [start, end) out of own's records.
func (l *nodeLocks) cut(own owner, start, end int64) {
	var keep []record
	for _, r := range l.records {
		if r.owner != own || r.end <= start || end <= r.start {
			keep = append(keep, r)
			continue
		}
		if r.start < start {
			a := r
			a.end = start
			keep = append(keep, a)
		}
		if end < r.end {
			b := r
			b.start = end
			keep = append(keep, b)
		}
	}
	l.records = keep
}

func (o file) recordOwner(c *ipc.Call, cmd uint64) (own owner, pid int32, ok bool) {
	switch cmd {
	case fGetLk, fSetLk, fSetLkW:
		return owner{kpid: c.BadgePid}, 0, true
	case fOFDGetLk, fOFDSetLk, fOFDSetLkW:
		return owner{open: o.Object}, -1, true
	}
	return owner{}, 0, false
}

func (o file) SetLock(c *ipc.Call, cmd uint64, lk *proto.Lock, wait uint64) int64 {
	return o.settled(func() int64 { return o.setLock(c, cmd, lk, wait) })
}

func (o file) setLock(c *ipc.Call, cmd uint64, lk *proto.Lock, wait uint64) int64 {
	own, pid, ok := o.recordOwner(c, cmd)
	if !ok {
		return -int64(syscall.EINVAL)
	}
	x, err := o.fs.srv.ctx(c)
	if err != nil {
		return ipc.Errno(err)
	}
	o.mu.Lock()
	r, w := o.readable(), o.writable()
	start, end, err := o.extent(x, lk)
	o.mu.Unlock()
	if err != nil {
		return ipc.Errno(err)
	}
	if pid == 0 {
		pid = lk.Pid // the libOS's word on its own Linux pid: shown back only
	}
	t := &o.fs.srv.locks
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.of(o.node)
	defer t.tidy(o.node, l)
	asked := request{own, o.node, lk.Type == fWrLck, start, end}
	delete(t.requests, asked)
	if wait == proto.WaitOver {
		return 0
	}
	switch lk.Type {
	case fUnLck:
		l.cut(own, start, end)
		l.waiters.Wake(c.Kernel(), math.MaxUint64)
		return 0
	case fRdLck:
		if !r {
			return -int64(syscall.EBADF)
		}
	case fWrLck:
		if !w {
			return -int64(syscall.EBADF)
		}
	default:
		return -int64(syscall.EINVAL)
	}
	// Locks, and waiting for them, are bounded by nothing else: who remembers
	// them is this server.
	if ipc.Short(ipc.ShareGrow) {
		return -int64(syscall.ENOLCK)
	}
	if l.conflict(c.Kernel(), own, lk.Type == fWrLck, start, end, o.fs.srv.Alive) != nil {
		if wait != 0 {
			if err := t.blocked(c.Kernel(), asked, o.fs.srv.Alive); err != nil {
				return ipc.Errno(err)
			}
			l.waiters.Arm(c.BadgePid, wait, 1)
		}
		return -int64(syscall.EAGAIN)
	}
	l.cut(own, start, end)
	l.records = append(l.records, record{own, pid, lk.Type == fWrLck, start, end})
	l.waiters.Wake(c.Kernel(), math.MaxUint64) // a write lock may have become a read lock
	return 0
}

func (o file) GetLock(c *ipc.Call, cmd uint64, lk *proto.Lock) (*proto.Lock, int64) {
	own, _, ok := o.recordOwner(c, cmd)
	if !ok || lk.Type != fRdLck && lk.Type != fWrLck {
		return nil, -int64(syscall.EINVAL)
	}
	x, err := o.fs.srv.ctx(c)
	if err != nil {
		return nil, ipc.Errno(err)
	}
	o.mu.Lock()
	start, end, err := o.extent(x, lk)
	o.mu.Unlock()
	if err != nil {
		return nil, ipc.Errno(err)
	}
	t := &o.fs.srv.locks
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.of(o.node)
	defer t.tidy(o.node, l)
	res := *lk
	r := l.conflict(c.Kernel(), own, lk.Type == fWrLck, start, end, o.fs.srv.Alive)
	if r == nil {
		res.Type = fUnLck
		return &res, 0
	}
	res.Type, res.Whence, res.Start, res.Len, res.Pid = fRdLck, 0, r.start, 0, r.pid
	if r.write {
		res.Type = fWrLck
	}
	if r.end != math.MaxInt64 {
		res.Len = r.end - r.start
	}
	return &res, 0
}
