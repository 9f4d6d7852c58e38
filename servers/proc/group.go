package proc

import (
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
)

func (s *Server) newGroup(id uint32, ss *session) *group {
	g := &group{id: id, session: ss, members: map[uint32]*process{}}
	s.groups[id] = g
	ss.groups++
	return g
}

// join puts p into g; leave takes it out of its group. An empty group goes,
// and with its last group a session.
func (s *Server) join(p *process, g *group) {
	p.group = g
	g.members[p.pid] = p
}

func (s *Server) leave(p *process) {
	g := p.group
	delete(g.members, p.pid)
	if len(g.members) > 0 {
		return
	}
	delete(s.groups, g.id)
	g.session.groups--
	if g.session.groups == 0 {
		delete(s.sessions, g.session.id)
	}
}

// orphaned: no member has a living parent in another group of the session.
func (s *Server) orphaned(g *group) bool {
	for _, p := range g.members {
		if p.state == zombie || p.parent == nil || p.parent.state == zombie {
			continue
		}
		if p.parent.group != g && p.parent.group.session == g.session {
			return false
		}
	}
	return true
}

// watch lists the groups that p's end, or its move to another group, may make
// orphans: its own and its children's, unless they are already.
func (s *Server) watch(p *process) []*group {
	seen := map[*group]bool{p.group: true}
	for _, q := range p.children {
		seen[q.group] = true
	}
	var gs []*group
	for g := range seen {
		if !s.orphaned(g) {
			gs = append(gs, g)
		}
	}
	return gs
}

// settleOrphans sends SIGHUP and SIGCONT to groups that have become orphans
// with a stopped member.
func (s *Server) settleOrphans(gs []*group) {
	for _, g := range gs {
		if !s.orphaned(g) {
			continue
		}
		any := false
		for _, p := range g.members {
			any = any || p.state == stopped
		}
		if !any {
			continue
		}
		for _, p := range g.members {
			s.post(p, &proto.Siginfo{Signo: int32(syscall.SIGHUP), Code: 0x80})
			s.post(p, &proto.Siginfo{Signo: int32(syscall.SIGCONT), Code: 0x80})
		}
	}
}

// Setpgid implements proto.Proc.
func (s *Server) Setpgid(c *ipc.Call, pid uint64, pgid uint64) int64 {
	return s.known(c, func(p *process) error {
		q := s.target(p, pid)
		if q == nil || q != p && q.parent != p {
			return syscall.ESRCH
		}
		if q != p {
			if q.group.session != p.group.session {
				return syscall.EPERM
			}
			if q.executed {
				return syscall.EACCES
			}
		}
		if q.group.session.leader == q {
			return syscall.EPERM
		}
		id := uint32(min(pgid, maxPid+1)) // as high as no group
		if id == 0 {
			id = q.pid
		}
		if id == q.group.id {
			return nil
		}
		g := s.groups[id]
		if g == nil && id != q.pid || g != nil && g.session != q.group.session {
			return syscall.EPERM
		}
		orphans := s.watch(q)
		if g == nil {
			g = s.newGroup(id, q.group.session)
		}
		s.leave(q)
		s.join(q, g)
		s.settleOrphans(orphans)
		return nil
	})
}

// Getpgid implements proto.Proc.
func (s *Server) Getpgid(c *ipc.Call, pid uint64) (pgid uint64, st int64) {
	st = s.known(c, func(p *process) error {
		q := s.target(p, pid)
		if q == nil {
			return syscall.ESRCH
		}
		pgid = uint64(q.group.id)
		return nil
	})
	return pgid, st
}

// Setsid implements proto.Proc.
func (s *Server) Setsid(c *ipc.Call) (sid uint64, st int64) {
	st = s.known(c, func(p *process) error {
		if s.groups[p.pid] != nil {
			return syscall.EPERM
		}
		orphans := s.watch(p)
		ss := &session{id: p.pid, leader: p}
		s.sessions[ss.id] = ss
		g := s.newGroup(p.pid, ss)
		s.leave(p)
		s.join(p, g)
		s.settleOrphans(orphans)
		sid = uint64(ss.id)
		return nil
	})
	return sid, st
}

// Getsid implements proto.Proc.
func (s *Server) Getsid(c *ipc.Call, pid uint64) (sid uint64, st int64) {
	st = s.known(c, func(p *process) error {
		q := s.target(p, pid)
		if q == nil {
			return syscall.ESRCH
		}
		sid = uint64(q.group.session.id)
		return nil
	})
	return sid, st
}

// SetTerminal implements proto.Proc.
func (s *Server) SetTerminal(c *ipc.Call, sid uint64, rdev uint64) int64 {
	return s.forServers(c, func() error {
		ss := s.sessions[uint32(sid)]
		if ss == nil {
			return syscall.ESRCH
		}
		if rdev != 0 && ss.tty != 0 && ss.tty != rdev {
			return syscall.EPERM
		}
		ss.tty = rdev
		s.ttySrv = c.BadgePid
		return nil
	})
}

// GroupInfo implements proto.Proc.
func (s *Server) GroupInfo(c *ipc.Call, pgid uint64) (sid uint64, orphaned uint64, st int64) {
	st = s.forServers(c, func() error {
		g := s.groups[uint32(pgid)]
		if g == nil || pgid > maxPid {
			return syscall.ESRCH
		}
		sid = uint64(g.session.id)
		if s.orphaned(g) {
			orphaned = 1
		}
		return nil
	})
	return sid, orphaned, st
}

// NextHangup implements proto.Proc.
func (s *Server) NextHangup(c *ipc.Call) (rdev uint64, sid uint64, st int64) {
	st = s.forServers(c, func() error {
		if len(s.hangups) == 0 {
			return syscall.EAGAIN
		}
		rdev, sid = s.hangups[0].rdev, s.hangups[0].sid
		s.hangups = s.hangups[1:]
		return nil
	})
	return rdev, sid, st
}
