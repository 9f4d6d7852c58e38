package proc_test

import (
	"syscall"
	"testing"
	"time"

	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/servers/world"
)

const (
	wNoHang, wStopped, wExited, wContinued, wNoWait = 1, 2, 4, 8, 0x1000000
)

func is(t *testing.T, st int64, want syscall.Errno) {
	t.Helper()
	if st != -int64(want) {
		t.Fatalf("status %d (%v), want %v", st, syscall.Errno(-st), want)
	}
}

func wait(t *testing.T, a *world.App, options uint64, want uint64) *proto.WaitResult {
	t.Helper()
	pid, r, st := a.Server().Wait(0, 0, options, 0)
	is(t, st, 0)
	if pid != want {
		t.Fatalf("waited for %d, got %d", want, pid)
	}
	return r
}

func fetch(t *testing.T, a *world.App) (sigs []int32) {
	t.Helper()
	for {
		n, more, r, st := a.Server().FetchSignals()
		is(t, st, 0)
		for _, i := range r.Info[:n] {
			sigs = append(sigs, i.Signo)
		}
		if more&proto.FetchMore == 0 {
			return sigs
		}
	}
}

func has(sigs []int32, s syscall.Signal) bool {
	for _, x := range sigs {
		if x == int32(s) {
			return true
		}
	}
	return false
}

func TestForkExitWait(t *testing.T) {
	w := world.New(t, nil)
	if w.Init.Pid != 1 {
		t.Fatal("init is", w.Init.Pid)
	}
	a := w.Init.Fork()
	_, _, st := w.Init.Server().Wait(0, 0, wExited, proto.Wait(abi.ChanProc))
	is(t, st, syscall.EAGAIN)
	a.Exit(3 << 8)
	if set, _ := w.Init.Notified(abi.ChanProc); !set {
		t.Error("no notification of the exit")
	}
	if s := fetch(t, w.Init); !has(s, syscall.SIGCHLD) {
		t.Error("signals", s)
	}
	wait(t, w.Init, wExited|wNoWait, a.Pid)
	r := wait(t, w.Init, wExited, a.Pid)
	if r.Wstatus != 3<<8 || r.Code != 1 || r.Status != 3 || r.Rusage.MaxResident != 4096 {
		t.Errorf("%+v", r)
	}
	_, _, st = w.Init.Server().Wait(0, 0, wExited, 0)
	is(t, st, syscall.ECHILD)
}

// TestPidFD: a descriptor names its process and no later one with that pid.
func TestPidFD(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	_, st := w.Init.Server().PidOpen(0)
	is(t, st, syscall.EINVAL)
	_, st = w.Init.Server().PidOpen(a.Pid + 1000)
	is(t, st, syscall.ESRCH)
	h, st := w.Init.Server().PidOpen(a.Pid)
	is(t, st, 0)
	conn := w.Init.Server().C
	fd, file := client.PidFD{C: conn, H: h}, client.File{C: conn, H: h}
	if pid, st := fd.Target(); st != 0 || pid != a.Pid {
		t.Fatal(pid, st)
	}
	if state, st := file.Poll(proto.PollIn, proto.Wait(abi.ChanFile)); st != 0 || state != 0 {
		t.Fatal("a living process is ready:", state, st)
	}
	is(t, fd.Signal(uint64(syscall.SIGUSR1), &proto.Siginfo{}), 0)
	if s := fetch(t, a); !has(s, syscall.SIGUSR1) {
		t.Error("signals", s)
	}
	a.Exit(0)
	if set, _ := w.Init.Notified(abi.ChanFile); !set {
		t.Error("no notification of the exit")
	}
	if state, _ := file.Poll(proto.PollIn, 0); state&proto.PollIn == 0 {
		t.Error("a zombie is not ready")
	}
	is(t, fd.Signal(0, &proto.Siginfo{}), 0)
	wait(t, w.Init, wExited, a.Pid)
	_, st = fd.Target()
	is(t, st, syscall.ESRCH)
	is(t, fd.Signal(0, &proto.Siginfo{}), syscall.ESRCH)
}

// TestForkSwept: a signal to a group is not missed by who is about to be born into it.
func TestForkSwept(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	is(t, w.Init.Server().Setpgid(a.Pid, 0), 0)
	is(t, w.Init.Server().Kill(int64(a.Pid), uint64(syscall.SIGUSR1), nil), 0)
	if _, st := a.TryFork(0); st < 0 {
		t.Error("a signal to it alone", syscall.Errno(-st))
	}
	is(t, w.Init.Server().Kill(-int64(a.Pid), uint64(syscall.SIGTERM), nil), 0)
	_, st := a.TryFork(0)
	is(t, min(st, 0), syscall.EINTR)
	if s := fetch(t, a); !has(s, syscall.SIGTERM) || !has(s, syscall.SIGUSR1) {
		t.Error("signals", s)
	}
	if _, st = a.TryFork(0); st < 0 {
		t.Error("after it was taken", syscall.Errno(-st))
	}
}

// TestNotified: who waits for a child hears of its end, though another thread is about
// to fetch the rest of many signals.
func TestNotified(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	b := a.Fork()
	for s := 1; s <= proto.FetchMax+1; s++ {
		is(t, a.Server().Kill(int64(a.Pid), uint64(32+s), nil), 0)
	}
	_, _, st := a.Server().Wait(0, 0, wExited, proto.Wait(abi.ChanProc))
	is(t, st, syscall.EAGAIN)
	if n, more, _, st := a.Server().FetchSignals(); st != 0 || n != proto.FetchMax || more&proto.FetchMore == 0 {
		t.Fatal(n, more, st)
	}
	a.Notified(abi.ChanProc)
	b.Exit(0)
	if set, _ := a.Notified(abi.ChanProc); !set {
		t.Error("no notification of the exit")
	}
}

// TestExecPending: the program of an exec hears of signals that the one before has
// been told of and not fetched.
func TestExecPending(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	is(t, w.Init.Server().Kill(int64(a.Pid), uint64(syscall.SIGTERM), nil), 0)
	if set, _ := a.Notified(abi.ChanProc); !set {
		t.Fatal("no notification of the signal")
	}
	_, st := a.Server().Exec("other", 0)
	is(t, st, 0)
	if set, _ := a.Notified(abi.ChanProc); !set {
		t.Error("no notification after the exec")
	}
}

// TestForkForeign: only an embryo of the caller's own can be entered.
func TestForkForeign(t *testing.T) {
	w := world.New(t, nil)
	a, b := w.Init.Fork(), w.Init.Fork()
	for _, kpid := range []uint64{a.KPid, b.KPid, w.Init.KPid, 1 << 40} {
		if _, st := b.Server().Fork(kpid, 0, 17); st >= 0 {
			t.Error("fork of a foreign", kpid)
		}
	}
}

func TestOrphans(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	b := a.Fork()
	c, d := b.Fork(), b.Fork()
	if _, st := a.Server().Prctl(proto.PrctlSetSubreaper, 1); st != 0 {
		t.Fatal(st)
	}
	c.Server().Prctl(proto.PrctlSetPdeathsig, uint64(syscall.SIGUSR1))
	b.Exit(0)
	if set, _ := c.Notified(abi.ChanProc); !set {
		t.Error("an orphan is not told of its new parent")
	}
	if _, more, _, _ := d.Server().FetchSignals(); more&proto.FetchSelf == 0 {
		t.Error("an orphan is told nothing new")
	}
	d.Server().Self()
	if _, more, _, _ := d.Server().FetchSignals(); more&proto.FetchSelf != 0 {
		t.Error("news twice")
	}
	r, _ := c.Server().Self()
	if uint64(r.PPid) != a.Pid {
		t.Error("orphan's parent is", r.PPid)
	}
	if s := fetch(t, c); !has(s, syscall.SIGUSR1) {
		t.Error("no death signal", s)
	}
	wait(t, a, wExited, b.Pid)
	a.Exit(0)
	r, _ = c.Server().Self()
	if r.PPid != 1 {
		t.Error("orphan's parent is", r.PPid)
	}
	c.Exit(0)
	wait(t, w.Init, wExited, a.Pid)
	wait(t, w.Init, wExited, c.Pid)
}

// TestIgnoredChild: children of one that ignores SIGCHLD are not kept.
func TestIgnoredChild(t *testing.T) {
	w := world.New(t, nil)
	w.Init.Server().SignalState(0, 1<<(syscall.SIGCHLD-1))
	w.Init.Fork().Exit(0)
	_, _, st := w.Init.Server().Wait(0, 0, wExited, 0)
	is(t, st, syscall.ECHILD)
}

func TestGroups(t *testing.T) {
	w := world.New(t, nil)
	sh := w.Init.Fork()
	sid, st := sh.Server().Setsid()
	is(t, st, 0)
	if sid != sh.Pid {
		t.Error("session", sid)
	}
	_, st = sh.Server().Setsid()
	is(t, st, syscall.EPERM)
	a, b := sh.Fork(), sh.Fork()
	is(t, sh.Server().Setpgid(a.Pid, 0), 0)
	is(t, sh.Server().Setpgid(b.Pid, a.Pid), 0)
	is(t, b.Server().Setpgid(0, 999), syscall.EPERM)
	is(t, sh.Server().Setpgid(0, 0), syscall.EPERM)
	is(t, a.Server().Setpgid(b.Pid, 0), syscall.ESRCH)
	if g, _ := b.Server().Getpgid(0); g != a.Pid {
		t.Error("group", g)
	}
	b.Server().Exec("x", 0)
	is(t, sh.Server().Setpgid(b.Pid, b.Pid), syscall.EACCES)
	// A signal to the group reaches both, and nobody else.
	is(t, sh.Server().Kill(-int64(a.Pid), uint64(syscall.SIGTERM), nil), 0)
	if !has(fetch(t, a), syscall.SIGTERM) || !has(fetch(t, b), syscall.SIGTERM) || has(fetch(t, sh), syscall.SIGTERM) {
		t.Error("group signal")
	}
	// A group lives as long as a member, its leader dead or not.
	a.Exit(0)
	wait(t, sh, wExited, a.Pid)
	is(t, sh.Server().Kill(-int64(a.Pid), 0, nil), 0)
	b.Exit(0)
	wait(t, sh, wExited, b.Pid)
	is(t, sh.Server().Kill(-int64(a.Pid), 0, nil), syscall.ESRCH)
}

func TestJobControl(t *testing.T) {
	w := world.New(t, nil)
	sh := w.Init.Fork()
	sh.Server().Setsid()
	job := sh.Fork()
	is(t, sh.Server().Setpgid(job.Pid, 0), 0)
	is(t, sh.Server().Kill(int64(job.Pid), uint64(syscall.SIGTSTP), nil), 0)
	if !has(fetch(t, job), syscall.SIGTSTP) {
		t.Fatal("SIGTSTP")
	}
	is(t, job.Server().Stopped(uint64(syscall.SIGTSTP)), 0)
	if !job.Suspended {
		t.Error("not suspended")
	}
	_, _, st := sh.Server().Wait(0, 0, wExited, 0)
	is(t, st, syscall.EAGAIN)
	if r := wait(t, sh, wExited|wStopped, job.Pid); r.Wstatus != uint32(syscall.SIGTSTP)<<8|0x7f {
		t.Errorf("%+v", r)
	}
	_, _, st = sh.Server().Wait(0, 0, wExited|wStopped, 0)
	is(t, st, syscall.EAGAIN)
	is(t, sh.Server().Kill(-int64(job.Pid), uint64(syscall.SIGCONT), nil), 0)
	if job.Suspended {
		t.Error("not resumed")
	}
	if r := wait(t, sh, wContinued, job.Pid); r.Wstatus != 0xffff {
		t.Errorf("%+v", r)
	}
	// A continuation that has come meanwhile cancels a stop.
	is(t, sh.Server().Kill(int64(job.Pid), uint64(syscall.SIGTSTP), nil), 0)
	fetch(t, job)
	is(t, sh.Server().Kill(int64(job.Pid), uint64(syscall.SIGCONT), nil), 0)
	is(t, job.Server().Stopped(uint64(syscall.SIGTSTP)), syscall.ECANCELED)
	fetch(t, job)
	// SIGSTOP needs nobody's consent; the shell's death sends HUP and CONT.
	is(t, sh.Server().Kill(int64(job.Pid), uint64(syscall.SIGSTOP), nil), 0)
	if !job.Suspended {
		t.Error("SIGSTOP")
	}
	sh.Exit(0)
	if job.Suspended {
		t.Error("an orphaned group's member stays stopped")
	}
	if s := fetch(t, job); !has(s, syscall.SIGHUP) || !has(s, syscall.SIGCONT) {
		t.Error("orphaned group got", s)
	}
	is(t, job.Server().Stopped(uint64(syscall.SIGTSTP)), syscall.ECANCELED)
}

func TestSignals(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	s := w.Init.Server()
	for i := 0; i < 3; i++ {
		is(t, s.Kill(int64(a.Pid), 10, nil), 0)
		is(t, s.Kill(int64(a.Pid), 40, &proto.Siginfo{Code: -1, Value: uint64(i)}), 0)
		is(t, s.Kill(int64(a.Pid), 35, &proto.Siginfo{Code: -1, Value: uint64(i)}), 0)
	}
	if set, n := a.Notified(abi.ChanProc); !set || n != 1 {
		t.Error("notifications:", n)
	}
	var got []uint64
	for {
		n, more, r, st := a.Server().FetchSignals()
		is(t, st, 0)
		for _, i := range r.Info[:n] {
			got = append(got, uint64(i.Signo)<<8|i.Value)
		}
		if more&proto.FetchMore == 0 {
			break
		}
	}
	want := []uint64{10 << 8, 35 << 8, 35<<8 | 1, 35<<8 | 2, 40 << 8, 40<<8 | 1, 40<<8 | 2}
	if len(got) != len(want) {
		t.Fatal(got)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatal(got)
		}
	}
	// Only the kernel's own codes are refused.
	is(t, s.Kill(int64(a.Pid), 10, &proto.Siginfo{Code: 1}), syscall.EPERM)
	is(t, s.Kill(int64(a.Pid), 65, nil), syscall.EINVAL)
	is(t, s.Kill(99999, 0, nil), syscall.ESRCH)
	// The queue is bounded.
	var st int64
	for i := 0; i < 2000 && st == 0; i++ {
		st = s.Kill(int64(a.Pid), 50, &proto.Siginfo{Code: -1})
	}
	is(t, st, syscall.EAGAIN)
	is(t, s.Kill(int64(a.Pid), uint64(syscall.SIGKILL), nil), 0)
	for i := 0; ; i++ {
		if pid, r, st := s.Wait(0, 0, wExited, 0); st == 0 {
			if pid != a.Pid || r.Wstatus != 9 {
				t.Errorf("%d %+v", pid, r)
			}
			break
		}
		if i > 60_000 {
			t.Fatal("SIGKILL")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestPermissions(t *testing.T) {
	w := world.New(t, nil)
	a, b, c := w.Init.Fork(), w.Init.Fork(), w.Init.Fork()
	a.Setuid(1000, 1000)
	b.Setuid(1000, 1000)
	c.Setuid(1001, 1001, 7, 8)
	is(t, a.Server().Kill(int64(b.Pid), 15, nil), 0)
	is(t, a.Server().Kill(int64(c.Pid), 15, nil), syscall.EPERM)
	is(t, a.Server().Kill(int64(c.Pid), uint64(syscall.SIGCONT), nil), 0) // one session
	is(t, a.Server().Kill(1, 15, nil), syscall.EPERM)
	_, st := a.Server().SetUID(proto.SetIDPlain, 0, 0, 0)
	is(t, st, syscall.EPERM)

	is(t, a.Server().Power(0, 0), syscall.EPERM)
	is(t, a.Server().SetName(0, "x"), syscall.EPERM)
	is(t, a.Server().Report("exit 0"), syscall.EPERM)
	_, st = a.Server().KillGroup(1, 9, nil)
	is(t, st, syscall.EPERM)
	_, st = a.Server().InfoK(b.KPid)
	is(t, st, syscall.EPERM)
	if w.Powered != -1 || len(w.Status) != 0 {
		t.Error("power")
	}
	buf := make([]byte, 64)
	n, k, st := w.Init.Server().Cred(c.Cred, client.OutBytes(buf))
	is(t, st, 0)
	if n != 2 || buf[0] != 7 || buf[4] != 8 || k.UID != 1001 || k.FSGID != 1001 {
		t.Errorf("%d %v %+v", n, buf[:8], k)
	}
	_, _, st = w.Init.Server().Cred(12345, client.OutBytes(nil))
	is(t, st, syscall.ESRCH)
	if a.Cred != b.Cred {
		t.Error("equal credentials have two tokens")
	}
}

// TestSetIDs: the set*uid calls against the rules in their manual pages.
func TestSetIDs(t *testing.T) {
	const k = proto.KeepID
	for _, c := range []struct {
		op, a, b, d uint64
		want        [4]uint32
		err         syscall.Errno
	}{
		{proto.SetIDPlain, 20, 0, 0, [4]uint32{10, 20, 30, 20}, syscall.EPERM},
		{proto.SetIDPlain, 30, 0, 0, [4]uint32{10, 30, 30, 30}, 0},
		{proto.SetIDPlain, 10, 0, 0, [4]uint32{10, 10, 30, 10}, 0},
		{proto.SetIDRE, 20, 10, 0, [4]uint32{20, 10, 10, 10}, 0},
		{proto.SetIDRE, 30, k, 0, [4]uint32{}, syscall.EPERM},
		{proto.SetIDRE, k, 30, 0, [4]uint32{10, 30, 30, 30}, 0},
		{proto.SetIDRES, 30, 10, 20, [4]uint32{30, 10, 20, 10}, 0},
		{proto.SetIDRES, 30, 40, k, [4]uint32{}, syscall.EPERM},
		{proto.SetIDFS, 30, 0, 0, [4]uint32{10, 20, 30, 30}, 0},
		{proto.SetIDFS, 99, 0, 0, [4]uint32{10, 20, 30, 20}, 0},
	} {
		w := world.New(t, nil)
		a := w.Init.Fork()
		_, st := a.Server().SetUID(proto.SetIDRES, 10, 20, 30)
		is(t, st, 0)
		r, st := a.Server().SetUID(c.op, c.a, c.b, c.d)
		if c.op == proto.SetIDPlain && c.a == 20 {
			// The effective id is always allowed by setreuid, not by setuid.
			is(t, st, syscall.EPERM)
			continue
		}
		is(t, st, c.err)
		if got := [4]uint32{r.UID, r.EUID, r.SUID, r.FSUID}; c.err == 0 && got != c.want {
			t.Errorf("op %d (%d %d %d): %v, want %v", c.op, c.a, c.b, c.d, got, c.want)
		}
	}
}

func TestLimit(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	_, _, st := a.Server().Rlimit(0, 6, 1, 3, 3)
	is(t, st, 0)
	a.Setuid(1000, 1000)
	a.Fork()
	a.Fork()
	if _, st := a.TryFork(0); st != -int64(syscall.EAGAIN) {
		t.Error("beyond RLIMIT_NPROC:", st)
	}
	_, _, st = a.Server().Rlimit(0, 6, 1, 3, 10)
	is(t, st, syscall.EPERM)
	_, _, st = a.Server().Rlimit(w.Init.Pid, 6, 0, 0, 0)
	is(t, st, syscall.EPERM)
}

// TestTenThousand: processes come and go and nothing is left of them.
func TestTenThousand(t *testing.T) {
	w := world.New(t, nil)
	s := w.Init.Server()
	for i := 0; i < 10000; i++ {
		a := w.Init.Fork()
		a.Exit(0)
		wait(t, w.Init, wExited, a.Pid)
	}
	b := make([]byte, 400)
	n, st := s.List(0, client.OutBytes(b))
	is(t, st, 0)
	made, alive, last, _ := s.Resources()
	if n != 1 || alive != 1 || made != 10001 || last < 10000 {
		t.Error(n, alive, made, last)
	}
}

func TestServe(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	is(t, a.Server().Serve(), 0)
	is(t, a.Server().Serve(), syscall.EBUSY)
	if a.Rank != abi.RankUser {
		t.Errorf("rank %d, want %d", a.Rank, abi.RankUser)
	}
	b := w.Init.Fork()
	b.Setuid(1000, 1000)
	is(t, b.Server().Serve(), syscall.EPERM)
	if b.Rank != abi.RankApp {
		t.Error("a program that is not root serves")
	}
}

func TestPower(t *testing.T) {
	w := world.New(t, nil)
	s := w.Init.Server()
	is(t, s.Report("boot init 5"), 0)
	is(t, s.Report("two\nlines"), syscall.EINVAL)
	is(t, s.Report("exit 3"), 0)
	is(t, s.Power(abi.PowerOff, 9), 0)
	if w.Powered != abi.PowerOff || len(w.Status) != 2 || w.Status[1] != "exit 3" {
		t.Error(w.Powered, w.Status)
	}
}
