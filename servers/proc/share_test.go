package proc_test

import (
	"syscall"
	"testing"

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

// TestPolicy: policies are kept, inherited or not, and not all are everyone's.
func TestPolicy(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	policy := func(who *world.App, want uint64) {
		t.Helper()
		v, st := who.Server().Policy(0, 0, 0)
		is(t, st, 0)
		if v != want {
			t.Errorf("policy %#x, want %#x", v, want)
		}
	}
	set := func(who *world.App, pid, v uint64, want syscall.Errno) {
		t.Helper()
		_, st := who.Server().Policy(pid, 1, v)
		is(t, st, want)
	}
	set(w.Init, a.Pid, schedBatch, 0)
	policy(a, schedBatch)
	policy(a.Fork(), schedBatch)
	set(a, 0, schedBatch|schedReset, 0)
	policy(a, schedBatch|schedReset)
	policy(a.Fork(), schedBatch)
	_, st := w.Init.Server().Nice(proto.NiceProcess, a.Pid, 1, 5)
	is(t, st, 0)
	n, st := a.Fork().Server().Nice(proto.NiceProcess, 0, 0, 0)
	is(t, st, 0)
	if n != 20 {
		t.Errorf("the child's nice value is %d", int(n)-20)
	}
	set(a, 0, 1, syscall.EINVAL)
	set(a, 0, 1<<32, syscall.EINVAL)
	set(a, a.Pid+1000, 0, syscall.ESRCH)
	user := w.Init.Fork()
	user.Setuid(1000, 1000)
	set(user, a.Pid, schedIdle, syscall.EPERM)
	set(user, 0, schedIdle, 0)
	set(user, 0, 0, syscall.EPERM)
}

// TestAffinity: what another process sets is seen from outside from that moment
// on, through its way to the one concerned, and goes to a child.
func TestAffinity(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	seen := func(of *world.App, want uint64) {
		t.Helper()
		m, st := w.Init.Server().Affinity(of.Pid, 0, 0)
		is(t, st, 0)
		if m != want {
			t.Errorf("CPUs %#x, want %#x", m, want)
		}
	}
	set := func(m uint64) {
		t.Helper()
		_, st := w.Init.Server().Affinity(a.Pid, 1, m)
		is(t, st, 0)
	}
	self := func(who *world.App, want uint64) {
		t.Helper()
		r, st := who.Server().Self()
		is(t, st, 0)
		if r.CPUs != want {
			t.Errorf("given CPUs %#x, want %#x", r.CPUs, want)
		}
	}
	taken := func(m uint64) {
		t.Helper()
		_, st := a.Server().Affinity(0, proto.AffinityTaken, m)
		is(t, st, 0)
	}
	seen(a, proto.AllCPUs)
	set(2)
	seen(a, 2)
	self(a, 2)
	self(a, 0) // once
	seen(a, 2)
	child := a.Fork()
	seen(child, 2)
	self(child, 2)
	set(3) // before the first one is shown
	taken(2)
	seen(a, 3)
	self(a, 3)
	taken(3)
	seen(a, proto.AllCPUs) // what the block says, of which there is none here
	_, st := w.Init.Server().Affinity(a.Pid, proto.AffinityTaken, 3)
	is(t, st, syscall.EINVAL)
}
