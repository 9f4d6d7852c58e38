// Command bench measures single operations in ticks of the time stamp counter,
// which under go42's -icount are instructions. One line each: name, ticks per
// operation.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// calls makes n times the system call nr with the arguments and returns the
// ticks that took, its loop of five instructions a call included.
func calls(nr, n, a0, a1, a2, a3 uintptr) uint64

func main() {
	runtime.LockOSThread()
	if len(os.Args) > 1 && os.Args[1] == "memory" {
		memory()
		return
	}
	const n = 20000
	each := func(name string, f func(n uintptr) uint64, n uintptr) {
		f(n / 10)
		best := f(n)
		for range 2 {
			best = min(best, f(n))
		}
		fmt.Printf("%s %.1f\n", name, float64(best)/float64(n))
	}
	each("getpid", func(n uintptr) uint64 { return calls(syscall.SYS_GETPID, n, 0, 0, 0, 0) }, n)
	each("getppid", func(n uintptr) uint64 { return calls(syscall.SYS_GETPPID, n, 0, 0, 0, 0) }, n)
	each("sched_yield", func(n uintptr) uint64 { return calls(syscall.SYS_SCHED_YIELD, n, 0, 0, 0, 0) }, n)

	zero, err := os.Open("/dev/zero")
	check(err)
	b := make([]byte, 4096)
	p := uintptr(unsafe.Pointer(&b[0]))
	each("read of 1 byte of /dev/zero", func(n uintptr) uint64 { return calls(syscall.SYS_READ, n, zero.Fd(), p, 1, 0) }, n/10)
	check(os.WriteFile("/tmp/bench", b, 0o644))
	f, err := os.Open("/tmp/bench")
	check(err)
	each("pread of 1 byte of a file", func(n uintptr) uint64 { return calls(syscall.SYS_PREAD64, n, f.Fd(), p, 1, 0) }, n/10)
	each("pread of 4096 bytes of a file", func(n uintptr) uint64 { return calls(syscall.SYS_PREAD64, n, f.Fd(), p, 4096, 0) }, n/10)
	var st syscall.Stat_t
	name := append([]byte("/tmp/bench"), 0)
	each("stat", func(n uintptr) uint64 {
		return calls(syscall.SYS_STAT, n, uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(&st)), 0, 0)
	}, n/10)
	each("clock_gettime by a call", func(n uintptr) uint64 {
		var ts syscall.Timespec
		return calls(syscall.SYS_CLOCK_GETTIME, n, 1, uintptr(unsafe.Pointer(&ts)), 0, 0)
	}, n)
	each("clock_gettime by the vDSO", func(n uintptr) uint64 {
		t0 := ticks()
		for range n {
			time.Now()
		}
		return ticks() - t0
	}, n)
	each("a call to a server that knows no such method", func(n uintptr) uint64 {
		var msg [64]uint64 // abi.Message: nothing in it
		return calls(0x4200+4, n, 1, 0xffff, uintptr(unsafe.Pointer(&msg)), 0)
	}, n/10)
	each("pipe round trip in one process", func(n uintptr) uint64 {
		var fd [2]int
		check(syscall.Pipe(fd[:]))
		t0 := ticks()
		for range n {
			calls(syscall.SYS_WRITE, 1, uintptr(fd[1]), p, 1, 0)
			calls(syscall.SYS_READ, 1, uintptr(fd[0]), p, 1, 0)
		}
		t := ticks() - t0
		syscall.Close(fd[0])
		syscall.Close(fd[1])
		return t
	}, n/10)
	each("mmap, touch and munmap of a page", func(n uintptr) uint64 {
		t0 := ticks()
		for range n {
			m, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
			check(err)
			m[0] = 1
			check(syscall.Munmap(m))
		}
		return ticks() - t0
	}, n/10)
	each("fork, exit and wait", func(n uintptr) uint64 {
		t0 := ticks()
		for range n {
			pid, _, errno := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
			if errno != 0 {
				check(errno)
			}
			if pid == 0 {
				syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
			}
			_, err := syscall.Wait4(int(pid), nil, 0, nil)
			check(err)
		}
		return ticks() - t0
	}, n/200)
}

// ticks reads the time stamp counter.
func ticks() uint64

// memory prints the memory in use, in KiB.
func memory() {
	b, err := os.ReadFile("/proc/meminfo")
	check(err)
	v := map[string]int{}
	for _, l := range strings.Split(string(b), "\n") {
		if f := strings.Fields(l); len(f) >= 2 {
			v[f[0]], _ = strconv.Atoi(f[1])
		}
	}
	fmt.Println("used", v["MemTotal:"]-v["MemFree:"])
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
