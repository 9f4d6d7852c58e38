package ipc_test

import (
	"bytes"
	"strings"
	"syscall"
	"testing"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/loop"
	"go42/ipc/proto"
	"go42/ipc/server"
)

// echo is a server whose names are what it was given.
type echo struct {
	server.FileSystem
	got []string
}

func (e *echo) Symlink(c *ipc.Call, target, path string, redir ipc.Out) (uint64, int64) {
	e.got = []string{target, path}
	return 7, redir.Put([]byte("redirected"))
}

func (e *echo) Utimens(c *ipc.Call, path string, t *proto.Times, flags uint64, redir ipc.Out) (uint64, int64) {
	return uint64(t.Atim.Sec), t.Mtim.NSec
}

func (e *echo) Link(c *ipc.Call, from, to string, flags uint64, dir ipc.Given, redir ipc.Out) (uint64, uint64, int64) {
	id, err := dir.Object()
	return id, dir.Handle(), ipc.Errno(err)
}

func (e *echo) Rmdir(c *ipc.Call, path string, redir ipc.Out) (uint64, int64) { panic("rmdir") }

func setup(t *testing.T) (*loop.Net, *loop.Proc, *loop.Proc, *echo, client.FileSystem) {
	n := loop.New()
	e := &echo{}
	sp := n.Spawn(0, abi.RankFile)
	sp.Serve(&ipc.Server{Name: "echo", Kernel: sp, Handle: func(c *ipc.Call) { server.ServeFileSystem(e, c) }, Log: func(string) {}})
	a := n.Spawn(0, abi.RankApp)
	h := a.Put(0, sp, 5)
	return n, sp, a, e, client.FileSystem{C: a.Conn(), H: h}
}

// TestStrings: short ones travel inline, long ones as ranges, in any mixture.
func TestStrings(t *testing.T) {
	n, _, _, e, fs := setup(t)
	n.ShortCopies = 17
	redir := make([]byte, 10)
	for _, la := range []int{0, 1, 100, 230, 246, 247, 255, 256, 1000, 4096} {
		for _, lb := range []int{0, 3, 150, 250, 300, 4096} {
			a, b := strings.Repeat("a", la), strings.Repeat("b", lb)
			r, st := fs.Symlink(a, b, client.OutBytes(redir))
			if st != 0 || r != 7 || e.got[0] != a || e.got[1] != b || string(redir) != "redirected" {
				t.Fatalf("lengths %d and %d: status %d, got %d and %d", la, lb, st, len(e.got[0]), len(e.got[1]))
			}
		}
	}
	if _, st := fs.Symlink(strings.Repeat("x", 5000), "", client.OutBytes(redir)); st != -int64(syscall.ENAMETOOLONG) {
		t.Error("too long a string:", st)
	}
	if _, st := fs.Symlink("a", "b", client.OutBytes(redir[:3])); st != -int64(syscall.ERANGE) {
		t.Error("too small a range:", st)
	}
	if _, st := fs.Symlink("a", "b", proto.Out{Len: 100}); st != -int64(syscall.EFAULT) {
		t.Error("a bad address:", st)
	}
}

func TestStructsAndGrants(t *testing.T) {
	_, sp, a, _, fs := setup(t)
	n, st := fs.Utimens("path", &proto.Times{Atim: proto.Time{Sec: 9}, Mtim: proto.Time{NSec: 4}}, 0, proto.Out{})
	if n != 9 || st != 4 {
		t.Error("struct", n, st)
	}
	before := sp.Handles()
	id, h, st := fs.Link("", "", 0, client.Copy(fs.H), proto.Out{})
	if id != 5 || h == 0 || st != 0 {
		t.Error("own object", id, h, st)
	}
	other := a.Put(0, a, 1)
	_, _, st = fs.Link("", "", 0, client.Copy(other), proto.Out{})
	if st != -int64(syscall.EXDEV) {
		t.Error("foreign object", st)
	}
	_, _, st = fs.Link("", "", 0, abi.Grant{}, proto.Out{})
	if st != -int64(syscall.EBADF) {
		t.Error("no object", st)
	}
	if sp.Handles() != before {
		t.Error("given handles were kept:", sp.Handles()-before)
	}
}

// mirror is a file of what was last written.
type mirror struct {
	server.File
	content []byte
	parts   int // pieces that a read or write is made in
}

func (m *mirror) Write(c *ipc.Call, off int64, wait uint64, limit uint64, buf ipc.In) (uint64, uint64, int64) {
	m.content = make([]byte, buf.Len())
	n := 0
	for n < len(m.content) {
		k, err := buf.CopyIn(m.content[n:min(len(m.content), n+len(m.content)/m.parts+1)], uint64(n))
		if err != nil {
			return 0, 0, ipc.Errno(err)
		}
		n += k
	}
	return uint64(n), 0, 0
}

func (m *mirror) Read(c *ipc.Call, off int64, wait uint64, buf ipc.Out) (uint64, uint64, int64) {
	b := m.content[:min(uint64(len(m.content)), buf.Len())]
	if off > 0 { // leave a gap at the start
		_, err := buf.CopyOut(b[off:], uint64(off))
		return uint64(len(b)), 0, ipc.Errno(err)
	}
	for n := 0; n < len(b); {
		k, err := buf.CopyOut(b[n:min(len(b), n+len(b)/m.parts+1)], uint64(n))
		if err != nil {
			return 0, 0, ipc.Errno(err)
		}
		n += k
	}
	return uint64(len(b)), 0, 0
}

// TestNear: a method's only range travels in the message if it is short, and
// nobody sees a difference but the kernel.
func TestNear(t *testing.T) {
	n := loop.New()
	m := &mirror{}
	sp := n.Spawn(0, abi.RankFile)
	sp.Serve(&ipc.Server{Name: "mirror", Kernel: sp, Handle: func(c *ipc.Call) { server.ServeFile(m, c) }, Log: func(l string) { t.Error(l) }})
	a := n.Spawn(0, abi.RankApp)
	f := client.File{C: a.Conn(), H: a.Put(0, sp, 5)}
	for _, near := range []bool{true, false} {
		for _, size := range []int{0, 1, 7, 100, 255, 256, 257, 5000} {
			for m.parts = 1; m.parts < 4; m.parts++ {
				want := bytes.Repeat([]byte{byte(size), 1, 2}, size/3+1)[:size]
				in := client.InBytes(want)
				in.Near = near
				before := n.Copies
				if k, _, st := f.Write(0, 0, 0, in); st != 0 || int(k) != size || !bytes.Equal(m.content, want) {
					t.Fatalf("write of %d: %d, status %d", size, k, st)
				}
				got := make([]byte, size+3)
				out := client.OutBytes(got)
				out.Near = near
				if k, _, st := f.Read(0, 0, out); st != 0 || int(k) != size || !bytes.Equal(got[:size], want) || !bytes.Equal(got[size:], make([]byte, 3)) {
					t.Fatalf("read of %d: %d, status %d, %v", size, k, st, got)
				}
				if quiet := n.Copies == before; size > 0 && quiet != (near && size+3 <= abi.MaxData) && size < 254 {
					t.Errorf("%d bytes, near %v: %d copies", size, near, n.Copies-before)
				}
			}
		}
	}
	// What a server leaves out is not what somebody else was sent.
	f.C.R.Data = [abi.MaxData]byte{}
	m.content, m.parts = []byte("secret"), 1
	got := make([]byte, 6)
	if _, _, st := f.Read(4, 0, client.OutBytes(got)); st != 0 || string(got) != "\x00\x00\x00\x00et" {
		t.Errorf("%q, status %d", got, st)
	}
}

// TestMalformed: nothing that can be in a message makes a server misbehave.
func TestMalformed(t *testing.T) {
	n, sp, a, e, fs := setup(t)
	_ = n
	srv := &ipc.Server{Kernel: sp, Handle: func(c *ipc.Call) { server.ServeFileSystem(e, c) }, Log: func(string) {}}
	for _, m := range []uint32{proto.FileSystemSymlink, proto.FileSystemUtimens, 0, proto.FileSystemOpen | 0xff, 1 << 31} {
		for _, l := range []uint32{0, 1, 2, 16, 255, 256, 257, 1 << 31} {
			for _, fill := range []byte{0, 1, 0xff} {
				for _, rng := range []uint64{0, 5, 256, 300, 1 << 63} {
					c := new(ipc.Call)
					c.Record, c.BadgePid, c.Method, c.Len, c.NRanges = 99, a.KPid, m, l, 9
					c.Flags, c.RangeLen[0] = abi.CallInline, rng
					copy(c.Data[:], bytes.Repeat([]byte{fill}, len(c.Data)))
					srv.Serve(c)
					if l > abi.MaxData && c.Status >= 0 {
						t.Errorf("method %#x length %d: status %d", m, l, c.Status)
					}
				}
			}
		}
	}
	if _, st := fs.Rmdir("x", proto.Out{}); st != -int64(syscall.EIO) {
		t.Error("a handler's panic:", st)
	}
	if _, st := (client.FileSystem{C: fs.C, H: 4000}).Rmdir("x", proto.Out{}); st != -int64(syscall.EBADF) {
		t.Error("an empty slot:", st)
	}
}

// TestRanks: calls go downward only.
func TestRanks(t *testing.T) {
	n, sp, _, _, _ := setup(t)
	for _, rank := range []int{abi.RankProc, abi.RankMount, abi.RankFile} {
		p := n.Spawn(0, rank)
		h := p.Put(0, sp, 5)
		if _, st := (client.FileSystem{C: p.Conn(), H: h}).Symlink("a", "b", proto.Out{}); st != -int64(syscall.EDEADLK) {
			t.Error("rank", rank, st)
		}
	}
}

// TestWaiters: one notification for each time a client was told to wait.
func TestWaiters(t *testing.T) {
	n := loop.New()
	p, q := n.Spawn(0, 1), n.Spawn(0, 1)
	var w ipc.Waiters
	w.Arm(p.KPid, proto.Wait(3), proto.PollIn)
	w.Arm(p.KPid, proto.Wait(4), proto.PollOut)
	w.Arm(q.KPid, 0, proto.PollIn)
	w.Wake(p, proto.PollErr)
	if _, c := p.Notified(3); c != 0 {
		t.Error("woken by another condition")
	}
	w.Wake(p, proto.PollIn)
	w.Wake(p, proto.PollIn)
	if _, c := p.Notified(3); c != 1 {
		t.Error("notifications:", c)
	}
	if _, c := q.Notified(3); c != 0 {
		t.Error("one that did not ask was notified")
	}
	if !w.Empty() {
		t.Error("left over")
	}
}

func TestObjects(t *testing.T) {
	var o ipc.Objects[string]
	a := o.Add("a")
	o.Remove(a)
	if b := o.Add("b"); b == a {
		t.Error("an id was used again")
	}
	if _, ok := o.Get(a); ok || o.Len() != 1 {
		t.Error("removed object is there")
	}
}
