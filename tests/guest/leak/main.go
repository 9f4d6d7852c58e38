// Command leak starts processes by the thousand and reports what the system's
// free memory was before and after.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "child" {
		return
	}
	n, _ := strconv.Atoi(os.Args[1])
	execs, _ := strconv.Atoi(os.Args[2])
	// What is built up once, the servers' heaps above all, comes first.
	forks(n / 5)
	spawns(execs)
	// The servers' collectors come and go: the best of each half counts.
	var best [2]int
	for i := range 4 {
		forks(n / 4)
		spawns(execs / 4)
		for range 5 {
			best[i/2] = max(best[i/2], free())
			time.Sleep(100 * time.Millisecond)
		}
	}
	fmt.Println("forks", n, "execs", execs, "lost", max(best[0]-best[1], 0), "KiB")
}

// free is the free memory in KiB.
func free() int {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, l := range strings.Split(string(b), "\n") {
		if f := strings.Fields(l); len(f) >= 2 && f[0] == "MemFree:" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				panic(err)
			}
			return n
		}
	}
	fmt.Println("no MemFree in /proc/meminfo")
	os.Exit(1)
	return 0
}

func forks(n int) {
	for i := range n {
		pid, _, errno := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
		if errno != 0 {
			fmt.Println("fork", i, errno)
			os.Exit(1)
		}
		if pid == 0 {
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
		}
		if _, err := syscall.Wait4(int(pid), nil, 0, nil); err != nil {
			fmt.Println("wait", i, err)
			os.Exit(1)
		}
	}
}

func spawns(n int) {
	for i := range n {
		pid, err := syscall.ForkExec("/proc/self/exe", []string{"leak", "child"}, nil)
		if err != nil {
			fmt.Println("exec", i, err)
			os.Exit(1)
		}
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
			fmt.Println("wait", i, err)
			os.Exit(1)
		}
	}
}
