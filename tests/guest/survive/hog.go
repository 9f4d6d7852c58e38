package main

import (
	"fmt"
	"os"
	rtdebug "runtime/debug"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// A hog takes all it can get of one thing, in a process group of its own, and
// says how its taking ended.
type hog struct {
	take func() error
	want string // how it ends: "killed", or the error
}

var hogs = map[string]hog{
	"memory":  {memory, "killed"},
	"family":  {family, "killed|cannot allocate memory"},
	"file":    {fillFile, "no space left on device"},
	"hole":    {fillHole, "bus error"},
	"names":   {names, "no space left on device|cannot allocate memory"},
	"pipes":   {pipes, "too many open files|cannot allocate memory|file table overflow"},
	"sockets": {sockets, "too many open files|cannot allocate memory|no buffer space available|file table overflow"},
	"open":    {open, "too many open files|cannot allocate memory|file table overflow"},
	"forks":   {forks, "resource temporarily unavailable|cannot allocate memory"},
	"regions": {regions, "cannot allocate memory|killed|failed to create new OS thread"}, // the last by its Go runtime
	"memfd":   {memfd, "cannot allocate memory|killed|bus error|no space left on device"},
}

// hogging runs a hog beside a witness and looks at what is left.
func hogging(kind string) {
	h, ok := hogs[kind]
	if !ok {
		check(fmt.Errorf("no hog %q", kind))
	}
	if len(os.Args) > 3 { // the hog itself
		err := h.take()
		syscall.Write(2, []byte(fmt.Sprint("ENDS: ", err, "\n"))) // no descriptor may be left for more
		for {                                                     // its holdings stay until it is killed
			syscall.RawSyscall(syscall.SYS_PAUSE, 0, 0, 0)
		}
	}
	writePrograms()
	self := os.Args[0]
	w, err := syscall.ForkExec(self, []string{self, "witness"}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
	check(err)
	for range 20 { // what is built up once
		reap(fork(execTiny))
		reap(fork(takeFiles))
	}
	note(kind, "begins")
	if warm[kind] {
		cold := count()
		runHog(self, kind)
		for range 600 { // servers take their time to give back
			if count().free+2*playFrames >= cold.free {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	before := steady()
	before.pooled = kernelFrames() // pools keep what they have grown to
	ended, took, during := runHog(self, kind)
	var ws syscall.WaitStatus
	for _, p := range []string{"/tmp/hog-file", "/tmp/hog-names"} {
		os.RemoveAll(p)
	}
	good := false
	for _, x := range strings.Split(h.want, "|") {
		good = good || strings.Contains(ended, x)
	}
	if !good {
		fail(kind, "ends with", ended)
	}
	if got, err := syscall.Wait4(w, &ws, syscall.WNOHANG, nil); got != 0 || err != nil {
		fail("the witness has ended", uint32(ws), err)
		os.Exit(1)
	}
	after, lost := settled(before)
	check(oneFile())
	check(onePipe())
	check(oneFork())
	if lost != "" {
		fail("after", kind, "lost", lost)
	}
	verify("after " + kind)
	check(syscall.Kill(w, syscall.SIGKILL))
	syscall.Wait4(w, &ws, 0, nil)
	fmt.Println(kind, "ended by", ended, "after", took.Round(time.Millisecond), "with", during, "frames free, before", before.free, "after", after.free)
}

// warm are the hogs that fill a server's own memory: its heap keeps some of what
// it has grown to, but does not grow at each new one. They run once beforehand.
var warm = map[string]bool{"sockets": true, "pipes": true}

// runHog lets a hog take what it can, and ends it. It returns how the taking
// ended, how long it took, and how many frames were free then.
func runHog(self, kind string) (ended string, took time.Duration, during uint64) {
	var fds [2]int
	check(syscall.Pipe2(fds[:], syscall.O_CLOEXEC))
	start := time.Now()
	pid, err := syscall.ForkExec(self, []string{self, "hog", kind, "take"}, &syscall.ProcAttr{
		Files: []uintptr{0, 1, uintptr(fds[1])}, Sys: &syscall.SysProcAttr{Setpgid: true}})
	check(err)
	syscall.Close(fds[1])
	note(kind, "runs")
	said, rest := make(chan string, 1), make(chan string, 1)
	go func() {
		defer syscall.Close(fds[0])
		var b []byte
		for !strings.Contains(string(b), "ENDS: ") || b[len(b)-1] != '\n' {
			var part [512]byte
			n, err := syscall.Read(fds[0], part[:])
			if err != syscall.EINTR && n <= 0 {
				rest <- string(b)
				return
			}
			b = append(b, part[:max(n, 0)]...)
		}
		said <- strings.TrimSpace(string(b[strings.Index(string(b), "ENDS: ")+6:]))
	}()
	var ws syscall.WaitStatus
	for ended == "" {
		select {
		case ended = <-said:
		case <-time.After(20 * time.Millisecond):
			if got, _ := syscall.Wait4(pid, &ws, syscall.WNOHANG, nil); got == pid {
				ended = "killed"
				if ws.Signal() != syscall.SIGKILL {
					ended = fmt.Sprintf("status %#x: %.2000s", uint32(ws), <-rest)
				}
			}
		}
	}
	took = time.Since(start)
	note(kind, "ended by", ended)
	during, err = debug(debugFree, 0, nil)
	check(err)
	// Others live on while it holds what it has.
	if err := oneFile(); err != nil && kind != "file" && kind != "names" && kind != "hole" {
		fail(kind, "others cannot write a file:", err)
	}
	syscall.Kill(-pid, syscall.SIGKILL)
	syscall.Wait4(pid, &ws, 0, nil)
	note(kind, "is gone")
	return ended, took, during
}

// mapping is mmap that may fail.
func mapping(n, flags, fd uintptr) (uintptr, error) {
	p, _, e := syscall.RawSyscall6(syscall.SYS_MMAP, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, flags, fd, 0)
	if e != 0 {
		return 0, e
	}
	return p, nil
}

func memory() error {
	for {
		p, err := mapping(4<<20, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0))
		if err != nil {
			return err
		}
		touch(p, 4<<20)
	}
}

// family shares memory with children, in chains. What they call is nosplit: see
// fork.
func family() error {
	for {
		p, err := mapping(1<<20, syscall.MAP_SHARED|syscall.MAP_ANON, ^uintptr(0))
		if err != nil {
			return err
		}
		touch(p, 1<<20)
		q, err := mapping(1<<20, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0))
		if err != nil {
			return err
		}
		touch(q, 1<<20)
		pid, _, e := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
		if e != 0 {
			return e
		}
		if pid == 0 {
			touch(q, 1<<20)
			for {
				syscall.RawSyscall(syscall.SYS_PAUSE, 0, 0, 0)
			}
		}
	}
}

func fillFile() error {
	f, err := os.Create("/tmp/hog-file")
	if err != nil {
		return err
	}
	b := make([]byte, 1<<20)
	for {
		if _, err := f.Write(b); err != nil {
			return err
		}
	}
}

func fillHole() error {
	f, err := os.Create("/tmp/hog-file")
	if err != nil {
		return err
	}
	const size = 8 << 30
	if err := f.Truncate(size); err != nil {
		return err
	}
	p, err := mapping(size, syscall.MAP_SHARED, f.Fd())
	if err != nil {
		return err
	}
	rtdebug.SetPanicOnFault(true)
	func() {
		defer func() {
			if e := recover(); e != nil {
				err = fmt.Errorf("bus error: %v", e)
			}
		}()
		touch(p, size)
	}()
	return err
}

func names() error {
	if err := os.Mkdir("/tmp/hog-names", 0o700); err != nil {
		return err
	}
	b := make([]byte, 3000)
	for i := 0; ; i++ {
		if err := os.WriteFile(fmt.Sprintf("/tmp/hog-names/%d", i), b, 0o600); err != nil {
			return err
		}
	}
}

func manyFiles() {
	lim := syscall.Rlimit{Cur: 1024, Max: 1024}
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim)
}

func pipes() error {
	manyFiles()
	b := make([]byte, 65536)
	for {
		var fds [2]int
		if err := syscall.Pipe(fds[:]); err != nil {
			return err
		}
		syscall.SetNonblock(fds[1], true)
		if _, err := syscall.Write(fds[1], b); err != nil {
			return err
		}
	}
}

func sockets() error {
	manyFiles()
	b := make([]byte, 65536)
	for {
		fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		syscall.SetNonblock(fds[0], true)
		for {
			if _, err := syscall.Write(fds[0], b); err != nil {
				if err != syscall.EAGAIN {
					return err
				}
				break
			}
		}
	}
}

// open holds more handles than a process may have.
func open() error {
	lim := syscall.Rlimit{Cur: 20000, Max: 20000}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return err
	}
	for {
		if _, err := syscall.Open(filePath, syscall.O_RDONLY, 0); err != nil {
			return err
		}
	}
}

func forks() error {
	for {
		pid, _, e := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
		if e != 0 {
			return e
		}
		if pid == 0 {
			for {
				syscall.RawSyscall(syscall.SYS_PAUSE, 0, 0, 0)
			}
		}
	}
}

// regions makes a region of every page.
func regions() error {
	for {
		const size = 64 << 20
		p, _, e := syscall.RawSyscall6(syscall.SYS_MMAP, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0), 0)
		if e != 0 {
			return e
		}
		for i := uintptr(0); i < size; i += 8192 {
			if _, _, e := syscall.RawSyscall(syscall.SYS_MPROTECT, p+i, 4096, syscall.PROT_READ); e != 0 {
				return e
			}
		}
	}
}

func memfd() error {
	name := []byte("hog\x00")
	fd, _, e := syscall.RawSyscall(319, uintptr(unsafe.Pointer(&name[0])), 0, 0)
	if e != 0 {
		return e
	}
	b := make([]byte, 1<<20)
	for {
		if _, err := syscall.Write(int(fd), b); err != nil {
			return err
		}
	}
}
