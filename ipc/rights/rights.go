// Package rights matches callers against what an object's policy lets them
// do, on every call. A server chooses the policy of each of its objects:
//
//   - Everyone: whoever has a handle has the object's rights;
//   - Exact: rights belong to processes; a child that inherited the handle
//     gets its own at its first use, with what its parent's handle carried;
//   - Credential: a predicate on the credential token decides at each call.
//
// That the caller has a handle at all the kernel has made sure of; a policy
// can only take away. A Set is guarded by the lock of the object it is part
// of.
package rights

import (
	"syscall"

	"go42/ipc"
)

// Rights is a set of things that may be done.
type Rights uint32

// Rights that all servers know. A server's own begin at Own.
const (
	Attach  Rights = 1 << iota // use the object at all: state, attributes
	Control                    // change its state
	Read
	Write
	Own
	All Rights = ^Rights(0)
)

// Policy says how callers are matched.
type Policy int

// Policies.
const (
	Everyone Policy = iota
	Exact
	Credential
)

// Set is an object's policy and who has what.
type Set struct {
	policy Policy
	rights Rights
	pids   map[uint64]Rights
	match  func(cred uint64) Rights
}

// ForEveryone lets every holder do r.
func ForEveryone(r Rights) Set { return Set{policy: Everyone, rights: r} }

// ForProcess lets process pid do r, and its heirs.
func ForProcess(pid uint64, r Rights) Set {
	return Set{policy: Exact, rights: r, pids: map[uint64]Rights{pid: r}}
}

// ForCredential asks match at each call what a credential may do.
func ForCredential(match func(cred uint64) Rights) Set {
	return Set{policy: Credential, match: match}
}

// Check answers nil if the caller may do need, EACCES if not.
func (s *Set) Check(c *ipc.Call, need Rights) error {
	var have Rights
	switch s.policy {
	case Everyone:
		have = s.rights
	case Exact:
		r, ok := s.pids[c.BadgePid]
		if !ok && c.Inherited() {
			// The kernel vouches that the slot came by fork from a holder.
			r = s.rights
			s.pids[c.BadgePid] = r
		}
		have = r
	case Credential:
		have = s.match(c.BadgeCred)
	}
	if need&^have != 0 {
		return syscall.EACCES
	}
	return nil
}

// Add gives process pid its own rights r (a handle was passed to it).
func (s *Set) Add(pid uint64, r Rights) {
	if s.policy == Exact {
		s.pids[pid] = r
	}
}

// Remove takes process pid's rights away.
func (s *Set) Remove(pid uint64) { delete(s.pids, pid) }
