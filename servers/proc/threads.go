package proc

import (
	"encoding/binary"
	"math"
	"slices"
	"syscall"
	"unsafe"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/proto"
)

// What the scheduler knows of a process's threads its libOS knows, and shows in the
// process's block. What is set of them, by whomever, is judged here, and counts from
// that moment: it is kept, and shown in the place of what the block has, until the
// libOS says that it has made the change and the block shows it.

// change is one that a process is to make of its threads.
type change struct {
	seq   uint64
	tid   uint32 // 0: all
	what  int    // proto.ThreadNice...
	value uint64
}

// pace is how a thread is scheduled.
type pace struct {
	tid                uint32
	nice, policy, cpus uint64 // as proto.Proc.Thread answers them
}

// maxChanges bounds what waits for a process that does not come for it.
const maxChanges = 64

// with is t, as p's block has it, with the changes that it does not show. Its own word
// gives a process no larger share than it has.
func (p *process) with(t pace) pace {
	t.nice = max(t.nice, p.nicest)
	if p.share == proto.IdleShare {
		t.policy = t.policy&proto.ResetOnFork | proto.SchedIdle
	}
	for _, c := range p.changes {
		t.make(c)
	}
	return t
}

// make makes a change, if it is of t.
func (t *pace) make(c change) {
	if c.tid != 0 && c.tid != t.tid {
		return
	}
	switch c.what {
	case proto.ThreadNice:
		t.nice = c.value
	case proto.ThreadPolicy:
		t.policy = c.value
	case proto.ThreadCPUs:
		t.cpus = c.value
	}
}

const threadSize = int(unsafe.Sizeof(abi.ProcThread{}))

// decode makes a pace of an abi.ProcThread's bytes.
func decode(b []byte) (t pace) {
	const (
		cpus   = unsafe.Offsetof(abi.ProcThread{}.CPUs)
		nice   = unsafe.Offsetof(abi.ProcThread{}.Nice)
		policy = unsafe.Offsetof(abi.ProcThread{}.Policy)
	)
	t.tid = binary.LittleEndian.Uint32(b)
	t.nice = uint64(min(max(int(int8(b[nice])), -20), 19) + 20)
	t.policy = uint64(b[policy] &^ abi.PolicyReset)
	if b[policy]&abi.PolicyReset != 0 {
		t.policy |= proto.ResetOnFork
	}
	if t.cpus = uint64(binary.LittleEndian.Uint16(b[cpus:])); t.cpus == 0 {
		t.cpus = proto.AllCPUs
	}
	return t
}

// threads are q's threads. One whose block cannot be read has its first; so has the
// child that has not begun, which shows its parent's block, and who is between two
// programs.
func (s *Server) threads(q *process) []pace {
	const (
		main  = unsafe.Offsetof(abi.ProcInfo{}.Main)
		limit = unsafe.Offsetof(abi.ProcInfo{}.ThreadLimit)
		owner = unsafe.Offsetof(abi.ProcInfo{}.Pid)
		table = unsafe.Offsetof(abi.ProcInfo{}.Thread)
	)
	var l []pace
	add := func(b []byte) {
		if t := decode(b); t.tid != 0 {
			l = append(l, q.with(t))
		}
	}
	head := make([]byte, main-limit+uintptr(threadSize))
	known := s.read(q, limit, head)
	switch pid := binary.LittleEndian.Uint32(head[owner-limit:]); {
	case !known:
	case pid == 0 && q.before.tid != 0:
		return append(l, q.with(q.before))
	case pid != 0 && pid != q.pid:
		t := decode(head[main-limit:])
		t.tid = q.pid
		return append(l, q.with(t))
	default:
		add(head[main-limit:])
		if n := min(binary.LittleEndian.Uint32(head), abi.ProcMaxThread); n != 0 {
			b := make([]byte, int(n)*threadSize)
			if s.read(q, table, b) {
				for ; len(b) > 0; b = b[threadSize:] {
					add(b[:threadSize])
				}
			}
		}
	}
	if len(l) == 0 {
		l = append(l, q.first())
	}
	return l
}

// replaced is called when another program is about to take q's place: it remembers its
// first thread until the new one's block is there.
func (s *Server) replaced(q *process) {
	q.before = pace{}
	if l := s.threads(q); l[0].tid == q.pid {
		q.before = l[0]
	}
}

// first is q's first thread without its block: of a zombie, or before there is one.
func (q *process) first() pace {
	t := q.kept
	t.tid = q.pid
	return q.with(t)
}

// read reads q's block at an offset.
func (s *Server) read(q *process, at uintptr, b []byte) bool {
	return q.block != 0 && q.state != zombie && uint64(at)+uint64(len(b)) <= q.blockSize &&
		s.kernel.ReadMemory(q.kpid, q.block+uint64(at), b) == len(b)
}

// thread finds a thread by its id (0: p's first); nil: there is none.
func (s *Server) thread(p *process, id uint64) (*process, pace) {
	find := func(q *process, tid uint32) (pace, bool) {
		l := s.threads(q)
		i := slices.IndexFunc(l, func(t pace) bool { return t.tid == tid })
		if i < 0 {
			return pace{}, false
		}
		return l[i], true
	}
	if q := s.target(p, id); q != nil {
		t, ok := find(q, q.pid)
		if !ok { // it has ended before the others
			t = q.first()
		}
		return q, t
	}
	if id < abi.FirstTID || id > math.MaxUint32 {
		return nil, pace{}
	}
	for pid := abi.TIDPid(uint32(id)); pid < abi.FirstTID; pid += 1 << 16 {
		if q := s.byPid[pid]; q != nil && q.state != zombie {
			if t, ok := find(q, uint32(id)); ok {
				return q, t
			}
		}
	}
	return nil, pace{}
}

// give has q make a change of a thread, or of all (0).
func (s *Server) give(q *process, tid uint32, what int, value uint64) error {
	if q.state == zombie {
		q.changes = append(q.changes, change{tid: tid, what: what, value: value})
		q.keep(func(change) bool { return true })
		return nil
	}
	// Of the same thing the last one counts.
	q.changes = slices.DeleteFunc(q.changes, func(c change) bool { return c.what == what && (tid == 0 || c.tid == tid) })
	if len(q.changes) >= maxChanges {
		return syscall.EAGAIN
	}
	q.lastChange++
	q.changes = append(q.changes, change{q.lastChange, tid, what, value})
	if what != proto.ThreadCPUs {
		if err := s.settle(q); err != nil {
			q.changes = q.changes[:len(q.changes)-1]
			return err
		}
	}
	s.notify(q)
	return nil
}

// keep ends the changes that have been made, and notes what they were of the first thread.
func (q *process) keep(made func(c change) bool) {
	q.kept.tid = q.pid
	q.changes = slices.DeleteFunc(q.changes, func(c change) bool {
		if !made(c) {
			return false
		}
		q.kept.make(c)
		return true
	})
}

// inheritChanges gives the child of a fork what its copied libOS may not have made
// yet of the first thread, which is taken for the one that forks.
func (s *Server) inheritChanges(child, parent *process) {
	for _, c := range parent.changes {
		if c.tid == 0 || c.tid == parent.pid {
			child.lastChange++
			child.changes = append(child.changes, change{child.lastChange, child.pid, c.what, c.value})
		}
	}
	if len(child.changes) != 0 {
		s.notify(child)
	}
}

// Thread implements proto.Proc.
func (s *Server) Thread(c *ipc.Call, id uint64) (nice, policy, cpus uint64, st int64) {
	st = s.known(c, func(p *process) error {
		q, t := s.thread(p, id)
		if q == nil {
			return syscall.ESRCH
		}
		nice, policy, cpus = t.nice, t.policy, t.cpus
		return nil
	})
	return nice, policy, cpus, st
}

// SetThread implements proto.Proc.
func (s *Server) SetThread(c *ipc.Call, id uint64, what uint64, value uint64) int64 {
	return s.known(c, func(p *process) error {
		q, t := s.thread(p, id)
		switch {
		case q == nil:
			return syscall.ESRCH
		case what == proto.ThreadPolicy:
			if err := mayPolicy(p, q, &t, value); err != nil {
				return err
			}
		case what != proto.ThreadCPUs || value == 0 || q.kernel:
			return syscall.EINVAL
		case !mayPace(p, q):
			return syscall.EPERM
		}
		return s.give(q, t.tid, int(what), value)
	})
}

// mayPolicy: p may give t, one of q's, a policy.
func mayPolicy(p, q *process, t *pace, policy uint64) error {
	idle := func(v uint64) bool { return v&^proto.ResetOnFork == proto.SchedIdle }
	switch policy &^ proto.ResetOnFork {
	case schedOther, schedBatch, proto.SchedIdle:
	default:
		return syscall.EINVAL
	}
	switch {
	case p.cred.EUID == 0:
	case !mayPace(p, q), idle(t.policy) && !idle(policy) && !mayRaise(p, q, t.nice),
		t.policy&^policy&proto.ResetOnFork != 0:
		return syscall.EPERM
	}
	return nil
}

const (
	schedOther = 0
	schedBatch = 3

	normalShare = 20 // nice 0
)

// Change implements proto.Proc.
func (s *Server) Change(c *ipc.Call, done uint64) (seq, tid, what, value, share uint64, st int64) {
	st = s.known(c, func(p *process) error {
		p.keep(func(c change) bool { return c.seq == done })
		share = p.share
		if len(p.changes) == 0 {
			return syscall.EAGAIN
		}
		x := &p.changes[0]
		seq, tid, what, value = x.seq, uint64(x.tid), uint64(x.what), x.value
		return nil
	})
	return seq, tid, what, value, share, st
}
