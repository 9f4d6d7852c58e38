package ppc

import (
	"go42/ipc/abi"
	"go42/ipc/handle"
	"go42/mm/spin"
	"go42/sched"
)

// Every grant of a server's object that some slot names is in a hash table by
// server and object, where NRevoke finds it. The hash is keyed, so that a
// server cannot choose ids that fall together.

const listBits = 14

// bucket has a lock of its own: servers do not meet here but by chance.
type bucket struct {
	lock spin.Lock
	head *handle.Grant
}

var (
	lists   [1 << listBits]bucket
	listKey uint64
)

// SetHashKey makes key, a random number, part of the hash. Start-up only,
// before the first grant.
func SetHashKey(key uint64) {
	listKey = key
	for i := range lists {
		lists[i].lock.Init(spin.Grants)
	}
}

func listOf(server, object uint64) *bucket {
	x := (server ^ listKey) * 0x9e3779b97f4a7c15
	x = (x ^ x>>32 ^ object) * 0xd6e8feb86659fd93
	x = (x ^ x>>32 ^ listKey) * 0xd6e8feb86659fd93
	return &lists[x>>(64-listBits)]
}

func list(g *handle.Grant) {
	at := listOf(g.Server, g.Object)
	at.lock.Acquire()
	g.HashPrev, g.HashNext = nil, at.head
	if at.head != nil {
		at.head.HashPrev = g
	}
	at.head = g
	at.lock.Release()
}

// unlist takes g out, if it is in: a revoked one is not.
func unlist(g *handle.Grant) {
	at := listOf(g.Server, g.Object)
	at.lock.Acquire()
	if !g.IsRevoked() {
		at.remove(g)
	}
	at.lock.Release()
}

// remove takes g out. The lock is held.
func (at *bucket) remove(g *handle.Grant) {
	if g.HashPrev != nil {
		g.HashPrev.HashNext = g.HashNext
	} else {
		at.head = g.HashNext
	}
	if g.HashNext != nil {
		g.HashNext.HashPrev = g.HashPrev
	}
	g.HashNext, g.HashPrev = nil, nil
}

// Revoke is NRevoke by p: no slot, in whatever process or message, names its
// object any more, and no last will come for it. At most 64 grants go at a
// call; EAGAIN: call again.
func Revoke(p *sched.Process, object uint64) int64 {
	if p.Role&abi.RoleServer == 0 {
		return -abi.EPERM
	}
	n := 0
	at := listOf(p.KPid, object)
	at.lock.Acquire()
	for g := at.head; g != nil; {
		next := g.HashNext
		if g.Server == p.KPid && g.Object == object {
			if n == 64 {
				at.lock.Release()
				return -abi.EAGAIN
			}
			n++
			at.remove(g)
			g.Revoke()
		}
		g = next
	}
	at.lock.Release()
	return 0
}
