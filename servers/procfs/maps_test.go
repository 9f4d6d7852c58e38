package procfs

import (
	"fmt"
	"testing"
)

func TestPadded(t *testing.T) {
	for _, n := range []uint64{0, 9, 0xabc, 12345678, 1<<64 - 1} {
		if got, want := string(padded([]byte("x"), n, 10, 8, ' ')), fmt.Sprintf("x%8d", n); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got, want := string(padded(nil, n, 16, 8, '0')), fmt.Sprintf("%08x", n); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
