package signal

import (
	"testing"
	"unsafe"
)

func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"siginfo", unsafe.Sizeof(Info{}), 128},
		{"sigaction", unsafe.Sizeof(Action{}), 32},
		{"stack_t", unsafe.Sizeof(Stack{}), 24},
		{"rt_sigframe", unsafe.Sizeof(Frame{}), 440},
		{"union", unsafe.Offsetof(Info{}.F), 16},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
		}
	}
	// Offsets in struct ucontext as the kernel's headers have them: uc_mcontext
	// at 40, uc_sigmask at 296.
	if (frRegs-1)*8 != 40 || (frMask-1)*8 != 296 || SigInfo != 312 {
		t.Error("frame offsets")
	}
}

func TestFrameRoundTrip(t *testing.T) {
	var c, d Context
	for i := range c.Regs {
		c.Regs[i] = uint64(i)*0x0101010101010101 + 1
	}
	c.Err, c.Trap, c.CR2, c.FP, c.Mask = 6, 14, 0xdead, 0x7000, 0x55aa
	c.Alt = Stack{SP: 0x1000, Flags: SS_ONSTACK, Size: 0x8000}
	info := Fault(SIGSEGV, SEGV_MAPERR, 0x1234)
	var f Frame
	f.Encode(0x4000, &c, &info, true)
	f.Decode(&d)
	if c != d {
		t.Errorf("%+v\n%+v", c, d)
	}
	if f[0] != 0x4000 || f[frInfo] != SIGSEGV || f[frInfo+2] != 0x1234 {
		t.Error("return address or siginfo")
	}
}

func TestPlace(t *testing.T) {
	for sp := uint64(0x7000); sp < 0x7100; sp++ {
		frame, fp := Place(sp, 836)
		if fp%64 != 0 || fp+836 > sp || frame%16 != 8 || frame+FrameSize > fp {
			t.Fatalf("sp %#x: frame %#x fp %#x", sp, frame, fp)
		}
	}
}

func TestStandardSignalsArePendingOnce(t *testing.T) {
	var p Pool
	var q Pending
	first, second := Sent(SIGUSR1, SI_USER, 1, 0, 0), Sent(SIGUSR1, SI_USER, 2, 0, 0)
	if !q.Add(&p, &first) || !q.Add(&p, &second) {
		t.Fatal("refused")
	}
	var got Info
	q.Take(&p, SIGUSR1, &got)
	if got.Pid() != 1 || q.Set != 0 || p.Used() != 0 {
		t.Errorf("pid %d, set %#x, used %d", got.Pid(), q.Set, p.Used())
	}
}

func TestRealTimeSignalsQueueInOrder(t *testing.T) {
	var p Pool
	var q Pending
	for i := uint64(0); i < 5; i++ {
		info := Sent(SIGRTMIN+3, SI_QUEUE, 1, 0, i)
		q.Add(&p, &info)
	}
	for i := uint64(0); i < 5; i++ {
		if q.Next(^Set(0)) != SIGRTMIN+3 {
			t.Fatal("not pending")
		}
		var got Info
		q.Take(&p, SIGRTMIN+3, &got)
		if got.F[1] != i {
			t.Errorf("value %d, want %d", got.F[1], i)
		}
	}
	if q.Set != 0 || p.Used() != 0 {
		t.Error("left over")
	}
}

// A timer's signal is pending once, and counts.
func TestOverrun(t *testing.T) {
	for _, s := range []int{SIGALRM, SIGRTMIN + 1} {
		var p Pool
		var q Pending
		other := Expired(s, 8, 0, 1)
		q.Add(&p, &other)
		for i := range int32(4) {
			info := Expired(s, 7, i%2, 2) // 0, 1, 0, 1 overruns of their own
			q.Add(&p, &info)
			if want := [4]int32{0, 2, 3, 5}[i]; s == SIGRTMIN+1 && info.Overrun() != want {
				t.Errorf("signal %d, expiration %d: %d overruns, want %d", s, i, info.Overrun(), want)
			}
		}
		if want := map[int]int{SIGALRM: 1, SIGRTMIN + 1: 2}[s]; p.Used() != want {
			t.Errorf("%d instances of signal %d", p.Used(), s)
		}
	}
}

func TestFullQueue(t *testing.T) {
	var p Pool
	var q Pending
	rt := Sent(SIGRTMIN, SI_QUEUE, 1, 0, 0)
	for i := 0; i < MaxQueued; i++ {
		if !q.Add(&p, &rt) {
			t.Fatalf("refused at %d", i)
		}
	}
	if q.Add(&p, &rt) {
		t.Error("a real-time signal without room was taken")
	}
	std := Sent(SIGTERM, SI_USER, 1, 0, 0)
	if !q.Add(&p, &std) || !q.Set.Has(SIGTERM) {
		t.Error("a standard signal was lost")
	}
	var got Info
	q.Take(&p, SIGTERM, &got)
	if got.Signo != SIGTERM || q.Set.Has(SIGTERM) {
		t.Error("without siginfo")
	}
	q.Discard(&p, ^Set(0))
	if p.Used() != 0 || q.Set != 0 {
		t.Errorf("used %d after discard", p.Used())
	}
	if !q.Add(&p, &rt) {
		t.Error("room was not returned")
	}
}

func TestOrder(t *testing.T) {
	var p Pool
	var q Pending
	for _, s := range []int{SIGTERM, SIGHUP, SIGSEGV, SIGRTMIN} {
		info := Info{Signo: int32(s)}
		q.Add(&p, &info)
	}
	want := []int{SIGSEGV, SIGHUP, SIGTERM, SIGRTMIN}
	for _, w := range want {
		s := q.Next(^Set(0))
		if s != w {
			t.Errorf("next %d, want %d", s, w)
		}
		var got Info
		q.Take(&p, s, &got)
	}
	if q.Next(^Set(0)) != 0 {
		t.Error("something left")
	}
}

func TestIgnored(t *testing.T) {
	for s, want := range map[int]bool{SIGCHLD: true, SIGURG: true, SIGWINCH: true, SIGTERM: false, SIGCONT: false, SIGTSTP: false} {
		if (&Action{}).Ignored(s) != want {
			t.Errorf("default of %d", s)
		}
		if (&Action{Handler: 0x1000}).Ignored(s) || !(&Action{Handler: SIG_IGN}).Ignored(s) {
			t.Errorf("%d with a handler, or SIG_IGN", s)
		}
	}
}

func TestAltStack(t *testing.T) {
	s := Stack{SP: 0x1000, Size: 0x2000}
	if s.On(0x1000) || !s.On(0x1001) || !s.On(0x3000) || s.On(0x3001) {
		t.Error("bounds")
	}
}
