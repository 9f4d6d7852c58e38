// Package client is the calling side of package proto: generated stubs
// (stubs.go) that marshal into a message and unmarshal the reply in place. It
// is freestanding: no allocation, no locks; the libOS compiles it.
//
// A stub is a value of two words, made where it is needed:
//
//	n, r, obj, st := client.FileSystem{C: conn, H: dir}.Open(path, flags, mode, redir)
//
// Pointers to result structs point into the Conn's reply and hold until its
// next call. With a failed call (st < 0) integers and handles that the server
// did not set are zero.
package client

import (
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/proto"
)

// Conn is one caller's message page: a thread uses one at a time. The zero
// value with Do set is ready.
type Conn struct {
	M abi.Message
	R abi.ReturnMessage
	// Do makes the call and waits for the reply in r. It returns 0, or
	// -errno if the call could not be made (or the thread must stop waiting).
	Do func(c *Conn, handle uint64, method uint32) int64
	// Fetch and Store copy the caller's memory to and from the message; false:
	// they could not. nil: nothing travels so.
	Fetch func(dst []byte, addr uint64) bool
	Store func(addr uint64, src []byte) bool
}

// nearIn puts the method's only range into the message if it may be there.
func (c *Conn) nearIn(r proto.In) {
	m := &c.M
	if !r.Near || c.Fetch == nil || r.Len == 0 || r.Len > uint64(abi.MaxData-m.Len) {
		return
	}
	if c.Fetch(m.Data[m.Len:m.Len+uint32(r.Len)], r.Addr) {
		m.Ranges[0].Flags |= abi.RangeInline
		m.Len += uint32(r.Len)
	}
}

// nearOut lets the method's only range come back in the reply.
func (c *Conn) nearOut(r proto.Out) {
	if r.Near && c.Store != nil && r.Len <= abi.MaxData {
		c.M.Ranges[0].Flags |= abi.RangeInline
	}
}

// take stores what came back so. st is the call's status, and the answer if all
// is well.
func (c *Conn) take(r proto.Out, st int64) int64 {
	n := min(uint64(c.R.Len), r.Len)
	if st < 0 || n == 0 || c.M.Ranges[0].Flags&abi.RangeInline == 0 || c.Store(r.Addr, c.R.Data[:n]) {
		return st
	}
	return -14 // EFAULT
}

// call sends M and returns the status; a reply that did not come reads as
// zeros.
func (c *Conn) call(h uint64, method uint32) int64 {
	if e := c.Do(c, h, method); e != 0 {
		c.R.Args = [abi.MaxArgs]uint64{}
		c.R.Handles = [abi.MaxGrants]uint64{}
		c.R.NGrants = 0
		c.R.Len = 0
		return e
	}
	for i := c.R.NGrants; i < abi.MaxGrants; i++ {
		c.R.Handles[i] = 0
	}
	return c.R.Status
}

// spilled is the length of a string that travels as a range.
const spilled = 0xffff

// putString appends s to the message; one that does not fit inline becomes a
// range. The generator has made sure that a range is left for each string.
func putString(m *abi.Message, s string) {
	d := m.Len
	// Each string yet to come needs its two length bytes at least.
	if int(d)+2+len(s) <= abi.MaxData-2*abi.MaxRanges {
		m.Data[d] = byte(len(s))
		m.Data[d+1] = byte(len(s) >> 8)
		copy(m.Data[d+2:], s)
		m.Len = d + 2 + uint32(len(s))
		return
	}
	m.Data[d] = spilled & 0xff
	m.Data[d+1] = spilled >> 8
	m.Len = d + 2
	m.Ranges[m.NRanges] = abi.Range{Addr: uint64(uintptr(unsafe.Pointer(unsafe.StringData(s)))), Len: uint64(len(s)), Flags: abi.RangeIn}
	m.NRanges++
}

// InBytes and OutBytes name a buffer of the caller's as a range. The buffer
// must stay where it is until the call has returned: in an ordinary Go program they make it
// escape to the heap, since goroutine stacks move; in the libOS stacks do not.
func InBytes(b []byte) proto.In {
	escape(b)
	return proto.In{Addr: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), Len: uint64(len(b)), Near: true}
}

// OutBytes: see InBytes.
func OutBytes(b []byte) proto.Out {
	escape(b)
	return proto.Out{Addr: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), Len: uint64(len(b)), Near: true}
}

// Copy gives a copy of the caller's own handle h with a call; h 0: nothing.
func Copy(h uint64) abi.Grant {
	if h == 0 {
		return abi.Grant{}
	}
	return abi.Grant{Kind: abi.GrantCopy, Value: h}
}

// ReadOnly is Copy for an FCM that is not to be written through the copy.
func ReadOnly(h uint64) abi.Grant {
	if h == 0 {
		return abi.Grant{}
	}
	return abi.Grant{Kind: abi.GrantRead, Value: h}
}

// Object gives a handle on object id of the calling server's own.
func Object(id uint64) abi.Grant { return abi.Grant{Kind: abi.GrantObject, Value: id} }
