// Command clone makes processes by clone3 and waits for them by pidfd. It prints
// what it sees; the same on Linux.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"unsafe"
)

// args is struct clone_args.
type args struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls uint64
	setTID, setTIDSize, cgroup, beyond                                   uint64
}

const (
	sysClone3      = 435
	sysPidfdSignal = 424
	clonePidFD     = 0x1000
	cloneSighand   = 0x800
	cloneThread    = 0x10000
	cloneParent    = 0x8000
	cloneDetached  = 0x400000
	cloneParentTID = 0x100000
	cloneClear     = 0x100000000
	pPidFD         = 3
	oPath          = 0x200000
	full           = 88
)

// make3 calls clone3; the child ends by code, or by a signal that it does not
// handle (code 256 and above: the signal's number plus 256).
//
//go:norace
func make3(a *args, size uintptr, code int) (pid uintptr, err syscall.Errno) {
	pid, _, err = syscall.RawSyscall(sysClone3, uintptr(unsafe.Pointer(a)), size, 0)
	if err == 0 && pid == 0 {
		if code >= 256 {
			self, _, _ := syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0)
			syscall.RawSyscall(syscall.SYS_KILL, self, uintptr(code-256), 0)
			code = 99
		}
		if code == 200 {
			for {
				syscall.RawSyscall(syscall.SYS_PAUSE, 0, 0, 0)
			}
		}
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, uintptr(code), 0, 0)
	}
	return pid, err
}

func main() {
	runtime.LockOSThread()
	refused()
	pidfd()
	directories()
	handlers()
	execs()
}

// refused: what clone3 does not accept.
func refused() {
	for _, c := range []struct {
		name string
		a    args
		size uintptr
	}{
		{"short", args{}, 63},
		{"long", args{}, 4097},
		{"beyond", args{beyond: 1, exitSignal: 17}, 96},
		{"unknown flag", args{flags: 1 << 40, exitSignal: 17}, full},
		{"signal in flags", args{flags: 17}, full},
		{"detached", args{flags: cloneDetached, exitSignal: 17}, full},
		{"no signal", args{exitSignal: 65}, full},
		{"wide signal", args{exitSignal: 1 << 32}, full},
		{"thread's signal", args{flags: cloneThread | cloneSighand | 0x100, exitSignal: 17}, full},
		{"parent's signal", args{flags: cloneParent, exitSignal: 17}, full},
		{"sighand and clear", args{flags: cloneSighand | 0x100 | cloneClear, exitSignal: 17}, full},
		{"sighand alone", args{flags: cloneSighand, exitSignal: 17}, full},
		{"size without stack", args{stackSize: 4096, exitSignal: 17}, full},
		{"stack without size", args{stack: 4096, exitSignal: 17}, full},
		{"stack in the kernel", args{stack: 1 << 63, stackSize: 4096, exitSignal: 17}, full},
		{"tids without number", args{setTID: 4096, exitSignal: 17}, full},
		{"number without tids", args{setTIDSize: 1, exitSignal: 17}, full},
	} {
		pid, err := make3(&c.a, c.size, 1)
		fmt.Println(c.name, int(pid) > 0, err)
	}
	_, _, err := syscall.RawSyscall(sysClone3, 8, full, 0)
	fmt.Println("bad address", err)
}

func waitid(id uintptr, options int) (code, status int32, err syscall.Errno) {
	var info [16]int64
	_, _, err = syscall.RawSyscall6(syscall.SYS_WAITID, pPidFD, id, uintptr(unsafe.Pointer(&info)), uintptr(options), 0, 0)
	i := (*[32]int32)(unsafe.Pointer(&info))
	return i[2], i[6], err
}

func ready(fd int32, ms int) (int, int16) {
	p := struct {
		fd              int32
		events, revents int16
	}{fd, 1, 0}
	for {
		// Go's runtime sends signals to threads that take long.
		n, _, err := syscall.RawSyscall(syscall.SYS_POLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(ms))
		if err != syscall.EINTR {
			return int(n), p.revents
		}
	}
}

// pidfd: a descriptor for the child that clone3 makes.
func pidfd() {
	fd, tid := int32(-1), int32(0)
	a := args{flags: clonePidFD | cloneParentTID, exitSignal: uint64(syscall.SIGCHLD)}
	a.pidfd, a.parentTID = uint64(uintptr(unsafe.Pointer(&fd))), uint64(uintptr(unsafe.Pointer(&tid)))
	pid, err := make3(&a, full, 200)
	fmt.Println("made", err, fd > 2, uintptr(tid) == pid)
	flags, _, _ := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
	n, events := ready(fd, 0)
	fmt.Println("close-on-exec", flags, "ready", n, events)
	_, _, err = waitid(uintptr(fd), syscall.WEXITED|syscall.WNOHANG)
	fmt.Println("waited", err)
	_, _, err = syscall.RawSyscall6(sysPidfdSignal, uintptr(fd), uintptr(syscall.SIGTERM), 0, 0, 0, 0)
	fmt.Println("signal", err)
	n, events = ready(fd, 100000)
	fmt.Println("ready", n, events)
	fmt.Println(waitid(uintptr(fd), syscall.WEXITED))
	_, _, err = syscall.RawSyscall6(sysPidfdSignal, uintptr(fd), 0, 0, 0, 0, 0)
	fmt.Println("after its end", err)
	fmt.Println(waitid(uintptr(fd), syscall.WEXITED))
	syscall.Close(int(fd))

	// The first version of the struct is enough, as is a larger one of zeros.
	for _, size := range []uintptr{64, 80, 96} {
		a = args{exitSignal: uint64(syscall.SIGCHLD)}
		pid, err = make3(&a, size, 3)
		var ws syscall.WaitStatus
		got, werr := syscall.Wait4(int(pid), &ws, 0, nil)
		fmt.Println(size, err, got == int(pid), werr, ws.ExitStatus())
	}
}

// directories: /proc/PID takes a signal as a process descriptor does; what is
// beside and below it does not.
func directories() {
	send := func(name string, flags int, sig syscall.Signal) {
		fd, err := syscall.Open(name, flags, 0)
		if err != nil {
			fmt.Println(err)
			return
		}
		_, _, err = syscall.RawSyscall6(sysPidfdSignal, uintptr(fd), uintptr(sig), 0, 0, 0, 0)
		fmt.Println(err)
		syscall.Close(fd)
	}
	a := args{exitSignal: uint64(syscall.SIGCHLD)}
	pid, err := make3(&a, full, 200)
	fmt.Println("made", err)
	dir := fmt.Sprintf("/proc/%d", pid)
	for _, name := range []string{dir, "/proc", "/", dir + "/task", fmt.Sprintf("%s/task/%d", dir, pid), dir + "/stat"} {
		send(name, syscall.O_RDONLY, 0)
	}
	send(dir, oPath, 0)
	fd, _ := syscall.Open(dir, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	send(dir, syscall.O_RDONLY, syscall.SIGTERM)
	var ws syscall.WaitStatus
	got, werr := syscall.Wait4(int(pid), &ws, 0, nil)
	_, _, err = syscall.RawSyscall6(sysPidfdSignal, uintptr(fd), 0, 0, 0, 0, 0)
	fmt.Println(got == int(pid), werr, ws.Signal(), err)
	syscall.Close(fd)
}

// handlers: CLONE_CLEAR_SIGHAND gives the child the default actions.
func handlers() {
	c := make(chan os.Signal, 9)
	signal.Notify(c, syscall.SIGUSR1)
	signal.Ignore(syscall.SIGUSR2)
	for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2} {
		a := args{flags: cloneClear, exitSignal: uint64(syscall.SIGCHLD)}
		pid, err := make3(&a, full, 256+int(sig))
		var ws syscall.WaitStatus
		_, werr := syscall.Wait4(int(pid), &ws, 0, nil)
		fmt.Println(sig, err, werr, ws.Signaled(), ws.Signal(), ws.ExitStatus())
	}
	signal.Reset()
}

// execs: Go's own use of pidfds.
func execs() {
	fd := -1
	c := exec.Command("/proc/self/exe")
	c.Path, c.Args = "/dev/null", nil
	c.SysProcAttr = &syscall.SysProcAttr{PidFD: &fd}
	fmt.Println(errors.Is(c.Run(), syscall.EACCES))
	p, err := os.FindProcess(os.Getppid())
	fmt.Println(err, p.Signal(syscall.Signal(0)))
	p.Release()
	p, err = os.FindProcess(1 << 21)
	fmt.Println(err, p.Signal(syscall.SIGTERM))
}
