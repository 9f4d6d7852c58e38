package fs

// Sockets: no server offers them yet, so every family is refused, and a
// descriptor is never a socket.

// Socket is socket(2).
func Socket(domain, typ, proto uint64) int64 {
	if typ&^(0xf|oNonBlock|oCloexec) != 0 {
		return -EINVAL
	}
	return -EAFNOSUPPORT
}

// Socketpair is socketpair(2).
func Socketpair(domain, typ, proto, sv uint64) int64 { return Socket(domain, typ, proto) }

// NotSock answers the calls that take a socket.
func NotSock(fd uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	f.put()
	return -ENOTSOCK
}
