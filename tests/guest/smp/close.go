package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// closes closes ends of streams, or has a child do it by ending, and looks at once
// at the other end, without waiting: it knows.
func closes() {
	const rounds = 1500
	var late [3]int
	for range rounds {
		var p [2]int
		must(syscall.Pipe2(p[:], syscall.O_NONBLOCK|syscall.O_CLOEXEC))
		late[0] += hangup(p[0], p[1])
		p, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		must(err)
		late[1] += hangup(p[0], p[1])
	}
	for range rounds / 10 {
		var p [2]int
		must(syscall.Pipe2(p[:], syscall.O_NONBLOCK|syscall.O_CLOEXEC))
		ep := watch(p[0])
		w := os.NewFile(uintptr(p[1]), "")
		c := exec.Command("/proc/self/exe", "nothing")
		c.ExtraFiles = []*os.File{w}
		must(c.Start())
		w.Close()
		must(c.Wait())
		late[2] += hangupAt(ep, p[0], -1)
	}
	fmt.Println("late", late)
	if late != [3]int{} {
		fmt.Println("FAIL: a close was not seen at once")
	}
}

func must(err error) {
	if err != nil {
		fmt.Println("FAIL", err)
	}
}

func watch(fd int) (ep int) {
	ep, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	must(err)
	must(syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN}))
	if events(ep) != 0 {
		fmt.Println("FAIL: an event of nothing")
	}
	return ep
}

func events(ep int) int {
	var ev [1]syscall.EpollEvent
	for {
		n, err := syscall.EpollWait(ep, ev[:], 0)
		if err != syscall.EINTR {
			must(err)
			return n
		}
	}
}

// hangup closes the other end; 1: fd's end does not say so at once.
func hangup(fd, other int) (late int) { return hangupAt(watch(fd), fd, other) }

func hangupAt(ep, fd, other int) (late int) {
	syscall.Close(other)
	if events(ep) != 1 {
		late = 1
		for start := time.Now(); events(ep) != 1; {
			if time.Since(start) > 5*time.Second {
				fmt.Println("FAIL: a close was never seen")
				break
			}
		}
	}
	syscall.Close(ep)
	syscall.Close(fd)
	return late
}
