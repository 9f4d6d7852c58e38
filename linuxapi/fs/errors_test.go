package fs

import (
	"testing"

	"go42/ipc/proto"
	"go42/linuxapi/proc"
)

// limitFiles makes n RLIMIT_NOFILE for the test; the answer sets it anew.
func limitFiles(t *testing.T, n uint64) (set func(n uint64)) {
	was := proc.Limits[rlimitNoFile][0]
	t.Cleanup(func() { proc.Limits[rlimitNoFile][0] = was })
	set = func(n uint64) { proc.Limits[rlimitNoFile][0] = n }
	set(n)
	return set
}

// Without a free descriptor nothing is opened: no file is made or truncated.
func TestOpenWithoutRoom(t *testing.T) {
	k := newFake(t)
	k.mount("/", 10)
	limitFiles(t, 2)
	opens := 0
	k.open = func(uint64, string) (uint64, int64, string) {
		opens++
		return proto.KindFile, 0, ""
	}
	name := cstr("/f")
	for i, want := range []int64{0, 1, -EMFILE} {
		if r := Open(addrOf(name), oWrOnly|oCreat|oTrunc, 0o644); r != want {
			t.Fatalf("open %d: %d, want %d", i, r, want)
		}
	}
	if opens != 2 {
		t.Fatalf("the server was asked %d times to open", opens)
	}
	Close(0)
	if r := Open(addrOf(name), oWrOnly|oCreat|oTrunc, 0o644); r != 0 {
		t.Fatalf("open with room: %d", r)
	}
}

// A connection for which there is no descriptor stays for the next accept.
func TestAcceptWithoutRoom(t *testing.T) {
	sockets(t)
	name := append([]byte{afUnix, 0, 0}, "there"...)
	listener := uint64(Socket(afUnix, sockStream|oNonBlock, 0))
	must(t, "bind", Bind(listener, addrOf(name), uint64(len(name))), 0)
	must(t, "listen", Listen(listener, 4), 0)
	client := uint64(Socket(afUnix, sockStream|oNonBlock, 0))
	must(t, "connect", Connect(client, addrOf(name), uint64(len(name))), 0)
	set := limitFiles(t, client+1)
	must(t, "accept without room", Accept(listener, 0, 0), -EMFILE)
	set(1024)
	s := Accept(listener, 0, 0)
	if s < 0 {
		t.Fatalf("accept: %d", s)
	}
	b := make([]byte, 1)
	sink = append(sink, &name, &b)
	must(t, "write", Write(client, addrOf(b), 1), 1)
	must(t, "read", Read(uint64(s), addrOf(b), 1), 1)
	for _, fd := range []uint64{listener, client, uint64(s)} {
		Close(fd)
	}
}

// Memory that has gone again when a server copies is brought in once more.
func TestFaultDuringCall(t *testing.T) {
	k := newFake(t)
	asked := 0
	faults := func(want uint32) {
		asked = 0
		k.refuse = func(method uint32) int64 {
			if method != want {
				return 0
			}
			if asked++; asked <= 2 {
				return -EFAULT
			}
			return -EAGAIN
		}
	}
	file := func(what kind, flags uint32) uint64 {
		f := newFile(what, flags|oNonBlock)
		f.handle, f.ch, f.rdev = 500, chanPipe, sockStream
		return uint64(install(f, 0, false))
	}
	buf := make([]byte, 20_000)
	sink = append(sink, &buf)
	at, n := addrOf(buf), uint64(len(buf))
	for _, c := range []struct {
		name   string
		method uint32
		call   func() int64
	}{
		{"read", proto.FileRead, func() int64 { return Read(file(kindPipe, oRdOnly), at, n) }},
		{"write", proto.FileWrite, func() int64 { return Write(file(kindPipe, oWrOnly), at, n) }},
		{"getdents64", proto.FileGetdents, func() int64 { return Getdents64(file(kindDir, oRdOnly), at, n) }},
		{"recvfrom", proto.SockEndRecv, func() int64 { return Recvfrom(file(kindSock, oRdWr), at, n, 0, 0, 0) }},
		{"sendto", proto.SockEndSend, func() int64 { return Sendto(file(kindSock, oRdWr), at, n, 0, 0, 0) }},
	} {
		faults(c.method)
		if r := c.call(); r != -EAGAIN || asked != 3 {
			t.Errorf("%s: %d after %d calls", c.name, r, asked)
		}
	}
}

// A directory whose mount the table does not show, because that cannot be read, has
// no path; it is not another directory's.
func TestPathWithoutTable(t *testing.T) {
	k := newFake(t)
	k.mount("/", 10)
	k.mount("/mnt", 20)
	f := newFile(kindDir, oRdOnly)
	f.handle, f.mount = 500, 101
	st := int64(0)
	k.refuse = func(method uint32) int64 {
		if method == proto.MountEntry {
			return st
		}
		return 0
	}
	path := func() (string, int64) {
		var dst, tmp [pathMax]byte
		n := joinMount(f.mount, dst[:], append(tmp[:0], "/sub"...))
		return string(dst[:max(n, 0)]), n
	}
	st = -ENOMEM
	if p, n := path(); n != -ENOMEM {
		t.Errorf("%q, %d", p, n)
	}
	st = 0
	if p, n := path(); p != "/mnt/sub" {
		t.Errorf("%q, %d", p, n)
	}
}
