package proto

import (
	"testing"
	"unsafe"

	"go42/ipc/abi"
)

// TestSizes: structs that are Linux's have Linux's sizes; all fit a message.
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"Stat", unsafe.Sizeof(Stat{}), 144},
		{"Statfs", unsafe.Sizeof(Statfs{}), 120},
		{"Lock", unsafe.Sizeof(Lock{}), 32},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d bytes, want %d", c.name, c.got, c.want)
		}
	}
	for _, n := range []uintptr{unsafe.Sizeof(OpenResult{}), unsafe.Sizeof(ProcRecord{}), unsafe.Sizeof(WaitResult{}),
		unsafe.Sizeof(SignalBatch{}), unsafe.Sizeof(MountInfo{}), unsafe.Sizeof(Cred{})} {
		if n > abi.MaxData {
			t.Errorf("a struct of %d bytes does not fit a message", n)
		}
	}
}
