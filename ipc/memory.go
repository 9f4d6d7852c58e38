package ipc

import (
	"runtime/debug"
	"sync/atomic"
	"time"
	"unsafe"

	"go42/ipc/abi"
)

// What a server keeps for its clients is the server's memory, and no limit of a
// client's bounds it. So a server refuses to grow (ENOSPC, ENFILE, ENOBUFS) well
// before programs could no longer have pages of their own: the kernel keeps the
// last 1/16 of memory for itself and servers, and would end the largest program,
// which may have nothing to do with it.
const (
	// ShareGrow: with less than 1/ShareGrow of memory free, no file is made or grows.
	ShareGrow = 12
	// ShareBuffer: with less than 1/ShareBuffer free, no pipe or socket is made:
	// before files, which more depends on.
	ShareBuffer = 6
	// ShareLarge: with less than 1/ShareLarge free, buffers are small.
	ShareLarge = 4
)

// info is the kernel's page; nil in tests on a host.
var info atomic.Pointer[abi.InfoPage]

// UseInfoPage makes MemoryLow look at the kernel's information. For servers on Go42.
func UseInfoPage() {
	va := uintptr(abi.InfoVA)
	info.Store(*(**abi.InfoPage)(unsafe.Pointer(&va)))
}

// MaxProcesses is how many processes there can be; 0: that is not known (hosts).
func MaxProcesses() uint64 {
	p := info.Load()
	if p == nil {
		return 0
	}
	return abi.MaxProcesses(p.MemTotal)
}

// MemoryLow reports whether less than 1/share of the machine's memory is free.
func MemoryLow(share uint64) bool {
	p := info.Load()
	return p != nil && atomic.LoadUint64(&p.MemFree) < p.MemTotal/share
}

// Short reports whether a client is to be refused what would make this server grow:
// less than 1/share of memory is free, and servers have it. Where programs do, the
// largest comes to its end before others are refused anything.
func Short(share uint64) bool {
	if !MemoryLow(share) {
		return false
	}
	_, _, err := Sys(abi.NRelieve, uintptr(info.Load().MemTotal/share), 0, 0, 0, 0, 0)
	return err != nil
}

// gone counts objects whose last handle has gone since memory was given back.
var gone atomic.Int64

const (
	giveMany  = 256
	giveWait  = 300 * time.Millisecond
	giveTries = 100
)

// giveBack returns the memory of n objects that are gone to the system, when
// they are many: Go by itself takes minutes. It waits until no more go, or for
// half a minute: files that are opened and closed all the time need what they free.
func giveBack(n int64) {
	if now := gone.Add(n); now >= giveMany && now-n < giveMany {
		giveLater(now, giveTries)
	}
}

func giveLater(seen int64, tries int) {
	time.AfterFunc(giveWait, func() {
		if now := gone.Load(); now-seen >= giveMany && tries > 1 {
			giveLater(now, tries-1)
			return
		}
		gone.Store(0)
		debug.FreeOSMemory()
	})
}
