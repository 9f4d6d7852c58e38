package ipc

import (
	"syscall"

	"go42/ipc/abi"
)

// Badge is the kernel's word on who calls.
type Badge struct {
	Pid  uint64 // kernel process id, never reused
	Cred uint64 // credential token (the process server knows what it means)
}

// Call is one incoming call with the reply that it gets. It belongs to the
// goroutine that serves it until the handler returns.
type Call struct {
	abi.CallMessage
	Reply  abi.Message
	Status int64 // of the reply: >= 0, or -errno

	// Local is the server's own, kept from call to call: what a handler needs
	// anew each time and drops when it returns.
	Local any

	k     Kernel
	taken [abi.MaxGrants]bool // Handles that the server keeps
	after []uint64            // slots to empty when the reply has gone
	soff  uintptr             // where the next string argument starts in Data
	srng  int                 // the next string that travels as a range
}

// Badge is the caller.
func (c *Call) Badge() Badge { return Badge{c.BadgePid, c.BadgeCred} }

// Inherited: the caller's handle came by fork.
func (c *Call) Inherited() bool { return c.Flags&abi.CallInherited != 0 }

// Kernel is what the call came through.
func (c *Call) Kernel() Kernel { return c.k }

// Errno is -errno as a status; nil is 0.
func Errno(err error) int64 {
	switch e := err.(type) {
	case nil:
		return 0
	case syscall.Errno:
		return -int64(e)
	}
	return -int64(syscall.EIO)
}

// In is a range that the caller lets the server copy from.
type In struct {
	c    *Call
	idx  int
	n    uint64
	near bool // it lies at the end of the call's Data
}

// Out is a range that the caller lets the server copy to.
type Out struct {
	c    *Call
	idx  int
	n    uint64
	near bool // it goes with the reply's Data
}

// In is the call's i-th range as source.
func (c *Call) In(i int) In {
	n := c.rangeLen(i)
	return In{c, i, n, c.near(i) && n <= uint64(c.Len) && c.Len <= abi.MaxData}
}

// Out is the call's i-th range as destination.
func (c *Call) Out(i int) Out {
	n := c.rangeLen(i)
	return Out{c, i, n, c.near(i) && n <= abi.MaxData}
}

// near: range i travels in the message. A client that says so of a method whose
// reply holds something else spoils its own reply.
func (c *Call) near(i int) bool { return i == 0 && c.Flags&abi.CallInline != 0 }

func (c *Call) rangeLen(i int) uint64 {
	if uint32(i) >= c.NRanges {
		return 0
	}
	return c.RangeLen[i]
}

// Len is the length of the range in bytes.
func (r In) Len() uint64 { return r.n }

// Len is the length of the range in bytes.
func (r Out) Len() uint64 { return r.n }

// CopyIn fills dst from offset off of the range. It returns the number of
// bytes copied; fewer than asked only with EFAULT (memory that the caller
// does not have, a range too short) or ESRCH (the caller is dead).
func (r In) CopyIn(dst []byte, off uint64) (int, error) {
	if r.near {
		b := r.c.Data[uint64(r.c.Len)-r.n : r.c.Len]
		n := copy(dst, b[min(off, r.n):])
		if n < len(dst) {
			return n, syscall.EFAULT
		}
		return n, nil
	}
	return copyLoop(dst, off, r.n, func(p []byte, off uint64) (int, error) {
		return r.c.k.CopyFrom(r.c.Record, r.idx, off, p)
	})
}

// CopyOut writes src at offset off of the range. Returns as CopyIn does.
func (r Out) CopyOut(src []byte, off uint64) (int, error) {
	if r.near {
		m := &r.c.Reply
		off = min(off, r.n)
		if uint64(m.Len) < off {
			clear(m.Data[m.Len:off]) // not what another call has left there
		}
		n := copy(m.Data[off:r.n], src)
		m.Len = max(m.Len, uint32(off)+uint32(n))
		if n < len(src) {
			return n, syscall.EFAULT
		}
		return n, nil
	}
	return copyLoop(src, off, r.n, func(p []byte, off uint64) (int, error) {
		return r.c.k.CopyTo(r.c.Record, r.idx, off, p)
	})
}

// Put writes all of b at the start of the range: 0, or -errno (ERANGE: the
// range is too small, nothing was written).
func (r Out) Put(b []byte) int64 {
	if uint64(len(b)) > r.n {
		return -int64(syscall.ERANGE)
	}
	if _, err := r.CopyOut(b, 0); err != nil {
		return Errno(err)
	}
	return 0
}

// copyLoop goes on after short copies (a page that was not in memory): only a
// copy that makes no progress is an end.
func copyLoop(p []byte, off, limit uint64, step func([]byte, uint64) (int, error)) (int, error) {
	done := 0
	for done < len(p) {
		if off+uint64(done) >= limit {
			return done, syscall.EFAULT
		}
		q := p[done:]
		if left := limit - off - uint64(done); uint64(len(q)) > left {
			q = q[:left]
		}
		n, err := step(q, off+uint64(done))
		if err != nil {
			return done, err
		}
		if n <= 0 {
			return done, syscall.EFAULT
		}
		done += n
	}
	return done, nil
}

// Given is a handle that came with a call. It is dropped after the call
// unless the server takes it.
type Given struct {
	c *Call
	i int
}

// Given is the call's i-th handle.
func (c *Call) Given(i int) Given { return Given{c, i} }

// Handle is the server's slot, 0 if none was given; valid during the call.
func (g Given) Handle() uint64 {
	if g.c == nil {
		return 0
	}
	return g.c.Handles[g.i]
}

// Take keeps the handle beyond the call: the server drops it in the end.
func (g Given) Take() uint64 {
	if g.c == nil {
		return 0
	}
	g.c.taken[g.i] = true
	return g.c.Handles[g.i]
}

// Object is the id of the server's own object that the handle names. EBADF:
// no handle; EXDEV: an object of another server.
func (g Given) Object() (uint64, error) {
	h := g.Handle()
	if h == 0 {
		return 0, syscall.EBADF
	}
	info, err := g.c.k.HandleInfo(h)
	if err != nil {
		return 0, err
	}
	if info.Mine == 0 {
		return 0, syscall.EXDEV
	}
	return info.Object, nil
}

// Grant is a handle that goes with a reply. The zero Grant is none.
type Grant struct{ kind, value uint64 }

// Object grants a handle on the server's own object id.
func Object(id uint64) Grant { return Grant{abi.GrantObject, id} }

// CopyOf grants a copy of the server's own handle h (0: none).
func CopyOf(h uint64) Grant {
	if h == 0 {
		return Grant{}
	}
	return Grant{abi.GrantCopy, h}
}

// ReadOnly grants a handle on the FCM that the server's own handle h names,
// through which it can be mapped but not written (0: none).
func ReadOnly(h uint64) Grant {
	if h == 0 {
		return Grant{}
	}
	return Grant{abi.GrantRead, h}
}

// Grant puts g into place i of the reply.
func (c *Call) Grant(i int, g Grant) {
	c.Reply.Grants[i] = abi.Grant{Kind: g.kind, Value: g.value}
	if g.kind != abi.GrantNone && c.Reply.NGrants < uint32(i+1) {
		c.Reply.NGrants = uint32(i + 1)
	}
}

// StructArg checks that Data holds a struct of n bytes.
func (c *Call) StructArg(n uintptr) bool {
	if uintptr(c.Len) < n || c.Len > abi.MaxData {
		c.Status = -int64(syscall.EINVAL)
		return false
	}
	return true
}

// StringsAt says where in Data the strings begin, and which range takes the
// first that did not fit.
func (c *Call) StringsAt(off uintptr, ranges int) { c.soff, c.srng = off, ranges }

// MaxString is the longest string argument, in bytes.
const MaxString = 4096

// StringArg takes the next string argument; false: the call is malformed and
// its status says so. An invalid message can come from any caller.
func (c *Call) StringArg() (string, bool) {
	n := uintptr(c.Len)
	if n > abi.MaxData || c.soff+2 > n {
		c.Status = -int64(syscall.EINVAL)
		return "", false
	}
	l := uintptr(c.Data[c.soff]) | uintptr(c.Data[c.soff+1])<<8
	c.soff += 2
	if l != spilled {
		if c.soff+l > n {
			c.Status = -int64(syscall.EINVAL)
			return "", false
		}
		s := string(c.Data[c.soff : c.soff+l])
		c.soff += l
		return s, true
	}
	r := c.In(c.srng)
	c.srng++
	if c.srng > abi.MaxRanges || r.n > MaxString {
		c.Status = -int64(syscall.ENAMETOOLONG)
		return "", false
	}
	b := make([]byte, r.n)
	if _, err := r.CopyIn(b, 0); err != nil {
		c.Status = Errno(err)
		return "", false
	}
	return string(b), true
}

// spilled is the inline length of a string that travels as a range.
const spilled = 0xffff

// DropAfter empties the server's slot h once the reply has been sent: for a
// handle that this reply grants a copy of.
func (c *Call) DropAfter(h uint64) {
	if h != 0 {
		c.after = append(c.after, h)
	}
}

// AfterReply does what was left for after the reply. The receive loop's.
func (c *Call) AfterReply(k Kernel) {
	if len(c.after) > 0 {
		k.Drop(c.after...)
		c.after = c.after[:0]
	}
}
