package proc

import (
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
)

// What share of the CPU a process has: that of the least nice value of its threads. A
// thread of SCHED_IDLE counts as one behind all nice values. What each thread is
// given of it is its libOS's affair (threads.go).

// mayPace: p may change how q's threads are scheduled.
func mayPace(p, q *process) bool {
	return p.cred.EUID == 0 || p.cred.EUID == q.cred.UID || p.cred.EUID == q.cred.EUID
}

// mayRaise: p may give a thread of q the nice value + 20.
func mayRaise(p, q *process, value uint64) bool {
	return p.cred.EUID == 0 || 40-value <= q.limits[rlimitNice][0]
}

// rank is a nice value + 20 under a policy: the lower, the larger the share.
func rank(nice, policy uint64) uint64 {
	if policy&^proto.ResetOnFork == proto.SchedIdle {
		return proto.IdleShare
	}
	return min(nice, 39)
}

// settle gives q the share of the first of its threads.
func (s *Server) settle(q *process) error {
	if q.state == zombie {
		return nil
	}
	least := uint64(proto.IdleShare)
	for _, t := range s.threads(q) {
		least = min(least, rank(t.nice, t.policy))
	}
	if least != proto.IdleShare {
		q.nicest = least
	}
	if least == q.share {
		return nil
	}
	if err := s.kernel.SetNice(q.kpid, int32(least)-20); err != nil {
		return err
	}
	q.share = least
	return nil
}

// named are the processes that an id of a group or a user names.
func (s *Server) named(p *process, which, id uint64) (to []*process, err error) {
	switch which {
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

// renice changes one thread of q's, or all (0), which have nice value + 20 was.
func (s *Server) renice(p, q *process, tid uint32, was, value uint64) error {
	switch {
	case !mayPace(p, q):
		return syscall.EPERM
	case value < was && !mayRaise(p, q, value):
		return syscall.EACCES
	}
	return s.give(q, tid, proto.ThreadNice, value)
}

// Nice implements proto.Proc. Where several processes are meant, those that
// may be changed are, and the error is that of one that may not.
func (s *Server) Nice(c *ipc.Call, which uint64, id uint64, set uint64, value uint64) (old uint64, st int64) {
	value = min(value, 39)
	st = s.known(c, func(p *process) error {
		if which == proto.NiceProcess {
			q, t := s.thread(p, id)
			if q == nil {
				return syscall.ESRCH
			}
			if old = t.nice; set == 0 {
				return nil
			}
			return s.renice(p, q, t.tid, old, value)
		}
		to, err := s.named(p, which, id)
		if err != nil {
			return err
		}
		old = 39
		for _, q := range to {
			least := uint64(39)
			for _, t := range s.threads(q) {
				least = min(least, t.nice)
			}
			old = min(old, least)
			if set != 0 {
				if e := s.renice(p, q, 0, least, value); e != nil {
					err = e
				}
			}
		}
		return err
	})
	return old, st
}
