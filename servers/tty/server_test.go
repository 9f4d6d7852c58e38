package tty

import (
	"encoding/binary"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/loop"
	"go42/ipc/proto"
	"go42/ipc/server"
	"go42/qemu/runspec"
	"go42/servers/cred"
	"go42/servers/file"
)

// fakeMachine is the devices: what is to be read, and what was written.
type fakeMachine struct {
	mu    sync.Mutex
	in    [2][]byte
	out   [8]strings.Builder
	stuck bool // the console takes nothing
}

func (m *fakeMachine) Read(dev uint64, b []byte) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := copy(b, m.in[dev])
	m.in[dev] = m.in[dev][n:]
	return n
}

func (m *fakeMachine) Write(dev uint64, b []byte) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stuck && dev == abi.DevConsole {
		return 0
	}
	m.out[dev].Write(b[:min(len(b), 512)])
	return min(len(b), 512)
}

func (m *fakeMachine) Attach(dev, channel uint64) error { return nil }

// fakeProcs is the process server: the records are the test's.
type fakeProcs struct {
	server.Proc
	mu       sync.Mutex
	records  map[uint64]*proto.ProcRecord // by kernel process id
	orphans  map[uint32]bool
	ttys     map[uint32]uint64 // by session
	sent     []signal
	hangups  [][2]uint64
	rootOnly bool
}

func (p *fakeProcs) InfoK(c *ipc.Call, kpid uint64) (*proto.ProcRecord, int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.records[kpid]
	if r == nil {
		return nil, -int64(syscall.ESRCH)
	}
	x := *r
	x.TTY = uint32(p.ttys[x.Sid])
	return &x, 0
}

func (p *fakeProcs) GroupInfo(c *ipc.Call, pgid uint64) (uint64, uint64, int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.records {
		if uint64(r.PGid) == pgid {
			o := uint64(0)
			if p.orphans[r.PGid] {
				o = 1
			}
			return uint64(r.Sid), o, 0
		}
	}
	return 0, 0, -int64(syscall.ESRCH)
}

func (p *fakeProcs) KillGroup(c *ipc.Call, pgid uint64, sig uint64, info *proto.Siginfo) (uint64, int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, signal{group: uint32(pgid), sig: int(sig)})
	return 1, 0
}

func (p *fakeProcs) Kill(c *ipc.Call, pid int64, sig uint64, info *proto.Siginfo) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, signal{pid: uint32(pid), sig: int(sig)})
	return 0
}

func (p *fakeProcs) SetTerminal(c *ipc.Call, sid uint64, rdev uint64) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if rdev == 0 {
		delete(p.ttys, uint32(sid))
	} else {
		p.ttys[uint32(sid)] = rdev
	}
	return 0
}

func (p *fakeProcs) NextHangup(c *ipc.Call) (uint64, uint64, int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.hangups) == 0 {
		return 0, 0, -int64(syscall.EAGAIN)
	}
	h := p.hangups[0]
	p.hangups = p.hangups[1:]
	return h[0], h[1], 0
}

// signals answers what has been sent since the last time.
func (p *fakeProcs) signals() []signal {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sent
	p.sent = nil
	return s
}

// world is the servers around a terminal server.
type world struct {
	t     *testing.T
	net   *loop.Net
	m     *fakeMachine
	procs *fakeProcs
	srv   *Server
	files *file.Server
	proc  *loop.Proc
	fileP *loop.Proc
	tty   *loop.Proc
	pid   uint32
}

const (
	procHandle = abi.HandleProc
	devHandle  = 5
	ttyHandle  = 6
	ptsHandle  = 7
)

func newWorld(t *testing.T) *world {
	w := &world{t: t, net: loop.New(), m: &fakeMachine{}, pid: 100,
		procs: &fakeProcs{records: map[uint64]*proto.ProcRecord{}, orphans: map[uint32]bool{}, ttys: map[uint32]uint64{}}}
	creds := &cred.Cache{Query: func(token uint64) (*cred.Cred, error) {
		n := uint32(token)
		return &cred.Cred{Cred: proto.Cred{Token: token, UID: n, EUID: n, FSUID: n, GID: n, EGID: n, FSGID: n}}, nil
	}}
	w.proc, w.fileP, w.tty = w.net.Spawn(0, abi.RankProc), w.net.Spawn(0, abi.RankFile), w.net.Spawn(0, abi.RankPipe)
	w.proc.Serve(&ipc.Server{Name: "proc", Kernel: w.proc, Handle: func(c *ipc.Call) { server.ServeProc(w.procs, c) }, Log: func(l string) { t.Error(l) }})
	var err error
	if w.files, err = file.New(file.Config{Kernel: w.fileP, Creds: creds, MemTotal: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	w.fileP.Serve(&ipc.Server{Name: "file", Kernel: w.fileP, Handle: w.files.Handle, Last: w.files.Last, Log: func(l string) { t.Error(l) }})
	w.tty.Put(procHandle, w.proc, 0)
	if w.srv, err = New(w.tty, w.m, creds); err != nil {
		t.Fatal(err)
	}
	w.tty.Serve(&ipc.Server{Name: "tty", Kernel: w.tty, Handle: w.srv.Handle, Last: w.srv.Last, Log: func(l string) { t.Error(l) }})
	return w
}

// user is a process that uses terminals.
type user struct {
	*loop.Proc
	w *world
	r *proto.ProcRecord
}

// spawn makes a process, its own session's leader if sid is 0.
func (w *world) spawn(cred uint64, sid, pgid uint32) *user {
	p := w.net.Spawn(cred, abi.RankApp)
	p.Put(devHandle, w.fileP, w.files.Dev.RootID())
	p.Put(ttyHandle, w.tty, 0)
	p.Put(ptsHandle, w.tty, w.srv.Pts())
	w.pid++
	r := &proto.ProcRecord{KPid: p.KPid, Pid: w.pid, Sid: sid, PGid: pgid, EUID: uint32(cred), UID: uint32(cred)}
	if sid == 0 {
		r.Sid, r.PGid = r.Pid, r.Pid
	} else if pgid == 0 {
		r.PGid = r.Pid
	}
	w.procs.mu.Lock()
	w.procs.records[p.KPid] = r
	w.procs.mu.Unlock()
	return &user{p, w, r}
}

// open opens a device; status < 0 says why not.
func (u *user) open(name string, flags uint64) (file client.File, st int64) {
	dir, name := uint64(devHandle), strings.TrimPrefix(name, "/dev/")
	if n, ok := strings.CutPrefix(name, "pts/"); ok {
		dir, name = ptsHandle, n
	}
	redir := make([]byte, 4096)
	_, _, dev, st := client.FileSystem{C: u.Conn(), H: dir}.Open(name, flags, 0, client.OutBytes(redir))
	if st < 0 {
		return file, st
	}
	defer u.Drop(dev)
	_, h, st := client.TTY{C: u.Conn(), H: ttyHandle}.Open(flags, client.Copy(dev))
	return client.File{C: u.Conn(), H: h}, st
}

func (u *user) mustOpen(name string, flags uint64) client.File {
	u.w.t.Helper()
	f, st := u.open(name, flags)
	if st < 0 {
		u.w.t.Fatalf("open %s: %v", name, syscall.Errno(-st))
	}
	return f
}

func read(f client.File, wait uint64) (string, int64) {
	b := make([]byte, 8192)
	n, _, st := f.Read(proto.OwnOffset, wait, client.OutBytes(b))
	return string(b[:n]), st
}

func write(f client.File, s string) int64 {
	n, _, st := f.Write(proto.OwnOffset, proto.Wait(abi.ChanTTY), ^uint64(0), client.InBytes([]byte(s)))
	if st < 0 {
		return st
	}
	return int64(n)
}

func ask(f client.File, req, arg uint64, in []byte) ([]byte, int64) {
	out := make([]byte, 64)
	if in == nil {
		in = make([]byte, 64)
	}
	_, st := f.Control(req, arg, 0, client.InBytes(in), client.OutBytes(out))
	return out, st
}

func ask32(f client.File, req uint64, v uint32) (uint32, int64) {
	out, st := ask(f, req, 0, binary.LittleEndian.AppendUint32(nil, v))
	return binary.LittleEndian.Uint32(out), st
}

// typed gives the console input.
func (w *world) typed(s string) {
	w.m.mu.Lock()
	w.m.in[abi.DevConsole] = append(w.m.in[abi.DevConsole], s...)
	w.m.mu.Unlock()
	w.srv.Notified(1 << chanConsole)
}

// shown is the console's output since the last time.
func (w *world) shown() string {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	s := w.m.out[abi.DevConsole].String()
	w.m.out[abi.DevConsole].Reset()
	return s
}

func (w *world) want(what string, got, want any) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func e(n syscall.Errno) int64 { return -int64(n) }

const wait = abi.ChanTTY + 1

func TestConsole(t *testing.T) {
	w := newWorld(t)
	sh := w.spawn(0, 0, 0)
	f := sh.mustOpen("/dev/console", syscall.O_RDWR)
	w.want("no terminal from /dev/console", w.procs.ttys[sh.r.Sid], uint64(0))
	_, st := read(f, wait)
	w.want("nothing typed", st, e(syscall.EAGAIN))
	w.typed("ls\r")
	sh.Await(abi.ChanTTY)
	s, _ := read(f, wait)
	w.want("line", s, "ls\n")
	w.want("echo", w.shown(), "ls\r\n")
	w.want("write", write(f, "a\nb\n"), int64(4))
	w.want("output", w.shown(), "a\r\nb\r\n")
	_, st = sh.open("/dev/tty", syscall.O_RDWR)
	w.want("no controlling terminal", st, e(syscall.ENXIO))
	_, st = ask(f, tiocSCTTY, 0, nil)
	w.want("TIOCSCTTY", st, int64(0))
	w.want("terminal", w.procs.ttys[sh.r.Sid], uint64(proto.RdevTTYS0))
	tt := sh.mustOpen("/dev/tty", syscall.O_RDWR)
	g, st := ask32(tt, tiocGPGRP, 0)
	w.want("foreground", g, sh.r.PGid)
	w.want("foreground", st, int64(0))
	g, _ = ask32(tt, tiocGSID, 0)
	w.want("session", g, sh.r.Sid)
	r, _ := f.Stat()
	w.want("rdev", r.Rdev, uint64(proto.RdevConsole))
}

// What could not be copied to who reads stays.
func TestReadFault(t *testing.T) {
	w := newWorld(t)
	sh := w.spawn(0, 0, 0)
	f := sh.mustOpen("/dev/console", syscall.O_RDWR)
	w.typed("ls\r")
	_, _, st := f.Read(proto.OwnOffset, wait, proto.Out{Addr: 0, Len: 8192})
	w.want("bad address", st, e(syscall.EFAULT))
	s, _ := read(f, wait)
	w.want("line", s, "ls\n")
}

func TestPoll(t *testing.T) {
	w := newWorld(t)
	u := w.spawn(0, 0, 0)
	f := u.mustOpen("/dev/ttyS0", syscall.O_RDWR|syscall.O_NOCTTY)
	s, _ := f.Poll(proto.PollIn, wait)
	w.want("idle", s, uint64(proto.PollOut))
	set, _ := u.Notified(abi.ChanTTY)
	w.want("early notification", set, false)
	w.typed("a")
	u.Notified(abi.ChanTTY)
	s, _ = f.Poll(proto.PollIn, wait)
	w.want("no line yet", s, uint64(proto.PollOut))
	w.typed("\n")
	set, _ = u.Notified(abi.ChanTTY)
	w.want("notified", set, true)
	s, _ = f.Poll(proto.PollIn, wait)
	w.want("line", s, uint64(proto.PollOut|proto.PollIn))
	n, _ := ask32(f, fionREAD, 0)
	w.want("FIONREAD", n, uint32(2))
}

func TestJobControl(t *testing.T) {
	w := newWorld(t)
	sh := w.spawn(0, 0, 0)
	f := sh.mustOpen("/dev/ttyS0", syscall.O_RDWR) // becomes the controlling terminal
	w.want("terminal", w.procs.ttys[sh.r.Sid], uint64(proto.RdevTTYS0))
	job := w.spawn(0, sh.r.Sid, 0)
	jf := job.mustOpen("/dev/tty", syscall.O_RDWR)

	_, st := read(jf, wait)
	w.want("background read", st, int64(-proto.ERestart))
	w.want("SIGTTIN", w.procs.signals()[0], signal{group: job.r.PGid, sig: sigTTIN})
	job.r.Ignored = 1 << (sigTTIN - 1)
	_, st = read(jf, wait)
	w.want("ignored SIGTTIN", st, e(syscall.EIO))
	job.r.Ignored = 0
	w.procs.orphans[job.r.PGid] = true
	_, st = read(jf, wait)
	w.want("orphan", st, e(syscall.EIO))
	_, st = ask32(jf, tiocSPGRP, job.r.PGid)
	w.want("orphan TIOCSPGRP", st, e(syscall.ENOTTY))
	w.procs.orphans = map[uint32]bool{}

	w.want("background write", write(jf, "x"), int64(1))
	b, _ := ask(jf, tcGETS, 0, nil)
	var tio termios
	tio.decode(b)
	tio.lflag |= lTOSTOP
	_, st = ask(jf, tcSETS, 0, tio.encode())
	w.want("background TCSETS", st, int64(-proto.ERestart))
	w.procs.signals()
	_, st = ask(f, tcSETS, 0, tio.encode())
	w.want("TCSETS", st, int64(0))
	w.want("TOSTOP", write(jf, "x"), int64(-proto.ERestart))
	w.want("SIGTTOU", w.procs.signals()[0], signal{group: job.r.PGid, sig: sigTTOU})
	job.r.Blocked = 1 << (sigTTOU - 1)
	w.want("blocked SIGTTOU", write(jf, "x"), int64(1))
	_, st = ask32(jf, tiocSPGRP, job.r.PGid)
	w.want("TIOCSPGRP", st, int64(0))
	_, st = ask32(jf, tiocSPGRP, 9999)
	w.want("no such group", st, e(syscall.ESRCH))
	_, st = ask32(jf, tiocSPGRP, 1<<31)
	w.want("negative group", st, e(syscall.EINVAL))
	other := w.spawn(0, 0, 0)
	_, st = ask32(jf, tiocSPGRP, other.r.PGid)
	w.want("other session's group", st, e(syscall.EPERM))
	of := other.mustOpen("/dev/ttyS0", syscall.O_RDWR)
	_, st = ask32(of, tiocGPGRP, 0)
	w.want("not my terminal", st, e(syscall.ENOTTY))
	_, st = ask(of, tiocSCTTY, 0, nil)
	w.want("taken", st, e(syscall.EPERM))

	w.procs.signals()
	w.typed("abc\x03")
	w.want("^C", w.procs.signals()[0], signal{group: job.r.PGid, sig: sigINT})
	w.typed("\x1a")
	w.want("^Z", w.procs.signals()[0], signal{group: job.r.PGid, sig: sigTSTP})
	w.typed("\x1c")
	w.want("^\\", w.procs.signals()[0], signal{group: job.r.PGid, sig: sigQUIT})

	_, st = ask(jf, tiocSWINSZ, 0, []byte{50, 0, 100, 0, 0, 0, 0, 0})
	w.want("TIOCSWINSZ", st, int64(0))
	w.want("SIGWINCH", w.procs.signals()[0], signal{group: job.r.PGid, sig: sigWINCH})
	b, _ = ask(jf, tiocGWINSZ, 0, nil)
	w.want("rows, columns", [2]byte{b[0], b[2]}, [2]byte{50, 100})

	_, st = ask(jf, tiocNOTTY, 0, nil)
	w.want("TIOCNOTTY of a member", st, e(syscall.EPERM))
	con := sh.mustOpen("/dev/console", syscall.O_RDWR)
	delete(w.procs.ttys, sh.r.Sid)
	w.procs.hangups = append(w.procs.hangups, [2]uint64{proto.RdevTTYS0, uint64(sh.r.Sid)})
	w.srv.Notified(1 << abi.ChanTTY)
	w.want("SIGHUP", w.procs.signals()[0], signal{group: job.r.PGid, sig: sigHUP})
	_, st = read(jf, wait)
	w.want("read after hangup", st, int64(0))
	w.want("write after hangup", write(jf, "x"), e(syscall.EIO))
	_, st = ask(jf, tcGETS, 0, nil)
	w.want("ioctl after hangup", st, e(syscall.EIO))
	s, _ := jf.Poll(proto.PollIn, 0)
	w.want("poll after hangup", s, uint64(proto.PollIn|proto.PollOut|proto.PollErr|proto.PollHup))
	w.want("console after hangup", write(con, "x"), int64(1))
	_, st = ask(of, tiocSCTTY, 0, nil)
	w.want("hung up open", st, e(syscall.EIO))
	other.mustOpen("/dev/ttyS0", syscall.O_RDWR)
	w.want("free again", w.procs.ttys[other.r.Sid], uint64(proto.RdevTTYS0))
}

// TestHangupRoom: what had no room is taken in when a hangup has made some. The device
// does not tell of it again.
func TestHangupRoom(t *testing.T) {
	w := newWorld(t)
	u := w.spawn(0, 0, 0)
	f := u.mustOpen("/dev/console", syscall.O_RDWR)
	w.typed(strings.Repeat("ab\n", inMax/3+100))
	_, st := ask(f, tiocVHANGUP, 0, nil)
	w.want("vhangup", st, int64(0))
	s, st := read(f, wait)
	w.want("status", st, int64(0))
	w.want("line", s, "ab\n")
}

func TestTimes(t *testing.T) {
	w := newWorld(t)
	u := w.spawn(0, 0, 0)
	f := u.mustOpen("/dev/ttyS0", syscall.O_RDWR|syscall.O_NOCTTY)
	set := func(min, tenths byte) {
		x := standard
		raw(&x)
		x.cc[vMIN], x.cc[vTIME] = min, tenths
		if _, st := ask(f, tcSETS, 0, x.encode()); st != 0 {
			t.Fatal(st)
		}
	}
	// blocking reads as the libOS does.
	blocking := func() string {
		for {
			s, st := read(f, wait)
			if st != e(syscall.EAGAIN) {
				return s
			}
			u.Await(abi.ChanTTY)
		}
	}
	set(0, 0)
	s, st := read(f, wait)
	w.want("polling read", s, "")
	w.want("polling read", st, int64(0))
	set(0, 1)
	start := time.Now()
	w.want("timed read", blocking(), "")
	if d := time.Since(start); d < 90*time.Millisecond {
		t.Errorf("timed read ended after %v", d)
	}
	set(0, 255)
	time.AfterFunc(20*time.Millisecond, func() { w.typed("x") })
	w.want("timed read with input", blocking(), "x")
	set(3, 0)
	w.typed("ab")
	_, st = read(f, wait)
	w.want("too few", st, e(syscall.EAGAIN))
	if p, _ := f.Poll(proto.PollIn, 0); p&proto.PollIn != 0 {
		t.Error("readable with too few")
	}
	s, _ = read(f, 0)
	w.want("non-blocking takes what there is", s, "ab")
	w.typed("ab")
	time.AfterFunc(10*time.Millisecond, func() { w.typed("cd") })
	w.want("enough", blocking(), "abcd")
	set(5, 1)
	start = time.Now()
	w.typed("ab")
	w.want("inter-character time", blocking(), "ab")
	if d := time.Since(start); d < 90*time.Millisecond {
		t.Errorf("read ended after %v", d)
	}
}

func TestFlow(t *testing.T) {
	w := newWorld(t)
	u := w.spawn(0, 0, 0)
	f := u.mustOpen("/dev/ttyS0", syscall.O_RDWR|syscall.O_NOCTTY)
	w.typed("\x13")
	big := strings.Repeat("y", 10000)
	n := write(f, big)
	if n <= 0 || n > outMax {
		t.Fatalf("held write took %d", n)
	}
	w.want("full", write(f, big), e(syscall.EAGAIN))
	w.want("held", w.shown(), "")
	w.typed("\x11")
	set, _ := u.Notified(abi.ChanTTY)
	w.want("notified", set, true)
	w.want("sent", len(w.shown()), int(n))
	// A device that takes nothing is tried again.
	w.m.mu.Lock()
	w.m.stuck = true
	w.m.mu.Unlock()
	w.want("write", write(f, "hello"), int64(5))
	_, st := f.Control(tcSETSW, 0, wait, client.InBytes(standard.encode()), client.OutBytes(make([]byte, 64)))
	w.want("draining", st, e(syscall.EAGAIN))
	w.m.mu.Lock()
	w.m.stuck = false
	w.m.mu.Unlock()
	u.Await(abi.ChanTTY)
	_, st = f.Control(tcSETSW, 0, wait, client.InBytes(standard.encode()), client.OutBytes(make([]byte, 64)))
	w.want("drained", st, int64(0))
	w.want("sent late", w.shown(), "hello")
	// More typed than fits stays in the device until there is room.
	raws := standard
	raw(&raws)
	ask(f, tcSETS, 0, raws.encode())
	w.typed(strings.Repeat("z", 9000))
	if left := len(w.m.in[abi.DevConsole]); left == 0 {
		t.Error("input beyond the buffer was taken from the device")
	}
	total := 0
	for {
		s, st := read(f, wait)
		if st < 0 {
			break
		}
		total += len(s)
	}
	w.want("all arrives", total, 9000)
}

func TestPty(t *testing.T) {
	w := newWorld(t)
	u := w.spawn(1000, 0, 0)
	m := u.mustOpen("/dev/ptmx", syscall.O_RDWR|syscall.O_NOCTTY)
	n, _ := ask32(m, tiocGPTN, 0)
	w.want("number", n, uint32(0))
	_, st := u.open("/dev/pts/0", syscall.O_RDWR)
	w.want("locked", st, e(syscall.EIO))
	ask32(m, tiocSPTLCK, 0)
	child := w.spawn(1000, 0, 0)
	s := child.mustOpen("/dev/pts/0", syscall.O_RDWR)
	w.want("terminal", w.procs.ttys[child.r.Sid], uint64(ptsMajor<<8))
	r, _ := s.Stat()
	w.want("owner", r.UID, uint32(1000))
	stranger := w.spawn(1001, 0, 0)
	_, st = stranger.open("/dev/pts/0", syscall.O_RDWR)
	w.want("stranger", st, e(syscall.EACCES))
	_, st = read(m, wait)
	w.want("nothing", st, e(syscall.EAGAIN))
	w.want("write", write(s, "hi\n"), int64(3))
	u.Await(abi.ChanTTY)
	got, _ := read(m, wait)
	w.want("output", got, "hi\r\n")
	_, st = read(s, wait)
	w.want("nothing typed", st, e(syscall.EAGAIN))
	w.want("typed", write(m, "yes\r"), int64(4))
	child.Await(abi.ChanTTY)
	got, _ = read(s, wait)
	w.want("line", got, "yes\n")
	got, _ = read(m, wait)
	w.want("echo", got, "yes\r\n")
	write(m, "\x03")
	w.want("^C", w.procs.signals()[0], signal{group: child.r.PGid, sig: sigINT})
	got, _ = read(m, wait)
	w.want("^C echo", got, "^C")
	// The program's side goes: the master reads the rest, then EIO.
	write(s, "bye")
	child.Drop(s.H)
	got, _ = read(m, wait)
	w.want("rest", got, "bye")
	_, st = read(m, wait)
	w.want("slave closed", st, e(syscall.EIO))
	p, _ := m.Poll(proto.PollIn, wait)
	w.want("hangup", p&proto.PollHup, uint64(proto.PollHup))
	s = child.mustOpen("/dev/pts/0", syscall.O_RDWR)
	_, st = read(m, wait)
	w.want("slave back", st, e(syscall.EAGAIN))
	s2, st := reopen(child, s, syscall.O_RDONLY)
	w.want("reopen", st, int64(0))
	w.want("reopened for reading", write(s2, "x"), e(syscall.EBADF))
	// The master goes: the line hangs up.
	read(s, wait)
	w.procs.signals()
	u.Drop(m.H)
	set, _ := child.Notified(abi.ChanTTY)
	w.want("notified", set, true)
	w.want("SIGHUP", w.procs.signals()[0], signal{pid: child.r.Sid, sig: sigHUP})
	got, st = read(s, wait)
	w.want("end", got, "")
	w.want("end", st, int64(0))
	w.want("write", write(s, "x"), e(syscall.EIO))
	_, st = child.open("/dev/pts/0", syscall.O_RDWR)
	w.want("name gone", st, e(syscall.ENOENT))
	child.Drop(s.H, s2.H)
	w.want("objects left", w.srv.objects.Len(), 0)
	w.want("handles left", w.tty.Handles(), 1)
}

func reopen(u *user, f client.File, flags uint64) (client.File, int64) {
	_, h, st := f.Reopen(flags)
	return client.File{C: u.Conn(), H: h}, st
}

func TestStreams(t *testing.T) {
	w := newWorld(t)
	u := w.spawn(0, 0, 0)
	in, out, errs := u.mustOpen("/dev/hostin", syscall.O_RDONLY), u.mustOpen("/dev/hostout", syscall.O_WRONLY), u.mustOpen("/dev/hosterr", syscall.O_WRONLY)
	big := strings.Repeat("0123456789\x00\n\r", 3000)
	w.want("stdout", write(out, big), int64(chunk))
	write(out, big[chunk:])
	write(errs, "err\n")
	w.want("stdout", w.m.out[abi.DevOut].String(), big)
	w.want("stderr", w.m.out[abi.DevErr].String(), "err\n")
	_, st := read(in, wait)
	w.want("no input", st, e(syscall.EAGAIN))
	_, st = ask(out, tcGETS, 0, nil)
	w.want("no terminal", st, e(syscall.ENOTTY))

	data := strings.Repeat("abcdefgh", 20000)
	b := runspec.AppendWindow(nil, 30, 90)
	b = runspec.AppendInput(b, []byte(data))
	b = runspec.AppendFrame(b, runspec.FrameEOF, nil)
	w.m.in[abi.DevControl] = b
	w.srv.Notified(1 << chanControl)
	u.Await(abi.ChanTTY)
	w.want("window", w.srv.console.size, winsize{rows: 30, cols: 90})
	if len(w.m.in[abi.DevControl]) == 0 {
		t.Error("all input was taken in at once")
	}
	var got strings.Builder
	for {
		s, st := read(in, wait)
		if st < 0 {
			t.Fatal(syscall.Errno(-st))
		}
		if s == "" {
			break
		}
		got.WriteString(s)
	}
	w.want("input", got.String() == data, true)
	p, _ := in.Poll(proto.PollIn, wait)
	w.want("end", p, uint64(proto.PollIn|proto.PollHup))
}

// TestAccess: an open has no more than the name was opened for.
func TestAccess(t *testing.T) {
	w := newWorld(t)
	u := w.spawn(1000, 0, 0)
	_, st := u.open("/dev/ttyS0", syscall.O_RDWR)
	w.want("mode bits", st, e(syscall.EACCES))
	redir := make([]byte, 64)
	_, _, dev, st := client.FileSystem{C: u.Conn(), H: devHandle}.Open("ttyS0", oPath, 0, client.OutBytes(redir))
	w.want("O_PATH", st, int64(0))
	_, _, st = client.TTY{C: u.Conn(), H: ttyHandle}.Open(syscall.O_RDWR, client.Copy(dev))
	w.want("O_PATH is no open", st < 0, true)
	_, _, dev, _ = client.FileSystem{C: u.Conn(), H: devHandle}.Open("tty", syscall.O_RDONLY, 0, client.OutBytes(redir))
	_, _, st = client.TTY{C: u.Conn(), H: ttyHandle}.Open(syscall.O_RDWR, client.Copy(dev))
	w.want("read-only name", st, e(syscall.EACCES))
	_, _, dev, _ = client.FileSystem{C: u.Conn(), H: devHandle}.Open("null", syscall.O_RDWR, 0, client.OutBytes(redir))
	_, _, st = client.TTY{C: u.Conn(), H: ttyHandle}.Open(syscall.O_RDWR, client.Copy(dev))
	w.want("no terminal", st, e(syscall.ENXIO))
	_, _, st = client.TTY{C: u.Conn(), H: ttyHandle}.Open(syscall.O_RDWR, abi.Grant{})
	w.want("no name", st, e(syscall.EBADF))
	root := w.spawn(0, 0, 0)
	f := root.mustOpen("/dev/ttyS0", syscall.O_RDWR)
	w.want("chmod", f.Chmod(0o666), int64(0))
	g := u.mustOpen("/dev/ttyS0", syscall.O_RDWR)
	w.want("chmod by a stranger", g.Chmod(0o600), e(syscall.EPERM))
	_, st = ask(g, tiocSTI, 0, []byte("x"))
	w.want("TIOCSTI", st, e(syscall.EIO))
	_, st = ask(f, tiocSTI, 0, []byte("x"))
	w.want("TIOCSTI by root", st, int64(0))
	ask(f, tiocEXCL, 0, nil)
	_, st = u.open("/dev/ttyS0", syscall.O_RDWR)
	w.want("exclusive", st, e(syscall.EBUSY))
}
