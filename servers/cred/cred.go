// Package cred turns credential tokens (badges) into user and group ids, by
// asking the process server once a token: a token never changes its meaning.
package cred

import (
	"encoding/binary"
	"sync"
	"syscall"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
)

// Cred is who a caller acts as.
type Cred struct {
	proto.Cred
	Groups []uint32
}

// Root is token 0's: all ids 0.
var Root = &Cred{}

// InGroup: gid is the file-system group or a supplementary one.
func (c *Cred) InGroup(gid uint32) bool {
	if c.FSGID == gid {
		return true
	}
	for _, g := range c.Groups {
		if g == gid {
			return true
		}
	}
	return false
}

// Permitted checks Linux's permission bits: want is a sum of 4 read, 2 write,
// 1 execute or search. Root may do all but execute a file that nobody may.
func (c *Cred) Permitted(mode, uid, gid, want uint32) bool {
	if c.FSUID == 0 {
		return want&1 == 0 || mode&0o111 != 0 || mode&syscall.S_IFMT == syscall.S_IFDIR
	}
	bits := mode
	switch {
	case c.FSUID == uid:
		bits >>= 6
	case c.InGroup(gid):
		bits >>= 3
	}
	return bits&7&want == want
}

// Real is c with the real ids in place of the effective ones, as access(2)
// wants it.
func (c *Cred) Real() *Cred {
	r := *c
	r.FSUID, r.FSGID = c.UID, c.GID
	return &r
}

// Cache remembers tokens. Safe for concurrent use. The zero value with Query
// set is ready.
type Cache struct {
	Query func(token uint64) (*Cred, error)
	mu    sync.Mutex
	m     map[uint64]*Cred
}

// maxCached bounds the cache; beyond it all tokens are asked for again.
const maxCached = 4096

// Get answers what token means.
func (k *Cache) Get(token uint64) (*Cred, error) {
	if token == 0 {
		return Root, nil
	}
	k.mu.Lock()
	c := k.m[token]
	k.mu.Unlock()
	if c != nil {
		return c, nil
	}
	c, err := k.Query(token)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	if k.m == nil || len(k.m) >= maxCached {
		k.m = map[uint64]*Cred{}
	}
	k.m[token] = c
	k.mu.Unlock()
	return c, nil
}

// Asker makes the query function that asks the process server.
func Asker(k ipc.Kernel) func(uint64) (*Cred, error) {
	var pool = sync.Pool{New: func() any { return k.Conn() }}
	return func(token uint64) (*Cred, error) {
		conn := pool.Get().(*client.Conn)
		defer pool.Put(conn)
		buf := make([]byte, 4*maxGroups)
		n, r, st := client.Proc{C: conn, H: abi.HandleProc}.Cred(token, client.OutBytes(buf))
		if st < 0 {
			return nil, syscall.Errno(-st)
		}
		c := &Cred{Cred: *r}
		for i := uint64(0); i < n && i < maxGroups; i++ {
			c.Groups = append(c.Groups, binary.LittleEndian.Uint32(buf[4*i:]))
		}
		return c, nil
	}
}

// maxGroups is the most supplementary groups a process can have (Linux:
// NGROUPS_MAX is 65536; this server's bound).
const maxGroups = 1024
