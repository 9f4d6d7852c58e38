package fs

import (
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
)

// Sockets over the socket server: local ones (AF_UNIX), and AF_INET and AF_INET6
// within this machine. Other families are refused. File.rdev of a socket is its
// type, plus 256 times the family of an internet one.

const (
	afUnspec = 0
	afUnix   = 1
	afInet   = 2
	afInet6  = 10

	ipprotoIP   = 0
	ipprotoTCP  = 6
	ipprotoUDP  = 17
	ipprotoIPv6 = 41

	sockStream    = 1
	sockDgram     = 2
	sockRaw       = 3
	sockSeqpacket = 5

	msgOOB          = 0x1
	msgPeek         = 0x2
	msgCtrunc       = 0x8
	msgTrunc        = 0x20
	msgDontwait     = 0x40
	msgEOR          = 0x80
	msgWaitall      = 0x100
	msgNosignal     = 0x4000
	msgCmsgCloexec  = 0x40000000
	solSocket       = 1
	scmRights       = 1
	scmCredentials  = 2
	sunPathMax      = 108
	soPasscred      = 16
	soPeercred      = 17
	soLinger        = 13
	soRcvtimeo      = 20
	soSndtimeo      = 21
	soError         = 4
	soType          = 3
	soReuseport     = 15
	soMark          = 36
	cmsgHeader      = 16 // sizeof(struct cmsghdr)
	maxControl      = 512
	maxPassedPerMsg = proto.SockFiles
)

// sockType is SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.
func (f *File) sockType() uint64 { return f.rdev & 0xff }

// family is AF_INET, AF_INET6 or AF_UNIX.
func (f *File) family() uint64 {
	if n := f.rdev >> 8; n != 0 {
		return n
	}
	return afUnix
}

func sockEnd(f *File) client.SockEnd { return client.SockEnd{C: conn(), H: f.handle} }

// newSock makes the client object of a socket.
func newSock(h, typ, flags, ino uint64) *File {
	f := newFile(kindSock, oRdWr|uint32(flags&oNonBlock))
	if f == nil {
		drop(h)
		return nil
	}
	f.ch, f.handle, f.mode, f.rdev = chanSock, h, sIFSOCK|0o777, typ
	f.setNumberedName("socket:[", ino)
	return f
}

func checkSocket(domain, typ, protocol uint64) (uint64, int64) {
	if typ&^(0xf|oNonBlock|oCloexec) != 0 {
		return 0, -EINVAL
	}
	p := uint32(protocol)
	switch d := uint64(uint32(domain)); d {
	case afUnix:
	case afInet, afInet6:
		switch k := typ & 0xf; {
		case k == sockStream && (p == 0 || p == ipprotoTCP), k == sockDgram && (p == 0 || p == ipprotoUDP):
			return k | d<<8, 0
		case k == sockStream || k == sockDgram:
			return 0, -EPROTONOSUPPORT
		case k == sockRaw:
			return 0, -EPERM
		}
		return 0, -ESOCKTNOSUPPORT
	default:
		return 0, -EAFNOSUPPORT
	}
	if p != 0 && p != afUnix {
		return 0, -EPROTONOSUPPORT
	}
	switch k := typ & 0xf; k {
	case sockStream, sockDgram, sockSeqpacket:
		return k, 0
	case sockRaw:
		return sockDgram, 0
	}
	return 0, -ESOCKTNOSUPPORT
}

// sockService is the server's root object.
func sockService() (client.Sock, int64) {
	h, e := service(svcSock)
	if e == -ENODEV {
		e = -EAFNOSUPPORT
	}
	return client.Sock{C: conn(), H: h}, e
}

// Socket is socket(2).
func Socket(domain, typ, protocol uint64) int64 {
	kind, e := checkSocket(domain, typ, protocol)
	if e != 0 {
		return e
	}
	srv, e := sockService()
	if e != 0 {
		return e
	}
	grantEnter()
	ino, h, st := srv.Socket(kind, typ&oNonBlock)
	if st < 0 {
		grantLeave()
		return st
	}
	f := newSock(h, kind, typ, ino)
	grantLeave()
	if f == nil {
		return -ENFILE
	}
	return install(f, 0, typ&oCloexec != 0)
}

// Socketpair is socketpair(2).
func Socketpair(domain, typ, protocol, sv uint64) int64 {
	kind, e := checkSocket(domain, typ, protocol)
	if e != 0 {
		return e
	}
	srv, e := sockService()
	if e != 0 {
		return e
	}
	grantEnter()
	ino, a, b, st := srv.Pair(kind, typ&oNonBlock)
	if st < 0 {
		grantLeave()
		return st
	}
	f, g := newSock(a, kind, typ, ino), newSock(b, kind, typ, ino+1)
	grantLeave()
	if f == nil || g == nil {
		putBoth(f, g)
		return -ENFILE
	}
	return installPair(f, g, sv, typ&oCloexec != 0)
}

// installPair gives f and g descriptors and stores them at addr.
func installPair(f, g *File, addr uint64, cloexec bool) int64 {
	a := install(f, 0, cloexec)
	if a < 0 {
		g.put()
		return a
	}
	b := install(g, 0, cloexec)
	if b < 0 {
		closeFd(int(a))
		return b
	}
	if !put32(addr, uint32(a)) || !put32(addr+4, uint32(b)) {
		closeFd(int(a))
		closeFd(int(b))
		return -EFAULT
	}
	return 0
}

// getSock returns the socket at fd with a reference.
func getSock(fd uint64) (*File, int64) {
	f := getIO(fd)
	if f == nil {
		return nil, -EBADF
	}
	if f.kind != kindSock {
		f.put()
		return nil, -ENOTSOCK
	}
	return f, 0
}

// sockAddr reads a struct sockaddr for f into b.path: n is the length of the
// name in it (proto.SockEnd), -errno on an error. family is f's or AF_UNSPEC.
func (b *pathBuf) sockAddr(f *File, addr, size uint64) (family uint32, n int64) {
	size = uint64(uint32(size))
	if f.family() != afUnix {
		return b.inetAddr(f, addr, size)
	}
	if size < 2 || size > sunPathMax+2 {
		return 0, -EINVAL
	}
	if !copyIn(b.path[:size], addr) {
		return 0, -EFAULT
	}
	family = uint32(b.path[0]) | uint32(b.path[1])<<8
	if family != afUnix && family != afUnspec {
		return family, -EAFNOSUPPORT
	}
	n = int64(copy(b.path[:], b.path[2:size]))
	// A path ends at its first zero byte; an abstract name begins with one.
	if n > 0 && b.path[0] != 0 {
		for i := int64(0); i < n; i++ {
			if b.path[i] == 0 {
				n = i
				break
			}
		}
	}
	return family, n
}

// inetAddr is sockAddr for struct sockaddr_in and sockaddr_in6.
func (b *pathBuf) inetAddr(f *File, addr, size uint64) (family uint32, n int64) {
	if size < 2 || size > 128 {
		return 0, -EINVAL
	}
	if !copyIn(b.redir[:size], addr) {
		return 0, -EFAULT
	}
	family = uint32(b.redir[0]) | uint32(b.redir[1])<<8
	if family == afUnspec {
		return family, 0
	}
	if uint64(family) != f.family() {
		return family, -EAFNOSUPPORT
	}
	at, k := uint64(4), uint64(4)
	if family == afInet6 {
		at, k = 8, 16
	}
	if size < at+k {
		return family, -EINVAL
	}
	copy(b.path[:2], b.redir[2:4])
	copy(b.path[2:2+k], b.redir[at:at+k])
	return family, int64(2 + k)
}

// putInetAddr is putSockAddr for the internet families.
func putInetAddr(f *File, addr, lenAddr uint64, name []byte) int64 {
	room, ok := get32(lenAddr)
	if !ok {
		return -EFAULT
	}
	if int32(room) < 0 {
		return -EINVAL
	}
	full, at := uint32(16), 4
	if f.family() == afInet6 {
		full, at = 28, 8
	}
	var t [28]byte
	t[0] = byte(f.family())
	if len(name) > 2 {
		copy(t[2:4], name)
		copy(t[at:], name[2:])
	}
	if !copyOut(addr, t[:min(room, full)]) || !put32(lenAddr, full) {
		return -EFAULT
	}
	return 0
}

// putSockAddr writes the address whose name is name to addr, cut to the size
// at lenAddr, and stores the full size there.
func putSockAddr(f *File, addr, lenAddr uint64, name []byte) int64 {
	if addr == 0 {
		return 0
	}
	if f.family() != afUnix {
		return putInetAddr(f, addr, lenAddr, name)
	}
	room, ok := get32(lenAddr)
	if !ok {
		return -EFAULT
	}
	if int32(room) < 0 {
		return -EINVAL
	}
	full := uint32(2)
	var t [sunPathMax + 3]byte
	t[0] = afUnix
	if len(name) > 0 {
		full += uint32(copy(t[2:2+sunPathMax], name))
		if name[0] != 0 {
			full++
		}
	}
	if !copyOut(addr, t[:min(room, full)]) || !put32(lenAddr, full) {
		return -EFAULT
	}
	return 0
}

// node resolves the path b.path[:n] to its inode's handle. need: the permission
// to ask for. The object has one reference.
func sockNode(b *pathBuf, n int) (*File, int64) {
	c := takeBuf()
	var w walk
	if e := w.start(c, fdcwd, copy(c.path[:], b.path[:n]), false); e != 0 {
		return nil, e
	}
	f, e := w.open(oPath, 0)
	w.end()
	if e == 0 && f.mode&sIFMT != sIFSOCK {
		f.put()
		e = -ECONNREFUSED
	}
	if e != 0 {
		return nil, e
	}
	_, st := client.FileSystem{C: conn(), H: f.handle}.Access("", 2, proto.AtEaccess, proto.Out{})
	if st == -EACCES {
		f.put()
		return nil, st
	}
	return f, 0
}

// Bind is bind(2).
func Bind(fd, addr, size uint64) int64 {
	f, e := getSock(fd)
	if e != 0 {
		return e
	}
	b := takeBuf()
	family, n := b.sockAddr(f, addr, size)
	if n >= 0 && family == afUnspec {
		n = -EINVAL
		if f.family() != afUnix {
			n = -EAFNOSUPPORT
		}
	}
	r := n
	switch {
	case n < 0:
	case n == 0 || b.path[0] == 0 || f.family() != afUnix:
		r = sockEnd(f).Bind(str(b.path[:n]), abi.Grant{})
	default:
		r = bindPath(f, b, int(n))
	}
	b.give()
	f.put()
	return r
}

func bindPath(f *File, b *pathBuf, n int) int64 {
	e := makeNode(b, n)
	if e != 0 {
		if e == -EEXIST {
			e = -EADDRINUSE
		}
		return e
	}
	node, e := sockNode(b, n)
	if e != 0 {
		return e
	}
	r := sockEnd(f).Bind(str(b.path[:n]), client.Copy(node.handle))
	node.put()
	return r
}

// makeNode makes a socket's inode at b.path[:n].
func makeNode(b *pathBuf, n int) int64 {
	c := takeBuf()
	var w walk
	if e := w.start(c, fdcwd, copy(c.path[:], b.path[:n]), false); e != 0 {
		return e
	}
	for {
		if w.fd >= 0 {
			return w.fail(-EEXIST)
		}
		k, st := client.FileSystem{C: conn(), H: w.dir}.Mknod(w.rest(), sIFSOCK|0o777&^uint64(umask), 0, w.redir())
		if w.again(st, k) || w.magicNow() {
			continue
		}
		return w.fail(st)
	}
}

// Listen is listen(2).
func Listen(fd, backlog uint64) int64 {
	f, e := getSock(fd)
	if e != 0 {
		return e
	}
	r := sockEnd(f).Listen(uint64(uint32(backlog)))
	f.put()
	return r
}

// Connect is connect(2).
func Connect(fd, addr, size uint64) int64 {
	f, e := getSock(fd)
	if e != 0 {
		return e
	}
	b := takeBuf()
	family, n := b.sockAddr(f, addr, size)
	r := n
	switch {
	case n < 0:
	case family == afUnspec:
		r = sockEnd(f).Connect("", 0, abi.Grant{})
	case n == 0:
		r = -EINVAL
	default:
		r = f.connect(b, int(n))
	}
	b.give()
	f.put()
	return r
}

func (f *File) connect(b *pathBuf, n int) int64 {
	var node *File
	if b.path[0] != 0 && f.family() == afUnix {
		var e int64
		if node, e = sockNode(b, n); e != 0 {
			return e
		}
		defer node.put()
	}
	var until uint64
	for {
		var s snapshot
		s.take()
		var wait uint64
		if !f.nonblock() {
			wait = proto.Wait(chanSock)
		}
		g := abi.Grant{}
		if node != nil {
			g = client.Copy(node.handle)
		}
		st := sockEnd(f).Connect(str(b.path[:n]), wait, g)
		if st != -EAGAIN || wait == 0 {
			return st
		}
		if e := f.waitLimited(&s, proto.Timed, soSndtimeo, &until); e != 0 {
			return e
		}
	}
}

// Accept is accept(2).
func Accept(fd, addr, lenAddr uint64) int64 { return Accept4(fd, addr, lenAddr, 0) }

// Accept4 is accept4(2).
func Accept4(fd, addr, lenAddr, flags uint64) int64 {
	if flags&^(oNonBlock|oCloexec) != 0 {
		return -EINVAL
	}
	f, e := getSock(fd)
	if e != 0 {
		return e
	}
	var g *File
	if e = noRoom(); e == 0 { // else the connection stays for the next call
		g, e = f.accept(flags)
	}
	f.put()
	if e != 0 {
		return e
	}
	if addr != 0 {
		if e := peerName(g, 1, addr, lenAddr); e != 0 && e != -ENOTCONN {
			g.put()
			return e
		}
	}
	return install(g, 0, flags&oCloexec != 0)
}

func (f *File) accept(flags uint64) (*File, int64) {
	var until uint64
	for {
		var s snapshot
		s.take()
		block := !f.nonblock()
		var wait uint64
		if block || f.watch != 0 {
			wait = proto.Wait(chanSock)
		}
		grantEnter()
		ino, h, st := sockEnd(f).Accept(flags&oNonBlock, wait)
		var g *File
		if st >= 0 {
			g = newSock(h, f.rdev, flags, ino)
		}
		grantLeave()
		if st == -EAGAIN && block {
			if e := f.waitLimited(&s, proto.Timed, soRcvtimeo, &until); e != 0 {
				return nil, e
			}
			continue
		}
		if st < 0 {
			return nil, st
		}
		if g == nil {
			return nil, -ENFILE
		}
		return g, 0
	}
}

// peerName writes f's own (peer 0) or its peer's address.
func peerName(f *File, peer, addr, lenAddr uint64) int64 {
	b := takeBuf()
	n, st := sockEnd(f).Name(peer, outBytes(b.path[:sunPathMax]))
	if st >= 0 {
		st = putSockAddr(f, addr, lenAddr, b.path[:min(n, sunPathMax)])
	}
	b.give()
	return st
}

// Getsockname is getsockname(2).
func Getsockname(fd, addr, lenAddr uint64) int64 { return sockName(fd, 0, addr, lenAddr) }

// Getpeername is getpeername(2).
func Getpeername(fd, addr, lenAddr uint64) int64 { return sockName(fd, 1, addr, lenAddr) }

func sockName(fd, peer, addr, lenAddr uint64) int64 {
	f, e := getSock(fd)
	if e != 0 {
		return e
	}
	r := peerName(f, peer, addr, lenAddr)
	f.put()
	return r
}

// Shutdown is shutdown(2).
func Shutdown(fd, how uint64) int64 {
	f, e := getSock(fd)
	if e != 0 {
		return e
	}
	r := sockEnd(f).Shutdown(uint64(uint32(how)))
	f.put()
	return r
}

// Setsockopt is setsockopt(2).
func Setsockopt(fd, level, opt, val, size uint64) int64 {
	f, e := getSock(fd)
	if e != 0 {
		return e
	}
	r := setsockopt(f, level, opt, val, size)
	f.put()
	return r
}

// sockOption is how the server knows an option: its number, and its level times
// 65536. What there is besides SOL_SOCKET only keeps its value: between
// processes of one machine no segment is delayed, lost or probed for.
func sockOption(f *File, level, opt uint64) (uint64, int64) {
	opt = uint64(uint32(opt))
	if opt > 0xffff {
		return 0, -ENOPROTOOPT
	}
	level = uint64(uint32(level))
	if level == solSocket {
		return opt, 0
	}
	if f.family() == afUnix {
		return 0, -EOPNOTSUPP
	}
	ok := false
	switch level {
	case ipprotoTCP:
		if f.sockType() == sockStream {
			switch opt {
			case 1, 3, 4, 5, 6, 12, 18: // NODELAY, CORK, KEEPIDLE, KEEPINTVL, KEEPCNT, QUICKACK, USER_TIMEOUT
				ok = true
			}
		}
	case ipprotoIP:
		ok = opt == 1 || opt == 2 // TOS, TTL
	case ipprotoIPv6:
		ok = f.family() == afInet6 && (opt == 26 || opt == 16 || opt == 67) // V6ONLY, UNICAST_HOPS, TCLASS
	}
	if !ok {
		return 0, -ENOPROTOOPT
	}
	return level<<16 | opt, 0
}

func setsockopt(f *File, level, opt, val, size uint64) int64 {
	opt, e := sockOption(f, level, opt)
	if e != 0 {
		return e
	}
	switch opt {
	case soRcvtimeo, soSndtimeo:
		return setTimeLimit(f, opt, val, size)
	case soPeercred, soMark:
		return -ENOPROTOOPT
	}
	if int32(size) < 4 {
		return -EINVAL
	}
	v, ok := get32(val)
	if !ok {
		return -EFAULT
	}
	value := uint64(v)
	if opt == soLinger { // struct linger: on or off, and the seconds
		if int32(size) < 8 {
			return -EINVAL
		}
		if value, ok = get64(val); !ok {
			return -EFAULT
		}
	}
	_, st := sockEnd(f).Option(opt, 1, value)
	return st
}

// Getsockopt is getsockopt(2).
func Getsockopt(fd, level, opt, val, sizeAddr uint64) int64 {
	f, e := getSock(fd)
	if e != 0 {
		return e
	}
	r := getsockopt(f, level, opt, val, sizeAddr)
	f.put()
	return r
}

func getsockopt(f *File, level, opt, val, sizeAddr uint64) int64 {
	opt, e := sockOption(f, level, opt)
	if e != 0 {
		return e
	}
	room, ok := get32(sizeAddr)
	if !ok {
		return -EFAULT
	}
	if int32(room) < 0 {
		return -EINVAL
	}
	var b [16]byte
	n := uint32(4)
	switch opt {
	case soPeercred:
		pid, uid, gid, st := sockEnd(f).PeerCred()
		if st < 0 {
			return st
		}
		put32b(b[:], uint32(pid))
		put32b(b[4:], uint32(uid))
		put32b(b[8:], uint32(gid))
		n = 12
	case soRcvtimeo, soSndtimeo: // struct timeval
		us, st := sockEnd(f).Option(opt, 0, 0)
		if st < 0 {
			return st
		}
		put64b(b[:], us/1e6)
		put64b(b[8:], us%1e6)
		n = 16
	default:
		v, st := sockEnd(f).Option(opt, 0, 0)
		if st < 0 {
			return st
		}
		put32b(b[:], uint32(v))
		if opt == soLinger {
			put32b(b[4:], uint32(v>>32))
			n = 8
		}
	}
	n = min(n, room)
	if !copyOut(val, b[:n]) || !put32(sizeAddr, n) {
		return -EFAULT
	}
	return 0
}
