package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const nLog = sysNative + 60

// note goes to the kernel log, which needs no server.
func note(args ...any) {
	s := []byte(fmt.Sprintln(args...))
	syscall.RawSyscall(nLog, uintptr(unsafe.Pointer(&s[0])), uintptr(len(s)), 0)
}

// flood writes to the kernel's log as fast as it can, for a second at least, and
// until it is refused.
func flood() {
	s := []byte(strings.Repeat("flood ", 80) + "\n")
	written, refused := 0, 0
	begin := time.Now()
	for refused == 0 || time.Since(begin) < time.Second {
		if _, _, e := syscall.RawSyscall(nLog, uintptr(unsafe.Pointer(&s[0])), uintptr(len(s)), 0); e == syscall.EAGAIN {
			refused++
		} else if e == 0 {
			written += len(s)
		} else {
			check(e)
		}
	}
	if took := time.Since(begin); written > 200_000*int(1+took/time.Second) {
		fail("wrote", written, "bytes in", took, "refused", refused)
	}
}

// bootTable are the kernel's first processes, in its order.
var bootTable = []string{"proc", "mount", "file", "pipe", "tty", "procfs"}

// A user is something that goes on, or waits, in a child of its own while the
// server dies. It says that it is ready once it goes on, or before it waits, and
// returns what its last call did.
var users = map[string][]func() error{
	"mount": {mounts},
	"file":  {stats, waitLock, readWrite},
	"pipe":  {waitPipe, waitPoll, pipeWork},
	"tty":   {waitTerminal},
	"procfs": {func() error {
		for {
			if _, err := os.ReadFile("/proc/self/status"); err != nil {
				return err
			}
			ready()
		}
	}},
}

// left is what must work without the server.
var left = map[string][]func() error{
	"mount":  {onePipe, oneFile, oneFork},
	"file":   {onePipe, oneFork},
	"pipe":   {oneFile, oneFork},
	"tty":    {onePipe, oneFile, oneFork},
	"procfs": {onePipe, oneFile, oneFork},
}

// server kills the server while children use it. Each user must get an error;
// what does not need that server must work. Output may need it, so results go
// to the kernel log and to the exit status.
func server(name string) {
	if len(os.Args) > 3 { // a user, in its own process
		var n int
		fmt.Sscan(os.Args[3], &n)
		err := users[name][n]()
		if e := syscall.Errno(0); errors.As(err, &e) && (e == syscall.EIO || e == syscall.ENOTCONN) {
			os.Exit(42)
		}
		note("FAIL", name, "user", n, "ends with", err)
		os.Exit(1)
	}
	index := -1
	for i, s := range bootTable {
		if s == name {
			index = i
		}
	}
	kpid, err := debug(debugServer, uintptr(index), nil)
	check(err)
	check(os.WriteFile(filePath, make([]byte, 100_000), 0o644))
	check(syscall.Mkfifo("/tmp/survive-fifo", 0o600))
	var pids, says []int
	for i := range users[name] {
		var say [2]int
		check(syscall.Pipe2(say[:], syscall.O_CLOEXEC))
		pid, err := syscall.ForkExec(os.Args[0], []string{os.Args[0], "server", name, fmt.Sprint(i)}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2, uintptr(say[1])}})
		check(err)
		syscall.Close(say[1])
		pids, says = append(pids, pid), append(says, say[0])
	}
	for i, say := range says {
		if n, err := syscall.Read(say, make([]byte, 1)); n != 1 {
			note("FAIL", name, "user", i, "is not ready", err)
			exit(1)
		}
		syscall.Close(say)
	}
	time.Sleep(300 * time.Millisecond) // those that wait get there, most likely
	_, err = debug(debugKill, uintptr(kpid), nil)
	check(err)
	bad := false
	for i, pid := range pids {
		// Not before the children know it: no call that waits.
		end := time.Now().Add(time.Minute)
		for {
			var ws syscall.WaitStatus
			got, err := syscall.Wait4(pid, &ws, syscall.WNOHANG, nil)
			if got == pid {
				if ws.ExitStatus() != 42 {
					note("FAIL", name, "user", i, "ended with status", fmt.Sprintf("%#x", uint32(ws)))
					bad = true
				}
				break
			}
			if err != nil || time.Now().After(end) {
				note("FAIL", name, "user", i, "hangs", err)
				bad = true
				syscall.Kill(pid, syscall.SIGKILL)
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	for i, f := range left[name] {
		if err := f(); err != nil {
			note("FAIL without", name, "number", i, err)
			bad = true
		}
	}
	if bad {
		exit(1)
	}
	note("survived the end of", name)
	exit(0)
}

var saying sync.Once

// ready tells server that a user is at work.
func ready() {
	saying.Do(func() {
		syscall.Write(3, []byte{1})
		syscall.Close(3)
	})
}

func stats() error {
	var st syscall.Stat_t
	for i := 0; ; i++ {
		// A name that was never looked up before.
		if err := syscall.Stat(fmt.Sprintf("/tmp/none%d", i), &st); err != syscall.ENOENT {
			return err
		}
		ready()
	}
}

func mounts() error {
	const dir = "/tmp/survive-mount"
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for {
		if err := syscall.Mount("/usr", dir, "", syscall.MS_BIND, ""); err != nil {
			return err
		}
		if err := syscall.Unmount(dir, 0); err != nil {
			return err
		}
		ready()
	}
}

func readWrite() error {
	f, err := os.OpenFile(filePath, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b := make([]byte, 90_000)
	for {
		if _, err := f.WriteAt(b, 0); err != nil {
			return err
		}
		if _, err := f.ReadAt(b, 0); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		if _, err := f.Stat(); err != nil {
			return err
		}
		ready()
	}
}

// waitLock waits for a lock that its own child holds.
func waitLock() error {
	fd, err := syscall.Open(filePath, syscall.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := syscall.Flock(fd, syscall.LOCK_EX); err != nil {
		return err
	}
	fd2, err := syscall.Open(filePath, syscall.O_RDWR, 0)
	if err != nil {
		return err
	}
	ready()
	return syscall.Flock(fd2, syscall.LOCK_EX)
}

func waitPipe() error {
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		return err
	}
	ready()
	_, err := syscall.Read(fds[0], make([]byte, 10))
	return err
}

// waitPoll waits for a FIFO that nobody opens for writing.
func waitPoll() error {
	ready()
	_, err := syscall.Open("/tmp/survive-fifo", syscall.O_RDONLY, 0)
	return err
}

func pipeWork() error {
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		return err
	}
	b := make([]byte, 5000)
	for {
		if _, err := syscall.Write(fds[1], b); err != nil {
			return err
		}
		if _, err := syscall.Read(fds[0], b); err != nil {
			return err
		}
		ready()
	}
}

func waitTerminal() error {
	fd, err := syscall.Open("/dev/ttyS0", syscall.O_RDONLY|syscall.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	ready()
	_, err = syscall.Read(fd, make([]byte, 10))
	return err
}

func onePipe() error {
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		return err
	}
	if _, err := syscall.Write(fds[1], []byte("x")); err != nil {
		return err
	}
	_, err := syscall.Read(fds[0], make([]byte, 1))
	return err
}

func oneFile() error {
	if err := os.WriteFile("/tmp/survive-one", make([]byte, 9000), 0o600); err != nil {
		return err
	}
	_, err := os.ReadFile("/tmp/survive-one")
	return err
}

func oneFork() error {
	pid := fork(nothing)
	_, err := syscall.Wait4(pid, nil, 0, nil)
	return err
}
