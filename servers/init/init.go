// Package init is the first application process, pid 1. It starts what the
// host tool's run file asks for (qemu/runspec), or a shell on the console for
// ever; it adopts orphans, reports how the program ended, and ends the
// machine.
package init

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/qemu/runspec"
)

// rdtsc reads the processor's time stamp counter.
func rdtsc() uint64

// server is the process server as this process calls it.
func server() client.Proc { return client.Proc{C: ipc.Native{}.Conn(), H: abi.HandleProc} }

func report(s runspec.Status) {
	if st := server().Report(s.String()); st < 0 {
		fmt.Fprintln(os.Stderr, "init: report:", syscall.Errno(-st))
	}
}

func stage(name string) {
	report(runspec.Status{Kind: runspec.LineBoot, Stage: name, TSC: rdtsc()})
}

// Run is init. It returns only if the machine cannot be ended.
func Run() error {
	// As pid 1 it is not to be ended by signals; caught, not ignored, since
	// ignoring is inherited.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE)
	stage(runspec.StageInit)
	if err := await(); err != nil {
		return err
	}
	os.Chdir("/")
	syscall.Umask(0o22) // as Linux's first process has it
	result, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "init:", err)
		report(runspec.Status{Kind: runspec.LineError, Text: err.Error()})
	}
	stage(runspec.StageEnd)
	syscall.Kill(-1, syscall.SIGKILL)
	report(result)
	st := server().Power(abi.PowerOff, uint64(result.Value))
	return fmt.Errorf("power off: %w", syscall.Errno(-st))
}

// await waits for the console, and then for /proc: a machine without that one
// is of use all the same.
func await() error {
	console := func() error {
		f, err := os.OpenFile("/dev/console", os.O_RDWR|syscall.O_NOCTTY, 0)
		if err == nil {
			f.Close()
		}
		return err
	}
	if err := until(patience, console); err != nil {
		return fmt.Errorf("the system has not come up: %w", err)
	}
	if err := until(patience/10, func() error { _, err := os.Stat("/proc/self"); return err }); err != nil {
		fmt.Fprintln(os.Stderr, "init:", err)
	}
	return nil
}

// patience is how many times, a millisecond apart, init looks for what the servers
// make. Not a time: a machine that stood still has not been looked for in.
const patience = 60_000

// until repeats f until it succeeds, n times at most.
func until(n int, f func() error) error {
	for {
		err := f()
		if n--; err == nil || n == 0 {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// defaultEnv is a program's environment unless the run file has one.
var defaultEnv = []string{"PATH=" + runspec.DefaultPath, "HOME=/root", "TERM=linux", "USER=root", "SHELL=" + runspec.DefaultShell, "TMPDIR=/tmp"}

func run() (runspec.Status, error) {
	failed := runspec.Status{Kind: runspec.LineExit, Value: runspec.StatusCannotRun}
	b, err := os.ReadFile(runspec.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return shells()
	}
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
	if len(spec.Env) == 0 {
		spec.Env = defaultEnv
	}
	if spec.Dir == "" {
		spec.Dir = "/"
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
	pid, err := start(path, &spec)
	if err != nil {
		if _, e := os.Stat(spec.Dir); e != nil {
			return failed, fmt.Errorf("working directory: %w", e)
		}
		return failed, fmt.Errorf("%s: %w", path, err)
	}
	ws := reap(pid)
	if ws.Signaled() {
		return runspec.Status{Kind: runspec.LineSignal, Value: int(ws.Signal())}, nil
	}
	return runspec.Status{Kind: runspec.LineExit, Value: ws.ExitStatus()}, nil
}

// start runs the program as a session leader: on the terminal, or with its
// streams on the host's.
func start(path string, spec *runspec.Spec) (int, error) {
	attr := &syscall.ProcAttr{Dir: spec.Dir, Env: spec.Env, Sys: &syscall.SysProcAttr{Setsid: true}}
	names := []string{"/dev/hostin", "/dev/hostout", "/dev/hosterr"}
	modes := []int{os.O_RDONLY, os.O_WRONLY, os.O_WRONLY}
	if spec.TTY {
		names, modes = []string{"/dev/ttyS0"}, []int{os.O_RDWR}
		attr.Sys.Setctty, attr.Sys.Ctty = true, 0
	}
	for i, name := range names {
		f, err := os.OpenFile(name, modes[i]|syscall.O_NOCTTY, 0)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		attr.Files = append(attr.Files, f.Fd())
	}
	if spec.TTY {
		attr.Files = []uintptr{attr.Files[0], attr.Files[0], attr.Files[0]}
	}
	stage(runspec.StageProgram)
	return syscall.ForkExec(path, spec.Args, attr)
}

// shells runs a shell on the console, again and again: there is no run file.
func shells() (runspec.Status, error) {
	spec := runspec.Spec{Env: defaultEnv, Dir: "/", TTY: true}
	for {
		path := runspec.DefaultShell
		if _, err := os.Stat(path); err != nil {
			path = "/bin/sh"
		}
		spec.Args = []string{path}
		pid, err := start(path, &spec)
		if err != nil {
			return runspec.Status{Kind: runspec.LineExit, Value: runspec.StatusNotFound}, err
		}
		reap(pid)
	}
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
