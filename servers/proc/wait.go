package proc

import (
	"cmp"
	"slices"
	"syscall"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/proto"
)

// waitid's words.
const (
	pAll, pPid, pPGid = 0, 1, 2

	wNoHang    = 1
	wStopped   = 2
	wExited    = 4
	wContinued = 8
	wNoWait    = 0x0100_0000
	wNoThread  = 0x2000_0000
	wAll       = 0x4000_0000
	wClone     = 0x8000_0000
)

// Wait implements proto.Proc.
func (s *Server) Wait(c *ipc.Call, idtype uint64, id uint64, options uint64, wait uint64) (pid uint64, r *proto.WaitResult, st int64) {
	st = s.known(c, func(p *process) error {
		if options&^(wNoHang|wStopped|wExited|wContinued|wNoWait|wNoThread|wAll|wClone) != 0 || options&(wExited|wStopped|wContinued) == 0 {
			return syscall.EINVAL
		}
		// From here on the caller wants to hear of changes again.
		p.notified = false
		if idtype > pPGid {
			return syscall.EINVAL
		}
		if idtype == pPGid && id == 0 {
			id = uint64(p.group.id)
		}
		candidates := false
		for _, q := range byAge(p.children) {
			if idtype == pPid && uint64(q.pid) != id || idtype == pPGid && uint64(q.group.id) != id {
				continue
			}
			if options&wAll == 0 && (options&wClone != 0) != (q.exitSig != uint64(syscall.SIGCHLD)) {
				continue
			}
			candidates = true
			if r = s.change(q, options); r != nil {
				pid = uint64(q.pid)
				if q.state == zombie && options&wNoWait == 0 {
					s.reap(q)
				}
				return nil
			}
		}
		if !candidates {
			return syscall.ECHILD
		}
		return syscall.EAGAIN
	})
	return pid, r, st
}

// change is what a child has to report of what the options ask for.
func (s *Server) change(q *process, options uint64) *proto.WaitResult {
	r := &proto.WaitResult{Pid: q.pid, UID: q.cred.UID}
	switch {
	case q.state == zombie && options&wExited != 0:
		r.Code, r.Status = exitCode(q.status)
		r.Wstatus = q.status
		r.Rusage = q.usage
		add(&r.Rusage, &q.kids)
	case q.state == stopped && options&wStopped != 0 && !q.toldStop:
		r.Code, r.Status, r.Wstatus = cldStopped, q.stopSig, q.stopSig<<8|0x7f
		q.toldStop = options&wNoWait == 0
		r.Rusage = s.used(q)
	case q.state == alive && options&wContinued != 0 && q.toldCont:
		r.Code, r.Status, r.Wstatus = cldContinued, uint32(syscall.SIGCONT), 0xffff
		q.toldCont = options&wNoWait != 0
		r.Rusage = s.used(q)
	default:
		return nil
	}
	return r
}

// used is what a child that lives, and those that it has waited for, have used.
func (s *Server) used(q *process) (u proto.Rusage) {
	var i abi.ProcessInfo
	if s.kernel.ProcessInfo(q.kpid, &i) == nil {
		u = proto.Rusage{UserNS: i.UserNS, SysNS: i.SysNS, MaxResident: i.MaxResident, MinFaults: i.MinFaults, MajFaults: i.MajFaults, Switches: i.Switches}
	}
	add(&u, &q.kids)
	return u
}

// byAge is the children, eldest first.
func byAge(m map[uint32]*process) []*process {
	qs := make([]*process, 0, len(m))
	for _, q := range m {
		qs = append(qs, q)
	}
	slices.SortFunc(qs, func(a, b *process) int { return cmp.Compare(a.kpid, b.kpid) })
	return qs
}
