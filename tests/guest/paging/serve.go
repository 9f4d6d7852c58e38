package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"go42/servers/fsserver"
)

// device is a file system with one file, "data", of as many pages as wanted, on
// a device that takes its time. Each word of it says where it is, until it is
// written. It is controlled by lines on standard input.
type device struct {
	mu      sync.Mutex
	delay   time.Duration
	pages   int64
	size    int64
	written map[int64][]byte
	bad     map[int64]bool
	stuck   map[int64]bool
	reads   int
	hold    chan struct{} // until it is closed nothing is read; nil: no hold
	waiting int           // reads that are held up
}

const (
	inoData = 2
	page    = fsserver.PageSize
)

// word is what the file says at byte off, a multiple of 8.
func word(off int64) uint64 { return uint64(off)*0x9e3779b97f4a7c15 + 1 }

func (d *device) Stat(ino uint64) (fsserver.Attr, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ino == inoData {
		return fsserver.Attr{Mode: syscall.S_IFREG | 0o644, Size: d.size}, nil
	}
	return fsserver.Attr{Mode: syscall.S_IFDIR | 0o755}, nil
}

func (d *device) Lookup(dir uint64, name string) (uint64, error) {
	if name != "data" {
		return 0, syscall.ENOENT
	}
	return inoData, nil
}

func (d *device) ReadDir(dir uint64) ([]fsserver.Entry, error) {
	return []fsserver.Entry{{Name: "data", Ino: inoData, Mode: syscall.S_IFREG}}, nil
}

func (d *device) ReadPage(ino uint64, p int64, b []byte) error {
	d.mu.Lock()
	d.reads++
	if hold := d.hold; hold != nil {
		d.waiting++
		d.mu.Unlock()
		<-hold
		d.mu.Lock()
		d.waiting--
	}
	delay, bad, stuck, w := d.delay, d.bad[p], d.stuck[p], d.written[p]
	d.mu.Unlock()
	if stuck {
		select {}
	}
	time.Sleep(delay)
	if bad {
		return syscall.EIO
	}
	for i := 0; i < page; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], word(p*page+int64(i)))
	}
	copy(b, w)
	return nil
}

func (d *device) WritePage(ino uint64, p int64, b []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pages < large || p%keepEvery == 0 {
		d.written[p] = append([]byte(nil), b...)
	}
	return nil
}

// A device with more pages than large remembers only every keepEvery-th of what is
// written: it has to be smaller than memory itself.
const (
	large     = 10_000
	keepEvery = 50
)

func (d *device) SetSize(ino uint64, size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.size = size
	return nil
}

func (d *device) Make(uint64, string, uint32, uint32, uint32) (uint64, error) {
	return 0, syscall.EPERM
}
func (d *device) Remove(uint64, string) error { return syscall.EPERM }
func (d *device) Forget(uint64)               {}

// serve is the server's process: serve POINT PAGES.
func serve(point string, pages int64) {
	d := &device{pages: pages, size: pages * page, written: map[int64][]byte{}, bad: map[int64]bool{}, stuck: map[int64]bool{}}
	s, err := fsserver.New(d, fsserver.Config{Point: point, Type: "device"})
	fmt.Println(err)
	if err != nil {
		os.Exit(1)
	}
	go func() {
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			f := strings.Fields(in.Text())
			n, _ := strconv.ParseInt(f[1], 10, 64)
			d.mu.Lock()
			switch f[0] {
			case "delay":
				d.delay = time.Duration(n) * time.Millisecond
				fmt.Println("ok")
			case "hold": // 1: until it is 0
				if d.hold != nil {
					close(d.hold)
				}
				if d.hold = nil; n == 1 {
					d.hold = make(chan struct{})
				}
				fmt.Println("ok")
			case "waiting":
				fmt.Println(d.waiting)
			case "bad":
				d.bad[n] = true
				fmt.Println("ok")
			case "stuck":
				d.stuck[n] = true
				fmt.Println("ok")
			case "word": // what the device has at byte n
				v := word(n)
				if w := d.written[n/page]; w != nil {
					v = binary.LittleEndian.Uint64(w[n%page:])
				}
				fmt.Println(v)
			case "requests":
				fmt.Println(s.Stats().Requests)
			case "reads":
				fmt.Println(d.reads)
			}
			d.mu.Unlock()
		}
		os.Exit(0)
	}()
	fmt.Fprintln(os.Stderr, s.Run())
	os.Exit(1)
}

// disk is the server as the tests see it.
type disk struct {
	cmd  *exec.Cmd
	in   *os.File
	out  *bufio.Reader
	path string // of the file
}

var disks int

// newDisk starts a server with a file of that many pages.
func newDisk(pages int) *disk {
	disks++
	point := fmt.Sprintf("/tmp/disk%d.%d", os.Getpid(), disks)
	check(os.Mkdir(point, 0o755))
	r, w, err := os.Pipe()
	check(err)
	c := exec.Command("/proc/self/exe", "serve", point, fmt.Sprint(pages))
	c.Stdin, c.Stderr = r, os.Stderr
	out, err := c.StdoutPipe()
	check(err)
	check(c.Start())
	r.Close()
	d := &disk{cmd: c, in: w, out: bufio.NewReader(out), path: point + "/data"}
	if l := d.line(); l != "<nil>" {
		fail("server: %s", l)
	}
	return d
}

func (d *disk) line() string {
	l, err := d.out.ReadString('\n')
	if err != nil {
		fail("server: %v", err)
	}
	return strings.TrimSpace(l)
}

// ask sends a line and returns the answer.
func (d *disk) ask(op string, n int64) string {
	fmt.Fprintln(d.in, op, n)
	return d.line()
}

func (d *disk) number(op string, n int64) uint64 {
	v, err := strconv.ParseUint(d.ask(op, n), 10, 64)
	check(err)
	return v
}

// held waits until n reads are held up. It is false if there are not as many in
// a time that is long even for a machine that is stopped now and then.
func (d *disk) held(n uint64) bool {
	return soon(func() bool { return d.number("waiting", 0) == n })
}

// soon waits until done is true, for no longer than a minute.
func soon(done func() bool) bool {
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// open maps the file's first n pages; flags are mmap's.
func (d *disk) open(n int, flags int) (*os.File, []byte) {
	f, err := os.OpenFile(d.path, os.O_RDWR, 0)
	check(err)
	m, err := syscall.Mmap(int(f.Fd()), 0, n*page, syscall.PROT_READ|syscall.PROT_WRITE, flags)
	check(err)
	return f, m
}

func (d *disk) end() {
	d.in.Close()
	d.cmd.Wait()
}
