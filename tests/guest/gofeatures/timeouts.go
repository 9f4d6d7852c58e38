package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// timeouts: SO_RCVTIMEO and SO_SNDTIMEO limit how long a blocking call waits.
func timeouts() error {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	a, b := pair[0], pair[1]
	for _, option := range []int{syscall.SO_RCVTIMEO, syscall.SO_SNDTIMEO} {
		if err := syscall.SetsockoptTimeval(a, syscall.SOL_SOCKET, option, &syscall.Timeval{Usec: 1000000}); err != syscall.EDOM {
			return fmt.Errorf("a million microseconds: %v", err)
		}
		if err := syscall.SetsockoptTimeval(a, syscall.SOL_SOCKET, option, &syscall.Timeval{Usec: 100000}); err != nil {
			return err
		}
		if err := syscall.SetsockoptInt(a, syscall.SOL_SOCKET, option, 1); err != syscall.EINVAL {
			return fmt.Errorf("an int: %v", err)
		}
	}
	buf := make([]byte, 1<<16)
	waits := []struct {
		name string
		f    func() error
	}{
		{"read", func() error { _, err := syscall.Read(a, buf); return err }},
		{"recv", func() error { _, _, err := syscall.Recvfrom(a, buf, 0); return err }},
		{"write", func() error {
			for {
				if _, err := syscall.Write(a, buf); err != nil {
					return err
				}
			}
		}},
		{"send", func() error { return syscall.Sendto(a, buf, 0, nil) }},
		{"accept", func() error { return acceptLimited() }},
	}
	for _, w := range waits {
		start := time.Now()
		err := w.f()
		for err == syscall.EINTR { // Go's runtime sends signals to threads that take long
			err = w.f()
		}
		if d := time.Since(start); err != syscall.EAGAIN || d < 90*time.Millisecond {
			return fmt.Errorf("%s: %v after %v", w.name, err, d)
		}
	}
	// None again, and the other end never had any.
	if err := syscall.SetsockoptTimeval(a, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{}); err != nil {
		return err
	}
	go func() {
		time.Sleep(150 * time.Millisecond)
		syscall.Read(b, buf[:1])
		syscall.Write(b, []byte("x"))
	}()
	if n, err := syscall.Read(a, buf); n != 1 || err != nil {
		return fmt.Errorf("without a limit: %d, %v", n, err)
	}
	return nil
}

func acceptLimited() error {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	path := filepath.Join(os.TempDir(), fmt.Sprintf("gofeatures.%d", os.Getpid()))
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return err
	}
	defer os.Remove(path)
	if err := syscall.Listen(fd, 1); err != nil {
		return err
	}
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Usec: 100000}); err != nil {
		return err
	}
	_, _, err = syscall.Accept(fd)
	return err
}
