package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// forkBomb runs forker as nobody, whom the limit binds.
func forkBomb() {
	c := exec.Command("/proc/self/exe", "forker")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		fmt.Println("FAIL: forker:", err)
	}
}

func forker() {
	lim := syscall.Rlimit{Cur: 64, Max: 64}
	const rlimitNProc = 6
	if err := syscall.Setrlimit(rlimitNProc, &lim); err != nil {
		fmt.Println("FAIL: setrlimit:", err)
		return
	}
	var pids []int
	var errno syscall.Errno
	for len(pids) < 1000 {
		var pid uintptr
		pid, _, errno = syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
		if errno != 0 {
			break
		}
		if pid == 0 {
			for {
				syscall.RawSyscall(syscall.SYS_PAUSE, 0, 0, 0)
			}
		}
		pids = append(pids, int(pid))
	}
	fmt.Println("forking ends with", errno, "within the limit:", len(pids) > 20 && len(pids) < 64)
	for _, p := range pids {
		syscall.Kill(p, syscall.SIGKILL)
	}
	for _, p := range pids {
		syscall.Wait4(p, nil, 0, nil)
	}
}

func hog() {
	c := exec.Command("/proc/self/exe", "hogger")
	c.Stdout = os.Stdout
	if err := c.Run(); err != nil {
		fmt.Println("FAIL: hogger:", err)
	}
}

// hogger takes address space until its limit says no.
func hogger() {
	const rlimitAS = 9
	lim := syscall.Rlimit{Cur: 4 << 30, Max: 4 << 30}
	if err := syscall.Setrlimit(rlimitAS, &lim); err != nil {
		fmt.Println("FAIL: setrlimit:", err)
		return
	}
	n := 0
	var errno syscall.Errno
	for ; n < 10000; n++ {
		const size = 8 << 20
		var p uintptr
		p, _, errno = syscall.RawSyscall6(syscall.SYS_MMAP, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0), 0)
		if errno != 0 {
			break
		}
		*at(p) = 1
	}
	fmt.Println("mapping ends with", errno, "within the limit:", n > 100 && n < 512)
}
