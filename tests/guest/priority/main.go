// Command priority sets nice values and scheduling policies, of itself, its
// group and a child, and prints what it reads back.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"
)

// attr is struct sched_attr.
type attr struct {
	Size, Policy              uint32
	Flags                     uint64
	Nice                      int32
	Prio                      uint32
	Runtime, Deadline, Period uint64
	UtilMin, UtilMax          uint32
}

const (
	schedFIFO, schedBatch, schedIdle = 1, 3, 5

	process, group = syscall.PRIO_PROCESS, syscall.PRIO_PGRP
	resetOnFork    = 1 << 30
	setAttr        = 314
	getAttr        = 315
)

func errname(e syscall.Errno) string {
	if e == 0 {
		return "ok"
	}
	return e.Error()
}

func policy(what string, pid int) {
	p, _, e := syscall.RawSyscall(syscall.SYS_SCHED_GETSCHEDULER, uintptr(pid), 0, 0)
	fmt.Println(what, "policy", int32(p), errname(e))
}

func setPolicy(pid, policy int, prio uint32) {
	_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, uintptr(pid), uintptr(policy), uintptr(unsafe.Pointer(&prio)))
	fmt.Printf("set %#x, %d: %s\n", policy, prio, errname(e))
}

func nice(what string, which, who int) {
	n, err := syscall.Getpriority(which, who)
	fmt.Println(what, "nice", 20-n, err)
}

func main() {
	if len(os.Args) > 1 {
		nice("child", process, 0)
		policy("child", 0)
		return
	}
	me, _ := os.Executable()
	child := func() {
		c := exec.Command(me, "child")
		c.Stdout = os.Stdout
		if err := c.Run(); err != nil {
			fmt.Println(err)
		}
	}
	// Policies are a thread's on Linux.
	runtime.LockOSThread()
	syscall.Setpgid(0, 0) // no harm to the group of a leader of a session
	fmt.Println(syscall.Setpriority(group, 0, 4))
	nice("group", group, 0)
	nice("self", process, 0)
	nice("thread", process, syscall.Gettid())
	nice("nobody", group, 4000000)
	nice("wrong", 3, 0)
	child()

	setPolicy(0, schedBatch, 0)
	policy("batch", 0)
	child()
	setPolicy(0, schedBatch, 1)
	setPolicy(0, schedFIFO, 0)
	setPolicy(0, 99, 0)
	setPolicy(4000000, schedBatch, 0)
	setPolicy(0, schedBatch|resetOnFork, 0)
	policy("reset", 0)
	child()

	var a attr
	size := unsafe.Sizeof(a)
	_, _, e := syscall.RawSyscall6(getAttr, 0, uintptr(unsafe.Pointer(&a)), size, 0, 0, 0)
	fmt.Println("attributes", a.Size, a.Policy, a.Flags, a.Nice, a.Prio, errname(e))
	_, _, e = syscall.RawSyscall6(getAttr, 0, uintptr(unsafe.Pointer(&a)), 40, 0, 0, 0)
	fmt.Println("too few:", errname(e))
	a = attr{Size: 48, Policy: schedIdle, Nice: 3}
	_, _, e = syscall.RawSyscall(setAttr, 0, uintptr(unsafe.Pointer(&a)), 0)
	fmt.Println("set:", errname(e))
	policy("idle", 0)
	nice("idle", process, 0)
	a = attr{Size: 20}
	_, _, e = syscall.RawSyscall(setAttr, 0, uintptr(unsafe.Pointer(&a)), 0)
	fmt.Println("short:", errname(e), a.Size)
	child()
}
