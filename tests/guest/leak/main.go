// Command leak starts processes by the thousand and reports by how much grew what
// the kernel has for itself, and what was programs' memory and is in none of them.
// The heaps of servers may grow: they are neither.
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
	forks(n / 5) // what is built up once comes first
	spawns(execs)
	// The servers' collectors come and go meanwhile, and processes are read one
	// after the other: the least of each half counts.
	const none = 1 << 40
	kernel, stray := [2]int{none, none}, [2]int{none, none}
	for i := range 4 {
		forks(n / 4)
		spawns(execs / 4)
		// What several CPUs take apart takes its time: a leak stays.
		for k := 0; k < 5 || k < 300 && i == 3 && (kernel[1]-kernel[0] > 256 || stray[1]-stray[0] > 1024); k++ {
			own := field("/proc/meminfo", "MemTotal:") - field("/proc/meminfo", "MemFree:") - field("/proc/meminfo", "Active:")
			kernel[i/2] = min(kernel[i/2], own)
			stray[i/2] = min(stray[i/2], field("/proc/meminfo", "Active:")-resident())
			time.Sleep(100 * time.Millisecond)
		}
	}
	fmt.Println("forks", n, "execs", execs, "kernel", kernel[1]-kernel[0], "stray", stray[1]-stray[0], "KiB")
}

// resident is what all processes have in memory, KiB.
func resident() (sum int) {
	all, err := os.ReadDir("/proc")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, p := range all {
		if _, err := strconv.Atoi(p.Name()); err == nil {
			sum += field("/proc/"+p.Name()+"/status", "VmRSS:")
		}
	}
	return sum
}

// field is the number behind a word in a file.
func field(file, word string) int {
	b, err := os.ReadFile(file)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, l := range strings.Split(string(b), "\n") {
		if f := strings.Fields(l); len(f) >= 2 && f[0] == word {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				panic(err)
			}
			return n
		}
	}
	fmt.Println("no", word, "in", file)
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
