package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// Native calls, reflected (ipc/abi; not imported, so that the program is an
// ordinary one).
const (
	sysNative = 0x4200
	nSysInfo  = sysNative + 66
	nDebug    = sysNative + 68

	debugCheck  = 1
	debugFree   = 2
	debugPool   = 4
	debugServer = 5
	debugKill   = 6
	debugPanic  = 8
)

func debug(op, arg uintptr, p unsafe.Pointer) (uint64, error) {
	_, r2, e := syscall.RawSyscall(nDebug, op, arg, uintptr(p))
	if e != 0 {
		return 0, e
	}
	return uint64(r2), nil
}

// counts is what exists in the kernel.
type counts struct {
	free  uint64 // frames
	pools map[string]uint64
	// pooled, if not 0, is how many frames the kernel and its pools held; what
	// they have grown to since is not lost.
	pooled uint64
	// own, if not 0, is how many frames this process had: Go's runtime keeps some
	// of what ended threads had.
	own uint64
	// heaps is how many frames the boot servers had: when they collect their
	// garbage depends on how their threads fall on the CPUs.
	heaps uint64
}

// kernelFrames is how many frames the kernel has for itself and its pools.
func kernelFrames() uint64 {
	var info [64]uint64 // abi.SysInfo
	if _, _, e := syscall.RawSyscall(nSysInfo, uintptr(unsafe.Pointer(&info)), 0, 0); e != 0 {
		check(e)
	}
	return info[2] / 4096
}

// exact are the pools in which nothing but processes that come and go has
// entries: they return to the start value. The others also serve the servers'
// own memory, which has some play.
var exact = map[string]bool{
	"processes": true, "dispatchers": true, "accounts": true, "halves": true, "address spaces": true,
	"call records": true, "handle roots": true,
}

const (
	playEntries = 200
	playLeaves  = 30
	playFrames  = 1024 // 4 MiB
	playOwn     = 2048 // of this process
	playHeaps   = 3072 // of the servers: a Go heap begins to collect at 4 MiB
)

func count() counts {
	free, err := debug(debugFree, 0, nil)
	check(err)
	c := counts{free: free, heaps: heaps(), pools: map[string]uint64{}}
	for i := uintptr(0); ; i++ {
		var name [32]byte
		n, err := debug(debugPool, i, unsafe.Pointer(&name))
		if err != nil {
			return c
		}
		c.pools[strings.TrimRight(string(name[:]), "\x00")] = n
	}
}

// resident is how many frames this process has.
func resident() uint64 {
	n, err := residentOf("self")
	check(err)
	return n
}

func residentOf(pid string) (pages uint64, err error) {
	b, err := os.ReadFile("/proc/" + pid + "/statm")
	if err == nil {
		var size uint64
		_, err = fmt.Sscan(string(b), &size, &pages)
	}
	return pages, err
}

// heaps is how many frames the boot servers have, which are the first processes.
func heaps() (n uint64) {
	for pid := 1; pid <= 6; pid++ {
		pages, _ := residentOf(fmt.Sprint(pid)) // none: it was killed
		n += pages
	}
	return n
}

// lost compares with what was before; "" if nothing is missing.
func (c counts) lost(before counts) string {
	var b strings.Builder
	if before.pooled != 0 {
		c.free += max(kernelFrames(), before.pooled) - before.pooled
	}
	own := uint64(0)
	if before.own != 0 {
		own = max(resident(), before.own) - before.own
	}
	grown := max(c.heaps, before.heaps) - before.heaps
	if c.free+own+grown+playFrames < before.free || own > playOwn || grown > playHeaps {
		fmt.Fprintf(&b, " %d frames of %d, %d of them to this process, %d to servers", before.free-c.free, before.free, own, grown)
	}
	for name, n := range c.pools {
		was := before.pools[name]
		if name == "call records" && n <= c.pools["dispatchers"] {
			continue // each keeps one for its next call
		}
		if n > was+playEntries || exact[name] && n > was {
			fmt.Fprintf(&b, "; %s: %d, were %d", name, n, was)
		}
	}
	return b.String()
}

// steady counts when what is counted exactly has not changed for a while: who has
// ended just before is not there any more.
func steady() counts {
	c := count()
	for same, tries := 0, 0; same < 10 && tries < 500; tries++ {
		time.Sleep(20 * time.Millisecond)
		was := c
		c = count()
		same++
		for name := range exact {
			if c.pools[name] != was.pools[name] {
				same = 0
			}
		}
	}
	return c
}

// settled counts until nothing is missing, or for a minute: servers and the
// reaping of orphans take their time, and a CPU may be stopped.
func settled(before counts) (c counts, lost string) {
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		c = count()
		if lost = c.lost(before); lost == "" || time.Now().After(end) {
			return c, lost
		}
	}
}

// verify lets the kernel walk its memory structures.
func verify(when string) {
	if _, err := debug(debugCheck, 0, nil); err != nil {
		fail("memory check", when, err)
	}
}
