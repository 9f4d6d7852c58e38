package lifecycle

import (
	"sync/atomic"
	"syscall"
	"testing"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/sched"
)

func TestEnded(t *testing.T) {
	for s := uint64(0); s < 1<<17; s++ {
		got := Ended(s)
		w := syscall.WaitStatus(got)
		if got>>16 != 0 || !w.Exited() && !w.Signaled() || w.Stopped() || w.Continued() {
			t.Fatalf("%#x gives %#x", s, got)
		}
		if was := syscall.WaitStatus(s); s < 1<<16 && s&0x80 == 0 && was.Exited() && got != s {
			t.Fatalf("exit code %#x gives %#x", s, got)
		}
	}
	for _, s := range []uint64{0, 0x100, 0xff00, 1, 9, 11 | 0x80, 64} {
		if Ended(s) != s {
			t.Errorf("%#x gives %#x", s, Ended(s))
		}
	}
}

// While a CPU lingers in the kernel the dead cannot be given back. Then there are
// only so many of them: who forks waits.
func TestCrowded(t *testing.T) {
	w := newWorld(t, 1)
	p := sched.Find(w.manager.KPid)
	before := atomic.LoadInt32(&dead)
	one := func() (st int64) {
		for n := 0; n < 1000; n++ {
			var kpid uint64
			if kpid, st = Fork(p.Disp[0], 0); st >= 0 {
				w.died[kpid] = Killed(SigKILL)
				Manage(w.c, p, abi.NKill, kpid, SigKILL)
				w.notices()
				return st
			} else if st != -abi.EAGAIN {
				t.Fatal("fork:", st)
			}
			w.c.Step()
		}
		return st
	}
	sched.HostLingers = true
	n := 0
	for ; n < 10*DeadMost*amd64.NCPU && one() >= 0; n++ {
	}
	if most := int32(DeadMost * amd64.NCPU); n == 0 || atomic.LoadInt32(&dead)-before > most {
		t.Errorf("%d forks left %d dead, want at most %d", n, dead, most)
	}
	if p.Disp[0].Child != 0 {
		t.Error("a fork that waits has made a child")
	}
	sched.HostLingers = false
	if st := one(); st < 0 {
		t.Error("a fork when the dead have gone:", st)
	}
	w.drain()
	w.notices()
	Die(w.manager, Killed(SigKILL))
	w.drain()
	if atomic.LoadInt32(&dead) != before {
		t.Errorf("%d dead, were %d", dead, before)
	}
}
