package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// witness does file and pipe work and checks what it gets, until it is ended by
// SIGTERM: then it says how often. Whatever others suffer must not reach it.
func witness() {
	name := fmt.Sprintf("/tmp/witness.%d", os.Getpid())
	data := bytes.Repeat([]byte("0123456789abcdef"), 1000)
	got := make([]byte, len(data))
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		fail("witness: pipe:", err)
		return
	}
	fmt.Println("watching")
	for {
		err := os.WriteFile(name, data, 0o600)
		if errors.Is(err, syscall.ENOSPC) {
			time.Sleep(time.Millisecond) // another has filled the disk
			continue
		}
		if err != nil {
			fail("witness: write:", err)
			return
		}
		b, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(b, data) {
			fail("witness: read:", len(b), err)
			return
		}
		if err := os.Remove(name); err != nil {
			fail("witness: remove:", err)
			return
		}
		n, err := syscall.Write(fds[1], data)
		if n != len(data) {
			fail("witness: pipe:", n, err)
			return
		}
		n, err = syscall.Read(fds[0], got)
		if n != len(data) || !bytes.Equal(got, data) {
			fail("witness: pipe:", n, err)
			return
		}
		data[0]++
	}
}

// sleeps sleeps hundreds of times while a witness keeps the machine busy. A
// timer that is lost leaves it asleep; note says how far it got.
func sleeps() {
	self := os.Args[0]
	w, err := syscall.ForkExec(self, []string{self, "witness"}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
	check(err)
	for i := range 600 {
		time.Sleep(time.Duration(1+i%20) * time.Millisecond)
		if i%20 == 19 {
			note("slept", i+1)
		}
	}
	check(syscall.Kill(w, syscall.SIGKILL))
	syscall.Wait4(w, nil, 0, nil)
}
