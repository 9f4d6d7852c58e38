// Command files exercises the file side of the Linux API and prints what
// happens. Its output is the same on Linux.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

var dir string

func main() {
	if len(os.Args) > 1 {
		child(os.Args[1])
		return
	}
	var err error
	if dir, err = os.MkdirTemp("/tmp", "files"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	defer os.RemoveAll(dir)
	for _, t := range []struct {
		name string
		f    func()
	}{
		{"pipes", pipes}, {"full pipe", fullPipe}, {"fifo", fifo}, {"shared offset", sharedOffset}, {"append", appending},
		{"locks", locks}, {"poll", polling}, {"epoll", epolling}, {"eventfd", eventfds}, {"timerfd", timerfds},
		{"mmap", mapping}, {"devices", devices}, {"paths", paths}, {"copies", copies}, {"descriptors", descriptors},
		{"memfd", memfd}, {"vectors", vectors}, {"unix sockets", unixSockets}, {"loopback", loopback}, {"names", names}, {"cloexec", cloexec},
		{"sharing", sharing}, {"unlinked", unlinked}, {"truncate", truncating},
	} {
		fmt.Println("==", t.name)
		func() {
			defer func() {
				if r := recover(); r != nil {
					fmt.Println("PANIC", r)
				}
			}()
			t.f()
		}()
	}
}

// show prints without what differs from run to run.
func show(a ...any) {
	for i, x := range a {
		if e, ok := x.(error); ok && e != nil {
			var no syscall.Errno
			if errors.As(e, &no) {
				a[i] = no.Error()
			} else {
				a[i] = strings.ReplaceAll(e.Error(), dir, "DIR")
			}
		}
	}
	fmt.Println(a...)
}

func file(name string) string { return filepath.Join(dir, name) }

// self runs this program again as child what.
func self(what string, stdin *os.File, extra ...*os.File) string {
	c := exec.Command("/proc/self/exe", what)
	c.Stdin, c.ExtraFiles = stdin, extra
	out, err := c.CombinedOutput()
	if err != nil {
		return string(out) + " " + err.Error()
	}
	return strings.TrimSpace(string(out))
}

func child(what string) {
	f := os.NewFile(3, "3")
	switch what {
	case "read4":
		b := make([]byte, 4)
		n, err := f.Read(b)
		fmt.Println(string(b[:n]), err)
	case "append":
		g, _ := os.OpenFile(os.Getenv("FILE"), os.O_WRONLY|os.O_APPEND, 0)
		for range 50 {
			g.WriteString("0123456789\n")
		}
	case "lock":
		fmt.Println(syscall.Flock(3, syscall.LOCK_EX|syscall.LOCK_NB))
		l := syscall.Flock_t{Type: syscall.F_WRLCK}
		fmt.Println(syscall.FcntlFlock(3, syscall.F_SETLK, &l))
		fmt.Println(syscall.FcntlFlock(3, syscall.F_GETLK, &l), l.Type == syscall.F_WRLCK)
	case "fds":
		var fds []string
		for fd := 0; fd < 64; fd++ {
			if fd == 3 {
				fd = 40 // between may lie the Go runtime's own
			}
			if _, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0); e == 0 {
				fds = append(fds, fmt.Sprint(fd))
			}
		}
		fmt.Println(strings.Join(fds, " "))
	case "cat":
		io.Copy(os.Stdout, os.Stdin)
	case "hold":
		// Keeps descriptor 3 open until standard input ends.
		io.Copy(io.Discard, os.Stdin)
	}
}

func pipes() {
	r, w, err := os.Pipe()
	show(err)
	go func() {
		for i := range 3 {
			time.Sleep(5 * time.Millisecond)
			fmt.Fprintf(w, "line %d\n", i)
		}
		w.Close()
	}()
	b, err := io.ReadAll(r)
	show(string(b), err)
	r.Close()
	r, w, _ = os.Pipe()
	r.Close()
	_, err = w.Write([]byte("x"))
	show("no reader:", err)
	w.Close()
	// A megabyte through a child.
	c := exec.Command("/proc/self/exe", "cat")
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	c.Stdin = bytes.NewReader(data)
	out, err := c.Output()
	show(len(out), bytes.Equal(out, data), err)
}

func fullPipe() {
	var p [2]int
	show(syscall.Pipe2(p[:], syscall.O_NONBLOCK))
	total := 0
	for {
		n, err := syscall.Write(p[1], make([]byte, 4096))
		if err != nil {
			show(total, err)
			break
		}
		total += n
	}
	n, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(p[1]), 1032, 0)
	show(n, int(e))
	var left int32
	syscall.Syscall(syscall.SYS_IOCTL, uintptr(p[0]), 0x541b, uintptr(unsafe.Pointer(&left)))
	show(left)
	b := make([]byte, 8192)
	m, err := syscall.Read(p[0], b)
	show(m, err)
	// 4096 bytes or less go in whole or not at all.
	m, err = syscall.Write(p[1], b[:4096])
	show(m, err)
	syscall.Close(p[1])
	rest := 0
	for {
		m, err = syscall.Read(p[0], b)
		if m <= 0 {
			show(rest, m, err)
			break
		}
		rest += m
	}
	syscall.Close(p[0])
}

func fifo() {
	name := file("fifo")
	show(syscall.Mkfifo(name, 0o600))
	_, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	show(err)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		w, err := os.OpenFile(name, os.O_WRONLY, 0)
		show("writer", err)
		w.WriteString("through a name")
		w.Close()
	}()
	r, err := os.Open(name)
	b, rerr := io.ReadAll(r)
	wg.Wait()
	show("reader", err, string(b), rerr)
	fi, _ := r.Stat()
	show(fi.Mode())
	r.Close()
}

func sharedOffset() {
	f, err := os.Create(file("offset"))
	show(err)
	f.WriteString("abcdefghijkl")
	f.Seek(2, 0)
	g, _ := os.Open(file("offset"))
	show(self("read4", nil, g))
	b := make([]byte, 4)
	n, err := g.Read(b)
	show(string(b[:n]), err)
	d, _ := syscall.Dup(int(g.Fd()))
	pos, _ := syscall.Seek(d, -3, 1)
	show(pos)
	n, _ = g.Read(b)
	show(string(b[:n]))
	syscall.Close(d)
	f.Close()
	g.Close()
}

func appending() {
	name := file("append")
	os.WriteFile(name, nil, 0o644)
	os.Setenv("FILE", name)
	var wg sync.WaitGroup
	for range 3 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			self("append", nil)
		}()
	}
	wg.Wait()
	b, err := os.ReadFile(name)
	show(len(b), strings.Count(string(b), "0123456789\n"), err)
	f, _ := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	f.WriteAt([]byte("x"), 0)
	f.Seek(0, 0)
	f.WriteString("end")
	fi, _ := f.Stat()
	show(fi.Size())
	f.Close()
}

func locks() {
	f, _ := os.Create(file("lock"))
	show(syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	g, _ := os.OpenFile(file("lock"), os.O_RDWR, 0)
	show("child:", strings.ReplaceAll(self("lock", nil, g), "\n", "; "))
	show(syscall.Flock(int(f.Fd()), syscall.LOCK_UN))
	l := syscall.Flock_t{Type: syscall.F_WRLCK, Start: 0, Len: 100}
	show(syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &l))
	show("child:", strings.ReplaceAll(self("lock", nil, g), "\n", "; "))
	l.Type = syscall.F_UNLCK
	show(syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &l))
	show("child:", strings.ReplaceAll(self("lock", nil, g), "\n", "; "))
	f.Close()
	g.Close()
}

type pollfd struct {
	fd      int32
	events  int16
	revents int16
}

func poll(fds []pollfd, ms int) (int, error) {
	n, err := uninterrupted(func() (int, error) {
		n, _, e := syscall.Syscall(syscall.SYS_POLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)), uintptr(ms))
		if e != 0 {
			return int(n), e
		}
		return int(n), nil
	})
	return n, err
}

// uninterrupted calls f until no signal interrupts it: of children that have ended,
// or of Go's runtime, which sends them to threads that take long.
func uninterrupted(f func() (int, error)) (n int, err error) {
	for {
		if n, err = f(); err != syscall.EINTR {
			return n, err
		}
	}
}

// long is how long a wait may take that is to end, in ms: only a hang is longer.
const long = 100_000

// later writes text to fd after d. What it returns is closed when the write is over,
// which holds the descriptor's object, also when others have been told of the text.
func later(d time.Duration, fd int, text string) <-chan bool {
	done := make(chan bool)
	go func() {
		time.Sleep(d)
		syscall.Write(fd, []byte(text))
		close(done)
	}()
	return done
}

func polling() {
	var p, q [2]int
	syscall.Pipe(p[:])
	syscall.Pipe(q[:])
	f, _ := os.Open("/dev/null")
	fds := []pollfd{{int32(p[0]), 1, 0}, {int32(p[1]), 4, 0}, {int32(q[0]), 1, 0}, {-1, 1, 0}, {999, 1, 0}, {int32(f.Fd()), 5, 0}}
	n, err := poll(fds, 0)
	for _, x := range fds {
		fmt.Print(x.revents, " ")
	}
	show(n, err)
	start := time.Now()
	n, err = poll(fds[:1], 30)
	show(n, err, time.Since(start) >= 29*time.Millisecond)
	wrote := later(10*time.Millisecond, q[1], "x")
	two := []pollfd{fds[0], fds[2]}
	n, err = poll(two, long)
	show(n, err, two[0].revents, two[1].revents)
	<-wrote
	syscall.Close(q[1])
	n, err = poll(two[1:], -1)
	show(n, err, two[1].revents)
	var c [1]byte
	syscall.Read(q[0], c[:])
	n, err = poll(two[1:], -1)
	show(n, err, two[1].revents)
	syscall.Close(p[0])
	w := []pollfd{{int32(p[1]), 4, 0}}
	n, err = poll(w, -1)
	show(n, err, w[0].revents)
	// select
	var r [2]int
	syscall.Pipe(r[:])
	var set syscall.FdSet
	set.Bits[r[0]/64] |= 1 << (uint(r[0]) % 64)
	tv := syscall.Timeval{Usec: 1000}
	m, err := uninterrupted(func() (int, error) { return syscall.Select(r[0]+1, &set, nil, nil, &tv) })
	show(m, err, set.Bits[r[0]/64] == 0)
	syscall.Write(r[1], []byte("x"))
	set.Bits[r[0]/64] |= 1 << (uint(r[0]) % 64)
	m, err = uninterrupted(func() (int, error) { return syscall.Select(r[0]+1, &set, nil, nil, nil) })
	show(m, err, set.Bits[r[0]/64] != 0)
	for _, fd := range []int{p[1], q[0], r[0], r[1]} {
		syscall.Close(fd)
	}
	f.Close()
}

func epolling() {
	ep, err := syscall.EpollCreate1(0)
	show(err)
	var p [2]int
	syscall.Pipe2(p[:], syscall.O_NONBLOCK)
	show(syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, p[0], &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: 1}))
	f, _ := os.Open(os.Args[0])
	if f != nil {
		show(syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, int(f.Fd()), &syscall.EpollEvent{Events: syscall.EPOLLIN}))
		f.Close()
	}
	ev := make([]syscall.EpollEvent, 4)
	wait := func(ms int) {
		n, err := uninterrupted(func() (int, error) { return syscall.EpollWait(ep, ev, ms) })
		var s []string
		for _, e := range ev[:max(n, 0)] {
			s = append(s, fmt.Sprintf("%d:%#x", e.Fd, e.Events))
		}
		sort.Strings(s)
		show(n, err, s)
	}
	wait(0)
	wait(10)
	syscall.Write(p[1], []byte("ab"))
	wait(-1)
	wait(-1)
	const et = 1 << 31
	syscall.EpollCtl(ep, syscall.EPOLL_CTL_MOD, p[0], &syscall.EpollEvent{Events: syscall.EPOLLIN | et, Fd: 2})
	wait(0)
	wait(0)
	b := make([]byte, 8)
	syscall.Read(p[0], b)
	syscall.Read(p[0], b)
	wait(0)
	wrote := later(10*time.Millisecond, p[1], "c")
	wait(long)
	<-wrote
	wait(0)
	syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, p[1], &syscall.EpollEvent{Events: syscall.EPOLLOUT | syscall.EPOLLONESHOT, Fd: 3})
	wait(0)
	wait(0)
	syscall.Close(p[1])
	wait(0)
	syscall.Close(p[0])
	wait(0)
	syscall.Close(ep)
}

func eventfds() {
	fd, _, e := syscall.Syscall(syscall.SYS_EVENTFD2, 3, syscall.O_NONBLOCK, 0)
	show(int(e))
	var b [8]byte
	n, err := syscall.Read(int(fd), b[:])
	show(n, err, b[0])
	n, err = syscall.Read(int(fd), b[:])
	show(n, err)
	wrote := later(5*time.Millisecond, int(fd), "\x07\x00\x00\x00\x00\x00\x00\x00")
	p := []pollfd{{int32(fd), 1, 0}}
	m, err := poll(p, long)
	<-wrote
	syscall.Read(int(fd), b[:])
	show(m, err, b[0])
	n, err = syscall.Write(int(fd), bytes.Repeat([]byte{255}, 8))
	show(n, err)
	syscall.Close(int(fd))
}

func timerfds() {
	fd, _, e := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, 1, 0, 0)
	show(int(e))
	spec := [4]int64{0, 5e6, 0, 10e6} // every 5 ms, first after 10
	start := time.Now()
	_, _, e = syscall.Syscall6(syscall.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	show(int(e))
	var b [8]byte
	n, err := syscall.Read(int(fd), b[:])
	show(n, err, binary.LittleEndian.Uint64(b[:]) >= 1, time.Since(start) >= 10*time.Millisecond)
	time.Sleep(20 * time.Millisecond)
	n, err = syscall.Read(int(fd), b[:])
	show(n, err, binary.LittleEndian.Uint64(b[:]) >= 3)
	p := []pollfd{{int32(fd), 1, 0}}
	m, err := poll(p, long)
	show(m, err, p[0].revents)
	syscall.Close(int(fd))
}

func mapping() {
	f, _ := os.Create(file("map"))
	f.Write(bytes.Repeat([]byte("x"), 10000))
	m, err := syscall.Mmap(int(f.Fd()), 0, 10000, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	show(err)
	p, err := syscall.Mmap(int(f.Fd()), 4096, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE)
	show(err)
	m[0], p[1] = 'S', 'P'
	m[4096] = 'T'
	b := make([]byte, 3)
	f.ReadAt(b, 0)
	show(string(b))
	f.ReadAt(b, 4096)
	show(string(b), string(p[:3]))
	f.WriteAt([]byte("W"), 8192)
	show(string(m[8192:8194]))
	show(syscall.Munmap(p), syscall.Munmap(m))
	r, _ := os.Open(file("map"))
	_, err = syscall.Mmap(int(r.Fd()), 0, 10, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	show(err)
	_, err = syscall.Mmap(int(f.Fd()), 1, 10, syscall.PROT_READ, syscall.MAP_SHARED)
	show(err)
	f.Close()
	r.Close()
	z, _ := os.OpenFile("/dev/zero", os.O_RDWR, 0)
	m, err = syscall.Mmap(int(z.Fd()), 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE)
	show(err)
	m[5] = 1
	show(syscall.Munmap(m))
	z.Close()
}

func devices() {
	for _, n := range []string{"null", "zero", "full", "urandom"} {
		f, err := os.OpenFile("/dev/"+n, os.O_RDWR, 0)
		b := []byte("abcd")
		rn, rerr := f.Read(b)
		wn, werr := f.Write([]byte("xy"))
		fi, _ := f.Stat()
		st := fi.Sys().(*syscall.Stat_t)
		same := string(b) == "\x00\x00\x00\x00"
		show(n, err, rn, rerr, wn, werr, fi.Mode(), st.Rdev, same)
		f.Close()
	}
	r, w, _ := os.Pipe()
	w.WriteString("by name")
	w.Close()
	f, err := os.Open(fmt.Sprintf("/dev/fd/%d", r.Fd()))
	b, _ := io.ReadAll(f)
	show(string(b), err)
	os.WriteFile(file("in"), []byte("standard input"), 0o644)
	g, _ := os.Open(file("in"))
	l, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", g.Fd()))
	show(strings.ReplaceAll(l, dir, "DIR"), err)
	h, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", g.Fd()))
	io.ReadAll(g)
	b, _ = io.ReadAll(h)
	show(string(b), err)
}

func paths() {
	os.MkdirAll(file("a/b/c"), 0o755)
	os.WriteFile(file("a/b/f"), []byte("here"), 0o644)
	show(os.Symlink("b", file("a/rel")), os.Symlink(file("a/b"), file("a/abs")), os.Symlink("loop", file("loop")), os.Symlink("../../../../../../../../proc/self", file("up")))
	for _, p := range []string{"a/rel/f", "a/abs/f", "a/abs/../b/f", "a/b/c/../f", "a//b/./f", "a/b/f/", "a/b/f/x", "loop", "a/none", "up/nothing"} {
		b, err := os.ReadFile(file(p))
		show(p, string(b), err)
	}
	_, err := os.Stat(file("up") + "/status")
	show(err)
	_, err = os.Stat(dir + "/../../dev/../tmp/./../dev/null")
	show(err)
	show(os.Chdir(file("a/b")))
	wd, err := os.Getwd()
	show(strings.ReplaceAll(wd, dir, "DIR"), err)
	_, err = os.Stat("../../a/rel/f")
	show(err)
	show(os.Rename(file("a"), file("moved")))
	var buf [4096]byte
	n, err := syscall.Getcwd(buf[:])
	show(strings.ReplaceAll(string(buf[:n-1]), dir, "DIR"), err)
	d, _ := os.Open(file("moved"))
	fd, err := syscall.Openat(int(d.Fd()), "b/f", os.O_RDONLY, 0)
	show(fd >= 0, err)
	syscall.Close(fd)
	show(syscall.Mkdirat(int(d.Fd()), "at", 0o700), syscall.Unlinkat(int(d.Fd()), "at"))
	d.Close()
	os.Chdir("/")
	show(os.Remove(file("moved/b")))
	show(os.RemoveAll(file("moved")))
	show(os.Rename("/dev/null", file("x")))
	long := strings.Repeat("a", 256)
	_, err = os.Create(file(long))
	show(errors.Is(err, syscall.ENAMETOOLONG))
	deep := dir + strings.Repeat("/d", 200)
	show(os.MkdirAll(deep, 0o755))
	show(os.WriteFile(deep+"/file", []byte("deep"), 0o600))
	ents, err := os.ReadDir(deep)
	show(len(ents), err)
	show(os.RemoveAll(file("d")))
}

func copies() {
	data := bytes.Repeat([]byte("copy me "), 20000)
	os.WriteFile(file("src"), data, 0o644)
	src, _ := os.Open(file("src"))
	dst, _ := os.Create(file("dst"))
	n, err := io.Copy(dst, src)
	b, _ := os.ReadFile(file("dst"))
	show(n, err, bytes.Equal(b, data))
	var off int64 = 8
	m, err := syscall.Sendfile(int(dst.Fd()), int(src.Fd()), &off, 16)
	show(m, err, off)
	r, w, _ := os.Pipe()
	src.Seek(0, 0)
	s, err := syscall.Splice(int(src.Fd()), nil, int(w.Fd()), nil, 8, 0)
	show(s, err)
	t, err := syscall.Tee(int(r.Fd()), int(w.Fd()), 4, 0)
	show(t, err)
	r2, w2, _ := os.Pipe()
	t, err = syscall.Tee(int(r.Fd()), int(w2.Fd()), 4, 0)
	show(t, err)
	b = make([]byte, 20)
	k, _ := r2.Read(b)
	show(string(b[:k]))
	k, _ = r.Read(b)
	show(string(b[:k]))
	for _, f := range []*os.File{src, dst, r, w, r2, w2} {
		f.Close()
	}
}

func descriptors() {
	var lim syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim)
	lim.Cur = min(lim.Max, 3000)
	show(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim))
	var fds []int
	for len(fds) < 2000 {
		fd, err := syscall.Open("/dev/null", os.O_RDONLY, 0)
		if err != nil {
			show(err)
			break
		}
		fds = append(fds, fd)
	}
	show(len(fds))
	out, err := exec.Command("/proc/self/exe", "fds").Output()
	_ = out
	show(err)
	show(syscall.Dup3(fds[5], 2500, 0))
	_, _, e := syscall.Syscall(436, uintptr(fds[0]), uintptr(fds[len(fds)-1]), 0)
	show(int(e))
	show(syscall.Close(fds[7]))
	show(syscall.Close(2500))
	lim.Cur = 20
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim)
	for {
		fd, err := syscall.Open("/dev/null", os.O_RDONLY, 0)
		if err != nil {
			show(err)
			break
		}
		defer syscall.Close(fd)
	}
	lim.Cur = 1024
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim)
}

func memfd() {
	name := []byte("some\x00")
	fd, _, e := syscall.Syscall(319, uintptr(unsafe.Pointer(&name[0])), 0, 0)
	show(int(e))
	n, err := syscall.Write(int(fd), []byte("in memory"))
	show(n, err)
	m, err := syscall.Mmap(int(fd), 0, 9, syscall.PROT_READ, syscall.MAP_SHARED)
	show(string(m), err)
	l, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	show(l, err)
	syscall.Close(int(fd))
}

func vectors() {
	f, _ := os.Create(file("vec"))
	a, b := []byte("first "), []byte("second")
	iov := []syscall.Iovec{{Base: &a[0], Len: 6}, {Base: nil, Len: 0}, {Base: &b[0], Len: 6}}
	n, _, e := syscall.Syscall(syscall.SYS_WRITEV, f.Fd(), uintptr(unsafe.Pointer(&iov[0])), 3)
	show(n, int(e))
	n, _, e = syscall.Syscall6(syscall.SYS_PREADV, f.Fd(), uintptr(unsafe.Pointer(&iov[0])), 3, 3, 0, 0)
	show(n, int(e), string(a), string(b))
	n, _, e = syscall.Syscall(syscall.SYS_WRITE, f.Fd(), 8, 10)
	show(int(e))
	n, _, e = syscall.Syscall(syscall.SYS_READ, f.Fd(), 8, 10)
	show(n, int(e))
	f.Close()
}

func unixSockets() {
	name := file("sock")
	l, err := net.Listen("unix", name)
	if err != nil {
		show(err)
		return
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	c, err := net.Dial("unix", name)
	show(err)
	c.Write([]byte("echo"))
	b := make([]byte, 10)
	n, err := c.Read(b)
	show(string(b[:n]), err)
	c.Close()
	l.Close()
	_, err = os.Stat(name)
	show(os.IsNotExist(err))
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	show(err)
	f, _ := os.Open(file("vec"))
	show(syscall.Sendmsg(fds[0], []byte("x"), syscall.UnixRights(int(f.Fd())), nil, 0))
	oob := make([]byte, 64)
	_, on, _, _, err := syscall.Recvmsg(fds[1], b, oob, 0)
	show(err)
	msgs, _ := syscall.ParseSocketControlMessage(oob[:on])
	if len(msgs) == 1 {
		got, err := syscall.ParseUnixRights(&msgs[0])
		show(len(got), err)
		k, _ := syscall.Read(got[0], b)
		show(string(b[:k]))
		syscall.Close(got[0])
	}
	f.Close()
	syscall.Close(fds[0])
	syscall.Close(fds[1])
	_, err = syscall.Socket(99, syscall.SOCK_STREAM, 0)
	show(err)
}

func loopback() {
	for _, a := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", a)
		if err != nil {
			show(err)
			continue
		}
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.Copy(c, c)
			c.Close()
		}()
		c, err := net.Dial("tcp", l.Addr().String())
		show(err, c.RemoteAddr().String() == l.Addr().String())
		go func() {
			c.Write(bytes.Repeat([]byte("loop"), 100_000))
			c.(*net.TCPConn).CloseWrite()
		}()
		b, err := io.ReadAll(c)
		show(len(b), err)
		c.Close()
		l.Close()
		_, err = net.Dial("tcp", l.Addr().String())
		show(err != nil, errors.Is(err, syscall.ECONNREFUSED))
	}
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	show(err)
	c, err := net.Dial("udp", p.LocalAddr().String())
	show(err)
	c.Write([]byte("datagram"))
	b := make([]byte, 20)
	n, from, err := p.ReadFrom(b)
	show(string(b[:n]), err, from.String() == c.LocalAddr().String())
	p.Close()
	c.Write([]byte("x"))
	refused(c.(*net.UDPConn))
	_, err = c.Write([]byte("x"))
	show(errors.Is(err, syscall.ECONNREFUSED))
	c.Close()
}

// refused waits until c has learned that nobody receives what it sends.
func refused(c *net.UDPConn) {
	raw, err := c.SyscallConn()
	show(err)
	show(raw.Control(func(fd uintptr) {
		n, err := poll([]pollfd{{int32(fd), 0, 0}}, long)
		show(n, err)
	}))
}

func names() {
	show(os.WriteFile(file("n1"), []byte("1"), 0o640))
	show(os.Link(file("n1"), file("n2")))
	var st syscall.Stat_t
	syscall.Stat(file("n2"), &st)
	show(st.Nlink, st.Mode, st.Size)
	at := time.Unix(1000000000, 123456789)
	show(os.Chtimes(file("n1"), at, at.Add(time.Hour)))
	fi, _ := os.Stat(file("n2"))
	show(fi.ModTime().Unix())
	show(os.Chmod(file("n1"), 0o4755))
	fi, _ = os.Stat(file("n1"))
	show(fi.Mode())
	show(os.Chown(file("n1"), 5, 6))
	syscall.Stat(file("n1"), &st)
	show(st.Uid, st.Gid)
	old := syscall.Umask(0o077)
	show(old)
	os.WriteFile(file("n3"), nil, 0o666)
	syscall.Umask(old)
	fi, _ = os.Stat(file("n3"))
	show(fi.Mode())
	show(os.Truncate(file("n1"), 5000))
	b, _ := os.ReadFile(file("n1"))
	show(len(b), b[0], b[4999])
	var fs syscall.Statfs_t
	show(syscall.Statfs(dir, &fs), fs.Namelen)
	n, err := syscall.Getxattr(file("n1"), "user.x", nil)
	show(n, err != nil)
	f, _ := os.OpenFile(file("n1"), os.O_RDWR, 0)
	f.Seek(1<<20, 0)
	f.WriteString("far")
	fi, _ = f.Stat()
	show(fi.Size())
	show(syscall.Fallocate(int(f.Fd()), 0, 0, 1<<21))
	fi, _ = f.Stat()
	show(fi.Size())
	show(f.Sync())
	f.Close()
}

func cloexec() {
	f, _ := os.Open("/dev/null")
	fd, _ := syscall.Dup(int(f.Fd())) // not close-on-exec
	syscall.Dup2(fd, 50)
	syscall.Close(fd)
	show(self("fds", nil))
	syscall.CloseOnExec(50)
	show(self("fds", nil))
	syscall.Close(50)
	f.Close()
}

func sharing() {
	// The end of a pipe comes when the child, too, has let go of it.
	r, w, _ := os.Pipe()
	cr, cw, _ := os.Pipe()
	c := exec.Command("/proc/self/exe", "hold")
	c.Stdin, c.ExtraFiles = cr, []*os.File{w}
	show(c.Start())
	w.Close()
	cr.Close()
	done := make(chan bool)
	go func() {
		var b [1]byte
		n, err := r.Read(b[:])
		show(n, err)
		done <- true
	}()
	select {
	case <-done:
		show("too early")
	case <-time.After(50 * time.Millisecond):
	}
	cw.Close()
	<-done
	show(c.Wait())
	r.Close()
}

func unlinked() {
	f, _ := os.Create(file("gone"))
	f.WriteString("still here")
	show(os.Remove(file("gone")))
	b := make([]byte, 20)
	n, err := f.ReadAt(b, 0)
	show(string(b[:n]), err)
	fi, err := f.Stat()
	show(fi.Size(), fi.Sys().(*syscall.Stat_t).Nlink, err)
	l, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	show(strings.ReplaceAll(l, dir, "DIR"))
	g, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	n, _ = g.Read(b)
	show(string(b[:n]), err)
	f.Close()
	g.Close()
}

// truncating empties a file of more pages than the kernel takes away in one go.
func truncating() {
	big := file("big")
	show(os.WriteFile(big, make([]byte, 4<<20), 0o600))
	show(os.WriteFile(big, []byte("short"), 0o600)) // O_TRUNC
	b, err := os.ReadFile(big)
	show(string(b), err)
	show(os.Truncate(big, 4<<20), os.Truncate(big, 1))
	b, err = os.ReadFile(big)
	show(string(b), err)
}
