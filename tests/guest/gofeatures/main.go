// Command gofeatures [CHECK...] exercises what Go's runtime asks of a system: goroutines
// on several threads, garbage collection under memory pressure, timers,
// asynchronous preemption, signals, child processes with pipes. Each check
// prints one line that is the same wherever it passes.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var checks = []struct {
	name string
	run  func() error
}{
	{"goroutines", goroutines},
	{"mutexes", mutexes},
	{"threads", threads},
	{"gc", gc},
	{"preemption", preemption},
	{"timers", timers},
	{"tickers", tickers},
	{"nilpointer", nilPointer},
	{"stacks", stacks},
	{"exec", execPipe},
	{"execmany", execMany},
	{"execkill", execKill},
	{"execenv", execEnv},
	{"signals", signals},
	{"files", files},
	{"pipes", pipes},
	{"deadlines", deadlines},
	{"sockets", sockets},
	{"resets", resets},
	{"timeouts", timeouts},
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "child" {
		child(os.Args[2:])
		return
	}
	failed := 0
	for _, c := range checks {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], c.name) {
			continue
		}
		done := make(chan error, 1)
		go func() { done <- c.run() }()
		var err error
		select {
		case err = <-done:
		case <-time.After(5 * time.Minute):
			err = errors.New("hangs")
		}
		if err != nil {
			failed++
			fmt.Printf("FAIL %s: %v\n", c.name, err)
		} else {
			fmt.Printf("ok %s\n", c.name)
		}
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func child(args []string) {
	switch args[0] {
	case "cat":
		io.Copy(os.Stdout, os.Stdin)
	case "exit":
		os.Exit(42)
	case "sleep":
		time.Sleep(time.Hour)
	case "env":
		wd, _ := os.Getwd()
		fmt.Print(os.Getenv("X"), " ", wd)
	case "stderr":
		fmt.Fprint(os.Stderr, "to stderr")
		fmt.Print("to stdout")
	}
}

func self(args ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return exec.Command(exe, append([]string{"child"}, args...)...)
}

func goroutines() error {
	const n = 10000
	ch := make(chan int)
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		go func() { defer wg.Done(); ch <- i }()
	}
	go func() { wg.Wait(); close(ch) }()
	sum := 0
	for v := range ch {
		sum += v
	}
	if want := n * (n - 1) / 2; sum != want {
		return fmt.Errorf("sum %d, want %d", sum, want)
	}
	return nil
}

func mutexes() error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	n, m := 0, map[int]int{}
	for g := range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 2000 {
				mu.Lock()
				n++
				m[g]++
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	if n != 32000 || len(m) != 16 {
		return fmt.Errorf("counted %d in %d", n, len(m))
	}
	return nil
}

// threads holds many OS threads at once, each with a thread id of its own.
func threads() error {
	const n = 40
	var mu sync.Mutex
	ids := map[int]bool{}
	var in, out sync.WaitGroup
	hold := make(chan struct{})
	for range n {
		in.Add(1)
		out.Add(1)
		go func() {
			defer out.Done()
			runtime.LockOSThread() // the thread ends with the goroutine
			mu.Lock()
			ids[syscall.Gettid()] = true
			mu.Unlock()
			in.Done()
			<-hold
		}()
	}
	in.Wait()
	close(hold)
	out.Wait()
	if len(ids) != n {
		return fmt.Errorf("%d thread ids for %d threads", len(ids), n)
	}
	return nil
}

type node struct {
	left, right *node
	data        [4]uint64
}

func tree(depth int) *node {
	if depth == 0 {
		return nil
	}
	return &node{left: tree(depth - 1), right: tree(depth - 1), data: [4]uint64{uint64(depth)}}
}

func (n *node) count() int {
	if n == nil {
		return 0
	}
	return 1 + n.left.count() + n.right.count()
}

func gc() error {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(48 << 20))
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	keep := tree(16)
	var wg sync.WaitGroup
	var bad atomic.Int64
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 12 {
				if tree(12).count() != 1<<12-1 {
					bad.Add(1)
				}
				b := make([]byte, 1<<20)
				for i := range b {
					if b[i] != 0 {
						bad.Add(1)
					}
				}
				b[len(b)-1] = 1
			}
		}()
	}
	wg.Wait()
	if bad.Load() > 0 || keep.count() != 1<<16-1 {
		return fmt.Errorf("%d damaged, kept %d", bad.Load(), keep.count())
	}
	var st runtime.MemStats
	runtime.ReadMemStats(&st)
	if st.NumGC == 0 {
		return errors.New("no collection")
	}
	debug.FreeOSMemory()
	return nil
}

// preemption needs SIGURG to stop a loop without calls.
func preemption() error {
	old := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(old)
	var stop atomic.Bool
	var x uint64
	ended := make(chan struct{})
	go func() {
		for !stop.Load() {
			x++
		}
		close(ended)
	}()
	time.Sleep(50 * time.Millisecond)
	runtime.GC()
	stop.Store(true)
	<-ended
	return nil
}

func timers() error {
	for _, d := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 120 * time.Millisecond} {
		start := time.Now()
		time.Sleep(d)
		if took := time.Since(start); took < d {
			return fmt.Errorf("slept %v of %v", took, d)
		} else if took > d+time.Minute {
			return fmt.Errorf("slept %v instead of %v", took, d)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	<-ctx.Done()
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	t := time.AfterFunc(time.Hour, func() { panic("fired") })
	if !t.Stop() {
		return errors.New("stopped timer had fired")
	}
	if y := time.Now().Year(); y < 2024 || y > 2100 {
		return fmt.Errorf("the year is %d", y)
	}
	return nil
}

func tickers() error {
	t := time.NewTicker(10 * time.Millisecond)
	defer t.Stop()
	last := time.Now()
	for range 10 {
		now := <-t.C
		if now.Before(last) {
			return errors.New("time goes backwards")
		}
		last = now
	}
	return nil
}

func nilPointer() (err error) {
	for _, f := range []func(){
		func() { var p *int; *p = 1 },
		func() { var a []int; i := 5; _ = a[i] },
		func() { a, b := 1, 0; _ = a / b },
	} {
		func() {
			defer func() {
				if _, ok := recover().(runtime.Error); !ok {
					err = errors.New("no runtime error")
				}
			}()
			f()
		}()
	}
	return err
}

func stacks() error {
	var depth func(n int, pad [64]byte) int
	depth = func(n int, pad [64]byte) int {
		if n == 0 {
			return int(pad[0])
		}
		pad[0]++
		return depth(n-1, pad)
	}
	if got := depth(100_000, [64]byte{}); got != 100_000%256 {
		return fmt.Errorf("depth %d", got)
	}
	return nil
}

func execPipe() error {
	data := bytes.Repeat([]byte("0123456789abcdef"), 20000) // more than a pipe holds
	c := self("cat")
	c.Stdin = bytes.NewReader(data)
	out, err := c.Output()
	if err != nil {
		return err
	}
	if !bytes.Equal(out, data) {
		return fmt.Errorf("%d bytes of %d came back", len(out), len(data))
	}
	a, b := self("cat"), self("cat")
	a.Stdin = strings.NewReader("through two")
	if b.Stdin, err = a.StdoutPipe(); err != nil {
		return err
	}
	var got bytes.Buffer
	b.Stdout = &got
	if err := errors.Join(b.Start(), a.Run(), b.Wait()); err != nil {
		return err
	}
	if got.String() != "through two" {
		return fmt.Errorf("pipeline: %q", got.String())
	}
	c = self("stderr")
	both, err := c.CombinedOutput()
	if err != nil || len(both) != len("to stderrto stdout") {
		return fmt.Errorf("combined: %q, %v", both, err)
	}
	return nil
}

func execMany() error {
	var wg sync.WaitGroup
	errs := make(chan error, 12)
	for i := range 12 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c := self("cat")
			c.Stdin = strings.NewReader(fmt.Sprint("child ", i))
			out, err := c.Output()
			if err != nil || string(out) != fmt.Sprint("child ", i) {
				errs <- fmt.Errorf("child %d: %q, %v", i, out, err)
			}
		}()
	}
	wg.Wait()
	close(errs)
	return <-errs
}

func execKill() error {
	var exit *exec.ExitError
	if err := self("exit").Run(); !errors.As(err, &exit) || exit.ExitCode() != 42 {
		return fmt.Errorf("exit: %v", err)
	}
	c := self("sleep")
	if err := c.Start(); err != nil {
		return err
	}
	c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		return fmt.Errorf("terminated: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	exe, _ := os.Executable()
	c = exec.CommandContext(ctx, exe, "child", "sleep")
	if err := c.Start(); err != nil {
		return err
	}
	time.AfterFunc(100*time.Millisecond, cancel)
	if err := c.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		return fmt.Errorf("context: %v", err)
	}
	if err := exec.Command("/no/such/program").Run(); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("missing program: %v", err)
	}
	return nil
}

func execEnv() error {
	c := self("env")
	c.Env = []string{"X=value"}
	c.Dir = "/proc"
	out, err := c.Output()
	if err != nil || string(out) != "value /proc" {
		return fmt.Errorf("%q, %v", out, err)
	}
	return nil
}

func signals() error {
	ch, children := make(chan os.Signal, 16), make(chan os.Signal, 16)
	signal.Notify(ch, syscall.SIGUSR1, syscall.SIGHUP)
	signal.Notify(children, syscall.SIGCHLD) // one of an earlier child may still come
	defer signal.Stop(ch)
	defer signal.Stop(children)
	for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGHUP} {
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			return err
		}
		select {
		case got := <-ch:
			if got != s {
				return fmt.Errorf("got %v for %v", got, s)
			}
		case <-time.After(time.Minute):
			return fmt.Errorf("%v does not arrive", s)
		}
	}
	if err := self("cat").Run(); err != nil {
		return err
	}
	select {
	case <-children:
	case <-time.After(time.Minute):
		return errors.New("no SIGCHLD")
	}
	return nil
}

func files() error {
	dir, err := os.MkdirTemp("", "gofeatures")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	data := bytes.Repeat([]byte("line of a file\n"), 10000)
	for i := range 20 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("f", i)), data, 0o640); err != nil {
			return err
		}
	}
	des, err := os.ReadDir(dir)
	if err != nil || len(des) != 20 {
		return fmt.Errorf("%d entries, %v", len(des), err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "f3"), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("CHANGED"), 15); err != nil {
		return err
	}
	b := make([]byte, 20)
	if _, err := f.ReadAt(b, 10); err != nil || string(b) != "file\nCHANGED a file\n" {
		return fmt.Errorf("%q, %v", b, err)
	}
	if err := f.Truncate(5); err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil || st.Size() != 5 || st.Mode().Perm() != 0o640 {
		return fmt.Errorf("%v, %v", st, err)
	}
	old := filepath.Join(dir, "f4")
	if err := os.Rename(old, filepath.Join(dir, "new")); err != nil {
		return err
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("renamed file: %v", err)
	}
	m, err := syscall.Mmap(int(f.Fd()), 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	m[0] = 'L'
	if err := syscall.Munmap(m); err != nil {
		return err
	}
	if got, err := os.ReadFile(filepath.Join(dir, "f3")); err != nil || string(got) != "Line " {
		return fmt.Errorf("after mmap %q, %v", got, err)
	}
	return nil
}

func pipes() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	go func() {
		for i := range 1000 {
			fmt.Fprintf(w, "%1000d", i)
		}
		w.Close()
	}()
	n, err := io.Copy(io.Discard, r)
	if err != nil || n != 1_000_000 {
		return fmt.Errorf("%d bytes, %v", n, err)
	}
	r.Close()
	r, w, _ = os.Pipe()
	r.Close()
	if _, err := w.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("no reader: %v", err)
	}
	return w.Close()
}

// deadlines work through epoll.
func deadlines() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	defer w.Close()
	r.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("read: %v", err)
	}
	return nil
}

// sockets within the machine are part of what ordinary programs use.
func sockets() error {
	l, err := net.Listen("unix", filepath.Join(os.TempDir(), "gofeatures.sock"))
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			io.Copy(c, c)
			c.Close()
		}
	}()
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write([]byte("ping")); err != nil {
		return err
	}
	b := make([]byte, 4)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "ping" {
		return fmt.Errorf("%q, %v", b, err)
	}
	return nil
}
