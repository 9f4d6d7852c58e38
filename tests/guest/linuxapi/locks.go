package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	setLock  = 6
	setLockW = 7
	getLock  = 5
)

func lock(f *os.File, cmd int, typ int16, start, n int64) string {
	for {
		err := syscall.FcntlFlock(f.Fd(), cmd, &syscall.Flock_t{Type: typ, Start: start, Len: n})
		switch err {
		case nil:
			return "ok"
		case syscall.EINTR:
			continue
		}
		return err.Error()
	}
}

// locks: record locks between processes that share an open file.
func locks() {
	for nap := 50 * time.Millisecond; !deadlock(nap); nap *= 2 {
	}
}

// early is the status of a child that found this process waiting for its lock
// before it had come to wait itself: it is the one whose wait is refused then.
const early = 9

// deadlock: two processes that wait for each other, of which the second one is
// refused. It gives the child nap to begin to wait, and answers false, having
// printed nothing, if that was too little.
func deadlock(nap time.Duration) bool {
	var out strings.Builder
	f, err := os.CreateTemp("", "locks")
	check(err)
	check(os.Remove(f.Name()))
	sayR, sayW, err := os.Pipe()
	check(err)
	p := start([]*os.File{f, sayW}, "lock")
	sayW.Close()
	defer sayR.Close()
	next := func() { // the child has got so far
		var b [1]byte
		_, err := io.ReadFull(sayR, b[:])
		check(err)
	}
	fmt.Fprintln(&out, "byte 0:", lock(f, setLock, syscall.F_WRLCK, 0, 1))
	next()
	l := syscall.Flock_t{Type: syscall.F_WRLCK}
	l.Start = 1
	check(syscall.FcntlFlock(f.Fd(), getLock, &l))
	fmt.Fprintln(&out, "first in the way:", l.Type, l.Whence, l.Start, l.Len, int(l.Pid) == p.Pid)
	fmt.Fprintln(&out, "the child's, without waiting:", lock(f, setLock, syscall.F_WRLCK, 2, 1))
	time.Sleep(nap) // until it waits for byte 0
	r := lock(f, setLockW, syscall.F_WRLCK, 2, 1)
	if r == "ok" { // it has given that up
		s, err := p.Wait()
		check(err)
		if s.ExitCode() == early {
			f.Close()
			return false
		}
	}
	fmt.Print(out.String())
	fmt.Println("the child's:", r)
	fmt.Println("unlock:", lock(f, setLock, syscall.F_UNLCK, 0, 1))
	next()
	check(p.Kill())
	fmt.Println("a dead child's:", lock(f, setLockW, syscall.F_WRLCK, 2, 1))
	p.Wait()
	f.Close()
	return true
}

func lockChild() {
	f, say := os.NewFile(3, "file"), os.NewFile(4, "say")
	lock(f, setLock, syscall.F_WRLCK, 5, 2)
	lock(f, setLock, syscall.F_WRLCK, 2, 1)
	say.Write([]byte{1})
	switch e := lock(f, setLockW, syscall.F_WRLCK, 0, 1); e {
	case "ok":
	case syscall.EDEADLK.Error():
		os.Exit(early)
	default:
		fmt.Println("child:", e)
	}
	say.Write([]byte{1})
	time.Sleep(time.Hour)
}
