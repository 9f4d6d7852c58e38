package proc_test

import (
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/proto"
	"go42/servers/world"
)

const (
	schedBatch, schedIdle, schedReset = 3, 5, 1 << 30
)

// TestNice: what a process, a group and a user's processes are given, and who
// may give it.
func TestNice(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	is(t, a.Server().Setpgid(0, 0), 0)
	b := a.Fork()
	user := w.Init.Fork()
	user.Setuid(1000, 1000)
	nice := func(who *world.App, which, id uint64, want int) {
		t.Helper()
		n, st := who.Server().Nice(which, id, 0, 0)
		is(t, st, 0)
		if int(n)-20 != want {
			t.Errorf("nice %d, want %d", int(n)-20, want)
		}
	}
	set := func(who *world.App, which, id uint64, n int, want syscall.Errno) {
		t.Helper()
		_, st := who.Server().Nice(which, id, 1, uint64(n+20))
		is(t, st, want)
	}
	set(a, proto.NiceProcess, 0, 5, 0)
	nice(b, proto.NiceGroup, 0, 0) // the least of 0 and 5
	set(b, proto.NiceGroup, a.Pid, 7, 0)
	nice(a, proto.NiceProcess, 0, 7)
	nice(w.Init, proto.NiceProcess, b.Pid, 7)
	nice(w.Init, proto.NiceProcess, 0, 0)
	nice(a, proto.NiceUser, 1000, 0)
	set(a, proto.NiceUser, 1000, 3, 0)
	nice(user, proto.NiceUser, 0, 3)
	nice(a, proto.NiceProcess, 0, 7)
	set(user, proto.NiceProcess, 0, 2, syscall.EACCES)
	set(user, proto.NiceProcess, 0, 9, 0)
	set(user, proto.NiceProcess, a.Pid, 19, syscall.EPERM)
	set(user, proto.NiceGroup, a.Pid, 19, syscall.EPERM)
	set(a, proto.NiceUser, 77, 1, syscall.ESRCH)
	set(a, proto.NiceGroup, 1<<32|a.Pid, 1, syscall.ESRCH)
	set(a, 3, 0, 1, syscall.EINVAL)
}

// thread is what the server says of a thread.
func thread(t *testing.T, who *world.App, id uint64) (nice int, policy, cpus uint64) {
	t.Helper()
	n, policy, cpus, st := who.Server().Thread(id)
	is(t, st, 0)
	return int(n) - 20, policy, cpus
}

// TestPolicy: policies are kept, and not all are everyone's.
func TestPolicy(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	set := func(who *world.App, pid, v uint64, want syscall.Errno) {
		t.Helper()
		is(t, who.Server().SetThread(pid, proto.ThreadPolicy, v), want)
	}
	policy := func(of *world.App, want uint64) {
		t.Helper()
		if _, v, _ := thread(t, w.Init, of.Pid); v != want {
			t.Errorf("policy %#x, want %#x", v, want)
		}
	}
	set(w.Init, a.Pid, schedBatch, 0)
	policy(a, schedBatch)
	policy(a.Fork(), schedBatch) // on its way to the parent
	set(a, 0, schedBatch|schedReset, 0)
	policy(a, schedBatch|schedReset)
	set(a, 0, 1, syscall.EINVAL)
	set(a, 0, 1<<32, syscall.EINVAL)
	set(a, a.Pid+1000, 0, syscall.ESRCH)
	user := w.Init.Fork()
	user.Setuid(1000, 1000)
	set(user, a.Pid, schedIdle, syscall.EPERM)
	set(user, 0, schedIdle|schedReset, 0)
	set(user, 0, schedIdle, syscall.EPERM)
	set(user, 0, schedReset, syscall.EPERM)
	is(t, user.Server().SetThread(0, proto.ThreadNice, 20), syscall.EINVAL)
}

// block is what a process publishes of its threads.
func block(first abi.ProcThread, others ...abi.ProcThread) *abi.ProcInfo {
	b := &abi.ProcInfo{}
	b.Main = first
	b.ThreadLimit = uint32(len(others))
	copy(b.Thread[:], others)
	return b
}

// TestBetweenBlocks: a child that has not begun has its parent's block, and a program
// that has just been executed none: both are scheduled as what was there before.
func TestBetweenBlocks(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	b := block(abi.ProcThread{TID: uint32(a.Pid), Nice: 4, CPUs: 2})
	b.Pid = uint32(a.Pid)
	a.Block = unsafe.Slice((*byte)(unsafe.Pointer(b)), unsafe.Sizeof(*b))
	is(t, a.Server().Publish(world.BlockAt, uint64(len(a.Block))), 0)
	c := a.Fork()
	c.Block = a.Block
	is4 := func(x *world.App) {
		t.Helper()
		if n, _, cpus := thread(t, w.Init, x.Pid); n != 4 || cpus != 2 {
			t.Errorf("nice %d, CPUs %#x", n, cpus)
		}
	}
	is4(a)
	is4(c)
	_, st := a.Server().Exec("x", 0)
	is(t, st, 0)
	*b = abi.ProcInfo{}
	is4(a)
	*b = *block(abi.ProcThread{TID: uint32(a.Pid), Nice: 6})
	b.Pid = uint32(a.Pid)
	if n, _, _ := thread(t, w.Init, a.Pid); n != 6 {
		t.Errorf("the new program's nice value is %d", n)
	}
	// A zombie keeps what it is given.
	c.Exit(0)
	_, st = w.Init.Server().Nice(proto.NiceProcess, c.Pid, 1, 29)
	is(t, st, 0)
	if n, _, _ := thread(t, w.Init, c.Pid); n != 9 {
		t.Errorf("a zombie's nice value is %d", n)
	}
}

// TestThreads: what is set of one thread of another process is that thread's, seen at
// once; the process's share is that of the first of its threads.
func TestThreads(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	tid := func(n uint32) uint32 { return abi.NewTID(uint32(a.Pid), n) }
	b := block(abi.ProcThread{TID: uint32(a.Pid)}, abi.ProcThread{TID: tid(1), Nice: 5}, abi.ProcThread{}, abi.ProcThread{TID: tid(3), Nice: -7, Policy: schedBatch})
	a.Block = unsafe.Slice((*byte)(unsafe.Pointer(b)), unsafe.Sizeof(*b))
	is(t, a.Server().Publish(world.BlockAt, uint64(len(a.Block))), 0)
	share := func(want uint64) {
		t.Helper()
		if r, st := a.Server().Self(); st != 0 || uint64(r.Share) != want {
			t.Errorf("share %d, want %d", r.Share, want)
		}
	}
	nice := func(id uint32, want int) {
		t.Helper()
		if n, _, _ := thread(t, w.Init, uint64(id)); n != want {
			t.Errorf("nice value of %d is %d, want %d", id, n, want)
		}
	}
	set := func(who *world.App, id uint32, n int, want syscall.Errno) {
		t.Helper()
		_, st := who.Server().Nice(proto.NiceProcess, uint64(id), 1, uint64(n+20))
		is(t, st, want)
	}
	nice(tid(1), 5)
	nice(tid(3), 0) // its word does not give it more
	share(20)
	if _, _, _, st := w.Init.Server().Thread(uint64(tid(2))); st != -int64(syscall.ESRCH) {
		t.Errorf("a thread that is not: %d", st)
	}
	set(w.Init, tid(1), 9, 0)
	nice(tid(1), 9)
	nice(uint32(a.Pid), 0)
	share(20)
	set(w.Init, tid(3), -5, 0)
	share(15)
	set(w.Init, uint32(a.Pid), 3, 0)
	nice(uint32(a.Pid), 3)
	nice(tid(1), 9)
	share(15)
	is(t, w.Init.Server().SetThread(uint64(tid(3)), proto.ThreadPolicy, schedIdle), 0)
	share(23)
	is(t, w.Init.Server().SetThread(uint64(tid(1)), proto.ThreadCPUs, 2), 0)
	if _, _, cpus := thread(t, w.Init, uint64(tid(1))); cpus != 2 {
		t.Errorf("CPUs %#x", cpus)
	}
	// They are handed out in order until they have been made.
	var got []uint64
	for done := uint64(0); ; {
		seq, id, what, v, s, st := a.Server().Change(done)
		if st != 0 {
			is(t, st, syscall.EAGAIN)
			break
		}
		if s != 23 {
			t.Errorf("share %d", s)
		}
		if seq2, _, _, _, _, _ := a.Server().Change(0); seq2 != seq {
			t.Errorf("change %d is not handed out again", seq)
		}
		got = append(got, id, what, v)
		switch done = seq; what {
		case proto.ThreadNice:
			b.Main.Nice, b.Thread[0].Nice, b.Thread[2].Nice = 3, 9, -5
		case proto.ThreadPolicy:
			b.Thread[2].Policy = schedIdle
		}
	}
	want := []uint64{uint64(tid(1)), proto.ThreadNice, 29, uint64(tid(3)), proto.ThreadNice, 15, a.Pid, proto.ThreadNice, 23,
		uint64(tid(3)), proto.ThreadPolicy, schedIdle, uint64(tid(1)), proto.ThreadCPUs, 2}
	if !slices.Equal(got, want) {
		t.Errorf("changes %d\nwant    %d", got, want)
	}
	share(23)
	// A group's are all threads of all its processes.
	is(t, a.Server().Setpgid(0, 0), 0)
	_, st := w.Init.Server().Nice(proto.NiceGroup, a.Pid, 1, 20+11)
	is(t, st, 0)
	nice(tid(1), 11)
	nice(uint32(a.Pid), 11)
	share(31)
}

// TestAffinity: what another process sets is seen from outside from that moment
// on, through its way to the one concerned, and goes to a child.
func TestAffinity(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	seen := func(of *world.App, want uint64) {
		t.Helper()
		if _, _, m := thread(t, w.Init, of.Pid); m != want {
			t.Errorf("CPUs %#x, want %#x", m, want)
		}
	}
	given := func(who *world.App, done, want uint64) (seq uint64) {
		t.Helper()
		seq, id, what, v, _, st := who.Server().Change(done)
		if want == 0 {
			is(t, st, syscall.EAGAIN)
		} else if st != 0 || id != who.Pid || what != proto.ThreadCPUs || v != want {
			t.Errorf("given %d %d %#x (%d), want %#x", id, what, v, st, want)
		}
		return seq
	}
	seen(a, proto.AllCPUs)
	is(t, w.Init.Server().SetThread(a.Pid, proto.ThreadCPUs, 2), 0)
	seen(a, 2)
	first := given(a, 0, 2)
	seen(a, 2)
	child := a.Fork()
	seen(child, 2)
	given(child, 0, 2)
	is(t, w.Init.Server().SetThread(a.Pid, proto.ThreadCPUs, 3), 0) // before the first one is shown
	second := given(a, first, 3)
	seen(a, 3)
	given(a, second, 0)
	seen(a, 3)
	is(t, w.Init.Server().SetThread(a.Pid, proto.ThreadCPUs, 0), syscall.EINVAL)
}

// TestZombiePace: a zombie is shown as it was, and can still be changed.
func TestZombiePace(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	is(t, w.Init.Server().SetThread(a.Pid, proto.ThreadPolicy, schedBatch), 0)
	for done := uint64(0); ; {
		seq, _, _, _, _, st := a.Server().Change(done)
		if st != 0 {
			break
		}
		done = seq
	}
	is(t, w.Init.Server().SetThread(a.Pid, proto.ThreadCPUs, 2), 0) // not made
	a.Exit(0)
	_, st := w.Init.Server().Nice(proto.NiceProcess, a.Pid, 1, 25)
	is(t, st, 0)
	if n, policy, cpus := thread(t, w.Init, a.Pid); n != 5 || policy != schedBatch || cpus != 2 {
		t.Error(n, policy, cpus)
	}
}
