package table

import (
	"testing"
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/native"
)

// The memory of every native call that takes some is known: the kernel does not wait
// for its pages.
func TestBuffers(t *testing.T) {
	a := [6]uint64{10, 11, 12, 13, 14, 15}
	for nr, want := range map[uint64]struct {
		addr, n uint64
		write   bool
	}{
		abi.NCopyFrom: {13, 14, true}, abi.NCopyTo: {13, 14, false},
		abi.NFCMRead: {12, 13, true}, abi.NFCMWrite: {12, 13, false}, abi.NPageIn: {12, 13, false},
		abi.NReadMemory: {12, 13, true},
		abi.NDevRead:    {11, 12, true}, abi.NDevWrite: {11, 12, false},
		abi.NRandom: {10, 11, true}, abi.NLog: {10, 11, false}, abi.NModule: {10, 11, false},
		abi.NDrop: {10, 88, false}, abi.NMincore: {12, 1, true},
		abi.NMap:         {10, uint64(unsafe.Sizeof(abi.MapArgs{})), false},
		abi.NNextPage:    {10, uint64(unsafe.Sizeof(abi.PageNews{})), true},
		abi.NNextExit:    {10, uint64(unsafe.Sizeof(abi.ExitNotice{})), true},
		abi.NSysInfo:     {10, uint64(unsafe.Sizeof(abi.SysInfo{})), true},
		abi.NCPUInfo:     {11, uint64(unsafe.Sizeof(abi.CPUInfo{})), true},
		abi.NFCMInfo:     {11, uint64(unsafe.Sizeof(abi.FCMInfo{})), true},
		abi.NHandleInfo:  {11, uint64(unsafe.Sizeof(abi.HandleInfo{})), true},
		abi.NProcessInfo: {11, uint64(unsafe.Sizeof(abi.ProcessInfo{})), true},
		abi.NQuery:       {12, uint64(unsafe.Sizeof(abi.RegionInfo{})), true},
		abi.NNotify:      {}, abi.NNextLast: {}, abi.NUnmap: {},
	} {
		if addr, n, write := buffer(nr, &a); addr != want.addr || n != want.n || write != want.write {
			t.Errorf("call %d: %d bytes at %d, written %v", nr, n, addr, write)
		}
	}
}

// What the kernel does in steps is gone on with; what it could not copy is asked for
// once more when the caller's page is there.
func TestDirect(t *testing.T) {
	defer func() { native.Host = nil }()
	var b [256]byte
	a := [6]uint64{7, uint64(uintptr(unsafe.Pointer(&b)))}
	for _, c := range []struct {
		name    string
		nr      uint64
		answers []int64
		want    int64
	}{
		{"map", abi.NMap, []int64{-abi.EAGAIN, -abi.EAGAIN, 4096}, 4096},
		{"map refused", abi.NMap, []int64{-abi.EAGAIN, -abi.ENOMEM}, -abi.ENOMEM},
		{"no last", abi.NNextLast, []int64{-abi.EAGAIN}, -abi.EAGAIN},
		{"process", abi.NProcessInfo, []int64{-abi.EFAULT, 0}, 0},
		{"bad address", abi.NProcessInfo, []int64{-abi.EFAULT, -abi.EFAULT}, -abi.EFAULT},
	} {
		n := 0
		native.Host = func(nr uint64, _ [6]uint64) (int64, uint64) {
			n++
			return c.answers[n-1], 0
		}
		if r, _ := direct(c.nr, &a); r != c.want || n != len(c.answers) {
			t.Errorf("%s: %d after %d calls", c.name, r, n)
		}
	}
}
