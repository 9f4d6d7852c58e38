package proc

import (
	"encoding/binary"
	"math"
	"syscall"
	"unsafe"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/proto"
)

// Fork implements proto.Proc. The kernel's word on who made kpid is taken,
// not the caller's.
func (s *Server) Fork(c *ipc.Call, kpid uint64, flags uint64, sig uint64) (pid uint64, st int64) {
	st = s.known(c, func(p *process) error {
		if sig > 64 || flags&^proto.ForkParent != 0 {
			return syscall.EINVAL
		}
		var info abi.ProcessInfo
		if err := s.kernel.ProcessInfo(kpid, &info); err != nil {
			return syscall.ESRCH
		}
		if info.Parent != p.kpid || s.byKPid[kpid] != nil {
			return syscall.EPERM
		}
		if p.swept || p.killed {
			return syscall.EINTR
		}
		limit := p.limits[rlimitNProc][0]
		if p.cred.UID != 0 && uint64(s.users[p.cred.UID]) >= limit {
			return syscall.EAGAIN
		}
		parent := p
		if flags&proto.ForkParent != 0 {
			if p.parent == nil {
				return syscall.EINVAL
			}
			parent = p.parent
		}
		q := &process{kpid: kpid, pid: s.newPid(), parent: parent, children: map[uint32]*process{}, cred: p.cred, state: alive,
			exitSig: sig, blocked: p.blocked, ignored: p.ignored, dumpable: p.dumpable, secure: p.secure, noNew: p.noNew, comm: p.comm,
			start: info.StartNS, share: p.share, nicest: p.nicest, kept: p.kept, limits: p.limits, block: p.block, blockSize: p.blockSize}
		if info.Cred != p.cred.token {
			if err := s.kernel.SetCred(kpid, p.cred.token); err != nil {
				return err
			}
		}
		s.enter(q)
		parent.children[q.pid] = q
		s.join(q, p.group)
		s.inheritChanges(q, p)
		pid = uint64(q.pid)
		return nil
	})
	return pid, st
}

// Exec implements proto.Proc.
func (s *Server) Exec(c *ipc.Call, comm string, setid uint64) (secure uint64, st int64) {
	st = s.known(c, func(p *process) error {
		if setid != 0 {
			if p.vouched == nil {
				return syscall.EAGAIN
			}
			secure = 1
		} else {
			s.forget(p)
			k := p.cred.Cred
			k.SUID, k.FSUID, k.SGID, k.FSGID = k.EUID, k.EUID, k.EGID, k.EGID
			if err := s.setCred(p, k, p.cred.groups); err != nil {
				return err
			}
			p.secure = k.UID != k.EUID || k.GID != k.EGID
			if p.secure {
				secure = 1
			}
			p.dumpable = 1 - secure
		}
		setComm(p, comm)
		s.executed(p)
		return nil
	})
	return secure, st
}

// executed is what every exec changes. s.mu is held.
func (s *Server) executed(p *process) {
	p.executed = true
	s.replaced(p)
	p.notified = false // the new libOS begins with no channel set
	if p.pending.set != 0 {
		s.notify(p) // who was told and has not asked yet may ask no more
	}
	p.exitSig = uint64(syscall.SIGCHLD)
	p.swept = p.swept && p.pending.set != 0
	p.moved = 0 // exec takes along what is pending
	s.futexes.leave(p.kpid)
	if p.secure {
		p.deathSig = 0
	}
}

func setComm(p *process, comm string) {
	p.comm = [16]byte{}
	copy(p.comm[:15], comm)
}

// SetComm implements proto.Proc.
func (s *Server) SetComm(c *ipc.Call, comm string) int64 {
	return s.known(c, func(p *process) error { setComm(p, comm); return nil })
}

// Exits pulls what the kernel has to tell of deaths.
func (s *Server) Exits() {
	for {
		var n abi.ExitNotice
		if !s.kernel.NextExit(&n) {
			return
		}
		s.mu.Lock()
		s.exited(&n)
		s.mu.Unlock()
	}
}

// exited makes a process a zombie. s.mu is held.
func (s *Server) exited(n *abi.ExitNotice) {
	p := s.byKPid[n.KPid]
	if p == nil || p.state == zombie {
		return // it never got as far as Fork
	}
	orphans := s.watch(p)
	p.state = zombie
	p.watchers.Wake(s.kernel, math.MaxUint64)
	p.status, p.moved = uint32(n.Status), 0
	p.usage = proto.Rusage{UserNS: n.UserNS, SysNS: n.SysNS, MaxResident: n.MaxResident, MinFaults: n.MinFaults, MajFaults: n.MajFaults, Switches: n.Switches}
	p.pending.clear()
	s.futexes.leave(p.kpid)
	s.ownersGone()
	s.forget(p)
	s.users[p.cred.UID]--
	if s.users[p.cred.UID] == 0 {
		delete(s.users, p.cred.UID)
	}
	delete(s.byKPid, p.kpid)
	for _, q := range p.children {
		s.adopt(q, p)
	}
	if ss := p.group.session; ss.leader == p {
		ss.leader = nil
		if ss.tty != 0 {
			s.hangups = append(s.hangups, hangup{ss.tty, uint64(ss.id)})
			ss.tty = 0
			if s.ttySrv != 0 {
				s.kernel.Notify(s.ttySrv, proto.ChanHangup)
			}
		}
	}
	s.settleOrphans(orphans)
	if p == s.init {
		s.initDied(p)
		return
	}
	if p.parent == nil {
		s.reap(p)
		return
	}
	s.tellParent(p)
}

// initDied: nobody can reap any more. The machine ends.
func (s *Server) initDied(p *process) {
	if !s.reported {
		s.reported = true
		s.kernel.Status("error init died")
		s.kernel.Status(resultLine(p.status))
	}
	s.kernel.Power(abi.PowerOff, uint64(p.status))
}

// adopt gives p's child q to the nearest living subreaper, or to init.
func (s *Server) adopt(q, p *process) {
	delete(p.children, q.pid)
	to := p.parent
	for to != nil && (to.state == zombie || !to.subreaper) {
		to = to.parent
	}
	if to == nil {
		to = s.init
	}
	if q.deathSig != 0 && q.state != zombie {
		s.post(q, &proto.Siginfo{Signo: int32(q.deathSig), Code: 0, Pid: p.pid, UID: p.cred.UID})
	}
	if to == nil || to == p {
		q.parent = nil
		if q.state == zombie {
			s.reap(q)
		}
		return
	}
	q.parent = to
	to.children[q.pid] = q
	q.exitSig = uint64(syscall.SIGCHLD)
	q.orphaned = true
	s.notify(q)
	if q.state == zombie {
		s.tellParent(q)
	}
}

// tellParent sends a zombie's exit signal, or reaps it if the parent does not
// want to know.
func (s *Server) tellParent(p *process) {
	parent := p.parent
	if parent == nil || parent.state == zombie {
		return
	}
	code, status := exitCode(p.status)
	chld := p.exitSig == uint64(syscall.SIGCHLD)
	if ignores, flags := s.ofChildren(parent); chld && (ignores || flags&abi.NoChildWait != 0) {
		s.reap(p)
		if !ignores {
			s.post(parent, &proto.Siginfo{Signo: int32(p.exitSig), Code: int32(code), Pid: p.pid, UID: p.cred.UID, Status: int32(status)})
		}
		s.notify(parent)
		return
	}
	if p.exitSig != 0 {
		s.post(parent, &proto.Siginfo{Signo: int32(p.exitSig), Code: int32(code), Pid: p.pid, UID: p.cred.UID, Status: int32(status),
			UTime: ticks(p.usage.UserNS), STime: ticks(p.usage.SysNS)})
	}
	s.notify(parent)
}

// ofChildren is what the process does with SIGCHLD: whether it ignores it, and
// abi.NoChild flags. It says so in the block that it publishes, or by SignalState.
func (s *Server) ofChildren(p *process) (ignores bool, flags uint64) {
	ignored := p.ignored
	if p.block != 0 && p.blockSize >= uint64(unsafe.Sizeof(abi.ProcInfo{})) {
		const from = unsafe.Offsetof(abi.ProcInfo{}.SigIgnored)
		const to = unsafe.Offsetof(abi.ProcInfo{}.ChildFlags)
		b := make([]byte, to-from+8)
		if s.kernel.ReadMemory(p.kpid, p.block+uint64(from), b) == len(b) {
			ignored |= binary.LittleEndian.Uint64(b)
			flags = binary.LittleEndian.Uint64(b[to-from:])
		}
	}
	return ignored&sigBit(syscall.SIGCHLD) != 0, flags
}

// ticks are clock ticks (USER_HZ 100).
func ticks(ns uint64) uint64 { return ns / 10_000_000 }

// Codes of SIGCHLD.
const (
	cldExited    = 1
	cldKilled    = 2
	cldDumped    = 3
	cldStopped   = 5
	cldContinued = 6
)

// exitCode is si_code and si_status of a wait status.
func exitCode(status uint32) (code, value uint32) {
	switch {
	case status&0x7f == 0:
		return cldExited, status >> 8 & 0xff
	case status&0x80 != 0:
		return cldDumped, status & 0x7f
	}
	return cldKilled, status & 0x7f
}

// reap forgets a zombie.
func (s *Server) reap(p *process) {
	p.reaped = true
	if p.parent != nil {
		delete(p.parent.children, p.pid)
		add(&p.parent.kids, &p.usage)
		add(&p.parent.kids, &p.kids)
	}
	delete(s.byPid, p.pid)
	s.leave(p)
}

func add(to, from *proto.Rusage) {
	to.UserNS += from.UserNS
	to.SysNS += from.SysNS
	to.MaxResident = max(to.MaxResident, from.MaxResident)
	to.MinFaults += from.MinFaults
	to.MajFaults += from.MajFaults
	to.Switches += from.Switches
}
