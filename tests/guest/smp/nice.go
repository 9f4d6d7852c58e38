package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// nice: of two programs that only compute, one is nicer by ten: it gets some
// tenth of what the other one gets.
func nice() {
	self, err := os.Executable()
	check(err)
	var pids [2]int
	for i := range pids {
		pids[i], err = syscall.ForkExec(self, []string{self, "spin"}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
		check(err)
	}
	check(syscall.Setpriority(syscall.PRIO_PROCESS, pids[1], 10))
	time.Sleep(3 * time.Second)
	var ticks [2]int
	for i, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		check(err)
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')'):]))
		fmt.Sscan(fields[12], &ticks[i]) // utime
	}
	for _, pid := range pids {
		syscall.Kill(pid, syscall.SIGKILL)
		syscall.Wait4(pid, nil, 0, nil)
	}
	fmt.Println("ticks", ticks[0], ticks[1])
	if ticks[1] == 0 || ticks[0] < 5*ticks[1] || ticks[0] > 20*ticks[1] {
		fmt.Println("FAIL: nice values do not decide")
	}
}
