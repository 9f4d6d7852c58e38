package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"
)

// resets: a connection that is broken off, not closed, says so to the other end.
func resets() error {
	if err := lingered(); err != nil {
		return fmt.Errorf("SO_LINGER without seconds: %w", err)
	}
	for _, network := range []string{"unix", "tcp"} {
		if err := unaccepted(network); err != nil {
			return fmt.Errorf("%s, never accepted: %w", network, err)
		}
	}
	return nil
}

// connected returns both ends of a TCP connection.
func connected() (a, b *net.TCPConn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	d, err := l.Accept()
	if err != nil {
		return nil, nil, err
	}
	return c.(*net.TCPConn), d.(*net.TCPConn), nil
}

func lingered() error {
	for _, seconds := range []int{0, 2, -1} { // -1: off
		a, b, err := connected()
		if err != nil {
			return err
		}
		if err := a.SetLinger(seconds); err != nil {
			return err
		}
		if err := option(a, seconds); err != nil {
			return err
		}
		if _, err := a.Write([]byte("last")); err != nil {
			return err
		}
		a.Close()
		text := make([]byte, 4)
		if seconds != 0 {
			// A reset may overtake the bytes, an end may not.
			if _, err := io.ReadFull(b, text); err != nil {
				return err
			}
		}
		var end error
		for end == nil {
			_, end = b.Read(text)
		}
		if seconds == 0 {
			if !errors.Is(end, syscall.ECONNRESET) {
				return fmt.Errorf("read: %v", end)
			}
			if _, err := b.Write(text); !errors.Is(err, syscall.EPIPE) {
				return fmt.Errorf("write: %v", err)
			}
		} else if end != io.EOF {
			return fmt.Errorf("%d seconds: read: %v", seconds, end)
		}
		b.Close()
	}
	// Who writes first learns it too.
	a, b, err := connected()
	if err != nil {
		return err
	}
	defer b.Close()
	a.SetLinger(0)
	a.Close()
	if _, err := b.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("first write: %v", err)
	}
	return nil
}

// option checks what SO_LINGER reads after SetLinger(seconds).
func option(c *net.TCPConn, seconds int) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var got [2]uint32
	var e error
	if err := raw.Control(func(fd uintptr) { e = getLinger(fd, &got) }); err != nil {
		return err
	}
	if e != nil {
		return e
	}
	want := [2]uint32{1, uint32(seconds)}
	if seconds < 0 {
		want = [2]uint32{0, 0}
	}
	if got != want {
		return fmt.Errorf("SO_LINGER is %v, set %v", got, want)
	}
	return nil
}

func unaccepted(network string) error {
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(os.TempDir(), "gofeatures.resets")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	c, err := net.Dial(network, l.Addr().String())
	if err != nil {
		return err
	}
	defer c.Close()
	l.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("read: %v", err)
	}
	return nil
}

func getLinger(fd uintptr, to *[2]uint32) error {
	size := uint32(unsafe.Sizeof(*to))
	_, _, e := syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.SOL_SOCKET, syscall.SO_LINGER,
		uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(&size)), 0)
	if e != 0 {
		return e
	}
	if size != 8 {
		return fmt.Errorf("SO_LINGER has %d bytes", size)
	}
	return nil
}
