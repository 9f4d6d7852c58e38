package fs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/loop"
	"go42/linuxapi/fs/fdtable"
	"go42/linuxapi/native"
	"go42/servers/cred"
	"go42/servers/file"
	"go42/servers/mount"
)

// This test runs random sequences of calls twice: through this package against
// the real mount-point and file servers (joined by ipc/loop), and as system
// calls of the host's Linux in an empty directory. Every result is compared.

// hostFCM is a memory object of the host.
type hostFCM struct{ b []byte }

func (m *hostFCM) Handle() uint64 { return 0 }
func (m *hostFCM) Next(off int64) int64 {
	if off >= int64(len(m.Bytes())) {
		return -1
	}
	return off
}

func (m *hostFCM) Resident() int64 { return int64(len(m.Bytes())) }

func (m *hostFCM) Bytes() []byte { return m.b }
func (m *hostFCM) Close()        {}
func (m *hostFCM) Resize(n int64) error {
	if n <= int64(cap(m.b)) {
		old := len(m.b)
		m.b = m.b[:n]
		for i := old; i < len(m.b); i++ {
			m.b[i] = 0
		}
		return nil
	}
	b := make([]byte, n, 2*n)
	copy(b, m.b)
	m.b = b
	return nil
}

type hostMemory struct{}

func (hostMemory) New(n int64) (file.FCM, error) { return &hostFCM{make([]byte, n)}, nil }

// machine is what system made last.
var machine *loop.Net

// system joins this package with servers, as process p.
func system(t *testing.T) *loop.Proc {
	newFake(t)
	n := loop.New()
	machine = n
	ms, fsrv, p := n.Spawn(0, abi.RankMount), n.Spawn(0, abi.RankFile), n.Spawn(0, abi.RankApp)
	creds := &cred.Cache{}
	var version uint64
	m := mount.New(ms, creds, &version, 0)
	ms.Serve(&ipc.Server{Name: "mount", Kernel: ms, Handle: m.Handle})
	f, err := file.New(file.Config{Kernel: fsrv, Creds: creds, Memory: hostMemory{}, MemTotal: 1 << 30, Alive: func(uint64) bool { return true }})
	if err != nil {
		t.Fatal(err)
	}
	fsrv.Serve(&ipc.Server{Name: "file", Kernel: fsrv, Handle: f.Handle, Last: f.Last})
	p.Put(abi.HandleMount, ms, 0)
	bootConn.Do = p.Conn().Do
	native.Host = func(nr uint64, a [6]uint64) (int64, uint64) {
		switch nr {
		case abi.NDrop:
			p.Drop(unsafe.Slice((*uint64)(at(a[0])), a[1])...)
			return 0, 0
		case abi.NMap:
			return hostMap(a[0]), 0
		}
		return -38, 0
	}
	// Root mounts / and /tmp.
	root := p.Put(0, fsrv, f.Root.RootID())
	tmp := p.Put(0, fsrv, f.Tmp.RootID())
	mountAt(t, p, root, "/")
	mountAt(t, p, tmp, "/tmp")
	return p
}

func mountAt(t *testing.T, p *loop.Proc, root uint64, point string) {
	t.Helper()
	info := mount.Info(point, "tmpfs", "none", 0)
	if point != "/" {
		b := cstr(point)
		if e := putMount(info, root, addrOf(b)); e != 0 {
			t.Fatal(point, e)
		}
		return
	}
	if e := mountRoot(info, root); e < 0 {
		t.Fatal(e)
	}
}

// pair is one call on both sides: 0 or more, or -errno.
type linux struct {
	t    *testing.T
	dirs bool
	step int
	log  []string
}

func (l *linux) same(what string, here, there int64) bool {
	l.log = append(l.log, fmt.Sprintf("%s = %d", what, there))
	if here == there {
		return true
	}
	n := max(0, len(l.log)-40)
	l.t.Fatalf("step %d: %s: %d here, %d on Linux\n%s", l.step, what, here, there, strings.Join(l.log[n:], "\n"))
	return false
}

func raw(nr uintptr, a ...uintptr) int64 {
	var b [6]uintptr
	copy(b[:], a)
	r, _, e := syscall.Syscall6(nr, b[0], b[1], b[2], b[3], b[4], b[5])
	if e != 0 {
		return -int64(e)
	}
	return int64(r)
}

func up(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// listing reads a directory to its end and returns its sorted names and types.
func listing(read func(b []byte) int64) string {
	var names []string
	b := make([]byte, 300)
	for {
		n := read(b)
		if n < 0 {
			return fmt.Sprint(n)
		}
		if n == 0 {
			sort.Strings(names)
			return strings.Join(names, " ")
		}
		for p := b[:n]; len(p) > 0; p = p[binary.LittleEndian.Uint16(p[16:]):] {
			name, _, _ := bytes.Cut(p[19:], []byte{0})
			names = append(names, fmt.Sprintf("%s:%d", name, p[18]))
		}
	}
}

func TestAgainstLinux(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("compares calls of root")
	}
	seeds := 60
	if n, err := strconv.Atoi(os.Getenv("GO42_FS_SEEDS")); err == nil {
		seeds = n
	}
	if testing.Short() {
		seeds = 10
	}
	for seed := 0; seed < seeds; seed++ {
		againstLinux(t, int64(seed))
	}
}

func againstLinux(t *testing.T, seed int64) {
	p := system(t)
	host, err := os.MkdirTemp("/dev/shm", "go42fs")
	if err != nil {
		host = t.TempDir()
	}
	defer os.RemoveAll(host)
	old, _ := os.Getwd()
	defer os.Chdir(old)
	syscall.Chmod(host, 0o1777)
	os.Chdir(host)
	syscall.Umask(0o022)
	r := rand.New(rand.NewSource(seed))
	l := &linux{t: t}
	sd := cstr("/tmp")
	if e := Chdir(addrOf(sd)); e != 0 {
		t.Fatal(e)
	}
	// Symbolic links can lead upwards: begin well below both roots.
	for i := 0; i < 12; i++ {
		w := cstr("w")
		l.same("mkdir", Mkdir(addrOf(w), 0o777), raw(syscall.SYS_MKDIR, up(w), 0o777))
		l.same("chdir", Chdir(addrOf(w)), raw(syscall.SYS_CHDIR, up(w)))
	}
	// Descriptors are compared by slot: here and there their numbers differ.
	var here, there [6]int64
	for i := range here {
		here[i], there[i] = -1, -1
	}
	comps := []string{"a", "b", "c", "d", "."}
	name := func() []byte {
		n := 1 + r.Intn(3)
		var s []string
		for i := 0; i < n; i++ {
			c := comps[r.Intn(len(comps))]
			s = append(s, c)
		}
		p := strings.Join(s, "/")
		switch r.Intn(12) {
		case 0:
			p += "/"
		case 1:
			p = "a/../" + p
		case 2:
			p = "./" + p
		}
		return cstr(p)
	}
	buf1, buf2 := make([]byte, 9000), make([]byte, 9000)
	sink = append(sink, &buf1, &buf2)
	A := addrOf
	for l.step = 0; l.step < 400; l.step++ {
		x, y := name(), name()
		xs, ys := string(x[:len(x)-1]), string(y[:len(y)-1])
		i := r.Intn(len(here))
		switch r.Intn(26) {
		case 0, 1:
			m := uint64([]int{0o755, 0o700, 0o777}[r.Intn(3)])
			l.same("mkdir "+xs, Mkdir(A(x), m), raw(syscall.SYS_MKDIR, up(x), uintptr(m)))
		case 2, 3, 4, 5:
			if here[i] >= 0 {
				l.same("close", Close(uint64(here[i])), raw(syscall.SYS_CLOSE, uintptr(there[i])))
			}
			fl := uint64([]int{oRdOnly, oWrOnly, oRdWr}[r.Intn(3)])
			for _, f := range []uint64{oCreat, oCreat, oExcl, oTrunc, oAppend, oDirectory, oNoFollow} {
				if r.Intn(3) == 0 {
					fl |= f
				}
			}
			if r.Intn(15) == 0 {
				fl |= oPath | oDirectory
			}
			h, k := Open(A(x), fl, 0o666), raw(syscall.SYS_OPEN, up(x), uintptr(fl), 0o666)
			here[i], there[i] = h, k
			if h >= 0 && k >= 0 {
				h, k = 0, 0
			}
			l.same(fmt.Sprintf("open %s %#o -> slot %d", xs, fl, i), h, k)
		case 6:
			l.same("unlink "+xs, Unlink(A(x)), raw(syscall.SYS_UNLINK, up(x)))
		case 7:
			l.same("rmdir "+xs, Rmdir(A(x)), raw(syscall.SYS_RMDIR, up(x)))
		case 8, 9:
			fl := uint64([]int{0, 0, 0, 1, 2}[r.Intn(5)])
			l.same(fmt.Sprintf("rename %s %s %d", xs, ys, fl), Renameat2(fdcwd, A(x), fdcwd, A(y), fl),
				raw(316, uintptr(fdcwd), up(x), uintptr(fdcwd), up(y), uintptr(fl)))
		case 10:
			l.same(fmt.Sprintf("link %s %s", xs, ys), Link(A(x), A(y)), raw(syscall.SYS_LINK, up(x), up(y)))
		case 11:
			xs = strings.TrimRight(xs, "/")
			x = cstr(xs)
			l.same(fmt.Sprintf("symlink %s %s", xs, ys), Symlink(A(x), A(y)), raw(syscall.SYS_SYMLINK, up(x), up(y)))
		case 12:
			h, k := Readlink(A(x), A(buf1), 100), raw(syscall.SYS_READLINK, up(x), up(buf2), 100)
			if l.same("readlink "+xs, h, k); h > 0 && !bytes.Equal(buf1[:h], buf2[:h]) {
				t.Fatalf("readlink: %q here, %q on Linux", buf1[:h], buf2[:h])
			}
		case 13:
			m := uint64(r.Intn(0o10000))
			l.same(fmt.Sprintf("chmod %s %#o", xs, m), Chmod(A(x), m), raw(syscall.SYS_CHMOD, up(x), uintptr(m)))
		case 14, 15:
			fl := uint64(r.Intn(2) * atSymNoFollow)
			h := Newfstatat(fdcwd, A(x), A(buf1), fl)
			k := raw(syscall.SYS_NEWFSTATAT, uintptr(fdcwd), up(x), up(buf2), uintptr(fl))
			if l.same("stat "+xs, h, k); h == 0 {
				l.stat(buf1, buf2)
			}
		case 16:
			m := uint64(r.Intn(8))
			l.same("access "+xs, Access(A(x), m), raw(syscall.SYS_ACCESS, up(x), uintptr(m)))
		case 17:
			n := uint64(r.Intn(9000))
			l.same(fmt.Sprintf("truncate %s %d", xs, n), Truncate(A(x), n), raw(syscall.SYS_TRUNCATE, up(x), uintptr(n)))
		case 18, 19:
			n := uint64(r.Intn(5000))
			for j := range buf1[:n] {
				buf1[j] = byte(r.Intn(256))
			}
			l.same(fmt.Sprintf("write %d bytes to %d", n, i), Write(uint64(here[i]), A(buf1), n), raw(syscall.SYS_WRITE, uintptr(there[i]), up(buf1), uintptr(n)))
		case 20, 21:
			n := uint64(r.Intn(9000))
			h, k := Read(uint64(here[i]), A(buf1), n), raw(syscall.SYS_READ, uintptr(there[i]), up(buf2), uintptr(n))
			if l.same(fmt.Sprintf("read %d bytes of %d", n, i), h, k); h > 0 && !bytes.Equal(buf1[:h], buf2[:h]) {
				t.Fatalf("step %d: read gave other bytes\n%s", l.step, strings.Join(l.log, "\n"))
			}
		case 22:
			o, w := int64(r.Intn(12000)-2000), uint64(r.Intn(3))
			var st syscall.Stat_t
			if there[i] >= 0 && syscall.Fstat(int(there[i]), &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
				o, w = 0, 0 // directory offsets are the file system's own
			}
			l.same(fmt.Sprintf("lseek %d %d %d", i, o, w), Lseek(uint64(here[i]), uint64(o), w), raw(syscall.SYS_LSEEK, uintptr(there[i]), uintptr(o), uintptr(w)))
		case 23:
			if r.Intn(3) > 0 {
				h, k := Fstat(uint64(here[i]), A(buf1)), raw(syscall.SYS_FSTAT, uintptr(there[i]), up(buf2))
				if l.same(fmt.Sprintf("fstat %d", i), h, k); h == 0 {
					l.stat(buf1, buf2)
				}
				break
			}
			n := uint64(r.Intn(9000))
			l.same(fmt.Sprintf("ftruncate %d %d", i, n), Ftruncate(uint64(here[i]), n), raw(syscall.SYS_FTRUNCATE, uintptr(there[i]), uintptr(n)))
		case 24:
			// What a directory shows of changes behind its position is open.
			Lseek(uint64(here[i]), 0, 0)
			raw(syscall.SYS_LSEEK, uintptr(there[i]), 0, 0)
			h := listing(func(b []byte) int64 { return Getdents64(uint64(here[i]), A(b), uint64(len(b))) })
			k := listing(func(b []byte) int64 { return raw(syscall.SYS_GETDENTS64, uintptr(there[i]), up(b), uintptr(len(b))) })
			if h != k {
				t.Fatalf("step %d: getdents: %q here, %q on Linux\n%s", l.step, h, k, strings.Join(l.log, "\n"))
			}
		case 25:
			if r.Intn(4) > 0 {
				break
			}
			l.same("chdir "+xs, Chdir(A(x)), raw(syscall.SYS_CHDIR, up(x)))
			h, k := Getcwd(A(buf1), 4096), raw(syscall.SYS_GETCWD, up(buf2), 4096)
			if h < 0 || k < 0 {
				l.same("getcwd", h, k)
				break
			}
			g, w := strings.TrimPrefix(string(buf1[:h-1]), "/tmp"), strings.TrimPrefix(string(buf2[:k-1]), host)
			if g != w {
				t.Fatalf("getcwd %q here, %q on Linux", g, w)
			}
		}
	}
	for i := range here {
		if here[i] >= 0 {
			Close(uint64(here[i]))
			raw(syscall.SYS_CLOSE, uintptr(there[i]))
		}
	}
	if cwd != nil {
		cwd.put()
		cwd = nil
	}
	if table.Count() != 0 {
		t.Errorf("%d descriptors left", table.Count())
	}
	// What is left: mount server, two roots as mounted by this test, two of the table.
	if n := p.Handles(); n > 5 {
		t.Errorf("%d handles left", n)
	}
	_ = fdtable.Max
}

// stat compares what file systems have in common.
func (l *linux) stat(a, b []byte) {
	s, u := (*syscall.Stat_t)(unsafe.Pointer(&a[0])), (*syscall.Stat_t)(unsafe.Pointer(&b[0]))
	l.same("mode", int64(s.Mode), int64(u.Mode))
	l.same("nlink", int64(s.Nlink), int64(u.Nlink))
	if s.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		l.same("size", s.Size, u.Size)
	}
}
