package main

import (
	"fmt"
	"io"
	"os"
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
	f, err := os.CreateTemp("", "locks")
	check(err)
	check(os.Remove(f.Name()))
	sayR, sayW, err := os.Pipe()
	check(err)
	p := start([]*os.File{f, sayW}, "lock")
	sayW.Close()
	next := func() { // the child has got so far
		var b [1]byte
		_, err := io.ReadFull(sayR, b[:])
		check(err)
	}
	fmt.Println("byte 0:", lock(f, setLock, syscall.F_WRLCK, 0, 1))
	next()
	l := syscall.Flock_t{Type: syscall.F_WRLCK}
	l.Start = 1
	check(syscall.FcntlFlock(f.Fd(), getLock, &l))
	fmt.Println("first in the way:", l.Type, l.Whence, l.Start, l.Len, int(l.Pid) == p.Pid)
	fmt.Println("the child's, without waiting:", lock(f, setLock, syscall.F_WRLCK, 2, 1))
	time.Sleep(time.Second) // until it waits for byte 0
	fmt.Println("the child's:", lock(f, setLockW, syscall.F_WRLCK, 2, 1))
	fmt.Println("unlock:", lock(f, setLock, syscall.F_UNLCK, 0, 1))
	next()
	check(p.Kill())
	fmt.Println("a dead child's:", lock(f, setLockW, syscall.F_WRLCK, 2, 1))
	p.Wait()
}

func lockChild() {
	f, say := os.NewFile(3, "file"), os.NewFile(4, "say")
	lock(f, setLock, syscall.F_WRLCK, 5, 2)
	lock(f, setLock, syscall.F_WRLCK, 2, 1)
	say.Write([]byte{1})
	if e := lock(f, setLockW, syscall.F_WRLCK, 0, 1); e != "ok" {
		fmt.Println("child:", e)
	}
	say.Write([]byte{1})
	time.Sleep(time.Hour)
}
