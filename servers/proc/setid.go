package proc

import (
	"syscall"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/proto"
)

// Set-user-id exec. A process's libOS is in its hands until the kernel resets it,
// so nothing that it says counts:
//
//   - the file server, which alone knows mode, owner and content, says what the
//     process may execute as whom, with a copy of the file (Vouch);
//   - the kernel is told which credentials the process's next reset gives it
//     (NExecCred); until then it has the old ones, whatever it asks;
//   - the libOS that the reset starts is the kernel's pristine image. It is told
//     that the credentials have changed (RunExecID), and takes ids and image from
//     here, by its new badge (TakeImage), not from the parcel.
//
// An old program that resets itself with a parcel of its own making gets the image
// that was vouched for, or the end.

// vouched is an image that a process may execute with other ids. Guarded by
// Server.mu.
type vouched struct {
	proto.Vouched
	cred  *credential
	image uint64 // handle
}

// Vouch implements proto.Proc.
func (s *Server) Vouch(c *ipc.Call, v *proto.Vouched, image ipc.Given) (set uint64, st int64) {
	st = s.forServers(c, func() error {
		var info abi.ProcessInfo
		if err := s.kernel.ProcessInfo(c.BadgePid, &info); err != nil || info.Rank != abi.RankFile {
			return syscall.EPERM
		}
		p := s.byKPid[v.KPid]
		switch {
		case p == nil || p.kernel:
			return syscall.EPERM
		case v.Cred != p.cred.token:
			return syscall.EAGAIN
		}
		k := p.cred.Cred
		if v.UID != proto.KeepID {
			k.EUID = v.UID
		}
		if v.GID != proto.KeepID {
			k.EGID = v.GID
		}
		k.SUID, k.FSUID, k.SGID, k.FSGID = k.EUID, k.EUID, k.EGID, k.EGID
		s.forget(p)
		if p.noNew || k.EUID == p.cred.EUID && k.EGID == p.cred.EGID {
			return nil
		}
		w := &vouched{Vouched: *v, cred: s.creds.intern(k, p.cred.groups)}
		if err := s.kernel.SetExecCred(p.kpid, w.cred.token, true); err != nil {
			return err
		}
		w.image = image.Take()
		p.vouched = w
		set = 1
		return nil
	})
	return set, st
}

// forget takes back what has been vouched for p. If its reset has come first, the
// new libOS is refused its image, and ends. s.mu is held.
func (s *Server) forget(p *process) {
	if p.vouched == nil {
		return
	}
	s.kernel.SetExecCred(p.kpid, 0, false)
	s.kernel.Drop(p.vouched.image)
	p.vouched = nil
}

// TakeImage implements proto.Proc. The caller has the vouched credentials only if
// the kernel has reset it.
func (s *Server) TakeImage(c *ipc.Call) (v *proto.Vouched, image ipc.Grant, st int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.byKPid[c.BadgePid]
	if p == nil || p.vouched == nil {
		return nil, ipc.Grant{}, -int64(syscall.EPERM)
	}
	w := p.vouched
	var info abi.ProcessInfo
	if err := s.kernel.ProcessInfo(p.kpid, &info); err != nil || info.Cred != w.cred.token || c.BadgeCred != w.cred.token {
		return nil, ipc.Grant{}, -int64(syscall.EPERM)
	}
	p.vouched = nil
	c.DropAfter(w.image)
	s.assume(p, w.cred)
	p.secure, p.strict = true, true
	s.executed(p)
	p.dumpable = 0
	p.block, p.blockSize = 0, 0 // where the old program said
	return &w.Vouched, ipc.ReadOnly(w.image), 0
}
