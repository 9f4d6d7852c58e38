package sock

import (
	"math"
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
)

const (
	msgPeek    = 0x2
	msgTrunc   = 0x20
	msgWaitall = 0x100
)

// Read implements proto.File.
func (o *sock) Read(c *ipc.Call, off int64, wait uint64, buf ipc.Out) (uint64, uint64, int64) {
	if off != proto.OwnOffset {
		return 0, 0, -int64(syscall.ESPIPE)
	}
	n, state, _, _, _, _, st := o.recv(c, 0, wait, buf)
	return n, state, st
}

// Write implements proto.File.
func (o *sock) Write(c *ipc.Call, off int64, wait uint64, limit uint64, buf ipc.In) (uint64, uint64, int64) {
	if off != proto.OwnOffset {
		return 0, 0, -int64(syscall.ESPIPE)
	}
	return o.send(c, "", wait, nil, buf, ipc.Given{}, nil)
}

// Send implements proto.SockEnd.
func (o *sock) Send(c *ipc.Call, name string, flags uint64, wait uint64, aux *proto.SockAux, buf ipc.In, node, h0, h1, h2 ipc.Given) (uint64, uint64, int64) {
	given := [proto.SockFiles]ipc.Given{h0, h1, h2}
	var files []passed
	if aux.N > proto.SockFiles {
		return 0, 0, -int64(syscall.EINVAL)
	}
	for i := range given[:aux.N] {
		if aux.File[i].HasHandle != 0 && given[i].Handle() == 0 {
			return 0, 0, -int64(syscall.EBADF)
		}
		files = append(files, passed{file: aux.File[i]})
	}
	return o.send(c, name, wait, files, buf, node, given[:])
}

// send queues a message at the peer, or at the socket that name says.
func (o *sock) send(c *ipc.Call, name string, wait uint64, files []passed, buf ipc.In, node ipc.Given, given []ipc.Given) (uint64, uint64, int64) {
	s := o.s
	if buf.Len() > 16<<20 {
		return 0, 0, -int64(syscall.EMSGSIZE)
	}
	var key string
	if name != "" {
		var err error
		if o.fam != 0 {
			key, err = o.target(name)
		} else {
			key, err = s.key(name, node)
		}
		if err != nil {
			return 0, 0, ipc.Errno(err)
		}
	}
	if o.fam != 0 && len(files) > 0 {
		return 0, 0, -int64(syscall.EINVAL)
	}
	from, _, err := s.caller(c)
	if err != nil {
		return 0, 0, ipc.Errno(err)
	}
	// Copied in before the lock is taken; nothing is committed by it.
	n := buf.Len()
	if o.typ == syscall.SOCK_STREAM {
		n = min(n, defaultBuf)
	} else if n > defaultBuf {
		return 0, 0, -int64(syscall.EMSGSIZE)
	}
	data := make([]byte, n)
	if n > 0 {
		if _, err := buf.CopyIn(data, 0); err != nil {
			return 0, 0, ipc.Errno(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := o.peer
	if o.fam != 0 && o.typ == syscall.SOCK_DGRAM {
		return o.sendInet(key, data)
	}
	if o.typ == syscall.SOCK_DGRAM {
		if name != "" {
			if t = s.names[key]; t == nil || t.closed {
				return 0, o.state(), -int64(syscall.ECONNREFUSED)
			}
			if t.typ != syscall.SOCK_DGRAM {
				return 0, o.state(), -int64(syscall.EPROTOTYPE)
			}
		}
		switch {
		case t == nil:
			return 0, o.state(), -int64(syscall.ENOTCONN)
		case o.shutW:
			return 0, o.state(), -int64(syscall.EPIPE)
		case t.closed:
			o.peer, o.connected = nil, false
			return 0, o.state(), -int64(syscall.ECONNREFUSED)
		case t.shutR:
			return 0, o.state(), -int64(syscall.EPIPE)
		case t.peer != nil && t.peer != o && t.connected:
			return 0, o.state(), -int64(syscall.EPERM)
		}
	} else {
		switch {
		case name != "" && o.connected:
			return 0, o.state(), -int64(syscall.EISCONN)
		case name != "":
			return 0, o.state(), -int64(syscall.EOPNOTSUPP)
		case !o.connected:
			return 0, o.state(), -int64(syscall.ENOTCONN)
		case o.reset && (o.fam != 0 || o.typ == syscall.SOCK_SEQPACKET):
			o.reset = false
			return 0, o.state(), -int64(syscall.ECONNRESET)
		case o.shutW || o.hungUp || t == nil || t.shutR:
			return 0, o.state(), -int64(syscall.EPIPE)
		}
	}
	if !t.room() {
		t.waiters.Arm(c.BadgePid, wait, math.MaxUint64)
		o.waiters.Arm(c.BadgePid, wait, math.MaxUint64)
		return 0, o.again(soSndtimeo), -int64(syscall.EAGAIN)
	}
	if o.typ == syscall.SOCK_STREAM {
		if n == 0 {
			return 0, o.state(), 0
		}
		data = data[:min(len(data), defaultBuf-t.bytes)]
	}
	for i := range files {
		if files[i].file.HasHandle != 0 {
			files[i].handle = given[i].Take()
		}
	}
	m := &message{data: data, files: files, from: from, name: o.name}
	t.queue = append(t.queue, m)
	t.bytes += len(data)
	t.edge(proto.PollIn)
	return uint64(len(data)), o.state(), 0
}

// Recv implements proto.SockEnd.
func (o *sock) Recv(c *ipc.Call, flags uint64, wait uint64, buf ipc.Out, name ipc.Out) (uint64, uint64, uint64, uint64, *proto.SockAux, ipc.Grant, ipc.Grant, ipc.Grant, int64) {
	n, state, full, from, files, sender, st := o.recv(c, flags, wait, buf)
	aux := &proto.SockAux{}
	var g [proto.SockFiles]ipc.Grant
	var nameLen uint64
	if st == 0 {
		if sender != nil && o.fam == 0 {
			aux.HasCred, aux.Pid, aux.UID, aux.GID = 1, sender.pid, sender.uid, sender.gid
		}
		for i, f := range files {
			aux.File[i] = f.file
			aux.N++
			if f.handle != 0 {
				g[i] = ipc.CopyOf(f.handle)
				if flags&msgPeek == 0 {
					c.DropAfter(f.handle)
				}
			}
		}
		if name.Len() >= uint64(len(from)) && from != "" {
			if name.Put([]byte(from)) == 0 {
				nameLen = uint64(len(from))
			}
		}
	}
	return n, state, full, nameLen, aux, g[0], g[1], g[2], st
}

// recv takes from the queue. A stream read goes on over messages of one sender
// until one that carries files.
func (o *sock) recv(c *ipc.Call, flags, wait uint64, buf ipc.Out) (size, state, full uint64, name string, files []passed, from *who, st int64) {
	s := o.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.listening || o.typ != syscall.SOCK_DGRAM && !o.connected {
		st = -int64(syscall.EINVAL)
		if o.typ == syscall.SOCK_SEQPACKET || o.fam != 0 && !o.listening {
			st = -int64(syscall.ENOTCONN)
		}
		return 0, o.state(), 0, "", nil, nil, st
	}
	// Of messages an error is told before what came ahead of it, of a stream after.
	if len(o.queue) == 0 || o.typ == syscall.SOCK_SEQPACKET && o.reset {
		switch {
		case o.refused:
			o.refused = false
			return 0, o.state(), 0, "", nil, nil, -int64(syscall.ECONNREFUSED)
		case o.reset:
			o.reset = false
			return 0, o.state(), 0, "", nil, nil, -int64(syscall.ECONNRESET)
		case o.shutR || o.hungUp:
			return 0, o.state(), 0, "", nil, nil, 0
		}
		o.waiters.Arm(c.BadgePid, wait, math.MaxUint64)
		return 0, o.again(soRcvtimeo), 0, "", nil, nil, -int64(syscall.EAGAIN)
	}
	peek := flags&msgPeek != 0
	first := o.queue[0]
	from, name = &first.from, first.name
	if o.typ != syscall.SOCK_STREAM {
		full = uint64(len(first.data))
		n := min(full, buf.Len())
		if n > 0 {
			if _, err := buf.CopyOut(first.data[:n], 0); err != nil {
				return 0, o.state(), 0, "", nil, nil, ipc.Errno(err)
			}
		}
		files = first.files
		if !peek {
			o.take(len(first.data))
		}
		return n, o.state(), full, name, files, from, 0
	}
	at := 0
	wasFull := !o.room()
	for size < buf.Len() && at < len(o.queue) {
		m := o.queue[at]
		if size > 0 && (m.from != *from || len(m.files) > 0) {
			break
		}
		n := min(uint64(len(m.data)), buf.Len()-size)
		k, err := buf.CopyOut(m.data[:n], size)
		size += uint64(k)
		if len(m.files) > 0 && k > 0 {
			files = m.files
		}
		if !peek && k > 0 {
			m.files = nil
			if k == len(m.data) {
				o.take(k)
			} else {
				m.data = m.data[k:]
				o.bytes -= k
			}
		} else if peek {
			at++
		}
		if err != nil {
			if size == 0 {
				return 0, o.state(), 0, "", nil, nil, ipc.Errno(err)
			}
			break
		}
		if len(files) > 0 || uint64(k) < n {
			break
		}
	}
	if !peek {
		o.wakeSender(wasFull)
	}
	return size, o.state(), size, name, files, from, 0
}

// take removes the first message, of which n bytes count. s.mu is held.
func (o *sock) take(n int) {
	full := !o.room()
	o.queue[0] = nil
	o.queue = o.queue[1:]
	o.bytes -= n
	// A local sender hears of each message that is gone, once most are.
	o.wakeSender(full || o.fam == 0 && 4*o.bytes <= defaultBuf)
}

// wakeSender: there is room again; edge: which is news. s.mu is held.
func (o *sock) wakeSender(edge bool) {
	o.waiters.Wake(o.s.kernel, proto.PollOut) // who has tried to send to o
	switch p := o.peer; {
	case p == nil:
	case edge:
		p.edge(proto.PollOut)
	default:
		p.waiters.Wake(o.s.kernel, proto.PollOut)
	}
}
