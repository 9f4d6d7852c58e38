package fs

import (
	"testing"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/loop"
	"go42/sched/user"
	"go42/servers/cred"
	"go42/servers/pipe"
	"go42/servers/sock"
)

// sockets adds a process with the pipe and socket servers to the system.
func sockets(t *testing.T) *loop.Proc {
	p := system(t)
	srv := machine.Spawn(0, abi.RankPipe)
	k := sock.New(srv, &cred.Cache{})
	pp := pipe.New(srv, &cred.Cache{})
	srv.Serve(&ipc.Server{Name: "pipe", Kernel: srv, Handle: func(c *ipc.Call) {
		if c.Object >= sock.IDBase {
			k.Handle(c)
		} else {
			pp.Handle(c)
		}
	}, Last: func(id uint64) {
		if id >= sock.IDBase {
			k.Last(id)
		} else {
			pp.Last(id)
		}
	}})
	for name, object := range map[string]uint64{"sock": sock.IDBase, "pipe": 0} {
		h := p.Put(0, srv, object)
		if st := (client.Mount{C: conn(), H: abi.HandleMount}).Register(name, client.Copy(h)); st < 0 {
			t.Fatal(st)
		}
	}
	return p
}

type vec struct{ base, n uint64 }

type hdr struct {
	name    uint64
	nameLen uint64
	iov     uint64
	iovLen  uint64
	ctl     uint64
	ctlLen  uint64
	flags   uint64
}

func must(t *testing.T, what string, got, want int64) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: %d, want %d", what, got, want)
	}
}

func TestSockets(t *testing.T) {
	p := sockets(t)
	before := p.Handles()
	sv := new([2]uint32)
	must(t, "socketpair", Socketpair(afUnix, sockStream|oNonBlock, 0, addr(sv)), 0)
	a, b := uint64(sv[0]), uint64(sv[1])
	hello := []byte("hello, world")
	buf := make([]byte, 64)
	sink = append(sink, &hello, &buf)
	must(t, "read of nothing", Read(b, addrOf(buf), 64), -EAGAIN)
	must(t, "write", Write(a, addrOf(hello), 12), 12)
	must(t, "peek", Recvfrom(b, addrOf(buf), 5, msgPeek, 0, 0), 5)
	must(t, "read", Read(b, addrOf(buf), 64), 12)
	if string(buf[:12]) != "hello, world" {
		t.Fatalf("%q", buf[:12])
	}
	// A pipe's read end travels; what was in the pipe is still there.
	fds := new([2]uint32)
	must(t, "pipe", Pipe2(addr(fds), oNonBlock), 0)
	must(t, "write", Write(uint64(fds[1]), addrOf(hello), 5), 5)
	ctl := make([]byte, 64)
	put64b(ctl, 20)
	put32b(ctl[8:], solSocket)
	put32b(ctl[12:], scmRights)
	put32b(ctl[16:], fds[0])
	iov := &vec{addrOf(hello), 3}
	h := &hdr{iov: addr(iov), iovLen: 1, ctl: addrOf(ctl), ctlLen: 24}
	must(t, "sendmsg", Sendmsg(a, addr(h), 0), 3)
	Close(uint64(fds[0]))
	in := make([]byte, 64)
	sink = append(sink, &ctl, &in)
	iov2 := &vec{addrOf(in), 64}
	h2 := &hdr{iov: addr(iov2), iovLen: 1, ctl: addrOf(ctl), ctlLen: 64}
	must(t, "recvmsg", Recvmsg(b, addr(h2), msgCmsgCloexec), 3)
	if h2.ctlLen != 24 || le64(ctl) != 20 || le32(ctl[12:]) != scmRights {
		t.Fatalf("control data: %d bytes, %v", h2.ctlLen, ctl[:32])
	}
	fd := uint64(le32(ctl[16:]))
	must(t, "cloexec", Fcntl(fd, fGetfd, 0), 1)
	must(t, "read of passed pipe", Read(fd, addrOf(in), 64), 5)
	Close(uint64(fds[1]))
	must(t, "end of file", Read(fd, addrOf(in), 64), 0)
	Close(fd)
	Close(a)
	must(t, "hangup", Read(b, addrOf(buf), 64), 0)
	must(t, "EPIPE", Sendto(b, addrOf(hello), 3, msgNosignal, 0, 0), -EPIPE)
	Close(b)

	// Names: a path, a listener, datagrams.
	name := append([]byte{1, 0}, "/tmp/sock\x00"...)
	sink = append(sink, &name)
	l := uint64(Socket(afUnix, sockStream|oNonBlock, 0))
	must(t, "bind", Bind(l, addrOf(name), uint64(len(name))), 0)
	c := uint64(Socket(afUnix, sockStream|oNonBlock, 0))
	must(t, "connect before listen", Connect(c, addrOf(name), uint64(len(name))), -ECONNREFUSED)
	must(t, "listen", Listen(l, 1), 0)
	must(t, "accept of nothing", Accept4(l, 0, 0, 0), -EAGAIN)
	must(t, "connect", Connect(c, addrOf(name), uint64(len(name))), 0)
	s := Accept4(l, 0, 0, oNonBlock)
	if s < 0 {
		t.Fatal("accept", s)
	}
	must(t, "write", Write(c, addrOf(hello), 12), 12)
	must(t, "read", Read(uint64(s), addrOf(buf), 64), 12)
	size := new(uint32)
	*size = 64
	must(t, "getpeername", Getpeername(c, addrOf(buf), addr(size)), 0)
	if *size != 12 || string(buf[2:11]) != "/tmp/sock" {
		t.Fatalf("peer %q (%d)", buf[:12], *size)
	}
	e := uint64(Socket(afUnix, sockStream, 0))
	must(t, "bind again", Bind(e, addrOf(name), uint64(len(name))), -EADDRINUSE)
	must(t, "not a socket", Listen(uint64(Eventfd2(0, 0)), 1), -ENOTSOCK)
	must(t, "shutdown", Shutdown(c, 1), 0)
	must(t, "end", Read(uint64(s), addrOf(buf), 64), 0)
	abs := append([]byte{1, 0, 0}, "dgram"...)
	sink = append(sink, &abs)
	d, f := uint64(Socket(afUnix, sockDgram|oNonBlock, 0)), uint64(Socket(afUnix, sockDgram|oNonBlock, 0))
	must(t, "bind abstract", Bind(d, addrOf(abs), uint64(len(abs))), 0)
	must(t, "send", Sendto(f, addrOf(hello), 12, 0, addrOf(abs), uint64(len(abs))), 12)
	must(t, "cut", Recvfrom(d, addrOf(buf), 4, msgTrunc, 0, 0), 12)
	must(t, "gone", Recvfrom(d, addrOf(buf), 4, 0, 0, 0), -EAGAIN)
	full := 0
	for Sendto(f, addrOf(hello), 12, 0, addrOf(abs), uint64(len(abs))) == 12 {
		full++
	}
	if full != 11 {
		t.Errorf("%d datagrams fit", full)
	}
	CloseRange(0, 0xffffffff, 0)
	if n := p.Handles(); n != before+3 { // the two services, the root of /tmp
		t.Errorf("%d handles more than before", n-before)
	}
}

// TestDatagramRoom: who waits for room at the target of its datagrams is told of it,
// though that has no peer. On the internet there is always room to send.
func TestDatagramRoom(t *testing.T) {
	p := sockets(t)
	hello := []byte("hello")
	abs := append([]byte{1, 0, 0}, "full"...)
	sink = append(sink, &hello, &abs)
	d, f := uint64(Socket(afUnix, sockDgram|oNonBlock, 0)), uint64(Socket(afUnix, sockDgram|oNonBlock, 0))
	must(t, "bind", Bind(d, addrOf(abs), uint64(len(abs))), 0)
	must(t, "connect", Connect(f, addrOf(abs), uint64(len(abs))), 0)
	for Write(f, addrOf(hello), 5) == 5 {
	}
	e := &pollfd{fd: int32(f), events: pollOut}
	must(t, "room", pollLoop(addr(e), 1, 0), 0)
	p.Notified(abi.ChanSock)
	must(t, "receive", Recvfrom(d, addrOf(hello), 5, 0, 0, 0), 5)
	if set, _ := p.Notified(abi.ChanSock); !set {
		t.Error("no notification of room")
	}
	user.Chan[chanSock].Bump()
	must(t, "room again", pollLoop(addr(e), 1, 0), 1)

	in := make([]byte, 16)
	in[0], in[3], in[4], in[7] = afInet, 99, 127, 1
	sink = append(sink, &in)
	d, f = uint64(Socket(afInet, sockDgram|oNonBlock, 0)), uint64(Socket(afInet, sockDgram|oNonBlock, 0))
	must(t, "bind", Bind(d, addrOf(in), 16), 0)
	must(t, "connect", Connect(f, addrOf(in), 16), 0)
	for range 100 {
		must(t, "send", Write(f, addrOf(hello), 5), 5)
	}
	e.fd = int32(f)
	must(t, "internet", pollLoop(addr(e), 1, 0), 1)
	CloseRange(0, 0xffffffff, 0)
}
