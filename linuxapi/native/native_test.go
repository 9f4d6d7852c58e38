package native

import (
	"slices"
	"testing"
	"unsafe"

	"go42/ipc/abi"
)

// Drop goes on until all slots are empty, whatever the kernel does at a time.
func TestDrop(t *testing.T) {
	var dropped []uint64
	calls := 0
	Host = func(nr uint64, a [6]uint64) (int64, uint64) {
		if nr != abi.NDrop {
			return 0, 0
		}
		switch calls++; calls {
		case 2, 3:
			return -abi.ENOMEM, 0
		}
		dropped = append(dropped, *(*uint64)(*(*unsafe.Pointer)(unsafe.Pointer(&a[0]))))
		return 1, 0
	}
	defer func() { Host = nil }()
	want := []uint64{7, 8, 9}
	Drop(want)
	if !slices.Equal(dropped, want) {
		t.Errorf("dropped %v of %v", dropped, want)
	}
}

// What lacks memory for the kernel's copy is asked for again.
func TestCopyLacksMemory(t *testing.T) {
	left := 2
	Host = func(nr uint64, a [6]uint64) (int64, uint64) {
		if left--; left >= 0 {
			return -abi.EFAULT, 0
		}
		return 0, 0
	}
	defer func() { Host = nil }()
	if r := ProcessInfo(1, new(abi.ProcessInfo)); r != 0 {
		t.Errorf("ProcessInfo: %d", r)
	}
	left = 2
	if r := Query(1, 0, new(abi.RegionInfo)); r != 0 {
		t.Errorf("Query: %d", r)
	}
}
