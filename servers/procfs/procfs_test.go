package procfs

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/loop"
	"go42/ipc/proto"
	"go42/servers/world"
)

// fakeMachine is the kernel: memory of processes is this process's own.
type fakeMachine struct {
	mu      sync.Mutex
	memory  map[uint64][][]byte // by kernel process id
	regions map[uint64][]abi.RegionInfo
	info    abi.InfoPage
	adjust  map[uint64]int64
}

func (m *fakeMachine) ProcessInfo(kpid uint64) (abi.ProcessInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return abi.ProcessInfo{KPid: kpid, OOMAdjust: m.adjust[kpid], UserNS: 1230e6, SysNS: 40e6, Resident: 300 << 12, Virtual: 5000 << 12, MinFaults: 77}, nil
}

func (m *fakeMachine) SetOOM(kpid uint64, adjust int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.adjust == nil {
		m.adjust = map[uint64]int64{}
	}
	m.adjust[kpid] = int64(adjust)
	return nil
}

func (m *fakeMachine) Query(kpid, addr uint64) (abi.RegionInfo, error) {
	for _, r := range m.regions[kpid] {
		if r.Addr+r.Len > addr {
			return r, nil
		}
	}
	return abi.RegionInfo{}, syscall.ENOENT
}

func (m *fakeMachine) ReadMemory(kpid, addr uint64, b []byte) int {
	for _, p := range m.memory[kpid] {
		if at := address(p); addr >= at && addr < at+uint64(len(p)) {
			return copy(b, p[addr-at:])
		}
	}
	return 0
}

func (m *fakeMachine) SysInfo() abi.SysInfo {
	return abi.SysInfo{MemTotal: 512 << 20, MemFree: 100 << 20, MemFile: 7 << 20, BootNS: 12345678901, IdleNS: 9e9, UserNS: 2e9}
}

func (m *fakeMachine) CPUInfo(n int) abi.CPUInfo {
	i := abi.CPUInfo{APIC: uint64(n) << 16, IdleNS: uint64(4+n) * 1e9, UserNS: 1e9, SysNS: 3e8, Interrupts: 7, Switches: 5, Runnable: 1}
	i.Waited[3] = uint64(n) // half
	return i
}

func (m *fakeMachine) Info() *abi.InfoPage { return &m.info }

func address(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

type procWorld struct {
	*world.World
	m    *fakeMachine
	root string // where paths begin
	srv  *Server
	app  *loop.Proc // the server
}

func newWorld(t *testing.T) *procWorld {
	w := &procWorld{world.New(t, nil), &fakeMachine{memory: map[uint64][][]byte{}, regions: map[uint64][]abi.RegionInfo{}}, "/proc", nil, nil}
	w.m.info.NCPU, w.m.info.TSCHz = 2, 2500000000
	w.m.info.Loads = [3]uint64{0x8000, 0x18000, 0}
	w.m.info.CmdlineLen = uint64(copy(w.m.info.Cmdline[:], "quiet"))
	p := w.Boot(abi.RankDev)
	s := New(p, w.m, w.Creds(p))
	w.Serve(p, &ipc.Server{Name: "procfs", Kernel: p, Handle: s.Handle, Last: s.Last})
	w.MountAt(p, "/proc", client.Object(s.Root()), abi.Grant{})
	w.srv, w.app = s, p
	return w
}

// publish gives a process a block and arguments, and returns the block.
func (w *procWorld) publish(a *world.App) *abi.ProcInfo {
	b := make([]byte, unsafe.Sizeof(abi.ProcInfo{}))
	p := (*abi.ProcInfo)(unsafe.Pointer(&b[0]))
	args := []byte("/bin/test\x00-x\x00\x00two words\x00")
	env := []byte("HOME=/\x00A=b\x00")
	w.m.memory[a.KPid] = [][]byte{b, args, env}
	p.Magic, p.Pid = abi.ProcInfoMagic, uint32(a.Pid)
	p.ArgLo, p.ArgHi = address(args), address(args)+uint64(len(args))
	p.EnvLo, p.EnvHi = address(env), address(env)+uint64(len(env))
	p.ExeLen = uint32(copy(p.Exe[:], "/bin/test"))
	p.CwdLen = uint32(copy(p.Cwd[:], "/tmp"))
	p.Threads, p.Umask, p.SigIgnored = 3, 0o22, 1<<12
	tid := func(n uint32) uint32 { return abi.NewTID(uint32(a.Pid), n) }
	words := []byte{abi.ThreadCalling, 0, 0, 0, abi.ThreadBlocked, 0, 0, 0}
	w.m.memory[a.KPid] = append(w.m.memory[a.KPid], words)
	p.Main = abi.ProcThread{TID: uint32(a.Pid), State: address(words)}
	p.Thread[0] = abi.ProcThread{TID: tid(7), State: address(words[4:]), Blocked: 1 << 9, Comm: [16]byte{'w', 'o', 'r', 'k'}}
	p.Thread[2] = abi.ProcThread{TID: tid(3), State: address(words)}
	p.ThreadLimit = 3
	p.FDLimit = 6
	for i, f := range []struct {
		fd    int
		name  string
		flags uint32
	}{{0, "/dev/null", 0}, {2, "pipe:[17]", 1}, {5, "/etc/passwd", 2}} {
		p.FD[f.fd].File = uint16(i + 1)
		p.File[i+1].Flags = f.flags
		p.File[i+1].NameLen = uint16(copy(p.File[i+1].Name[:], f.name))
	}
	p.FD[5].Flags = 1
	if st := a.Server().Publish(address(b), uint64(len(b))); st < 0 {
		w.T.Fatal(syscall.Errno(-st))
	}
	a.Server().SetComm("te)st")
	return p
}

func (w *procWorld) open(a *world.App, path string, flags uint64) (client.File, int64) {
	redir := make([]byte, 4096)
	n, _, h, st := a.Root(w.root).Open(path, flags, 0, client.OutBytes(redir))
	if st > 0 {
		w.T.Errorf("%s: redirect %d to %q", path, st, redir[:n])
	}
	return a.File(h), st
}

func (w *procWorld) read(a *world.App, path string) (string, int64) {
	f, st := w.open(a, path, 0)
	if st < 0 {
		return "", st
	}
	defer a.Drop(f.H)
	var out []byte
	buf := make([]byte, 700) // in pieces
	for {
		n, _, st := f.Read(proto.OwnOffset, 0, client.OutBytes(buf))
		if st < 0 {
			return "", st
		}
		if n == 0 {
			return string(out), 0
		}
		out = append(out, buf[:n]...)
	}
}

func (w *procWorld) must(a *world.App, path string) string {
	w.T.Helper()
	s, st := w.read(a, path)
	if st < 0 {
		w.T.Errorf("%s: %v", path, syscall.Errno(-st))
	}
	return s
}

func (w *procWorld) want(what string, got, want any) {
	w.T.Helper()
	if got != want {
		w.T.Errorf("%s:\n got  %v\n want %v", what, got, want)
	}
}

func (w *procWorld) list(a *world.App, path string) []string {
	f, st := w.open(a, path, syscall.O_DIRECTORY)
	if st < 0 {
		w.T.Fatalf("%s: %v", path, syscall.Errno(-st))
	}
	defer a.Drop(f.H)
	var names []string
	buf := make([]byte, 200)
	for {
		n, st := f.Getdents(client.OutBytes(buf))
		if st < 0 {
			w.T.Fatalf("%s: %v", path, syscall.Errno(-st))
		}
		if n == 0 {
			return names
		}
		for p := buf[:n]; len(p) > 0; p = p[le32(p[16:])&0xffff:] {
			name, _, _ := bytes.Cut(p[19:le32(p[16:])&0xffff], []byte{0})
			if s := string(name); s != "." && s != ".." {
				names = append(names, s)
			}
		}
	}
}

func (w *procWorld) readlink(a *world.App, path string) (string, int64) {
	buf, redir := make([]byte, 4096), make([]byte, 4096)
	n, size, st := a.Root("/proc").Readlink(path, client.OutBytes(buf), client.OutBytes(redir))
	if st > 0 {
		return string(redir[:n]), st
	}
	return string(buf[:size]), st
}

func TestSelf(t *testing.T) {
	w := newWorld(t)
	a := w.Init.Fork()
	p := w.publish(a)
	pid := fmt.Sprint(a.Pid)
	self, _ := w.readlink(a, "self")
	w.want("self", self, pid)
	self, _ = w.readlink(w.Init, "self")
	w.want("init's self", self, "1")
	self, _ = w.readlink(a, "thread-self")
	w.want("thread-self", self, pid+"/task/"+pid)
	w.want("cmdline", w.must(a, "self/cmdline"), "/bin/test\x00-x\x00\x00two words\x00")
	w.want("environ", w.must(a, "self/environ"), "HOME=/\x00A=b\x00")
	w.want("comm", w.must(a, "self/comm"), "te)st\n")
	w.want("thread's comm", w.must(a, "thread-self/comm"), "te)st\n")
	for path, want := range map[string]string{"self/exe": "/bin/test", "self/cwd": "/tmp", "self/root": "/", "mounts": "self/mounts", pid + "/fd/2": "2"} {
		got, st := w.readlink(a, path)
		w.want(path, got, want)
		wantSt := int64(0)
		if path == pid+"/fd/2" {
			wantSt = proto.RedirectFD // the caller's own
		}
		w.want(path, st, wantSt)
	}
	got, _ := w.readlink(w.Init, pid+"/fd/2")
	w.want("another's fd", got, "pipe:[17]")
	w.want("fds", fmt.Sprint(w.list(a, "self/fd")), "[0 2 5]")
	w.want("fdinfo", w.must(a, "self/fdinfo/5"), "flags:\t02000002\nmnt_id:\t1\n")
	_, st := w.read(a, "self/fdinfo/1")
	w.want("closed", st, -int64(syscall.ENOENT))
	redir := make([]byte, 100)
	n, _, _, st := a.Root("/proc").Open("self/fd/5", 0, 0, client.OutBytes(redir))
	w.want("open own fd", fmt.Sprint(st, string(redir[:n])), fmt.Sprint(proto.RedirectFD, "5"))
	n, _, _, st = w.Init.Root("/proc").Open(pid+"/fd/5", 0, 0, client.OutBytes(redir))
	w.want("open another's fd", fmt.Sprint(st, string(redir[:n])), fmt.Sprint(proto.RedirectAbsolute, "/etc/passwd"))
	_, _, _, st = w.Init.Root("/proc").Open(pid+"/fd/2", 0, 0, client.OutBytes(redir))
	w.want("open another's pipe", st, -int64(syscall.ENXIO))
	n, _, st = a.Root("/proc").Stat("self/cwd/x", 0, client.OutBytes(redir))
	w.want("through cwd", fmt.Sprint(st, string(redir[:n])), fmt.Sprint(proto.RedirectAbsolute, "/tmp/x"))
	t3, t7 := abi.NewTID(uint32(a.Pid), 3), abi.NewTID(uint32(a.Pid), 7)
	w.want("tasks", fmt.Sprint(w.list(a, "self/task")), fmt.Sprintf("[%s %d %d]", pid, t3, t7))
	stat := fmt.Sprintf("%d (work) S 1 ", t7)
	w.want("thread's stat", w.must(w.Init, fmt.Sprintf("%s/task/%d/stat", pid, t7))[:len(stat)], stat)
	w.want("by its id alone", w.must(w.Init, fmt.Sprintf("%d/comm", t7)), "work\n")
	_, st = w.read(a, fmt.Sprintf("self/task/%d/stat", t7+1))
	w.want("no such thread", st, -int64(syscall.ENOENT))
	p.Thread[0].TID = 0
	_, st = w.read(a, fmt.Sprintf("%d/comm", t7))
	w.want("a thread that has ended", st, -int64(syscall.ENOENT))
	w.want("children", w.must(w.Init, "1/task/1/children"), pid+" ")
}

func TestStat(t *testing.T) {
	w := newWorld(t)
	a := w.Init.Fork()
	w.publish(a)
	s := w.must(w.Init, fmt.Sprint(a.Pid, "/stat"))
	host, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Skip("no /proc to compare with")
	}
	fields := func(s string) int { return len(strings.Fields(s[strings.LastIndex(s, ")"):])) }
	w.want("fields", fields(s), fields(string(host)))
	w.want("stat", regexp.MustCompile(`^\d+ \(te\)st\) R 1 1 1 0 -1 4194304 77 0 0 0 123 4 0 0 20 0 3 0 \d+ 20480000 300 18446744073709551615 `).MatchString(s), true)
	keys := func(s string) (l []string) {
		for _, line := range strings.Split(s, "\n") {
			if k, _, ok := strings.Cut(line, ":"); ok {
				l = append(l, k)
			}
		}
		return l
	}
	// Our lines are some of Linux's, in its order.
	ordered := func(what string, ours, linux []string) {
		at := 0
		for _, k := range ours {
			i := at
			for i < len(linux) && linux[i] != k {
				i++
			}
			if i == len(linux) {
				t.Errorf("%s: %q is not there in Linux, or in another place", what, k)
				continue
			}
			at = i + 1
		}
	}
	for _, f := range []string{"self/status", "self/io", "self/limits"} {
		b, err := os.ReadFile("/proc/" + f)
		if err != nil {
			t.Fatal(err)
		}
		ordered(f, keys(w.must(a, f)), keys(string(b)))
	}
	status := w.must(a, "self/status")
	for _, l := range []string{"Name:\tte)st\n", "Umask:\t0022\n", "State:\tR (running)\n", "Threads:\t3\n", "SigIgn:\t0000000000001000\n", "CapEff:\t000001ffffffffff\n", "FDSize:\t64\n"} {
		if !strings.Contains(status, l) {
			t.Errorf("status has no %q", l)
		}
	}
	first := func(s string) string { l, _, _ := strings.Cut(s, "\n"); return l }
	b, _ := os.ReadFile("/proc/self/limits")
	w.want("limits", first(w.must(a, "self/limits")), first(string(b)))
	a.Exit(0x100)
	s = w.must(w.Init, fmt.Sprint(a.Pid, "/stat"))
	w.want("zombie", strings.Contains(s, ") Z 1 "), true)
	w.want("zombie's cmdline", w.must(w.Init, fmt.Sprint(a.Pid, "/cmdline")), "")
}

func TestMaps(t *testing.T) {
	w := newWorld(t)
	a := w.Init.Fork()
	w.publish(a)
	w.m.regions[a.KPid] = []abi.RegionInfo{
		{Addr: 0x400000, Len: 0x2000, Prot: 5, Kind: 1, Name: regionExe, FCMID: 9, Resident: 0x1000},
		{Addr: 0xc000000000, Len: 0x4000000, Prot: 3, Resident: 0x5000},
		{Addr: 0x7dfff0000000, Len: 0x1000, Offset: 0x3000, Prot: 3, Kind: 1, Flags: abi.MapShared, Name: regionFiles + 3, FCMID: 11},
		{Addr: 0x7dfffffde000, Len: 0x21000, Prot: 3, Flags: abi.MapGrowsDown, Name: regionStack},
		{Addr: abi.LibOSBase, Len: 0x1000, Prot: 5},
	}
	want := "00400000-00402000 r-xp 00000000 00:02 9                                  /bin/test\n" +
		"c000000000-c004000000 rw-p 00000000 00:00 0 \n" +
		"7dfff0000000-7dfff0001000 rw-s 00003000 00:02 11                         /etc/passwd\n" +
		"7dfffffde000-7dfffffff000 rw-p 00000000 00:00 0                          [stack]\n"
	w.want("maps", w.must(a, "self/maps"), want)
	w.want("statm", w.must(a, "self/statm"), "16420 6 1 2 0 16417 0\n")
	if s := w.must(a, "self/smaps"); strings.Count(s, "Size:  ") < 4 || strings.Count(s, "VmFlags:") != 4 {
		t.Errorf("smaps:\n%s", s)
	}
}

// TestPrivate: who may look at what.
func TestPrivate(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.Init.Fork(), w.Init.Fork(), w.Init.Fork()
	w.publish(a)
	for _, x := range []*world.App{a, b} {
		x.Setuid(1000, 1000)
	}
	c.Setuid(1001, 1001)
	dir := fmt.Sprint(a.Pid) + "/"
	// What it has from the time as another user is root's to look at, until it says
	// otherwise.
	_, st := w.read(b, dir+"environ")
	w.want("environ after a change of ids", st, -int64(syscall.EACCES))
	a.Server().Prctl(proto.PrctlSetDumpable, 1)
	for _, f := range []string{"environ", "maps", "smaps", "auxv", "io", "fd/0", "fdinfo/0", "exe", "cwd", "root"} {
		try := func(x *world.App) int64 {
			if f == "exe" || f == "cwd" || f == "root" || f == "fd/0" {
				_, st := w.readlink(x, dir+f)
				return min(st, 0)
			}
			_, st := w.read(x, dir+f)
			return st
		}
		w.want(f+" by its user", try(b), int64(0))
		w.want(f+" by root", try(w.Init), int64(0))
		w.want(f+" by another", try(c), -int64(syscall.EACCES))
		w.want(f+" by itself", try(a), int64(0))
	}
	for _, f := range []string{"stat", "status", "cmdline", "comm", "statm", "limits", "mounts"} {
		if _, st := w.read(c, dir+f); st < 0 {
			t.Errorf("%s by another: %v", f, syscall.Errno(-st))
		}
	}
	stat := strings.Fields(w.must(c, dir+"stat"))
	w.want("start_code", stat[25], "0")
	f, st := w.open(c, dir+"oom_score_adj", syscall.O_WRONLY)
	w.want("write by another", st, -int64(syscall.EACCES))
	f, st = w.open(a, dir+"oom_score_adj", syscall.O_RDWR)
	w.want("open for writing", st, int64(0))
	_, _, st = f.Write(proto.OwnOffset, 0, 1<<30, client.InBytes([]byte("500\n")))
	w.want("write", st, int64(0))
	w.want("written", w.must(c, dir+"oom_score_adj"), "500\n")
	_, _, st = f.Write(proto.OwnOffset, 0, 1<<30, client.InBytes([]byte("100")))
	w.want("lower", st, -int64(syscall.EACCES))
	_, _, st = f.Write(proto.OwnOffset, 0, 1<<30, client.InBytes([]byte("2000")))
	w.want("too high", st, -int64(syscall.EINVAL))
}

// TestHostileBlock: a process may publish anything.
func TestHostileBlock(t *testing.T) {
	defer func(d time.Duration) { betweenStep = d }(betweenStep)
	betweenStep = 0 // what it says may be what another program is about to put right
	w := newWorld(t)
	a := w.Init.Fork()
	p := w.publish(a)
	all := func() {
		t.Helper()
		for _, f := range []string{"stat", "status", "cmdline", "environ", "auxv", "maps", "statm", "comm"} {
			w.must(w.Init, fmt.Sprint(a.Pid, "/", f))
		}
		for _, f := range []string{"exe", "cwd", "root"} {
			w.readlink(w.Init, fmt.Sprint(a.Pid, "/", f))
		}
		w.list(w.Init, fmt.Sprint(a.Pid, "/fd"))
		w.readlink(w.Init, fmt.Sprint(a.Pid, "/fd/5"))
	}
	all()
	p.ExeLen, p.CwdLen, p.RootLen, p.FDLimit, p.Threads = 1<<31, 1<<31, 1<<31, 1<<31, 1<<31
	p.ArgHi, p.EnvLo, p.AuxvHi = ^uint64(0), ^uint64(0), 1<<63
	p.FD[5].File = 0xffff
	p.FD[4].File = abi.ProcMaxFile - 1
	p.File[abi.ProcMaxFile-1].NameLen = 0xffff
	all()
	w.want("threads", strings.Fields(w.must(w.Init, fmt.Sprint(a.Pid, "/stat")))[19], "1")
	if n := len(w.list(w.Init, fmt.Sprint(a.Pid, "/fd"))); n > abi.ProcMaxFD {
		t.Errorf("%d descriptors", n)
	}
	p.Magic = 0
	all()
	a.Server().Publish(12345, 1<<40)
	all()
	a.Server().Publish(^uint64(0)-10, ^uint64(0))
	all()
	runtime.KeepAlive(p)
}

func TestSystem(t *testing.T) {
	w := newWorld(t)
	w.want("uptime", w.must(w.Init, "uptime"), "12.34 9.00\n")
	w.want("cmdline", w.must(w.Init, "cmdline"), "quiet\n")
	w.want("loadavg", regexp.MustCompile(`^0\.50 1\.50 0\.00 1/\d+ \d+\n$`).MatchString(w.must(w.Init, "loadavg")), true)
	w.want("hostname", w.must(w.Init, "sys/kernel/hostname"), "go42\n")
	w.want("osrelease", w.must(w.Init, "sys/kernel/osrelease"), release+"\n")
	w.want("mounts", regexp.MustCompile(`^none / tmpfs rw,relatime 0 0\n(none /(dev|tmp) tmpfs rw,relatime 0 0\n){2}none /proc tmpfs rw,relatime 0 0\n$`).MatchString(w.must(w.Init, "mounts")), true)
	info := w.must(w.Init, "self/mountinfo")
	w.want("mountinfo", regexp.MustCompile(`(?s)^1 1 0:2 / / rw,relatime - tmpfs none rw\n.*\n4 1 0:23 / /proc rw,relatime - tmpfs none rw\n$`).MatchString(info), true)
	u1, u2 := w.must(w.Init, "sys/kernel/random/uuid"), w.must(w.Init, "sys/kernel/random/uuid")
	id := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n$`)
	w.want("uuid", id.MatchString(u1) && u1 != u2, true)
	w.want("boot_id", w.must(w.Init, "sys/kernel/random/boot_id"), w.must(w.Init, "sys/kernel/random/boot_id"))
	if s := w.must(w.Init, "meminfo"); !strings.Contains(s, "MemTotal:         524288 kB\nMemFree:          102400 kB\n") {
		t.Errorf("meminfo:\n%s", s)
	}
	if s := w.must(w.Init, "stat"); !strings.HasPrefix(s, "cpu  200 0 60 900 0 0 0 0 0 0\ncpu0 100 0 30 400 0 0 0 0 0 0\ncpu1 100 0 30 500 0") ||
		!strings.Contains(s, "\nintr 14\nctxt 10\n") || !strings.Contains(s, "\nprocs_running 2\n") {
		t.Errorf("stat:\n%s", s)
	}
	if s := w.must(w.Init, "lock_stat"); !strings.Contains(s, "rank            cpu0      cpu1\n") || !strings.Contains(s, "half               0         1\n") {
		t.Errorf("lock_stat:\n%s", s)
	}
	if s := w.must(w.Init, "cpuinfo"); strings.Count(s, "processor\t:") != 2 || !strings.Contains(s, " sse2 ") {
		t.Errorf("cpuinfo:\n%s", s)
	}
	// Every file of the tree can be read, and every name that is listed is there.
	var walk func(dir string)
	walk = func(dir string) {
		for _, n := range w.list(w.Init, dir) {
			path := strings.TrimPrefix(dir+"/"+n, "/")
			redir := make([]byte, 4096)
			_, st, e := w.Init.Root("/proc").Stat(path, proto.AtNoFollow, client.OutBytes(redir))
			if e < 0 {
				t.Errorf("%s: %v", path, syscall.Errno(-e))
				continue
			}
			switch st.Mode & syscall.S_IFMT {
			case syscall.S_IFDIR:
				walk(path)
			case syscall.S_IFREG:
				w.must(w.Init, path)
			}
		}
	}
	a := w.Init.Fork()
	w.publish(a)
	walk("")
	names := w.list(w.Init, "")
	w.want("init and its child are listed", slices.Contains(names, "1") && slices.Contains(names, fmt.Sprint(a.Pid)), true)

	host := w.Init.Fork()
	f, st := w.open(host, "sys/kernel/hostname", syscall.O_WRONLY|syscall.O_TRUNC)
	w.want("open hostname", st, int64(0))
	_, _, st = f.Write(proto.OwnOffset, 0, 1<<30, client.InBytes([]byte("box\n")))
	w.want("write hostname", st, int64(0))
	w.want("hostname", w.must(w.Init, "sys/kernel/hostname"), "box\n")
	host.Setuid(1000, 1000)
	_, _, st = f.Write(proto.OwnOffset, 0, 1<<30, client.InBytes([]byte("x")))
	w.want("write as a user", st, -int64(syscall.EPERM))
	_, st = w.open(host, "sys/kernel/hostname", syscall.O_WRONLY)
	w.want("open as a user", st, -int64(syscall.EACCES))
	_, st = w.open(host, "version", syscall.O_WRONLY)
	w.want("write version", st, -int64(syscall.EACCES))
	_, st = w.open(w.Init, "nothing", 0)
	w.want("no such name", st, -int64(syscall.ENOENT))
	_, st = w.open(w.Init, "99999", 0)
	w.want("no such process", st, -int64(syscall.ENOENT))
	_, st = w.open(w.Init, "01", 0)
	w.want("no number", st, -int64(syscall.ENOENT))
}

// TestGone: an open file of a process that has ended says ESRCH's like.
func TestGone(t *testing.T) {
	w := newWorld(t)
	a := w.Init.Fork()
	f, st := w.open(w.Init, fmt.Sprint(a.Pid, "/stat"), 0)
	w.want("open", st, int64(0))
	a.Exit(0)
	if _, _, st := w.Init.Server().Wait(0, 0, 4, 0); st < 0 {
		t.Fatal(syscall.Errno(-st))
	}
	buf := make([]byte, 100)
	_, _, st = f.Read(proto.OwnOffset, 0, client.OutBytes(buf))
	w.want("read", st, -int64(syscall.ESRCH))
}
