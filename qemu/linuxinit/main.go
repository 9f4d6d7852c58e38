// Command linuxinit is pid 1 of the Linux that go42 boots for comparison. It
// does for Linux what Go42's init does: it mounts /proc, /dev and /tmp, runs
// what the run file says, carries its standard streams over the devices named
// in package runspec, reaps orphans, reports how the program ended and ends
// the machine.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"go42/qemu/runspec"
)

func main() {
	ports, err := openPorts()
	if err != nil {
		fmt.Fprintln(os.Stderr, "init:", err)
		os.Exit(1) // Linux panics: the tool sees a machine without a word
	}
	status := func(s runspec.Status) { ports.write(runspec.PortStatus, []byte(s.String()+"\n")) }
	stage := func(name string) { status(runspec.Status{Kind: runspec.LineBoot, Stage: name, TSC: rdtsc()}) }
	result, err := run(ports, stage)
	if err != nil {
		status(runspec.Status{Kind: runspec.LineError, Text: err.Error()})
	}
	stage(runspec.StageEnd)
	status(result)
	ports.end()
}

func run(ports *ports, stage func(string)) (runspec.Status, error) {
	failed := runspec.Status{Kind: runspec.LineExit, Value: runspec.StatusCannotRun}
	if err := mounts(); err != nil {
		return failed, err
	}
	if err := loopback(); err != nil {
		return failed, fmt.Errorf("loopback: %w", err)
	}
	control, err := openRaw("/dev/ttyS1")
	if err != nil {
		return failed, err
	}
	stage(runspec.StageInit)
	b, err := os.ReadFile(runspec.Path)
	if err != nil {
		return failed, err
	}
	var spec runspec.Spec
	if err := json.Unmarshal(b, &spec); err != nil {
		return failed, err
	}
	if len(spec.Args) == 0 {
		spec.Args = []string{runspec.DefaultShell}
	}
	os.Clearenv()
	for _, kv := range spec.Env {
		k, v, _ := strings.Cut(kv, "=")
		os.Setenv(k, v)
	}
	path, err := exec.LookPath(spec.Args[0])
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			failed.Value = runspec.StatusNotFound
		}
		return failed, err
	}
	c, err := start(path, &spec, ports, control, stage)
	if err != nil {
		return failed, err
	}
	ws := reap(c.pid)
	// Orphans may hold the streams open: their writers end with the machine.
	syscall.Kill(-1, syscall.SIGKILL)
	c.drain()
	if ws.Signaled() {
		return runspec.Status{Kind: runspec.LineSignal, Value: int(ws.Signal())}, nil
	}
	return runspec.Status{Kind: runspec.LineExit, Value: ws.ExitStatus()}, nil
}

// reap waits for children, orphans included, until pid has ended.
func reap(pid int) syscall.WaitStatus {
	for {
		var ws syscall.WaitStatus
		got, err := syscall.Wait4(-1, &ws, 0, nil)
		if err == nil && got == pid && (ws.Exited() || ws.Signaled()) {
			return ws
		}
		if err != nil && err != syscall.EINTR {
			time.Sleep(time.Millisecond)
		}
	}
}

func mounts() error {
	for _, m := range []struct {
		kind, dir string
		data      string
	}{
		{"proc", "/proc", ""},
		{"sysfs", "/sys", ""},
		{"devtmpfs", "/dev", ""},
	} {
		if err := syscall.Mount(m.kind, m.dir, m.kind, 0, m.data); err != nil && err != syscall.EBUSY {
			return fmt.Errorf("mounting %s: %w", m.dir, err)
		}
	}
	for name, target := range map[string]string{
		"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2",
	} {
		os.Symlink(target, name)
	}
	if err := os.MkdirAll("/dev/pts", 0o755); err == nil {
		syscall.Mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666")
	}
	return nil
}

// loopback brings the network interface lo up, as every Linux system does.
func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
}

// openRaw opens a serial line without any processing by the terminal driver.
func openRaw(name string) (*os.File, error) {
	fd, err := syscall.Open(name, syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
