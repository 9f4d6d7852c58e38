package main

import (
	"fmt"
	"os"
	"sort"
	"syscall"
	"unsafe"
)

const (
	wAll   = 0x40000000
	wClone = 0x80000000
)

// rawClone is clone(2) with a child that shares all memory, and ends at once with
// status 7. flags: with CLONE_VM and CLONE_VFORK.
//
//go:noescape
func rawClone(flags uintptr) (pid, errno uintptr)

// waits: a child without an exit signal is waited for by who asks for it only.
func waits() {
	pid, e := rawClone(syscall.CLONE_VM | syscall.CLONE_VFORK)
	fmt.Println("clone:", e)
	wait := func(name string, options uintptr) {
		var status syscall.WaitStatus
		r, e := sys(syscall.SYS_WAIT4, pid, uintptr(unsafe.Pointer(&status)), options)
		fmt.Println(name, r == pid, e, status.ExitStatus())
	}
	wait("plain", 0)
	wait("clone children", wClone)
	pid, _ = rawClone(syscall.CLONE_VM | syscall.CLONE_VFORK)
	wait("all", wAll)
	pid, _ = rawClone(syscall.CLONE_VM | syscall.CLONE_VFORK | uintptr(syscall.SIGCHLD))
	wait("clone children", wClone)
	wait("plain", 0)
	pid, _ = rawClone(syscall.CLONE_VM | syscall.CLONE_VFORK)
	var info [16]uint64
	_, err := sys(syscall.SYS_WAITID, 1, pid, uintptr(unsafe.Pointer(&info)), syscall.WEXITED)
	fmt.Println("waitid:", err)
	_, err = sys(syscall.SYS_WAITID, 1, pid, uintptr(unsafe.Pointer(&info)), syscall.WEXITED|wClone)
	fmt.Println("waitid of clone children:", err, info[3]&0xffffffff) // si_status
}

// entries: getdents and getdents64 tell the same of a directory.
func entries() {
	dir, err := os.MkdirTemp("", "entries")
	check(err)
	defer os.RemoveAll(dir)
	check(os.Mkdir(dir+"/directory", 0o755))
	check(os.WriteFile(dir+"/f", nil, 0o644))
	check(os.Symlink("f", dir+"/a-rather-longer-name"))
	for _, nr := range []uintptr{syscall.SYS_GETDENTS, syscall.SYS_GETDENTS64} {
		f, err := os.Open(dir)
		check(err)
		var lines []string
		b := make([]byte, 512)
		for {
			n, e := sys(nr, f.Fd(), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
			if n == 0 {
				fmt.Println("end:", e)
				break
			}
			for at := 0; at < int(n); {
				size := int(b[at+16]) | int(b[at+17])<<8
				typ, name := b[at+18], b[at+19:at+size]
				if nr == syscall.SYS_GETDENTS {
					typ, name = b[at+size-1], b[at+18:at+size-1]
				}
				end := 0
				for name[end] != 0 {
					end++
				}
				lines = append(lines, fmt.Sprint(string(name[:end]), " type ", typ, " size ", size))
				at += size
			}
		}
		_, e := sys(nr, f.Fd(), uintptr(unsafe.Pointer(&b[0])), 10)
		fmt.Println("small buffer at the end:", e)
		f.Seek(0, 0)
		_, e = sys(nr, f.Fd(), uintptr(unsafe.Pointer(&b[0])), 10)
		fmt.Println("small buffer:", e)
		f.Close()
		sort.Strings(lines)
		for _, l := range lines {
			fmt.Println(l)
		}
	}
}

// priorities: of processes and groups.
func priorities() {
	show := func(name string, which, id uintptr) {
		r, e := sys(syscall.SYS_GETPRIORITY, which, id)
		fmt.Println(name, r, e)
	}
	_, e := sys(syscall.SYS_SETPGID, 0, 0)
	sys(syscall.SYS_SETPRIORITY, 1, 0, 1) // the tests may run at another one on the host
	fmt.Println("group:", e)
	show("process", 0, 0)
	show("group", 1, 0)
	_, e = sys(syscall.SYS_SETPRIORITY, 1, uintptr(syscall.Getpid()), 4)
	fmt.Println("set group:", e)
	show("process", 0, 0)
	show("group", 1, 0)
	show("no such process", 0, 1<<22+5)
	show("no such group", 1, 1<<22+5)
	show("no such user", 2, 4242)
	show("no such kind", 3, 0)
}
