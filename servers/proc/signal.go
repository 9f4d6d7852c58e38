package proc

import (
	"syscall"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/proto"
)

const (
	firstRT  = 32
	lastSig  = 64
	maxQueue = 1024 // queued real-time signals of one process (RLIMIT_SIGPENDING)
)

// sigBit is a signal's bit in a mask.
func sigBit[S ~int | ~int32 | ~uint64](s S) uint64 { return 1 << (uint64(s) - 1) }

const (
	stopMask = 1<<(19-1) | 1<<(20-1) | 1<<(21-1) | 1<<(22-1) // STOP TSTP TTIN TTOU
	contMask = 1 << (18 - 1)
)

// pending are the signals that wait to be fetched: one of each standard
// signal, real-time ones in order.
type pending struct {
	set  uint64
	info *[firstRT]proto.Siginfo // made for the first signal
	rt   []proto.Siginfo
}

func (q *pending) clear() { *q = pending{} }

// add queues a signal; false: the queue is full.
func (q *pending) add(i *proto.Siginfo) bool {
	n := i.Signo
	if n < firstRT {
		if q.info == nil {
			q.info = new([firstRT]proto.Siginfo)
		}
		if q.set&sigBit(n) == 0 {
			q.info[n] = *i
		}
	} else {
		if len(q.rt) >= maxQueue {
			return false
		}
		q.rt = append(q.rt, *i)
	}
	q.set |= sigBit(n)
	return true
}

// remove takes the signals of mask (standard ones) out.
func (q *pending) remove(mask uint64) { q.set &^= mask }

// take moves the first signals out: standard ones by number, then real-time
// ones by number in the order they came.
func (q *pending) take(to []proto.Siginfo) (n int) {
	for s := int32(1); s <= lastSig && n < len(to) && q.set != 0; s++ {
		if q.set&sigBit(s) == 0 {
			continue
		}
		if s < firstRT {
			to[n] = q.info[s]
			n++
			q.set &^= sigBit(s)
			continue
		}
		keep := q.rt[:0]
		left := false
		for _, i := range q.rt {
			if i.Signo == s && n < len(to) {
				to[n] = i
				n++
				continue
			}
			left = left || i.Signo == s
			keep = append(keep, i)
		}
		q.rt = keep
		if !left {
			q.set &^= sigBit(s)
		}
	}
	return n
}

// post delivers a signal to a process as far as this server does it: KILL,
// STOP and CONT at once through the kernel, the others when the process
// fetches them. false: its queue is full. s.mu is held.
func (s *Server) post(p *process, i *proto.Siginfo) bool {
	if p.state == zombie {
		return true
	}
	sig := syscall.Signal(i.Signo)
	if p == s.init && (sig == syscall.SIGKILL || sig == syscall.SIGSTOP) {
		return true
	}
	if p.kernel {
		if sig == syscall.SIGKILL {
			s.kernel.Kill(p.kpid, uint64(syscall.SIGKILL))
		}
		return true
	}
	switch sig {
	case syscall.SIGKILL:
		p.killed = true
		s.kernel.Kill(p.kpid, uint64(syscall.SIGKILL))
		return true
	case syscall.SIGSTOP:
		p.pending.remove(contMask)
		s.stop(p, sig)
		return true
	case syscall.SIGCONT:
		p.pending.remove(stopMask)
		s.resume(p)
	case syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
		p.pending.remove(contMask)
	}
	if !p.pending.add(i) {
		return false
	}
	s.notify(p)
	return true
}

// stop suspends p and tells its parent.
func (s *Server) stop(p *process, sig syscall.Signal) {
	if p.state != alive {
		return
	}
	if s.kernel.Suspend(p.kpid) != nil {
		return // it is dying
	}
	p.state, p.stopSig, p.toldStop, p.toldCont = stopped, uint32(sig), false, false
	s.childChanged(p, cldStopped, int32(sig))
}

// resume lets a stopped process go on.
func (s *Server) resume(p *process) {
	if p.state != stopped {
		return
	}
	p.state, p.toldCont = alive, true
	s.kernel.Resume(p.kpid)
	s.childChanged(p, cldContinued, int32(syscall.SIGCONT))
}

// childChanged tells the parent of a stop or continuation.
func (s *Server) childChanged(p *process, code, status int32) {
	if p.parent == nil {
		return
	}
	// A signal that is not wanted would keep the one of its end from coming.
	if ignores, flags := s.ofChildren(p.parent); !ignores && flags&abi.NoChildStop == 0 {
		s.post(p.parent, &proto.Siginfo{Signo: int32(syscall.SIGCHLD), Code: code, Pid: p.pid, UID: p.cred.UID, Status: status})
	}
	s.notify(p.parent)
}

// permitted: from may signal to.
func permitted(from, to *process, sig uint64) bool {
	f, t := from.cred, to.cred
	if f.EUID == 0 || f.EUID == t.SUID || f.EUID == t.UID || f.UID == t.SUID || f.UID == t.UID {
		return true
	}
	return sig == uint64(syscall.SIGCONT) && from.group.session == to.group.session
}

// Kill implements proto.Proc.
func (s *Server) Kill(c *ipc.Call, pid int64, sig uint64, info *proto.Siginfo) int64 {
	return s.known(c, func(p *process) error {
		// Only the kernel's own codes are not for senders to claim.
		if info.Code > 0 || info.Code == -6 && pid <= 0 {
			if pid != int64(p.pid) {
				return syscall.EPERM
			}
		}
		i := *info
		i.Signo, i.Pid, i.UID = int32(sig), p.pid, p.cred.UID
		var to []*process
		switch {
		case pid > 0:
			q := s.target(p, uint64(pid))
			if q == nil {
				return syscall.ESRCH
			}
			to = append(to, q)
		case pid == 0:
			for _, q := range p.group.members {
				to = append(to, q)
			}
		case pid == -1:
			for _, q := range s.byPid {
				if q != p && q != s.init && !q.kernel {
					to = append(to, q)
				}
			}
			// As Linux: that none may be sent to is no error.
			if err := s.send(p, to, sig, &i, true); err != syscall.EPERM {
				return err
			}
			return nil
		case pid < -maxPid:
			return syscall.ESRCH
		default:
			g := s.groups[uint32(-pid)]
			if g == nil {
				return syscall.ESRCH
			}
			for _, q := range g.members {
				to = append(to, q)
			}
		}
		return s.send(p, to, sig, &i, pid <= 0)
	})
}

// send posts p's signal to those that it may signal: EPERM if to none, ESRCH if
// there are none. s.mu is held.
//
// many: all of a group are meant, or all processes, and so are the children that they
// are about to have: see Fork.
func (s *Server) send(p *process, to []*process, sig uint64, i *proto.Siginfo, many bool) error {
	err := error(syscall.ESRCH)
	if len(to) > 0 && sig > lastSig {
		return syscall.EINVAL
	}
	done := false
	for _, q := range to {
		if !permitted(p, q, sig) {
			if !done {
				err = syscall.EPERM
			}
			continue
		}
		done = true
		if sig != 0 && !s.post(q, i) {
			return syscall.EAGAIN
		}
		q.swept = q.swept || many && q.pending.set != 0
	}
	if done {
		return nil
	}
	return err
}

// FetchSignals implements proto.Proc.
func (s *Server) FetchSignals(c *ipc.Call) (n uint64, more uint64, r *proto.SignalBatch, st int64) {
	st = s.known(c, func(p *process) error {
		r = new(proto.SignalBatch)
		if n = uint64(p.pending.take(r.Info[:])); n > 0 {
			p.moved = 0
			for _, i := range r.Info[:n] {
				p.moved |= sigBit(i.Signo)
			}
			p.fetched++
		}
		more = p.fetched << proto.FetchSeq
		// Also if there is more, as the caller knows: who waits for a child hears of
		// it by the same channel.
		p.notified = false
		left := p.pending.set != 0
		p.swept = p.swept && left
		if left {
			more |= proto.FetchMore
		}
		if p.limitsSet || p.orphaned || len(p.changes) != 0 {
			more |= proto.FetchSelf
		}
		return nil
	})
	return n, more, r, st
}

// Stopped implements proto.Proc.
func (s *Server) Stopped(c *ipc.Call, sig uint64) int64 {
	return s.known(c, func(p *process) error {
		if sig > lastSig || sig == 0 || sigBit(sig)&stopMask == 0 {
			return syscall.EINVAL
		}
		if p.pending.set&contMask != 0 {
			return syscall.ECANCELED
		}
		if sig != uint64(syscall.SIGSTOP) && s.orphaned(p.group) {
			return syscall.ECANCELED
		}
		s.stop(p, syscall.Signal(sig))
		return nil
	})
}

// SignalState implements proto.Proc.
func (s *Server) SignalState(c *ipc.Call, blocked uint64, ignored uint64) int64 {
	return s.known(c, func(p *process) error {
		p.blocked, p.ignored = blocked, ignored
		return nil
	})
}

// KillGroup implements proto.Proc.
func (s *Server) KillGroup(c *ipc.Call, pgid uint64, sig uint64, info *proto.Siginfo) (n uint64, st int64) {
	st = s.forServers(c, func() error {
		g := s.groups[uint32(pgid)]
		if g == nil || pgid > maxPid {
			return syscall.ESRCH
		}
		if sig == 0 || sig > lastSig {
			return syscall.EINVAL
		}
		i := *info
		i.Signo = int32(sig)
		for _, q := range g.members {
			s.post(q, &i)
			q.swept = q.swept || q.pending.set != 0
			n++
		}
		return nil
	})
	return n, st
}

// KillK implements proto.Proc.
func (s *Server) KillK(c *ipc.Call, kpid uint64, sig uint64, info *proto.Siginfo) int64 {
	return s.forServers(c, func() error {
		q := s.byKPid[kpid]
		if q == nil {
			return syscall.ESRCH
		}
		if sig == 0 || sig > lastSig {
			return syscall.EINVAL
		}
		i := *info
		i.Signo = int32(sig)
		s.post(q, &i)
		return nil
	})
}
