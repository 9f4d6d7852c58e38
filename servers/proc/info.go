package proc

import (
	"encoding/binary"
	"fmt"
	"sort"
	"syscall"
	"unsafe"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/proto"
)

const (
	rlimitNProc = 6
	rlimitNice  = 13
	infinity    = ^uint64(0)
)

// defaultLimits are init's.
var defaultLimits = [16][2]uint64{
	{infinity, infinity}, // CPU
	{infinity, infinity}, // FSIZE
	{infinity, infinity}, // DATA
	{8 << 20, infinity},  // STACK
	{0, infinity},        // CORE
	{infinity, infinity}, // RSS
	{4096, 4096},         // NPROC
	{1024, 4096},         // NOFILE
	{8 << 20, 8 << 20},   // MEMLOCK
	{infinity, infinity}, // AS
	{infinity, infinity}, // LOCKS
	{maxQueue, maxQueue}, // SIGPENDING
	{819200, 819200},     // MSGQUEUE
	{0, 0},               // NICE
	{0, 0},               // RTPRIO
	{infinity, infinity}, // RTTIME
}

// record describes p. s.mu is held.
func (s *Server) record(p *process) *proto.ProcRecord {
	k := p.cred
	r := &proto.ProcRecord{
		KPid: p.kpid, Cred: k.token, Pid: p.pid, PGid: p.group.id, Sid: p.group.session.id,
		UID: k.UID, EUID: k.EUID, SUID: k.SUID, FSUID: k.FSUID, GID: k.GID, EGID: k.EGID, SGID: k.SGID, FSGID: k.FSGID,
		NGroups: uint32(len(k.groups)), State: uint32(p.state), TTY: uint32(p.group.session.tty), Share: uint32(p.share),
		ExitStatus: p.status, StartNS: p.start, Block: p.block, BlockSize: p.blockSize,
		Blocked: p.blocked, Ignored: p.ignored, Pending: p.pending.set, Moved: p.moved, Fetched: p.fetched, Comm: p.comm,
	}
	if p.parent != nil {
		r.PPid, r.KParent = p.parent.pid, p.parent.kpid
	}
	if p.executed {
		r.Flags |= proto.ProcExecked
	}
	if p.subreaper {
		r.Flags |= proto.ProcSubreaper
	}
	if p.secure {
		r.Flags |= proto.ProcSecure
	}
	if p.dumpable != 1 {
		r.Flags |= proto.ProcPrivate
	}
	if p.noNew {
		r.Flags |= proto.ProcNoNew
	}
	if p.kernel {
		r.Flags |= proto.ProcKernel
	}
	return r
}

// Self implements proto.Proc.
func (s *Server) Self(c *ipc.Call) (r *proto.ProcRecord, st int64) {
	st = s.known(c, func(p *process) error {
		r = s.record(p)
		if p.limitsSet {
			p.limitsSet = false
			r.Flags |= proto.ProcLimits
		}
		p.orphaned = false
		if len(p.changes) != 0 {
			r.Flags |= proto.ProcChanges
		}
		return nil
	})
	return r, st
}

// Info implements proto.Proc.
func (s *Server) Info(c *ipc.Call, pid uint64) (r *proto.ProcRecord, st int64) {
	st = s.known(c, func(p *process) error {
		q := s.target(p, pid)
		if q == nil {
			return syscall.ESRCH
		}
		r = s.record(q)
		return nil
	})
	return r, st
}

// InfoK implements proto.Proc.
func (s *Server) InfoK(c *ipc.Call, kpid uint64) (r *proto.ProcRecord, st int64) {
	st = s.forServers(c, func() error {
		q := s.byKPid[kpid]
		if q == nil {
			q = s.boot(kpid)
		}
		if q == nil {
			return syscall.ESRCH
		}
		r = s.record(q)
		s.published(q, r)
		return nil
	})
	return r, st
}

// published adds the signals that p says it blocks and ignores in the block
// that it publishes. A process that lies there only does to itself what it
// could do by really ignoring them.
func (s *Server) published(p *process, r *proto.ProcRecord) {
	const at, size = unsafe.Offsetof(abi.ProcInfo{}.SigBlocked), 16
	if p.block == 0 || p.blockSize < uint64(unsafe.Sizeof(abi.ProcInfo{})) || p.state == zombie {
		return
	}
	b := make([]byte, size)
	if s.kernel.ReadMemory(p.kpid, p.block+uint64(at), b) == size {
		r.Blocked |= binary.LittleEndian.Uint64(b)
		r.Ignored |= binary.LittleEndian.Uint64(b[8:])
	}
}

// List implements proto.Proc.
func (s *Server) List(c *ipc.Call, after uint64, out ipc.Out) (uint64, int64) {
	s.mu.Lock()
	var pids []uint32
	for pid := range s.byPid {
		if uint64(pid) > after {
			pids = append(pids, pid)
		}
	}
	s.mu.Unlock()
	sort.Slice(pids, func(i, j int) bool { return pids[i] < pids[j] })
	if n := int(out.Len() / 4); len(pids) > n {
		pids = pids[:n]
	}
	var b []byte
	for _, p := range pids {
		b = binary.LittleEndian.AppendUint32(b, p)
	}
	return uint64(len(pids)), out.Put(b)
}

// Publish implements proto.Proc.
func (s *Server) Publish(c *ipc.Call, addr uint64, size uint64) int64 {
	return s.known(c, func(p *process) error {
		p.block, p.blockSize = addr, size
		return nil
	})
}

// Prctl implements proto.Proc.
func (s *Server) Prctl(c *ipc.Call, op uint64, arg uint64) (res uint64, st int64) {
	st = s.known(c, func(p *process) error {
		switch op {
		case proto.PrctlSetSubreaper:
			p.subreaper = arg != 0
		case proto.PrctlGetSubreaper:
			if p.subreaper {
				res = 1
			}
		case proto.PrctlSetPdeathsig:
			if arg > lastSig {
				return syscall.EINVAL
			}
			p.deathSig = arg
		case proto.PrctlGetPdeathsig:
			res = p.deathSig
		case proto.PrctlSetDumpable:
			if arg > 1 {
				return syscall.EINVAL
			}
			p.dumpable = arg
		case proto.PrctlSetNoNew:
			p.noNew = true
			s.forget(p)
		case proto.PrctlGetDumpable:
			res = p.dumpable
		default:
			return syscall.EINVAL
		}
		return nil
	})
	return res, st
}

// mayManage: p may look after q's limits.
func mayManage(p, q *process) bool {
	return p == q || p.cred.EUID == 0 || p.cred.EUID == q.cred.UID && p.cred.EUID == q.cred.SUID
}

// Rlimit implements proto.Proc.
func (s *Server) Rlimit(c *ipc.Call, pid uint64, which uint64, set uint64, cur uint64, max uint64) (oldcur uint64, oldmax uint64, st int64) {
	st = s.known(c, func(p *process) error {
		q := s.target(p, pid)
		if q == nil {
			return syscall.ESRCH
		}
		if which >= uint64(len(q.limits)) {
			return syscall.EINVAL
		}
		if !mayManage(p, q) {
			return syscall.EPERM
		}
		l := &q.limits[which]
		oldcur, oldmax = l[0], l[1]
		if set == 0 {
			return nil
		}
		if cur > max {
			return syscall.EINVAL
		}
		if max > l[1] && p.cred.EUID != 0 {
			return syscall.EPERM
		}
		l[0], l[1] = cur, max
		if q != p {
			q.limitsSet = true
			s.notify(q)
		}
		return nil
	})
	return oldcur, oldmax, st
}

// Rusage implements proto.Proc.
func (s *Server) Rusage(c *ipc.Call, who uint64) (r *proto.Rusage, st int64) {
	st = s.known(c, func(p *process) error {
		switch who {
		case 0:
			var i abi.ProcessInfo
			if err := s.kernel.ProcessInfo(p.kpid, &i); err != nil {
				return err
			}
			r = &proto.Rusage{UserNS: i.UserNS, SysNS: i.SysNS, MaxResident: i.MaxResident, MinFaults: i.MinFaults, MajFaults: i.MajFaults, Switches: i.Switches}
		case 1:
			u := p.kids
			r = &u
		default:
			return syscall.EINVAL
		}
		return nil
	})
	return r, st
}

// CPUTime implements proto.Proc.
func (s *Server) CPUTime(c *ipc.Call, pid uint64) (ns uint64, st int64) {
	st = s.known(c, func(p *process) error {
		q := s.target(p, pid)
		if q == nil {
			return syscall.ESRCH
		}
		if q.state == zombie {
			ns = q.usage.UserNS + q.usage.SysNS
			return nil
		}
		var i abi.ProcessInfo
		err := s.kernel.ProcessInfo(q.kpid, &i)
		ns = i.UserNS + i.SysNS
		return err
	})
	return ns, st
}

// Name implements proto.Proc.
func (s *Server) Name(c *ipc.Call, which uint64, out ipc.Out) (uint64, int64) {
	s.mu.Lock()
	n := s.host
	if which == proto.NameDomain {
		n = s.domain
	}
	s.mu.Unlock()
	return uint64(len(n)), out.Put([]byte(n))
}

// SetName implements proto.Proc.
func (s *Server) SetName(c *ipc.Call, which uint64, name string) int64 {
	return s.known(c, func(p *process) error {
		if p.cred.EUID != 0 {
			return syscall.EPERM
		}
		if len(name) > 64 {
			return syscall.EINVAL
		}
		switch which {
		case proto.NameHost:
			s.host = name
		case proto.NameDomain:
			s.domain = name
		default:
			return syscall.EINVAL
		}
		return nil
	})
}

// resultLine is the host tool's line for a wait status.
func resultLine(status uint32) string {
	if sig := status & 0x7f; sig != 0 {
		return fmt.Sprintf("signal %d", sig)
	}
	return fmt.Sprintf("exit %d", status>>8&0xff)
}

// Report implements proto.Proc.
func (s *Server) Report(c *ipc.Call, line string) int64 {
	return s.known(c, func(p *process) error {
		if p.cred.EUID != 0 {
			return syscall.EPERM
		}
		for _, b := range []byte(line) {
			if b < ' ' {
				return syscall.EINVAL
			}
		}
		var kind string
		fmt.Sscan(line, &kind)
		if kind == "exit" || kind == "signal" {
			s.reported = true
		}
		s.kernel.Status(line)
		return nil
	})
}

// Power implements proto.Proc.
func (s *Server) Power(c *ipc.Call, op uint64, status uint64) int64 {
	return s.known(c, func(p *process) error {
		if p.cred.EUID != 0 {
			return syscall.EPERM
		}
		if op != abi.PowerOff && op != abi.PowerReboot {
			return syscall.EINVAL
		}
		if !s.reported && op == abi.PowerOff {
			s.reported = true
			s.kernel.Status(fmt.Sprintf("exit %d", status&0xff))
		}
		return s.kernel.Power(op, status)
	})
}

// Serve implements proto.Proc.
func (s *Server) Serve(c *ipc.Call) int64 {
	return s.known(c, func(p *process) error {
		if p.cred.EUID != 0 {
			return syscall.EPERM
		}
		return s.kernel.SetRole(p.kpid)
	})
}

// SetTime implements proto.Proc.
func (s *Server) SetTime(c *ipc.Call, offset int64) int64 {
	return s.known(c, func(p *process) error {
		if p.cred.EUID != 0 {
			return syscall.EPERM
		}
		return s.kernel.SetWall(offset)
	})
}

// Resources implements proto.Proc.
func (s *Server) Resources(c *ipc.Call) (made uint64, alive uint64, lastPid uint64, st int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made, uint64(len(s.byKPid)), uint64(s.lastPid), 0
}
