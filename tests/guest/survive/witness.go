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
