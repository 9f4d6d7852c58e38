// Command handles takes as many handles as it can get, in the ways that there
// are, and sees that this is refused to the one that does it and that others do
// not notice.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	if len(os.Args) > 1 {
		role := map[string]func(){"files": files, "flight": flight, "true": func() { os.Exit(0) }}[os.Args[1]]
		role()
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin) // it holds what it has until it is told
		return
	}
	for round := range 2 { // what the hogs have taken comes back with their end
		one, two := start("files"), start("flight")
		others(round)
		one.end()
		two.end()
		others(round)
	}
	fmt.Println("done")
}

func wrong(f string, a ...any) { fmt.Printf("FAIL "+f+"\n", a...) }

// hog is a process that holds much.
type hog struct {
	cmd *exec.Cmd
	in  io.Closer
}

func start(role string) *hog {
	c := exec.Command("/proc/self/exe", role)
	in, _ := c.StdinPipe()
	out, _ := c.StdoutPipe()
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		wrong("%s: %v", role, err)
		os.Exit(1)
	}
	for s := bufio.NewScanner(out); ; {
		if !s.Scan() {
			wrong("%s ended", role)
			os.Exit(1)
		}
		if s.Text() == "ready" {
			break
		}
		fmt.Println(s.Text())
	}
	return &hog{c, in}
}

func (h *hog) end() {
	h.in.Close()
	if err := h.cmd.Wait(); err != nil {
		wrong("a hog: %v", err)
	}
}

// others does what uses the servers that the hog has asked.
func others(round int) {
	for i := range 20 {
		f, err := os.Open("/proc/self/exe")
		if err != nil {
			wrong("round %d: open: %v", round, err)
			return
		}
		if err := pass(int(f.Fd())); err != nil {
			wrong("round %d: a descriptor by a socket: %v", round, err)
		}
		f.Close()
		if i%10 == 0 {
			if err := exec.Command("/proc/self/exe", "true").Run(); err != nil {
				wrong("round %d: exec: %v", round, err)
			}
		}
	}
}

// pass sends fd to itself and compares what comes.
func pass(fd int) error {
	p, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(p[0])
	defer syscall.Close(p[1])
	if err := syscall.Sendmsg(p[0], []byte("x"), syscall.UnixRights(fd), nil, 0); err != nil {
		return err
	}
	b, oob := make([]byte, 1), make([]byte, 64)
	_, n, _, _, err := syscall.Recvmsg(p[1], b, oob, 0)
	if err != nil {
		return err
	}
	m, err := syscall.ParseSocketControlMessage(oob[:n])
	if err != nil || len(m) != 1 {
		return fmt.Errorf("%d messages, %v", len(m), err)
	}
	fds, err := syscall.ParseUnixRights(&m[0])
	if err != nil {
		return err
	}
	var a, z syscall.Stat_t
	syscall.Fstat(fd, &a)
	if err := syscall.Fstat(fds[0], &z); err != nil || a.Ino != z.Ino {
		return fmt.Errorf("another file came, %v", err)
	}
	return syscall.Close(fds[0])
}

// files opens until no more can be had, lets heirs change and end, and goes on.
func files() {
	r := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r)
		r.Cur = r.Max
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r)
	}
	var fds []int
	open := func() error {
		fd, err := syscall.Open("/proc/self/exe", syscall.O_RDONLY, 0)
		if err == nil {
			fds = append(fds, fd)
		}
		return err
	}
	full := func() {
		for {
			if err := open(); err != nil {
				if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) {
					wrong("open number %d: %v", len(fds), err)
				}
				return
			}
		}
	}
	full()
	most := len(fds)
	fmt.Println("files", most)
	if most < 1000 {
		wrong("only %d files", most)
	}
	for range 2 {
		for _, fd := range fds[len(fds)-100:] {
			syscall.Close(fd)
		}
		fds = fds[:len(fds)-100]
		// An heir has all of them until it closes some, which makes its own
		// copies of what it shares.
		pid, _, e := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
		if e != 0 {
			wrong("fork: %v", e)
		}
		if pid == 0 {
			heir(fds)
		}
		var ws syscall.WaitStatus
		if _, err := syscall.Wait4(int(pid), &ws, 0, nil); err != nil || ws != 0 {
			wrong("an heir ended with %#x, %v", uint32(ws), err)
		}
		full()
		if len(fds) != most {
			wrong("%d files after a fork, %d before", len(fds), most)
		}
	}
}

//go:nosplit
func heir(fds []int) {
	for i := 0; i < len(fds); i += 64 {
		if _, _, e := syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fds[i]), 0, 0); e != 0 {
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 1, 0, 0)
		}
	}
	syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
}

// flight sends descriptors that nobody receives, until that is refused.
func flight() {
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		wrong("open: %v", err)
	}
	rights := syscall.UnixRights(int(f.Fd()))
	sent := 0
	for range 400 {
		p, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if err != nil {
			wrong("socketpair: %v", err)
			return
		}
		syscall.SetNonblock(p[0], true)
		for range 100 {
			err := syscall.Sendmsg(p[0], []byte("x"), rights, nil, 0)
			if errors.Is(err, syscall.ETOOMANYREFS) {
				fmt.Println("in flight", sent)
				if sent < 200 {
					wrong("refused after %d", sent)
				}
				return
			}
			if errors.Is(err, syscall.EAGAIN) {
				break
			}
			if err != nil {
				wrong("send number %d: %v", sent, err)
				return
			}
			sent++
		}
	}
	wrong("%d descriptors are in flight", sent)
}
