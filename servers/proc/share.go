package proc

import (
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
)

// What share of the CPU a process has: its nice value, and a policy of which
// the kernel knows no more than that SCHED_IDLE has the least share.

const (
	schedOther  = 0
	schedBatch  = 3
	schedIdle   = 5
	resetOnFork = 1 << 30 // in process.policy: children have no negative nice value

	leastShare = 20 // what the kernel takes for SCHED_IDLE
)

// mayPace: p may change q's nice value and policy.
func mayPace(p, q *process) bool {
	return p.cred.EUID == 0 || p.cred.EUID == q.cred.UID || p.cred.EUID == q.cred.EUID
}

// setShare tells the kernel about a nice value under a policy.
func (s *Server) setShare(q *process, nice int32, policy uint32) error {
	if q.state == zombie {
		return nil
	}
	if policy&^resetOnFork == schedIdle {
		nice = leastShare
	}
	return s.kernel.SetNice(q.kpid, nice)
}

// inheritShare gives the child of a fork its nice value and policy.
func (s *Server) inheritShare(child, parent *process) {
	child.nice, child.policy = parent.nice, parent.policy&^resetOnFork
	if parent.policy&resetOnFork != 0 && parent.nice < 0 && s.setShare(child, 0, child.policy) == nil {
		child.nice = 0
	}
}

// named are the processes that an id of getpriority(2) names.
func (s *Server) named(p *process, which, id uint64) (to []*process, err error) {
	switch which {
	case proto.NiceProcess:
		if q := s.target(p, id); q != nil {
			to = append(to, q)
		}
	case proto.NiceGroup:
		g := p.group
		if id != 0 {
			g = s.groups[uint32(id)]
		}
		if g != nil && id <= maxPid {
			for _, q := range g.members {
				to = append(to, q)
			}
		}
	case proto.NiceUser:
		if id == 0 {
			id = uint64(p.cred.UID)
		}
		for _, q := range s.byPid {
			if uint64(q.cred.UID) == id && !q.kernel {
				to = append(to, q)
			}
		}
	default:
		return nil, syscall.EINVAL
	}
	if len(to) == 0 {
		return nil, syscall.ESRCH
	}
	return to, nil
}

// renice changes one process.
func (s *Server) renice(p, q *process, nice int32) error {
	switch {
	case !mayPace(p, q):
		return syscall.EPERM
	case nice < q.nice && p.cred.EUID != 0 && uint64(20-nice) > q.limits[rlimitNice][0]:
		return syscall.EACCES
	}
	if err := s.setShare(q, nice, q.policy); err != nil {
		return err
	}
	q.nice = nice
	return nil
}

// Nice implements proto.Proc. Where several processes are meant, those that
// may be changed are, and the error is that of one that may not.
func (s *Server) Nice(c *ipc.Call, which uint64, id uint64, set uint64, value uint64) (old uint64, st int64) {
	st = s.known(c, func(p *process) error {
		to, err := s.named(p, which, id)
		if err != nil {
			return err
		}
		old = 39
		for _, q := range to {
			old = min(old, uint64(q.nice+20))
		}
		if set == 0 {
			return nil
		}
		for _, q := range to {
			if e := s.renice(p, q, int32(min(value, 39))-20); e != nil {
				err = e
			}
		}
		return err
	})
	return old, st
}

// Policy implements proto.Proc.
func (s *Server) Policy(c *ipc.Call, pid uint64, set uint64, value uint64) (old uint64, st int64) {
	st = s.known(c, func(p *process) error {
		q := s.target(p, pid)
		if q == nil {
			return syscall.ESRCH
		}
		old = uint64(q.policy)
		if set == 0 {
			return nil
		}
		v := uint32(value)
		switch uint64(v) &^ resetOnFork {
		case schedOther, schedBatch, schedIdle:
		default:
			return syscall.EINVAL
		}
		if value>>32 != 0 {
			return syscall.EINVAL
		}
		if p.cred.EUID != 0 {
			leaves := q.policy&^resetOnFork == schedIdle && v&^resetOnFork != schedIdle
			if !mayPace(p, q) || leaves || q.policy&resetOnFork != 0 && v&resetOnFork == 0 {
				return syscall.EPERM
			}
		}
		if err := s.setShare(q, q.nice, v); err != nil {
			return err
		}
		q.policy = v
		return nil
	})
	return old, st
}
