// Command inotify watches files and directories while it changes them, and prints
// what it is told.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

var names = []struct {
	bit  uint32
	name string
}{
	{0x1, "ACCESS"}, {0x2, "MODIFY"}, {0x4, "ATTRIB"}, {0x8, "CLOSE_WRITE"}, {0x10, "CLOSE_NOWRITE"}, {0x20, "OPEN"},
	{0x40, "MOVED_FROM"}, {0x80, "MOVED_TO"}, {0x100, "CREATE"}, {0x200, "DELETE"}, {0x400, "DELETE_SELF"}, {0x800, "MOVE_SELF"},
	{0x2000, "UNMOUNT"}, {0x4000, "Q_OVERFLOW"}, {0x8000, "IGNORED"}, {0x40000000, "ISDIR"},
}

// watcher is an instance that does not wait.
type watcher struct {
	fd     int
	cookie uint32
}

func open() *watcher {
	return &watcher{fd: must(syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC))}
}

func (w *watcher) add(path string, mask uint32) int {
	wd, err := syscall.InotifyAddWatch(w.fd, path, mask)
	if err != nil {
		fmt.Println("add", filepath.Base(path), err)
	}
	return wd
}

// show prints what has been queued. Cookies are shown as new or as the last one.
func (w *watcher) show(title string) {
	fmt.Println("---", title)
	b := make([]byte, 65536)
	for {
		n, err := syscall.Read(w.fd, b)
		if err == syscall.EAGAIN {
			return
		}
		check(err)
		for p := b[:n]; len(p) > 0; {
			h := (*syscall.InotifyEvent)(unsafe.Pointer(&p[0]))
			name, _, _ := bytes.Cut(p[16:16+h.Len], []byte{0})
			if h.Len%16 != 0 {
				fmt.Println("length", h.Len)
			}
			var l []string
			for _, n := range names {
				if h.Mask&n.bit != 0 {
					l = append(l, n.name)
				}
			}
			c := ""
			if h.Cookie != 0 {
				if c = " new"; h.Cookie == w.cookie {
					c = " same"
				}
				w.cookie = h.Cookie
			}
			fmt.Println(h.Wd, strings.Join(l, ","), string(name)+c)
			p = p[16+h.Len:]
		}
	}
}

func main() {
	dir := must(os.MkdirTemp("/tmp", "inotify"))
	defer os.RemoveAll(dir)
	in := func(name string) string { return filepath.Join(dir, name) }
	w := open()
	w.add(dir, syscall.IN_ALL_EVENTS)
	w.show("nothing")

	fd := must(syscall.Open(in("a"), syscall.O_CREAT|syscall.O_RDWR, 0o600))
	w.show("created")
	syscall.Write(fd, []byte("12345"))
	syscall.Write(fd, []byte("12345"))
	w.show("written twice")
	syscall.Pread(fd, make([]byte, 3), 0)
	syscall.Pread(fd, make([]byte, 3), 100)
	w.show("read")
	check(syscall.Ftruncate(fd, 2))
	check(syscall.Truncate(in("a"), 1))
	w.show("truncated")
	check(syscall.Fchmod(fd, 0o644))
	check(syscall.Chmod(in("a"), 0o600))
	check(os.Chtimes(in("a"), time.Unix(1, 0), time.Unix(2, 0)))
	w.show("attributes")
	syscall.Close(fd)
	w.show("closed")
	fd = must(syscall.Open(in("a"), syscall.O_RDONLY, 0))
	syscall.Close(fd)
	fd = must(syscall.Open(in("a"), syscall.O_WRONLY|syscall.O_TRUNC, 0))
	syscall.Close(fd)
	w.show("opened and closed")
	fd = must(syscall.Open(in("a"), 0x200000, 0))
	syscall.Close(fd)
	w.show("O_PATH")
	check(syscall.Link(in("a"), in("b")))
	check(syscall.Symlink("a", in("s")))
	check(syscall.Mkdir(in("d"), 0o700))
	check(syscall.Mkfifo(in("f"), 0o600))
	w.show("made")
	os.ReadDir(in("d"))
	w.show("a directory in it")
	os.ReadDir(dir)
	w.show("listed")
	check(syscall.Unlink(in("s")))
	check(syscall.Unlink(in("f")))
	check(syscall.Rename(in("a"), in("c")))
	check(syscall.Rename(in("c"), in("d/c")))
	check(syscall.Unlink(in("b")))
	check(syscall.Rename(in("d/c"), in("b")))
	check(syscall.Rename(in("d"), in("e")))
	w.show("moved")

	// A file itself, by another instance.
	v := open()
	wd := v.add(in("b"), syscall.IN_ALL_EVENTS)
	fd = must(syscall.Open(in("b"), syscall.O_RDWR, 0))
	syscall.Write(fd, []byte("x"))
	check(syscall.Rename(in("b"), in("bb")))
	check(syscall.Link(in("bb"), in("b2")))
	check(syscall.Unlink(in("b2")))
	v.show("a file")
	check(syscall.Unlink(in("bb")))
	v.show("unlinked while open")
	syscall.Close(fd)
	v.show("gone")
	w.show("and its directory")
	_, err := syscall.InotifyRmWatch(v.fd, uint32(wd))
	fmt.Println("removed again", err)

	// Replaced, and exchanged.
	check(os.WriteFile(in("x"), []byte("x"), 0o600))
	check(os.WriteFile(in("y"), []byte("y"), 0o600))
	w.show("two files")
	x, y := v.add(in("x"), syscall.IN_ALL_EVENTS), v.add(in("y"), syscall.IN_ALL_EVENTS)
	fmt.Println("numbers grow", x > wd, y > x)
	check(syscall.Rename(in("x"), in("y")))
	v.show("replaced")
	w.show("and their directory")
	v.add(in("e"), syscall.IN_ALL_EVENTS)
	check(syscall.Mkdir(in("e/sub"), 0o700))
	check(syscall.Rmdir(in("e/sub")))
	check(syscall.Rename(in("e"), in("e2")))
	check(syscall.Chmod(in("e2"), 0o711))
	check(syscall.Rmdir(in("e2")))
	v.show("a directory")
	w.show("seen from above")

	// Masks.
	check(os.WriteFile(in("m"), nil, 0o600))
	w.show("m")
	m := v.add(in("m"), syscall.IN_MODIFY)
	fmt.Println("same number", m == v.add(in("m"), syscall.IN_ATTRIB|syscall.IN_MASK_ADD))
	check(os.WriteFile(in("m"), []byte("m"), 0o600))
	check(os.Chmod(in("m"), 0o640))
	v.show("two masks")
	v.add(in("m"), 0x10000000|syscall.IN_MODIFY)
	v.add(in("m"), 0x30000000|syscall.IN_MODIFY)
	v.add(in("m"), syscall.IN_ONLYDIR|syscall.IN_MODIFY)
	v.add(in("none"), syscall.IN_MODIFY)
	v.add(in("m"), 0)
	v.add(in("m"), syscall.IN_CLOSE_WRITE)
	check(os.Chmod(in("m"), 0o600))
	v.show("another mask")
	must(syscall.InotifyRmWatch(v.fd, uint32(m)))
	v.show("removed")
	v.add(in("m"), syscall.IN_OPEN|syscall.IN_ONESHOT)
	os.ReadFile(in("m"))
	os.ReadFile(in("m"))
	v.show("one shot")
	w.show("")

	// Children without a name.
	u := open()
	u.add(dir, syscall.IN_MODIFY|syscall.IN_CLOSE|0x4000000)
	t := open()
	t.add(dir, syscall.IN_MODIFY|syscall.IN_CLOSE)
	fd = must(syscall.Open(in("m"), syscall.O_RDWR, 0))
	check(syscall.Unlink(in("m")))
	syscall.Write(fd, []byte("z"))
	syscall.Close(fd)
	u.show("without what has no name")
	t.show("with it")
	w.show("")

	// Errors, sizes, polling.
	_, err = syscall.InotifyAddWatch(0, dir, syscall.IN_OPEN)
	fmt.Println(err)
	_, err = syscall.InotifyAddWatch(999, dir, syscall.IN_OPEN)
	fmt.Println(err)
	_, err = syscall.InotifyInit1(1)
	fmt.Println(err)
	_, err = syscall.Write(w.fd, []byte("x"))
	fmt.Println(err)
	check(os.WriteFile(in("name"), nil, 0o600))
	var n int32
	syscall.Syscall(syscall.SYS_IOCTL, uintptr(w.fd), 0x541b, uintptr(unsafe.Pointer(&n)))
	fmt.Println("bytes", n)
	k, err := syscall.Read(w.fd, make([]byte, 31))
	fmt.Println(k, err)
	b := make([]byte, 63)
	k, err = syscall.Read(w.fd, b)
	fmt.Println(k, err, binary.LittleEndian.Uint32(b[12:]))
	fmt.Println("poll", poll(w.fd, 0))
	w.show("the rest")
	fmt.Println("poll", poll(w.fd, 0))
	limited(dir)
	waiting(w, dir)
}

// limited: a directory that the caller may not read cannot be watched.
func limited(dir string) {
	if os.Getuid() != 0 {
		return
	}
	check(os.Mkdir(filepath.Join(dir, "locked"), 0o700))
	check(os.Chmod(dir, 0o755))
	c := exec.Command("/proc/self/exe", "add", filepath.Join(dir, "locked"))
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
	b, err := c.CombinedOutput()
	fmt.Print(string(b))
	fmt.Println(err)
}

func poll(fd, ms int) int {
	p := struct {
		fd              int32
		events, revents int16
	}{int32(fd), 1, 0}
	for {
		if _, _, e := syscall.Syscall(syscall.SYS_POLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(ms)); e != syscall.EINTR {
			return int(p.revents)
		}
	}
}

// waiting: another process's changes wake who waits, by read, poll and epoll.
func waiting(w *watcher, dir string) {
	w.show("before")
	f := os.NewFile(uintptr(must(syscall.InotifyInit1(syscall.IN_NONBLOCK))), "inotify")
	must(syscall.InotifyAddWatch(int(f.Fd()), dir, syscall.IN_MOVED_TO))
	done := make(chan error)
	go func() {
		time.Sleep(50 * time.Millisecond)
		done <- exec.Command("/proc/self/exe", "move", filepath.Join(dir, "name"), filepath.Join(dir, "moved")).Run()
	}()
	b := make([]byte, 100)
	fd := must(syscall.InotifyInit1(0))
	must(syscall.InotifyAddWatch(fd, dir, syscall.IN_MOVED_FROM))
	n, err := syscall.Read(fd, b)
	fmt.Println(n, err, string(bytes.Trim(b[16:n], "\x00")))
	fmt.Println("polled", poll(w.fd, 100_000))
	n, err = f.Read(b)
	fmt.Println(n, err, string(bytes.Trim(b[16:n], "\x00")))
	fmt.Println(<-done)
	w.show("from another process")
}

func init() {
	if len(os.Args) < 3 {
		return
	}
	switch os.Args[1] {
	case "add":
		w := open()
		w.add(os.Args[2], syscall.IN_OPEN)
	case "move":
		check(os.Rename(os.Args[2], os.Args[3]))
	}
	os.Exit(0)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}
