package main

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// places: processes with one thread, more than there are CPUs, so that the kernel
// moves them as it likes; what sched_setaffinity says holds at any time, and no
// longer than it is said.
func places() {
	n := uint64(runtime.NumCPU())
	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_ANON)
	check(err)
	left = (*uint32)(unsafe.Pointer(&page[0]))
	for _, what := range []uintptr{stays, roams} {
		var pids []uintptr
		for range 2 * n {
			pid, _, e := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
			if e != 0 {
				check(e)
			}
			if pid == 0 {
				place(what, n)
			}
			pids = append(pids, pid)
		}
		moved := 0
		for _, pid := range pids {
			var ws syscall.WaitStatus
			if _, err := syscall.Wait4(int(pid), &ws, 0, nil); err != nil {
				check(err)
			}
			switch {
			case ws == 0:
			case what == roams && ws.ExitStatus() == 1:
				moved++
			default:
				fmt.Printf("FAIL %d: ended with %#x\n", what, uint32(ws))
			}
		}
		if what == roams && n > 1 && moved == 0 {
			fmt.Println("FAIL nobody has left the CPU that all of them had been told to be on")
		}
		fmt.Println(what, "moved", moved)
	}
}

const (
	stays = 1 + iota // exit status: 0, or 2: it was where it may not be
	roams            // 0: on CPU 0 until another has left it; 1: it has; 2: as above
)

//go:nosplit
func here() (cpu uint64) {
	var c uint32
	syscall.RawSyscall(309, uintptr(unsafe.Pointer(&c)), 0, 0)
	return uint64(c)
}

//go:nosplit
func only(mask uint64) {
	if _, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, 8, uintptr(unsafe.Pointer(&mask))); e != 0 {
		end(3)
	}
}

//go:nosplit
func end(status uintptr) { syscall.RawSyscall(syscall.SYS_EXIT_GROUP, status, 0, 0) }

// within computes for a while and looks whether it is on a CPU of mask always.
//
//go:nosplit
func within(mask uint64) {
	for range 40 {
		for i := 0; i < 20_000; i++ {
			sink++
		}
		if mask>>here()&1 == 0 {
			end(2)
		}
	}
}

var sink uint64

// left is shared by all: 1 when one has left the CPU that all were on.
var left *uint32

// patience is how long the kernel has for that, s: a CPU may be stopped.
const patience = 60

//go:nosplit
func seconds() int64 {
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&t)), 0)
	return t.Sec
}

// place is a child: nothing of Go's runtime but its own code.
//
//go:nosplit
func place(what uintptr, n uint64) {
	if what == stays {
		for k := range uint64(30) {
			// Most likely where it is: no move, but none later either.
			at := here()
			only(1 << at)
			within(1 << at)
			two := uint64(1)<<(k%n) | 1<<((k+1)%n)
			only(two)
			within(two)
			only(1 << (k % n))
			within(1 << (k % n))
			only(1<<n - 1)
			within(1<<n - 1)
		}
		end(0)
	}
	only(1)
	within(1)
	only(1<<n - 1)
	for begin := seconds(); atomic.LoadUint32(left) == 0 && seconds() < begin+patience; {
		for i := 0; i < 200_000; i++ {
			sink++
		}
		if here() != 0 {
			atomic.StoreUint32(left, 1)
			end(1)
		}
	}
	end(0)
}
