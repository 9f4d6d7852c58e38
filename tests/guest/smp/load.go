package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// storm: processes with several threads each call the file server and the pipe
// server without a pause, and check what they get.
func storm() {
	if len(os.Args) > 2 {
		stormy(os.Args[2])
		return
	}
	self, err := os.Executable()
	check(err)
	const n = 6
	var pids []int
	for i := range n {
		pid, err := syscall.ForkExec(self, []string{self, "storm", strconv.Itoa(i)}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
		check(err)
		pids = append(pids, pid)
	}
	good := 0
	for _, pid := range pids {
		var ws syscall.WaitStatus
		_, err := syscall.Wait4(pid, &ws, 0, nil)
		check(err)
		if ws == 0 {
			good++
		} else {
			fmt.Printf("FAIL %d ended with %#x\n", pid, uint32(ws))
		}
	}
	fmt.Println("stormed", good)
}

func stormy(name string) {
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			path := fmt.Sprintf("/tmp/storm.%s.%d", name, i)
			data := []byte(path)
			got := make([]byte, len(data))
			var fds [2]int
			check(syscall.Pipe(fds[:]))
			for k := range 150 {
				check(os.WriteFile(path, data, 0o600))
				b, err := os.ReadFile(path)
				check(err)
				if string(b) != path {
					fmt.Println("FAIL", path, "holds", string(b))
					os.Exit(1)
				}
				if n, err := syscall.Write(fds[1], data); n != len(data) {
					check(fmt.Errorf("write %d: %w", n, err))
				}
				if n, err := syscall.Read(fds[0], got); n != len(data) || string(got) != path {
					check(fmt.Errorf("read %d %q: %w", n, got, err))
				}
				var st syscall.Stat_t
				check(syscall.Stat(path, &st))
				if st.Size != int64(len(data)) {
					fmt.Println("FAIL size", st.Size, "at", k)
					os.Exit(1)
				}
			}
			check(os.Remove(path))
		})
	}
	wg.Wait()
}

// latency: what a file call takes, in ns, which are instructions when the
// machine counts them; alone, and beside programs that only compute. The
// median, and how many took more than twice the median alone: those during
// which the caller's own turn ended.
func latency() {
	self, err := os.Executable()
	check(err)
	alone, _ := calls(0)
	var pids []int
	for range 3 {
		pid, err := syscall.ForkExec(self, []string{self, "spin"}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
		check(err)
		pids = append(pids, pid)
	}
	time.Sleep(20 * time.Millisecond)
	loaded, slow := calls(2 * alone)
	for _, pid := range pids {
		syscall.Kill(pid, syscall.SIGKILL)
		syscall.Wait4(pid, nil, 0, nil)
	}
	fmt.Println("alone", alone, "loaded", loaded, "slow", slow)
	if loaded > 2*alone {
		fmt.Println("FAIL: programs that compute delay a file call")
	}
}

func calls(bound int64) (median int64, slow int) {
	const n = 2000
	path := []byte("/etc\x00")
	var st syscall.Stat_t
	took := make([]int64, n)
	var a, b syscall.Timespec
	for i := range took {
		clock(&a)
		syscall.RawSyscall(syscall.SYS_STAT, uintptr(unsafe.Pointer(&path[0])), uintptr(unsafe.Pointer(&st)), 0)
		clock(&b)
		took[i] = b.Nano() - a.Nano()
		if bound != 0 && took[i] > bound {
			slow++
		}
	}
	slices.Sort(took)
	return took[n/2], slow
}

func clock(t *syscall.Timespec) {
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(t)), 0)
}
