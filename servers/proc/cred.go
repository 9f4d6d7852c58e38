package proc

import (
	"encoding/binary"
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
)

// credential is one set of ids; immutable, named by its token for ever.
type credential struct {
	proto.Cred
	token  uint64
	groups []uint32
}

// credTable interns credentials, so that tokens are few.
type credTable struct {
	byToken []*credential
	byKey   map[string]*credential
	root    *credential
}

func (t *credTable) init() {
	t.byKey = map[string]*credential{}
	t.root = t.intern(proto.Cred{}, nil)
}

func (t *credTable) intern(ids proto.Cred, groups []uint32) *credential {
	ids.Token, ids.NGroups = 0, uint32(len(groups))
	key := make([]byte, 0, 32+4*len(groups))
	for _, n := range []uint32{ids.UID, ids.EUID, ids.SUID, ids.FSUID, ids.GID, ids.EGID, ids.SGID, ids.FSGID} {
		key = binary.LittleEndian.AppendUint32(key, n)
	}
	for _, g := range groups {
		key = binary.LittleEndian.AppendUint32(key, g)
	}
	if c := t.byKey[string(key)]; c != nil {
		return c
	}
	c := &credential{Cred: ids, token: uint64(len(t.byToken)), groups: groups}
	c.Token = c.token
	t.byToken = append(t.byToken, c)
	t.byKey[string(key)] = c
	return c
}

// setCred gives p other credentials. s.mu is held.
func (s *Server) setCred(p *process, ids proto.Cred, groups []uint32) error {
	c := s.creds.intern(ids, groups)
	if c == p.cred {
		return nil
	}
	s.forget(p) // it was vouched for with the old ids
	if err := s.kernel.SetCred(p.kpid, c.token); err != nil {
		return err
	}
	if was := p.cred; was.EUID != c.EUID || was.EGID != c.EGID || was.FSUID != c.FSUID || was.FSGID != c.FSGID {
		p.deathSig, p.dumpable = 0, 0
	}
	s.assume(p, c)
	return nil
}

// assume makes c p's credentials. s.mu is held.
func (s *Server) assume(p *process, c *credential) {
	s.users[p.cred.UID]--
	if s.users[p.cred.UID] == 0 {
		delete(s.users, p.cred.UID)
	}
	s.users[c.UID]++
	p.cred = c
}

// setIDs is what setuid, setreuid, setresuid and setfsuid (and the group
// forms) do to one kind of ids. priv: the caller acts as root.
func setIDs(op uint64, a, b, c uint32, r, e, s, f uint32, priv bool) (nr, ne, ns, nf uint32, err error) {
	const keep = proto.KeepID
	one := func(id uint32) bool { return id == keep || priv || id == r || id == e || id == s }
	switch op {
	case proto.SetIDPlain:
		if a == keep {
			return r, e, s, f, syscall.EINVAL
		}
		if priv {
			return a, a, a, a, nil
		}
		if a != r && a != s {
			return r, e, s, f, syscall.EPERM
		}
		return r, a, s, a, nil
	case proto.SetIDRE:
		if a != keep && !priv && a != r && a != e || b != keep && !priv && b != r && b != e && b != s {
			return r, e, s, f, syscall.EPERM
		}
		nr, ne, ns = r, e, s
		if a != keep {
			nr = a
		}
		if b != keep {
			ne = b
		}
		if a != keep || b != keep && b != r {
			ns = ne
		}
		return nr, ne, ns, ne, nil
	case proto.SetIDRES:
		if !one(a) || !one(b) || !one(c) {
			return r, e, s, f, syscall.EPERM
		}
		nr, ne, ns = r, e, s
		if a != keep {
			nr = a
		}
		if b != keep {
			ne = b
		}
		if c != keep {
			ns = c
		}
		return nr, ne, ns, ne, nil
	case proto.SetIDFS:
		// setfsuid does not fail: it leaves things as they are.
		if a != keep && (priv || a == r || a == e || a == s || a == f) {
			f = a
		}
		return r, e, s, f, nil
	}
	return r, e, s, f, syscall.EINVAL
}

// SetUID implements proto.Proc.
func (s *Server) SetUID(c *ipc.Call, op uint64, a uint64, b uint64, d uint64) (r *proto.ProcRecord, st int64) {
	st = s.known(c, func(p *process) error {
		k := p.cred.Cred
		var err error
		k.UID, k.EUID, k.SUID, k.FSUID, err = setIDs(op, uint32(a), uint32(b), uint32(d), k.UID, k.EUID, k.SUID, k.FSUID, k.EUID == 0)
		if err == nil {
			err = s.setCred(p, k, p.cred.groups)
		}
		r = s.record(p)
		return err
	})
	return r, st
}

// SetGID implements proto.Proc.
func (s *Server) SetGID(c *ipc.Call, op uint64, a uint64, b uint64, d uint64) (r *proto.ProcRecord, st int64) {
	st = s.known(c, func(p *process) error {
		k := p.cred.Cred
		var err error
		k.GID, k.EGID, k.SGID, k.FSGID, err = setIDs(op, uint32(a), uint32(b), uint32(d), k.GID, k.EGID, k.SGID, k.FSGID, k.EUID == 0)
		if err == nil {
			err = s.setCred(p, k, p.cred.groups)
		}
		r = s.record(p)
		return err
	})
	return r, st
}

// maxGroups bounds supplementary groups.
const maxGroups = 1024

// SetGroups implements proto.Proc.
func (s *Server) SetGroups(c *ipc.Call, in ipc.In) int64 {
	if in.Len()%4 != 0 || in.Len() > 4*maxGroups {
		return -int64(syscall.EINVAL)
	}
	b := make([]byte, in.Len())
	if _, err := in.CopyIn(b, 0); err != nil {
		return ipc.Errno(err)
	}
	var groups []uint32
	for i := 0; i < len(b); i += 4 {
		groups = append(groups, binary.LittleEndian.Uint32(b[i:]))
	}
	return s.known(c, func(p *process) error {
		if p.cred.EUID != 0 {
			return syscall.EPERM
		}
		return s.setCred(p, p.cred.Cred, groups)
	})
}

// putGroups writes groups as an array of uint32, as many as fit.
func putGroups(out ipc.Out, groups []uint32) int64 {
	var b []byte
	for _, g := range groups {
		b = binary.LittleEndian.AppendUint32(b, g)
	}
	if uint64(len(b)) > out.Len() {
		return -int64(syscall.EINVAL)
	}
	return out.Put(b)
}

// Groups implements proto.Proc. An empty range only asks for the number.
func (s *Server) Groups(c *ipc.Call, out ipc.Out) (n uint64, st int64) {
	var groups []uint32
	st = s.known(c, func(p *process) error { groups = p.cred.groups; return nil })
	if st == 0 && out.Len() > 0 {
		st = putGroups(out, groups)
	}
	return uint64(len(groups)), st
}

// Cred implements proto.Proc.
func (s *Server) Cred(c *ipc.Call, token uint64, out ipc.Out) (n uint64, r *proto.Cred, st int64) {
	s.mu.Lock()
	if token >= uint64(len(s.creds.byToken)) {
		s.mu.Unlock()
		return 0, nil, -int64(syscall.ESRCH)
	}
	k := s.creds.byToken[token]
	s.mu.Unlock()
	if out.Len() > 0 {
		st = putGroups(out, k.groups)
	}
	return uint64(len(k.groups)), &k.Cred, st
}
