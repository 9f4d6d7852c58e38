// Keys reads lines from its terminal as line editors do: in raw mode, by epoll,
// with a pipe that ends the waiting; and runs a program in the terminal's old mode
// after each of them. Arguments: how many lines.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "say" {
		fmt.Printf("said %s %s\n", os.Args[2], os.Args[3])
		return
	}
	n, err := strconv.Atoi(os.Args[1])
	check(err)
	var typed []byte
	for i := range n {
		var line string
		line, typed = readLine(fmt.Sprintf("line %d> ", i), typed)
		c := exec.Command(os.Args[0], "say", strconv.Itoa(i), line)
		c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
		check(c.Run())
	}
}

// readLine reads a line that begins with typed; what has been typed after it is
// left.
func readLine(prompt string, typed []byte) (line string, left []byte) {
	old, err := unix.IoctlGetTermios(0, unix.TCGETS)
	check(err)
	raw := *old
	raw.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Iflag &^= unix.ICRNL | unix.IXON
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	check(unix.IoctlSetTermios(0, unix.TCSETS, &raw))
	fmt.Print(prompt)

	ep, err := unix.EpollCreate1(0)
	check(err)
	r, w, err := os.Pipe()
	check(err)
	for _, fd := range []int{0, int(r.Fd())} {
		check(unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}))
	}
	chunks := make(chan []byte)
	go func() {
		defer close(chunks)
		for {
			var ev [1]unix.EpollEvent
			_, err := unix.EpollWait(ep, ev[:], -1)
			if err == unix.EINTR {
				continue
			}
			check(err)
			if ev[0].Fd != 0 {
				return
			}
			b := make([]byte, 256)
			n, err := os.Stdin.Read(b)
			check(err)
			chunks <- b[:n]
		}
	}()
	end := -1
	for end < 0 {
		if end = bytes.IndexAny(typed, "\r\n"); end < 0 {
			typed = append(typed, <-chunks...)
		}
	}
	w.Write([]byte{0})
	for b := range chunks {
		typed = append(typed, b...)
	}
	check(unix.Close(ep))
	r.Close()
	w.Close()
	check(unix.IoctlSetTermios(0, unix.TCSETS, old))
	return string(typed[:end]), typed[end+1:]
}

func check(err error) {
	if err != nil {
		fmt.Printf("failed: %v\n", err)
		os.Exit(1)
	}
}
