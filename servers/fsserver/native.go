package fsserver

import (
	"syscall"
	"time"
	"unsafe"

	"go42/ipc"
	"go42/ipc/abi"
)

// The pager's native calls (ipc/abi).

// newObject makes a paged memory object.
func newObject(size int64, name uint64) (handle uint64, err error) {
	h, _, err := ipc.Sys(abi.NFCMCreate, uintptr(size), abi.FCMPaged, uintptr(name), 0, 0, 0)
	return uint64(h), err
}

func resize(h uint64, size int64) error {
	_, _, err := ipc.Sys(abi.NFCMResize, uintptr(h), uintptr(size), 0, 0, 0, 0)
	return err
}

func info(h uint64) (i abi.FCMInfo) {
	p := new(abi.FCMInfo)
	ipc.Sys(abi.NFCMInfo, uintptr(h), uintptr(unsafe.Pointer(p)), 0, 0, 0, 0)
	return *p
}

// nextPage takes the next piece of news; false: there is none.
func nextPage(n *abi.PageNews) bool {
	_, _, err := ipc.Sys(abi.NNextPage, uintptr(unsafe.Pointer(n)), 0, 0, 0, 0, 0)
	return err == nil
}

// pageIn gives the object pages from offset off on.
func pageIn(h uint64, off int64, b []byte) error {
	for len(b) > 0 {
		n, _, err := ipc.Sys(abi.NPageIn, uintptr(h), uintptr(off), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0)
		if err == syscall.EAGAIN { // memory is on its way
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			return err
		}
		off, b = off+int64(n), b[min(int(n), len(b)):]
	}
	return nil
}

// pageFail says that n bytes of pages cannot be had.
func pageFail(h uint64, off, n int64) {
	ipc.Sys(abi.NPageIn, uintptr(h), uintptr(off), 0, uintptr(n), 0, 0)
}

// cached copies from the object what is there.
func cached(h uint64, off int64, b []byte) int {
	if len(b) == 0 {
		return 0
	}
	n, _, err := ipc.Sys(abi.NFCMRead, uintptr(h), uintptr(off), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0)
	if err != nil {
		return 0
	}
	return int(n)
}

// change copies into the object where it has pages; they become dirty.
func change(h uint64, off int64, b []byte) int {
	n, _, err := ipc.Sys(abi.NFCMWrite, uintptr(h), uintptr(off), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0)
	if err != nil {
		return 0
	}
	return int(n)
}

// dirty takes the next dirty pages from offset off on: n bytes at at; n 0: none
// is left.
func dirty(h uint64, off int64) (at, n int64) {
	for {
		n, at, err := ipc.Sys(abi.NDirty, uintptr(h), uintptr(off), 0, 0, 0, 0)
		switch {
		case err == syscall.EAGAIN:
		case err != nil || n == 0 && uint64(at) == abi.DirtyEnd:
			return 0, 0
		case n == 0:
			off = int64(at)
		default:
			return int64(at), int64(n)
		}
	}
}

func synced(h, seq uint64, err error) {
	var status uint64
	if err != nil {
		status = ^uint64(0)
	}
	ipc.Sys(abi.NSynced, uintptr(h), uintptr(seq), uintptr(status), 0, 0, 0)
}
