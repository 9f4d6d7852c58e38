package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// draws is how many sets of arguments each number gets.
const draws = 24

// Calls whose success would end the test rather than the system: they stop or
// kill others, or the machine.
var harmful = map[int]bool{
	syscall.SYS_KILL: true, syscall.SYS_TKILL: true, syscall.SYS_TGKILL: true,
	syscall.SYS_RT_SIGQUEUEINFO: true, syscall.SYS_RT_TGSIGQUEUEINFO: true, 424: true, // pidfd_send_signal
	syscall.SYS_REBOOT: true, syscall.SYS_EXIT: true, syscall.SYS_EXIT_GROUP: true,
	syscall.SYS_PTRACE: true, syscall.SYS_SETPRIORITY: true, syscall.SYS_SCHED_SETSCHEDULER: true,
	syscall.SYS_VHANGUP: true, syscall.SYS_PIVOT_ROOT: true, syscall.SYS_CHROOT: true,
	0x4200 + 64: true, // NPower
}

// calls lets children probe the numbers. A child says which number it is at;
// when it dies or hangs the next one goes on after that.
func calls(from, to int) {
	ends := map[string]int{}
	for n := from; n < to; {
		next, end := probeFrom(n, to)
		if end != "exit status 0" {
			ends[end]++
		}
		n = next
	}
	for e, k := range ends {
		fmt.Fprintf(os.Stderr, "%d children ended by %s\n", k, e)
	}
}

func probeFrom(from, to int) (next int, end string) {
	c := exec.Command("/proc/self/exe", "probe", strconv.Itoa(from), strconv.Itoa(to))
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := c.StdoutPipe()
	if err != nil {
		panic(err)
	}
	if err := c.Start(); err != nil {
		fmt.Println("FAIL: no more children:", err)
		os.Exit(1)
	}
	progress := make(chan int)
	go func() {
		defer close(progress)
		r := bufio.NewReader(out)
		for {
			l, err := r.ReadString('\n')
			if err != nil {
				io.Copy(io.Discard, r)
				return
			}
			if n, err := strconv.Atoi(strings.TrimSpace(l)); err == nil && n >= from && n < to {
				progress <- n
			}
		}
	}()
	at := from
	limit := time.After(time.Minute) // for its start
	for {
		select {
		case n, ok := <-progress:
			if ok {
				at = n
				limit = time.After(1500 * time.Millisecond)
				continue
			}
			err := c.Wait()
			if err == nil {
				return to, "exit status 0"
			}
			return at + 1, err.Error()
		case <-limit:
			// A grandchild may hold the pipe: the whole group goes.
			syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
			c.Process.Kill()
			out.Close()
			for range progress {
			}
			c.Wait()
			return at + 1, "time limit"
		}
	}
}

// probe makes the calls, in the child.
func probe(from, to int) {
	buf, err := syscall.Mmap(-1, 0, 3*4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		panic(err)
	}
	base := uintptr(unsafe.Pointer(&buf[0]))
	syscall.Mprotect(buf[4096:8192], syscall.PROT_READ)
	wild := []uintptr{
		0, 1, 2, 3, 7, 16, 255, 4096, 1 << 20, 1 << 31, 1 << 32, 1<<63 - 1, ^uintptr(0), ^uintptr(1), ^uintptr(99),
		base, base + 1, base + 4096 - 3, base + 4096, base + 3*4096 - 1, base + 3*4096,
		0x1000, 0xdead000, 0x400000,
		0x7dff_ffff_f000, 0x7e00_0000_0000, 0x7e00_0800_0000, 0x7e00_1000_0000, 0x7e00_2000_1000, 0x7e00_4000_0000,
		0x7fff_ffff_e000, 0x7fff_ffff_f000, 0x7fff_ffff_ffff, 0x8000_0000_0000, 0xffff_7fff_ffff_ffff,
		0xffff_8000_0000_0000, 0xffff_ffff_8000_0000, 0xffff_ffff_8020_0000, 0xffff_ffff_ffff_f000, 0xffff_ffff_ffff_f001,
	}
	for n := from; n < to; n++ {
		fmt.Println(n)
		if harmful[n] {
			continue
		}
		r := rand.New(rand.NewPCG(42, uint64(n)))
		for range draws {
			var a [6]uintptr
			for i := range a {
				a[i] = wild[r.IntN(len(wild))]
			}
			pid := os.Getpid()
			r1, _, _ := syscall.RawSyscall6(uintptr(n), a[0], a[1], a[2], a[3], a[4], a[5])
			if r1 == 0 && rawPid() != pid {
				syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0) // a fork succeeded
			}
		}
	}
}

// rawPid may run in a child that a wild call made: see fork in guest/survive on
// why that takes nosplit.
//
//go:nosplit
func rawPid() int {
	pid, _, _ := syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0)
	return int(pid)
}
