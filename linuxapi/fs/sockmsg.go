package fs

import (
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
)

// Messages: sendto, recvfrom, sendmsg, recvmsg and their forms.

// msghdr is struct msghdr as the program has it.
type msghdr struct {
	name, nameLen uint64
	iov, iovLen   uint64
	ctl, ctlLen   uint64
}

func getMsghdr(addr uint64, m *msghdr) bool {
	var b [56]byte
	if !copyIn(b[:], addr) {
		return false
	}
	m.name, m.nameLen = le64(b[:]), uint64(le32(b[8:]))
	m.iov, m.iovLen = le64(b[16:]), le64(b[24:])
	m.ctl, m.ctlLen = le64(b[32:]), le64(b[40:])
	return true
}

// Sendto is sendto(2).
func Sendto(fd, buf, n, flags, addr, size uint64) int64 {
	f, e := getSock(fd)
	if e != 0 {
		return e
	}
	var u uio
	u.one(buf, n)
	r := f.send(&u, flags, addr, size, 0, 0)
	f.put()
	return r
}

// Sendmsg is sendmsg(2).
func Sendmsg(fd, msg, flags uint64) int64 {
	f, e := getSock(fd)
	if e != 0 {
		return e
	}
	var m msghdr
	r := int64(-EFAULT)
	if getMsghdr(msg, &m) {
		var u uio
		if r = u.vector(m.iov, m.iovLen); r == 0 {
			r = f.send(&u, flags, m.name, m.nameLen, m.ctl, m.ctlLen)
		}
	}
	f.put()
	return r
}

// cargo is what a message carries beside its bytes: descriptors on their way,
// held until the call is over.
type cargo struct {
	n    int
	file [maxPassedPerMsg]*File
}

func (c *cargo) put() {
	for _, f := range c.file[:c.n] {
		f.put()
	}
}

// passable tells whether a file can travel in a message: one that is the
// server's, or that its kind and numbers describe.
func (f *File) passable() bool {
	switch f.kind {
	case kindFile, kindDir, kindPath, kindPipe, kindTTY, kindSock, kindPidFD, kindInotify, kindNull, kindZero, kindFull, kindRandom,
		kindEvent, kindTimer:
		return true
	}
	return false
}

// load reads the control data that the program sends.
func (c *cargo) load(ctl, n uint64) int64 {
	for n >= cmsgHeader {
		size, ok1 := get64(ctl)
		level, ok2 := get32(ctl + 8)
		typ, ok3 := get32(ctl + 12)
		if !ok1 || !ok2 || !ok3 {
			return -EFAULT
		}
		if size < cmsgHeader || size > n {
			return -EINVAL
		}
		if level != solSocket {
			return -EINVAL
		}
		switch typ {
		case scmRights:
			k := (size - cmsgHeader) / 4
			if c.n+int(k) > maxPassedPerMsg {
				return -EINVAL
			}
			for i := uint64(0); i < k; i++ {
				fd, ok := get32(ctl + cmsgHeader + 4*i)
				if !ok {
					return -EFAULT
				}
				f := get(uint64(fd))
				if f == nil {
					return -EBADF
				}
				if !f.passable() {
					f.put()
					return -EINVAL
				}
				c.file[c.n] = f
				c.n++
				if e := f.prepareShared(); e != 0 {
					return e
				}
			}
		case scmCredentials:
			// The server vouches for the sender; what it says of itself is
			// not needed.
			if size < cmsgHeader+12 {
				return -EINVAL
			}
		default:
			return -EINVAL
		}
		step := (size + 7) &^ 7
		if step >= n {
			break
		}
		ctl += step
		n -= step
	}
	return 0
}

// aux describes the cargo to the other side.
func (c *cargo) aux(a *proto.SockAux) {
	a.N = uint32(c.n)
	for i, f := range c.file[:c.n] {
		a.File[i] = proto.SockFile{Kind: uint32(f.kind), Flags: f.getFlags(), Mode: f.mode, Rdev: f.rdev, Mount: f.mount}
		if f.handle != 0 {
			a.File[i].HasHandle = 1
		}
	}
}

func (c *cargo) grant(i int) abi.Grant {
	if i >= c.n {
		return abi.Grant{}
	}
	return client.Copy(c.file[i].handle)
}

// send sends u's bytes. A message that is not one piece of memory is gathered
// first; one of a stream may be sent in parts.
func (f *File) send(u *uio, flags, addr, size, ctl, ctlLen uint64) int64 {
	flags = uint64(uint32(flags))
	if flags&msgOOB != 0 {
		return -EOPNOTSUPP
	}
	var cg cargo
	if ctl != 0 && ctlLen > 0 {
		if e := cg.load(ctl, ctlLen); e != 0 {
			cg.put()
			return e
		}
	}
	b := takeBuf()
	r := f.sendTo(b, u, flags, addr, size, &cg)
	b.give()
	cg.put()
	if r == -EPIPE && flags&msgNosignal == 0 && f.sockType() == sockStream {
		raise(sigPIPE)
	}
	return r
}

func (f *File) sendTo(b *pathBuf, u *uio, flags, addr, size uint64, cg *cargo) int64 {
	name := int64(0)
	var node *File
	if addr != 0 && size != 0 {
		var family uint32
		if family, name = b.sockAddr(f, addr, size); name < 0 {
			return name
		}
		if family == afUnspec || name == 0 {
			return -EINVAL
		}
		if b.path[0] != 0 && f.rdev == sockDgram {
			var e int64
			if node, e = sockNode(b, int(name)); e != 0 {
				return e
			}
			defer node.put()
		}
	}
	if u.more > 0 && (f.sockType() != sockStream || u.total <= bounceSize) {
		// A message has to arrive in one piece.
		if u.total > bounceSize {
			return -EMSGSIZE
		}
		bb := takeBounce()
		defer bb.give()
		k := int(u.total)
		if _, bad := u.copyIn(bb.data[:k]); bad {
			return -EFAULT
		}
		g := uio{base: addrOf(bb.data[:]), len: uint64(k), total: uint64(k)}
		return f.sendLoop(b, &g, true, flags, int(name), node, cg)
	}
	return f.sendLoop(b, u, false, flags, int(name), node, cg)
}

func (f *File) sendLoop(b *pathBuf, u *uio, own bool, flags uint64, name int, node *File, cg *cargo) int64 {
	var done int64
	var until uint64
	for tries := 0; ; {
		addr, n := u.base, u.len
		if !own {
			var e int64
			if addr, n, e = piece(u, false); e != 0 {
				return partial(done, e)
			}
			if f.sockType() != sockStream && n < u.total {
				return -EMSGSIZE
			}
		}
		if n == 0 && (done > 0 || f.sockType() == sockStream) {
			return done
		}
		var s snapshot
		s.take()
		block := flags&msgDontwait == 0 && !f.nonblock()
		var wait uint64
		if block || f.watch != 0 {
			wait = proto.Wait(chanSock)
		}
		var aux proto.SockAux
		cg.aux(&aux)
		g := abi.Grant{}
		if node != nil {
			g = client.Copy(node.handle)
		}
		got, state, st := sockEnd(f).Send(str(b.path[:name]), flags, wait, &aux, proto.In{Addr: addr, Len: n}, g, cg.grant(0), cg.grant(1), cg.grant(2))
		if st == -EAGAIN {
			f.note(s.seq(chanSock), widen(uint32(state))&^(pollOut|pollWrNorm), 0)
			if !block {
				return partial(done, st)
			}
			if e := f.waitLimited(&s, state, soSndtimeo, &until); e != 0 {
				return partial(done, e)
			}
			continue
		}
		if st == -EFAULT && !own && tries < maxTries {
			tries++
			continue
		}
		if st < 0 {
			return partial(done, st)
		}
		if got > n {
			return -EIO
		}
		cg.put()
		cg.n = 0
		f.note(s.seq(chanSock), widen(uint32(state)), 0)
		u.advance(got)
		done += int64(got)
		if f.sockType() != sockStream || u.total == 0 || !block {
			return done
		}
	}
}

// Recvfrom is recvfrom(2).
func Recvfrom(fd, buf, n, flags, addr, lenAddr uint64) int64 {
	f, e := getSock(fd)
	if e != 0 {
		return e
	}
	var u uio
	u.one(buf, n)
	t := takeBuf()
	var in inbound
	r := f.recv(&u, flags, t, &in)
	if r >= 0 && addr != 0 {
		if e := in.putSender(f, addr, lenAddr, t); e != 0 {
			r = e
		}
	}
	t.give()
	in.discard()
	f.put()
	return r
}

// Recvmsg is recvmsg(2).
func Recvmsg(fd, msg, flags uint64) int64 {
	f, e := getSock(fd)
	if e != 0 {
		return e
	}
	var m msghdr
	r := int64(-EFAULT)
	if getMsghdr(msg, &m) {
		var u uio
		if r = u.vector(m.iov, m.iovLen); r == 0 {
			r = f.recvmsg(&u, msg, &m, uint64(uint32(flags)))
		}
	}
	f.put()
	return r
}

func (f *File) recvmsg(u *uio, msg uint64, m *msghdr, flags uint64) int64 {
	t := takeBuf()
	defer t.give()
	var in inbound
	r := f.recv(u, flags, t, &in)
	if r < 0 {
		in.discard()
		return r
	}
	out := uint32(flags & msgCmsgCloexec)
	if in.cut {
		out |= msgTrunc
	}
	if m.name != 0 {
		if e := in.putSender(f, m.name, msg+8, t); e != 0 {
			in.discard()
			return e
		}
	} else if !put32(msg+8, 0) {
		in.discard()
		return -EFAULT
	}
	used, trunc, e := f.control2(&in, m, flags)
	in.discard()
	if e != 0 {
		return e
	}
	if trunc {
		out |= msgCtrunc
	}
	if !put64(msg+40, used) || !put32(msg+48, out) {
		return -EFAULT
	}
	return r
}

// inbound is what came beside a message's bytes.
type inbound struct {
	aux     proto.SockAux
	file    [maxPassedPerMsg]*File // not yet in the table; nil: could not be had
	nameLen int
	cut     bool
}

// putSender writes the sender's address; one without a name has none at all.
func (in *inbound) putSender(f *File, addr, lenAddr uint64, t *pathBuf) int64 {
	if in.nameLen == 0 {
		if !put32(lenAddr, 0) {
			return -EFAULT
		}
		return 0
	}
	return putSockAddr(f, addr, lenAddr, t.redir[:in.nameLen])
}

// discard drops the files that nobody took.
func (in *inbound) discard() {
	for i, f := range in.file {
		if f != nil {
			f.put()
			in.file[i] = nil
		}
	}
	in.aux.N = 0
}

// recv receives into u; the sender's name is left in t.redir.
func (f *File) recv(u *uio, flags uint64, t *pathBuf, in *inbound) int64 {
	flags = uint64(uint32(flags))
	if flags&msgOOB != 0 {
		return -EINVAL
	}
	var done int64
	var until uint64
	for tries := 0; ; {
		addr, n, e := piece(u, true)
		if e != 0 {
			return partial(done, e)
		}
		var bb *bounce
		if f.sockType() != sockStream && n < u.total {
			// A message is received in one piece, then spread.
			bb = takeBounce()
			addr, n = addrOf(bb.data[:]), min(u.total, bounceSize)
		}
		var s snapshot
		s.take()
		block := flags&msgDontwait == 0 && !f.nonblock()
		var wait uint64
		if block || f.watch != 0 {
			wait = proto.Wait(chanSock)
		}
		grantEnter()
		got, state, full, nameLen, aux, h0, h1, h2, st := sockEnd(f).Recv(flags, wait, proto.Out{Addr: addr, Len: n}, outBytes(t.redir[:sunPathMax]))
		if st >= 0 && got <= n {
			in.aux = *aux
			in.aux.N = min(in.aux.N, maxPassedPerMsg)
			in.adopt([maxPassedPerMsg]uint64{h0, h1, h2})
			in.nameLen, in.cut = int(min(nameLen, sunPathMax)), full > got
			if bb != nil {
				if _, bad := u.copyOut(bb.data[:got]); bad {
					st = -EFAULT
				}
			} else {
				u.advance(got)
			}
		}
		grantLeave()
		f.note(s.seq(chanSock), widen(uint32(state)), 0)
		if bb != nil {
			bb.give()
		}
		if st == -EAGAIN && block && (done == 0 || flags&msgWaitall != 0) {
			if e := f.waitLimited(&s, state, soRcvtimeo, &until); e != 0 {
				return partial(done, e)
			}
			continue
		}
		if st == -EFAULT && bb == nil && tries < maxTries {
			tries++
			continue
		}
		if st < 0 {
			return partial(done, st)
		}
		done += int64(got)
		if f.sockType() == sockStream && flags&msgWaitall != 0 && flags&msgPeek == 0 && got > 0 && u.total > 0 && block && in.aux.N == 0 {
			continue
		}
		if flags&msgTrunc != 0 && f.sockType() != sockStream {
			return int64(full)
		}
		return done
	}
}

// control2 writes the control data of a received message: credentials if the
// socket has SO_PASSCRED, and the files, which get descriptors.
func (f *File) control2(in *inbound, m *msghdr, flags uint64) (used uint64, trunc bool, e int64) {
	at, room := m.ctl, m.ctlLen
	if in.aux.HasCred != 0 {
		if v, st := sockEnd(f).Option(soPasscred, 0, 0); st >= 0 && v != 0 {
			if room < cmsgHeader+12 {
				return used, true, 0
			}
			ok := put64(at, cmsgHeader+12) && put32(at+8, solSocket) && put32(at+12, scmCredentials) &&
				put32(at+16, in.aux.Pid) && put32(at+20, in.aux.UID) && put32(at+24, in.aux.GID)
			if !ok {
				return 0, false, -EFAULT
			}
			step := min(room, uint64(cmsgHeader+16))
			at, room, used = at+step, room-step, used+step
		}
	}
	if in.aux.N == 0 {
		return used, false, 0
	}
	k := uint64(0)
	for i, g := range in.file[:in.aux.N] {
		if g == nil || room < cmsgHeader+4*(k+1) {
			trunc = true
			break
		}
		in.file[i] = nil
		fd := install(g, 0, flags&msgCmsgCloexec != 0)
		if fd < 0 {
			trunc = true
			break
		}
		if !put32(at+cmsgHeader+4*k, uint32(fd)) {
			closeFd(int(fd))
			return 0, false, -EFAULT
		}
		k++
	}
	if k > 0 {
		if !put64(at, cmsgHeader+4*k) || !put32(at+8, solSocket) || !put32(at+12, scmRights) {
			return 0, false, -EFAULT
		}
		used += min(room, cmsgHeader+(4*k+7)&^7)
	}
	return used, trunc, 0
}

// adopt makes client objects of the files of a message. It runs between
// grantEnter and grantLeave.
func (in *inbound) adopt(handle [maxPassedPerMsg]uint64) {
	for i, h := range handle {
		if uint32(i) < in.aux.N {
			in.file[i] = passedFile(&in.aux.File[i], h)
		} else {
			drop(h)
		}
	}
}

// passedFile makes an object of what a sender says of a file. That is checked:
// a kind that needs a handle has one, and its channel is that of its kind.
func passedFile(d *proto.SockFile, h uint64) *File {
	k := kind(d.Kind)
	var ch uint8
	ok := h != 0
	switch k {
	case kindFile, kindDir, kindPath:
	case kindPipe, kindEvent, kindTimer:
		ch = chanPipe
	case kindTTY:
		ch = chanTTY
	case kindSock:
		ch = chanSock
	case kindPidFD:
		ch = chanProc
	case kindInotify:
		ch = chanFile
	case kindNull, kindZero, kindFull, kindRandom:
		ok = true
	default:
		ok = false
	}
	var f *File
	if ok {
		f = newFile(k, d.Flags)
	}
	if f == nil {
		drop(h)
		return nil
	}
	f.ch, f.handle, f.mode, f.rdev, f.mount = ch, h, d.Mode, d.Rdev, d.Mount
	switch k {
	case kindEvent:
		f.setName("anon_inode:[eventfd]")
	case kindTimer:
		f.setName("anon_inode:[timerfd]")
	}
	return f
}

// mmsghdr is 64 bytes: a msghdr and the length of what was sent or received.
const mmsghdrSize = 64

// Sendmmsg is sendmmsg(2).
func Sendmmsg(fd, vec, n, flags uint64) int64 {
	var done int64
	for i := uint64(0); i < min(n, iovMax); i++ {
		r := Sendmsg(fd, vec+i*mmsghdrSize, flags)
		if r < 0 {
			return partial(done, r)
		}
		if !put32(vec+i*mmsghdrSize+56, uint32(r)) {
			return partial(done, -EFAULT)
		}
		done++
	}
	return done
}

// Recvmmsg is recvmmsg(2) without a timeout.
func Recvmmsg(fd, vec, n, flags, timeout uint64) int64 {
	if timeout != 0 {
		return -ENOSYS
	}
	const waitForOne = 0x10000
	var done int64
	for i := uint64(0); i < min(n, iovMax); i++ {
		r := Recvmsg(fd, vec+i*mmsghdrSize, flags&^waitForOne)
		if r < 0 {
			return partial(done, r)
		}
		if !put32(vec+i*mmsghdrSize+56, uint32(r)) {
			return partial(done, -EFAULT)
		}
		done++
		if flags&waitForOne != 0 {
			flags |= msgDontwait
		}
	}
	return done
}
