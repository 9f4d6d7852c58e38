package lifecycle

import (
	"syscall"
	"testing"
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
