// Command threads stresses the threads of one process: what they do to each other
// while they run at once, on one CPU or several. It prints "NAME ok" for each check
// in its arguments (all without any); lines that begin with FAIL are failures. It
// runs on Linux too.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

var checks = []struct {
	name string
	f    func()
}{
	{"pingpong", pingpong}, {"mutexes", mutexes}, {"conditions", conditions}, {"come-and-go", comeAndGo},
	{"signals", signals}, {"preemption", preemption}, {"timers", timers}, {"affinity", affinity},
	{"wakes", wakes}, {"calls", calls}, {"forks", forks}, {"execs", execs}, {"exec-beside", execBeside}, {"tasks", tasks}, {"exit-group", exitGroup},
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "child" {
		child(os.Args[2:])
	}
	runtime.GOMAXPROCS(8)
	for _, c := range checks {
		wanted := len(os.Args) == 1
		for _, a := range os.Args[1:] {
			wanted = wanted || a == c.name
		}
		if !wanted {
			continue
		}
		t0 := time.Now()
		c.f()
		fmt.Println(c.name, "ok")
		note(c.name, time.Since(t0).Round(time.Millisecond))
	}
}

// note says on standard error what a test does not compare, if TIMES is set.
func note(args ...any) {
	if os.Getenv("TIMES") != "" {
		fmt.Fprintln(os.Stderr, args...)
	}
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(args ...any) {
	fmt.Println(append([]any{"FAIL"}, args...)...)
	os.Exit(1)
}

// each runs f on n threads of their own and waits for all.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			runtime.LockOSThread()
			f(i)
			runtime.UnlockOSThread()
		})
	}
	wg.Wait()
}

// run starts this program with the arguments and waits for its end.
func run(args ...string) syscall.WaitStatus {
	pid, err := syscall.ForkExec("/proc/self/exe", append([]string{"threads", "child"}, args...), &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
	check(err)
	return reap(pid)
}

func reap(pid int) syscall.WaitStatus {
	var ws syscall.WaitStatus
	for {
		p, err := syscall.Wait4(pid, &ws, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		check(err)
		if p != pid {
			fail("wait answered", p, "for", pid)
		}
		return ws
	}
}

// child is this program in other processes.
func child(args []string) {
	switch args[0] {
	case "tasks":
		tasksChild()
	case "exit":
		n, _ := strconv.Atoi(args[1])
		os.Exit(n)
	case "exec":
		// Another thread than the first execs, beside threads that work; n times.
		n, _ := strconv.Atoi(args[1])
		busy(6)
		if n == 0 {
			os.Exit(7)
		}
		each(1, func(int) {
			time.Sleep(time.Duration(n) * 300 * time.Microsecond)
			check(syscall.Exec("/proc/self/exe", []string{"threads", "child", "exec", strconv.Itoa(n - 1)}, os.Environ()))
		})
	case "group":
		busy(12)
		n, _ := strconv.Atoi(args[1])
		each(2, func(int) {
			time.Sleep(time.Duration(n) * 200 * time.Microsecond)
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, uintptr(n), 0, 0)
		})
	}
	os.Exit(99)
}

// busy starts n threads that do all sorts of things and never end.
func busy(n int) {
	for i := range n {
		go func() {
			runtime.LockOSThread()
			var mu sync.Mutex
			for k := 0; ; k++ {
				switch (i + k) % 4 {
				case 0:
					mu.Lock()
					mu.Unlock()
					syscall.Getpid()
				case 1:
					spin(2000)
				case 2:
					time.Sleep(50 * time.Microsecond)
				case 3:
					var st syscall.Stat_t
					syscall.Stat("/", &st)
				}
			}
		}()
	}
}

// spin uses the CPU without a call.
func spin(n int) (x uint64) {
	for i := range n {
		x = x*6364136223846793005 + uint64(i)
	}
	sink = x
	return x
}

var sink uint64
