// Command smp is a guest program about several CPUs:
//
//	smp scale OP N     N processes, one a CPU, do OP side by side; how often a
//	                   kernel lock was waited for meanwhile (debug kernel)
//	smp stale          threads use pages that another thread takes away, and
//	                   look for translations that should be forgotten
//	smp regions        threads map and unmap memory, much of it at a time
//	smp storm          many processes and threads call one server
//	smp latency        a file call's cost, in switches and calls, alone and
//	                   beside programs that only compute
//	smp closes         ends of pipes and sockets are closed, and the others know
//	smp places         processes that are told where to run, and told otherwise
//	smp nice           two programs that only compute, one of them nicer
//
// It says "FAIL" where something does not hold.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"go42/ipc/abi"
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "scale":
			n, _ := strconv.Atoi(os.Args[3])
			scale(os.Args[2], n)
			return
		case "worker":
			worker(os.Args[2], os.Args[3], os.Args[4])
			return
		case "stale":
			stale()
			return
		case "regions":
			regions()
			return
		case "storm":
			storm()
			return
		case "latency":
			latency()
			return
		case "closes":
			closes()
			return
		case "nothing":
			return
		case "places":
			places()
			return
		case "nice":
			nice()
			return
		case "spin":
			for {
			}
		}
	}
	fmt.Fprintln(os.Stderr, "usage: smp scale OP N | stale | regions | storm | latency | closes | places | nice")
	os.Exit(2)
}

func check(err error) {
	if err != nil {
		_, file, line, _ := runtime.Caller(1)
		fmt.Println("FAIL", file, line, err)
		os.Exit(1)
	}
}

// pin puts the calling thread on one CPU.
func pin(cpu int) {
	runtime.LockOSThread()
	var mask [16]uint64
	mask[cpu/64] = 1 << (cpu % 64)
	if _, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask))); e != 0 {
		check(e)
	}
}

// The kernel's debugging calls (ipc/abi), through the libOS.
const (
	nDebug         = abi.SysNative + abi.NDebug
	debugContended = abi.DebugContended
)

var ranks = []string{1: "endpoint", "process", "grants", "half", "FCM", "work", "pool", "frame", "device"}

// contended returns how often locks of each rank were waited for; nil unless
// the kernel is a debug build.
func contended() []uint64 {
	out := make([]uint64, len(ranks))
	for r := 1; r < len(ranks); r++ {
		_, n, e := syscall.RawSyscall(nDebug, debugContended, uintptr(r), 0)
		if e != 0 {
			return nil
		}
		out[r] = uint64(n)
	}
	return out
}

// times are how often a worker does each operation in a round.
var times = map[string]string{"fork": "150", "open": "600", "stat": "800", "ppc": "1000", "fault": "300"}

// rounds is how many there are at most.
const rounds = 10

// scale lets n workers go through rounds that they begin together, and tells what
// they waited for, until it was nothing: in the first ones servers' heaps grow, and
// one that is there for all may be collected in any. A lock that two of them need
// is waited for in each.
func scale(op string, n int) {
	self, err := os.Executable()
	check(err)
	var begin [2]int
	check(syscall.Pipe(begin[:]))
	var ready [2]int
	check(syscall.Pipe(ready[:]))
	syscall.CloseOnExec(begin[1])
	pids := make([]int, n)
	for i := range n {
		pin(i % runtime.NumCPU()) // what it runs inherits that
		pids[i], err = syscall.ForkExec(self, []string{self, "worker", op, strconv.Itoa(i), times[op]},
			&syscall.ProcAttr{Files: []uintptr{uintptr(begin[0]), 1, 2, uintptr(ready[1])}})
		check(err)
	}
	b := make([]byte, 1)
	all := func() {
		for range n {
			_, err := syscall.Read(ready[0], b)
			check(err)
		}
	}
	all()
	for round := 1; ; round++ {
		before := contended()
		syscall.RawSyscall(nDebug, debugContended, 0, 0)
		start := time.Now()
		_, err = syscall.Write(begin[1], make([]byte, n))
		check(err)
		all()
		took := time.Since(start)
		after := contended()
		waited := ""
		for r := range before {
			if d := after[r] - before[r]; d != 0 {
				waited += fmt.Sprintf(" %s %d", ranks[r], d)
			}
		}
		if waited == "" {
			waited = " none"
			round = rounds
		} else {
			syscall.RawSyscall(nDebug, debugContended, 0, 0) // where: into the log
		}
		fmt.Printf("%s: %d workers, %v, locks waited for:%s\n", op, n, took.Round(time.Millisecond), waited)
		if round >= rounds {
			break
		}
	}
	syscall.Close(begin[1])
	for _, pid := range pids {
		var ws syscall.WaitStatus
		syscall.Wait4(pid, &ws, 0, nil)
		if ws != 0 {
			fmt.Printf("FAIL worker ended with %#x\n", uint32(ws))
		}
	}
}

// worker does op n times for each byte from standard input, and says so by one to
// descriptor 3; once without being asked.
func worker(op, _, times string) {
	n, _ := strconv.Atoi(times)
	dir := fmt.Sprintf("/tmp/scale.%d", os.Getpid())
	check(os.Mkdir(dir, 0o755))
	file := []byte(dir + "/f\x00")
	check(os.WriteFile(string(file[:len(file)-1]), []byte("x"), 0o644))
	do := operation(op, file)
	b := []byte{0}
	for {
		for range n {
			do()
		}
		syscall.Write(3, b)
		if n, err := syscall.Read(0, b); n != 1 {
			check(err)
			break
		}
	}
	check(os.RemoveAll(dir))
}

// operation returns what a worker repeats; file is a path of its own, and ends in
// a zero byte.
func operation(op string, file []byte) func() {
	const size = 64 << 12
	switch op {
	case "fork":
		return func() {
			pid := fork()
			syscall.RawSyscall6(syscall.SYS_WAIT4, uintptr(pid), 0, 0, 0, 0, 0)
		}
	case "open":
		return func() {
			fd, _, e := syscall.RawSyscall(syscall.SYS_OPEN, uintptr(unsafe.Pointer(&file[0])), syscall.O_RDONLY, 0)
			if e != 0 {
				check(e)
			}
			syscall.RawSyscall(syscall.SYS_CLOSE, fd, 0, 0)
		}
	case "stat":
		st := new(syscall.Stat_t)
		return func() {
			syscall.RawSyscall(syscall.SYS_STAT, uintptr(unsafe.Pointer(&file[0])), uintptr(unsafe.Pointer(st)), 0)
		}
	case "ppc": // a method that the process server has not
		msg, reply := new(abi.Message), new(abi.ReturnMessage)
		return func() {
			_, _, e := syscall.RawSyscall6(abi.SysNative+abi.NInvoke, abi.HandleProc, 0xffff, uintptr(unsafe.Pointer(msg)), uintptr(unsafe.Pointer(reply)), 0, 0)
			if e != 0 {
				check(e)
			}
		}
	case "fault":
		mem, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		check(err)
		return func() {
			for i := 0; i < size; i += 4096 {
				mem[i] = 1
			}
			syscall.Madvise(mem, syscall.MADV_DONTNEED)
		}
	}
	fmt.Println("FAIL no operation", op)
	os.Exit(1)
	return nil
}

// fork makes a child that ends at once. Nothing in the child may call into Go's
// scheduler: a preemption that was asked for would make it sleep for ever.
//
//go:nosplit
func fork() int {
	pid, _, _ := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
	if pid == 0 {
		for {
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	return int(pid)
}
