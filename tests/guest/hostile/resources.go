package main

import (
	"debug/elf"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// damagedELF executes copies of a program that are cut short or altered in
// their headers. Each must be refused or die; the time limit is for those that
// run on into a loop.
func damagedELF(prog string) {
	good, err := os.ReadFile(prog)
	if err != nil {
		fmt.Println("FAIL:", err)
		os.Exit(1)
	}
	r := rand.New(rand.NewPCG(3, 4))
	const headers = 64 + 12*56
	started := 0
	try := func(data []byte) {
		const file = "/tmp/damaged"
		if err := os.WriteFile(file, data, 0o755); err != nil {
			fmt.Println("FAIL:", err)
			os.Exit(1)
		}
		c := exec.Command(file, "true")
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if c.Start() == nil {
			started++
			t := time.AfterFunc(300*time.Millisecond, func() { syscall.Kill(-c.Process.Pid, syscall.SIGKILL) })
			c.Wait()
			t.Stop()
		}
		os.Remove(file)
	}
	for _, n := range []int{0, 1, 3, 4, 15, 16, 63, 64, 65, 100, 119, 120, 200, 400, 4095, 4096, 4097, len(good) / 2, len(good) - 1} {
		if n < len(good) {
			try(good[:n])
		}
	}
	small := good
	if len(small) > 64<<10 {
		small = small[:64<<10] // the headers matter; short ones are quick to write
	}
	for i := range 150 {
		src := small
		if i%8 == 0 {
			src = good
		}
		d := append([]byte(nil), src...)
		for range 1 + r.IntN(4) {
			switch r.IntN(3) {
			case 0:
				d[4+r.IntN(headers-4)] ^= 1 << r.IntN(8)
			case 1:
				d[4+r.IntN(headers-4)] = byte(r.Uint32())
			case 2: // a whole field of a program header becomes extreme
				at := 64 + r.IntN(6)*56 + 8*r.IntN(7)
				v := []uint64{0, 1, ^uint64(0), 1 << 63, 1 << 47, 0x7e00_1000_0000, 0xffff_ffff_8000_0000, 0xfff}[r.IntN(8)]
				for k := range 8 {
					d[at+k] = byte(v >> (8 * k))
				}
			}
		}
		try(d)
	}
	fmt.Fprintf(os.Stderr, "%d damaged programs could be started\n", started)
	if out, err := exec.Command(prog, "echo", "whole").Output(); err != nil || string(out) != "whole\n" {
		fmt.Printf("FAIL: the undamaged program afterwards: %q, %v\n", out, err)
	}
	if _, err := elf.Open(prog); err != nil {
		fmt.Println("FAIL:", err)
	}
}

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
