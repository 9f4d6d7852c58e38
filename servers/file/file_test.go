package file_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/u-root/u-root/pkg/cpio"

	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/servers/world"
)

const (
	rdwr  = syscall.O_RDWR
	creat = syscall.O_CREAT
)

// fs is a root directory with a redirect buffer.
type fs struct {
	t *testing.T
	client.FileSystem
	a     *world.App
	redir []byte
}

func at(t *testing.T, a *world.App, point string) *fs {
	return &fs{t, a.Root(point), a, make([]byte, 4096)}
}

func (f *fs) r() proto.Out { return client.OutBytes(f.redir) }

func (f *fs) open(path string, flags uint64, mode uint64) client.File {
	f.t.Helper()
	_, _, h, st := f.Open(path, flags, mode, f.r())
	f.is(st, 0)
	return f.a.File(h)
}

func (f *fs) is(st int64, want syscall.Errno) {
	f.t.Helper()
	if st != -int64(want) {
		f.t.Fatalf("status %d (%v), want %v", st, syscall.Errno(-st), want)
	}
}

func (f *fs) write(path, text string) {
	f.t.Helper()
	o := f.open(path, creat|rdwr|syscall.O_TRUNC, 0o644)
	n, _, st := o.Write(proto.OwnOffset, 0, 0, client.InBytes([]byte(text)))
	f.is(st, 0)
	if int(n) != len(text) {
		f.t.Fatalf("wrote %d of %d", n, len(text))
	}
	f.a.Drop(o.H)
}

func (f *fs) read(path string) string {
	f.t.Helper()
	o := f.open(path, 0, 0)
	defer f.a.Drop(o.H)
	var all []byte
	b := make([]byte, 1000)
	for {
		n, _, st := o.Read(proto.OwnOffset, 0, client.OutBytes(b))
		f.is(st, 0)
		if n == 0 {
			return string(all)
		}
		all = append(all, b[:n]...)
	}
}

func (f *fs) list(path string) (names []string) {
	f.t.Helper()
	o := f.open(path, syscall.O_DIRECTORY, 0)
	defer f.a.Drop(o.H)
	b := make([]byte, 100)
	for {
		n, st := o.Getdents(client.OutBytes(b))
		f.is(st, 0)
		if n == 0 {
			return names
		}
		for p := b[:n]; len(p) > 0; {
			l := binary.LittleEndian.Uint16(p[16:])
			name := p[19:l]
			names = append(names, string(name[:bytes.IndexByte(name, 0)]))
			p = p[l:]
		}
	}
}

func TestFiles(t *testing.T) {
	w := world.New(t, nil)
	f := at(t, w.Init, "/")
	f.write("a", "hello")
	if s := f.read("/a"); s != "hello" {
		t.Errorf("read %q", s)
	}
	_, st := f.Mkdir("d", 0o755, f.r())
	f.is(st, 0)
	_, st = f.Mkdir("d", 0o755, f.r())
	f.is(st, syscall.EEXIST)
	_, st = f.Mkdir("x/y", 0o755, f.r())
	f.is(st, syscall.ENOENT)
	_, st = f.Mkdir("a/y", 0o755, f.r())
	f.is(st, syscall.ENOTDIR)
	f.write("d/b", "two")
	_, st = f.Rmdir("d", f.r())
	f.is(st, syscall.ENOTEMPTY)
	_, _, st = f.Rename("d/b", "c", 0, abi.Grant{}, f.r())
	f.is(st, 0)
	_, _, st = f.Rename("c", "a", 1, abi.Grant{}, f.r())
	f.is(st, syscall.EEXIST)
	_, _, st = f.Rename("c", "a", 2, abi.Grant{}, f.r())
	f.is(st, 0)
	if f.read("a") != "two" || f.read("c") != "hello" {
		t.Error("exchange")
	}
	_, st = f.Rmdir("d/", f.r())
	f.is(st, 0)
	_, st = f.Unlink("c", f.r())
	f.is(st, 0)
	_, _, st = f.FileSystem.Stat("c", 0, f.r())
	f.is(st, syscall.ENOENT)
}

// TestUnlinkedOpen: an unlinked file lives as long as it is open, and then
// its memory comes back.
func TestUnlinkedOpen(t *testing.T) {
	w := world.New(t, nil)
	f := at(t, w.Init, "/tmp")
	_, s0, st := f.Statfs("", f.r())
	f.is(st, 0)
	free := s0.Bfree
	o := f.open("big", creat|rdwr, 0o600)
	data := bytes.Repeat([]byte("0123456789abcdef"), 20000)
	n, _, st := o.Write(proto.OwnOffset, 0, 0, client.InBytes(data))
	f.is(st, 0)
	if int(n) != len(data) {
		t.Fatal("short write", n)
	}
	_, st = f.Unlink("big", f.r())
	f.is(st, 0)
	got := make([]byte, len(data))
	n, _, st = o.Read(0, 0, client.OutBytes(got))
	f.is(st, 0)
	if !bytes.Equal(got[:n], data) {
		t.Error("data of an unlinked file")
	}
	r, _ := o.Stat()
	if r.Nlink != 0 || r.Size != int64(len(data)) {
		t.Errorf("stat %+v", r)
	}
	w.Init.Drop(o.H)
	_, s1, _ := f.Statfs("", f.r())
	if s1.Bfree != free {
		t.Errorf("%d blocks free, were %d", s1.Bfree, free)
	}
}

// TestModel compares a file's contents under random writes, truncations and
// holes with a slice of bytes, over both representations.
func TestModel(t *testing.T) {
	w := world.New(t, nil)
	w.Net.ShortCopies = 5000
	f := at(t, w.Init, "/tmp")
	rnd := rand.New(rand.NewSource(1))
	for round := 0; round < 20; round++ {
		o := f.open("m", creat|rdwr|syscall.O_TRUNC, 0o600)
		var model []byte
		top := 1000
		if round%2 == 1 {
			top = 200_000
		}
		for i := 0; i < 60; i++ {
			off := rnd.Intn(top)
			switch rnd.Intn(6) {
			case 0:
				st := o.Truncate(uint64(off))
				f.is(st, 0)
				if off <= len(model) {
					model = model[:off:off]
				} else {
					model = append(model, make([]byte, off-len(model))...)
				}
			case 1:
				if round%3 == 0 {
					_, _, st := o.Map(3, 1)
					f.is(st, 0)
				}
			case 2:
				n := rnd.Intn(top)
				st := o.Allocate(3, uint64(off), uint64(n+1), 0)
				f.is(st, 0)
				for k := off; k < off+n+1 && k < len(model); k++ {
					model[k] = 0
				}
			default:
				p := make([]byte, rnd.Intn(top/4)+1)
				rnd.Read(p)
				n, _, st := o.Write(int64(off), 0, 0, client.InBytes(p))
				f.is(st, 0)
				if int(n) != len(p) {
					t.Fatal("short write")
				}
				if len(model) < off+len(p) {
					model = append(model, make([]byte, off+len(p)-len(model))...)
				}
				copy(model[off:], p)
			}
			r, _ := o.Stat()
			if r.Size != int64(len(model)) {
				t.Fatalf("size %d, want %d", r.Size, len(model))
			}
		}
		if got := f.read("m"); got != string(model) {
			t.Fatalf("round %d: contents differ", round)
		}
		w.Init.Drop(o.H)
	}
}

// TestCookies: reading a directory while names come and go returns every name
// that stays, once.
func TestCookies(t *testing.T) {
	w := world.New(t, nil)
	f := at(t, w.Init, "/tmp")
	for i := 0; i < 200; i++ {
		f.write(fmt.Sprintf("f%03d", i), "")
	}
	o := f.open(".", syscall.O_DIRECTORY, 0)
	seen := map[string]int{}
	b := make([]byte, 200)
	for k := 0; ; k++ {
		n, st := o.Getdents(client.OutBytes(b))
		f.is(st, 0)
		if n == 0 {
			break
		}
		for p := b[:n]; len(p) > 0; {
			l := binary.LittleEndian.Uint16(p[16:])
			name := p[19:l]
			seen[string(name[:bytes.IndexByte(name, 0)])]++
			p = p[l:]
		}
		// Remove odd ones as we go.
		for i := 1; i < 200; i += 2 {
			if i%7 == k%7 {
				f.Unlink(fmt.Sprintf("f%03d", i), f.r())
			}
		}
	}
	for i := 0; i < 200; i += 2 {
		if n := seen[fmt.Sprintf("f%03d", i)]; n != 1 {
			t.Errorf("f%03d seen %d times", i, n)
		}
	}
	if seen["."] != 1 || seen[".."] != 1 {
		t.Error("dot entries", seen["."], seen[".."])
	}
}

func TestPermissions(t *testing.T) {
	w := world.New(t, nil)
	root := at(t, w.Init, "/")
	_, st := root.Mkdir("home", 0o755, root.r())
	root.is(st, 0)
	_, st = root.Mkdir("home/u", 0o700, root.r())
	root.is(st, 0)
	_, st = root.Chown("home/u", 1000, 1000, 0, root.r())
	root.is(st, 0)
	root.write("secret", "s")
	_, st = root.Chmod("secret", 0o640, 0, root.r())
	root.is(st, 0)
	user, other := w.Init.Fork(), w.Init.Fork()
	user.Setuid(1000, 1000, 50)
	other.Setuid(1001, 1001)
	u, o := at(t, user, "/"), at(t, other, "/")
	u.write("home/u/f", "mine")
	_, _, _, st = o.Open("home/u/f", 0, 0, o.r())
	o.is(st, syscall.EACCES)
	_, _, _, st = u.Open("secret", 0, 0, u.r())
	u.is(st, syscall.EACCES)
	_, st = root.Chown("secret", proto.KeepID, 50, 0, root.r())
	root.is(st, 0)
	if u.read("secret") != "s" {
		t.Error("group read")
	}
	_, st = u.Chown("home/u/f", 0, proto.KeepID, 0, u.r())
	u.is(st, syscall.EPERM)
	_, st = u.Chown("home/u/f", proto.KeepID, 50, 0, u.r())
	u.is(st, 0)
	_, st = u.Mkdir("new", 0o755, u.r())
	u.is(st, syscall.EACCES)
	_, st = u.Access("secret", 2, 0, u.r())
	u.is(st, syscall.EACCES)
	// The sticky directory.
	ut, ot := at(t, user, "/tmp"), at(t, other, "/tmp")
	ut.write("x", "")
	_, st = ot.Unlink("x", ot.r())
	ot.is(st, syscall.EPERM)
	_, _, st = ot.Rename("x", "y", 0, abi.Grant{}, ot.r())
	ot.is(st, syscall.EPERM)
	_, st = ut.Unlink("x", ut.r())
	ut.is(st, 0)
	// An open file stays usable whatever its mode becomes.
	ut.write("keep", "k")
	h := ot.open("keep", 0, 0)
	_, st = ut.Chmod("keep", 0, 0, ut.r())
	ut.is(st, 0)
	if n, _, st := h.Read(0, 0, client.OutBytes(make([]byte, 9))); n != 1 || st != 0 {
		t.Error("read after chmod", n, st)
	}
	if _, _, st := h.Write(0, 0, 0, client.InBytes([]byte("x"))); st != -int64(syscall.EBADF) {
		t.Error("write on a read-only object", st)
	}
}

func TestRedirects(t *testing.T) {
	w := world.New(t, nil)
	f := at(t, w.Init, "/")
	_, st := f.Symlink("/etc/x", "abs", f.r())
	f.is(st, 0)
	_, st = f.Mkdir("d", 0o755, f.r())
	f.is(st, 0)
	_, st = f.Symlink("../d", "d/rel", f.r())
	f.is(st, 0)
	_, st = f.Symlink("loop", "loop", f.r())
	f.is(st, 0)
	for _, c := range []struct {
		path string
		kind int64
		to   string
	}{
		{"abs/y", proto.RedirectAbsolute, "/etc/x/y"},
		{"abs", proto.RedirectAbsolute, "/etc/x"},
		{"d/rel/rel/../..", proto.RedirectUp, ""},
		{"../../z", proto.RedirectUp, "../z"},
		{"dev/null", proto.RedirectCovered, "/dev/null"},
		{"d/../tmp", proto.RedirectCovered, "/tmp"},
		{"loop", -int64(syscall.ELOOP), ""},
		{"d/rel/rel", 0, ""},
	} {
		n, _, st := f.FileSystem.Stat(c.path, 0, f.r())
		if st != c.kind || st > 0 && string(f.redir[:n]) != c.to {
			t.Errorf("%s: %d %q, want %d %q", c.path, st, f.redir[:n], c.kind, c.to)
		}
	}
	if _, r, st := f.FileSystem.Stat("abs", proto.AtNoFollow, f.r()); st != 0 || r.Mode&syscall.S_IFMT != syscall.S_IFLNK {
		t.Error("lstat", st)
	}
	// A long path travels as a range.
	long := "d/" + strings.Repeat("rel/", 60)
	if _, _, st := f.FileSystem.Stat(long, 0, f.r()); st != -int64(syscall.ELOOP) {
		t.Error("60 links:", st)
	}
	if _, _, st := f.FileSystem.Stat(strings.Repeat("./d/../", 60)+"d", 0, f.r()); st != 0 {
		t.Error("long path:", st)
	}
}

func TestLinksAndTemp(t *testing.T) {
	w := world.New(t, nil)
	f := at(t, w.Init, "/tmp")
	f.write("a", "x")
	_, _, st := f.Link("a", "b", 0, abi.Grant{}, f.r())
	f.is(st, 0)
	_, r, _ := f.FileSystem.Stat("b", 0, f.r())
	if r.Nlink != 2 {
		t.Error("nlink", r.Nlink)
	}
	tmp := f.open("", rdwr|0x400000|syscall.O_DIRECTORY, 0o600)
	_, _, st = tmp.Write(proto.OwnOffset, 0, 0, client.InBytes([]byte("temp")))
	f.is(st, 0)
	b := make([]byte, 100)
	n, st := tmp.Path(client.OutBytes(b))
	f.is(st, 0)
	if !strings.HasSuffix(string(b[:n]), " (deleted)") {
		t.Errorf("path %q", b[:n])
	}
	// Two directory handles of one server: the second goes as a grant.
	self := client.FileSystem{C: w.Init.C, H: tmp.H}
	_, _, st = self.Link("", "named", 0, client.Copy(f.H), f.r())
	f.is(st, 0)
	if f.read("named") != "temp" {
		t.Error("linked temporary file")
	}
	root := at(t, w.Init, "/")
	_, _, st = f.Rename("named", "moved", 0, client.Copy(root.H), f.r())
	f.is(st, syscall.EXDEV)
	_, _, dir, st := f.Lookup("", f.r())
	f.is(st, 0)
	_, _, st = f.Rename("named", "moved", 0, client.Copy(dir), f.r())
	f.is(st, 0)
	if f.read("moved") != "temp" {
		t.Error("renamed through a second handle")
	}
}

func TestLocks(t *testing.T) {
	w := world.New(t, nil)
	f := at(t, w.Init, "/tmp")
	f.write("l", "")
	a := f.open("l", rdwr, 0)
	b := f.open("l", rdwr, 0)
	f.is(a.Flock(syscall.LOCK_EX, 0), 0)
	f.is(b.Flock(syscall.LOCK_SH, proto.Wait(abi.ChanFile)), syscall.EAGAIN)
	w.Init.Drop(a.H)
	if set, _ := w.Init.Notified(abi.ChanFile); !set {
		t.Error("no notification")
	}
	f.is(b.Flock(syscall.LOCK_SH, 0), 0)

	kid := w.Init.Fork()
	k := kid.File(b.H)
	wr := proto.Lock{Type: 1, Start: 10, Len: 10}
	f.is(b.SetLock(6, &wr, 0), 0)
	f.is(k.SetLock(6, &proto.Lock{Type: 0, Start: 0, Len: 10}, 0), 0)
	f.is(k.SetLock(6, &proto.Lock{Type: 0, Start: 15, Len: 1}, proto.Wait(abi.ChanFile)), syscall.EAGAIN)
	r, st := k.GetLock(5, &proto.Lock{Type: 0, Start: 0, Len: 100})
	f.is(st, 0)
	if r.Type != 1 || r.Start != 10 || r.Len != 10 {
		t.Errorf("getlk %+v", r)
	}
	f.is(b.SetLock(6, &proto.Lock{Type: 2, Start: 12, Len: 5}, 0), 0)
	if set, _ := kid.Notified(abi.ChanFile); !set {
		t.Error("no notification of the unlock")
	}
	f.is(k.SetLock(6, &proto.Lock{Type: 0, Start: 15, Len: 1}, 0), 0)
	// A dead owner's locks are gone.
	kid.Exit(0)
	f.is(b.SetLock(6, &proto.Lock{Type: 1}, 0), 0)
}

// Waits for record locks: which conflict F_GETLK shows, deadlocks, waits that are
// given up, and holders that die.
func TestLockWaits(t *testing.T) {
	w := world.New(t, nil)
	f := at(t, w.Init, "/tmp")
	f.write("l", "")
	a := f.open("l", rdwr, 0)
	kid := w.Init.Fork()
	k := kid.File(a.H)
	wait := proto.Wait(abi.ChanFile)
	byteAt := func(n int64) *proto.Lock { return &proto.Lock{Type: 1, Start: n, Len: 1} }
	f.is(k.SetLock(6, byteAt(9), 0), 0)
	f.is(k.SetLock(6, byteAt(3), 0), 0)
	if r, st := a.GetLock(5, &proto.Lock{Type: 1}); st != 0 || r.Start != 3 {
		t.Errorf("getlk: %d, %+v", st, r)
	}
	f.is(a.SetLock(6, byteAt(0), 0), 0)
	f.is(k.SetLock(6, byteAt(0), wait), syscall.EAGAIN)
	f.is(a.SetLock(6, byteAt(3), wait), syscall.EDEADLK)
	f.is(a.SetLock(6, byteAt(3), 0), syscall.EAGAIN) // who does not wait is told so
	f.is(k.SetLock(6, byteAt(0), proto.WaitOver), 0)
	f.is(a.SetLock(6, byteAt(3), wait), syscall.EAGAIN)
	kid.Exit(0)
	for i := 0; ; i++ {
		if set, _ := w.Init.Notified(abi.ChanFile); set {
			break
		}
		if i == 6000 {
			t.Fatal("nobody told the waiter of the holder's death")
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.is(a.SetLock(6, byteAt(3), wait), 0)

	// Another one that asks finds the dead first.
	kid, other := w.Init.Fork(), w.Init.Fork()
	o := other.File(a.H)
	f.is(kid.File(a.H).SetLock(6, byteAt(5), 0), 0)
	f.is(a.SetLock(6, byteAt(5), wait), syscall.EAGAIN)
	kid.Exit(0)
	if _, st := o.GetLock(5, byteAt(5)); st != 0 {
		t.Errorf("getlk: %d", st)
	}
	if set, _ := w.Init.Notified(abi.ChanFile); !set {
		t.Error("nobody told the waiter that the holder was found dead")
	}
	f.is(a.SetLock(6, byteAt(5), wait), 0)
}

func TestInitramfs(t *testing.T) {
	var buf bytes.Buffer
	for part := 0; part < 2; part++ {
		wr := cpio.Newc.Writer(&buf)
		recs := []cpio.Record{
			cpio.Directory("bin", 0o755),
			cpio.StaticFile("bin/hello", "hello, world\n", 0o755),
			cpio.Symlink("bin/hi", "hello"),
			cpio.CharDev("node", 0o600, 1, 3),
		}
		if part == 1 {
			recs = []cpio.Record{cpio.StaticFile("go42/run.json", "{}", 0o644), cpio.StaticFile("bin/hello", "changed", 0o755)}
		}
		for _, r := range recs {
			if err := wr.WriteRecord(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := cpio.WriteTrailer(wr); err != nil {
			t.Fatal(err)
		}
		for buf.Len()%512 != 0 {
			buf.WriteByte(0)
		}
	}
	w := world.New(t, buf.Bytes())
	f := at(t, w.Init, "/")
	if s := f.read("bin/hi"); s != "changed" {
		t.Errorf("bin/hi: %q", s)
	}
	if s := f.read("go42/run.json"); s != "{}" {
		t.Errorf("run.json: %q", s)
	}
	_, r, st := f.FileSystem.Stat("node", 0, f.r())
	f.is(st, 0)
	if r.Mode != syscall.S_IFCHR|0o600 || r.Rdev != 1<<8|3 {
		t.Errorf("node %o %x", r.Mode, r.Rdev)
	}
	// The archive is not written to.
	before := append([]byte(nil), buf.Bytes()...)
	o := f.open("bin/hello", rdwr, 0)
	o.Write(0, 0, 0, client.InBytes([]byte("CHANGE")))
	if f.read("bin/hello") != "CHANGEd" || !bytes.Equal(before, buf.Bytes()) {
		t.Error("write to a file of the archive")
	}
	if got := f.list("bin"); fmt.Sprint(got) != "[. .. hi hello]" && fmt.Sprint(got) != "[. .. hello hi]" {
		t.Error(got)
	}
}

func TestDevices(t *testing.T) {
	w := world.New(t, nil)
	f := at(t, w.Init, "/dev")
	b := []byte("abcdef")
	z := f.open("zero", rdwr, 0)
	if n, _, st := z.Read(proto.OwnOffset, 0, client.OutBytes(b)); n != 6 || st != 0 || string(b) != "\x00\x00\x00\x00\x00\x00" {
		t.Error("zero", n, st, b)
	}
	if n, _, _ := f.open("null", rdwr, 0).Write(-1, 0, 0, client.InBytes(b)); n != 6 {
		t.Error("null", n)
	}
	if _, _, st := f.open("full", rdwr, 0).Write(-1, 0, 0, client.InBytes(b)); st != -int64(syscall.ENOSPC) {
		t.Error("full", st)
	}
	n, _, st := f.FileSystem.Stat("stdin", 0, f.r())
	if st != proto.RedirectAbsolute || string(f.redir[:n]) != "/proc/self/fd/0" {
		t.Error("stdin", st, string(f.redir[:n]))
	}
}

// TestDropped: objects go with their handles, also those of a process that
// dies; the covers and roots stay.
func TestDropped(t *testing.T) {
	w := world.New(t, nil)
	before := w.File.Objects()
	kid := w.Init.Fork()
	f := at(t, kid, "/tmp")
	f.write("x", "y")
	for i := 0; i < 10; i++ {
		f.open("x", 0, 0)
	}
	if w.File.Objects() != before+10 {
		t.Error("objects", w.File.Objects()-before)
	}
	grand := kid.Fork()
	kid.Exit(0)
	if w.File.Objects() != before+10 {
		t.Error("a heir's objects went with the parent")
	}
	grand.Exit(0)
	if w.File.Objects() != before {
		t.Error("objects left:", w.File.Objects()-before)
	}
}

// TestNewFS: a file system made later has its own names and limits, and goes
// with its last handle.
func TestNewFS(t *testing.T) {
	w := world.New(t, nil)
	srv := client.FileServer{C: w.Init.C, H: w.Init.Service("file")}
	before := w.File.Objects()
	root, st := srv.NewFS("tmpfs", "size=64k,mode=0750,uid=5")
	f := &fs{t, client.FileSystem{C: w.Init.C, H: root}, w.Init, make([]byte, 4096)}
	f.is(st, 0)
	_, r, st := f.FileSystem.Stat("", 0, f.r())
	f.is(st, 0)
	if r.Mode != syscall.S_IFDIR|0o750 || r.UID != 5 {
		t.Errorf("root %o %d", r.Mode, r.UID)
	}
	o := f.open("big", creat|rdwr, 0o600)
	n, _, _ := o.Write(-1, 0, 0, client.InBytes(make([]byte, 200_000)))
	if _, _, st := o.Write(-1, 0, 0, client.InBytes(make([]byte, 200_000))); st != -int64(syscall.ENOSPC) || n > 64<<10 {
		t.Error("beyond the size:", n, st)
	}
	for _, opt := range []string{"size=x", "nonsense", "mode=9"} {
		if _, st := srv.NewFS("tmpfs", opt); st != -int64(syscall.EINVAL) {
			t.Error(opt, st)
		}
	}
	_, st = srv.NewFS("ext4", "")
	f.is(st, syscall.ENODEV)
	w.Init.Drop(o.H)
	w.Init.Drop(root)
	if w.File.Objects() != before {
		t.Error("objects left:", w.File.Objects()-before)
	}
	a := w.Init.Fork()
	a.Setuid(1000, 1000)
	if _, st := (client.FileServer{C: a.C, H: srv.H}).NewFS("tmpfs", ""); st != -int64(syscall.EPERM) {
		t.Error("not root:", st)
	}
}
