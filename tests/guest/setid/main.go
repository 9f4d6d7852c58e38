// Command setid executes set-user-id and set-group-id programs (copies of itself)
// as an ordinary user, and prints what they are then. It is started by root.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

const (
	user, group   = 1000, 1000
	owner, ownerG = 1001, 1002
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "report":
			report()
		case "nonew":
			runtime.LockOSThread() // it is the thread's, from which the next program starts
			syscall.RawSyscall6(syscall.SYS_PRCTL, 38, 1, 0, 0, 0, 0)
			run(os.Args[2], "report")
		case "drop":
			drop()
		case "again":
			run(os.Args[2], "report")
		case "hold":
			os.Stdout.WriteString("r")
			os.Stdin.Read(make([]byte, 1))
		case "peek":
			peek(os.Args[2])
		}
		return
	}
	dir := must(os.MkdirTemp("/tmp", "setid"))
	defer os.RemoveAll(dir)
	check(os.Chmod(dir, 0o777))
	os.Setenv("GODEBUG", "")
	plain := copyTo(dir, "plain", 0o755)
	suid := copyTo(dir, "suid", 0o755|fs.ModeSetuid)
	sgid := copyTo(dir, "sgid", 0o755|fs.ModeSetgid)
	both := copyTo(dir, "both", 0o755|fs.ModeSetgid|fs.ModeSetuid)
	lock := copyTo(dir, "lock", 0o745|fs.ModeSetgid)
	noexec := copyTo(dir, "noexec", 0o744|fs.ModeSetuid)
	mine := copyTo(dir, "mine", 0o755|fs.ModeSetuid|fs.ModeSetgid)
	check(os.Chown(mine, user, group))
	check(os.Chmod(mine, 0o755|fs.ModeSetuid|fs.ModeSetgid))
	shared := copyTo(dir, "shared", 0o777|fs.ModeSetuid)
	script := filepath.Join(dir, "script")
	check(os.WriteFile(script, []byte("#!"+plain+" report\n"), 0o755))
	check(os.Chown(script, owner, ownerG))
	check(os.Chmod(script, 0o755|fs.ModeSetuid))

	for _, p := range []string{plain, suid, sgid, both, lock, noexec, mine, script} {
		fmt.Printf("--- %s\n", filepath.Base(p))
		asUser(p, "report")
	}
	fmt.Println("--- no new privileges")
	asUser(plain, "nonew", both)
	fmt.Println("--- through an ordinary program")
	asUser(both, "again", plain)
	fmt.Println("--- from one to another")
	asUser(suid, "again", sgid)
	fmt.Println("--- dropped and taken back")
	asUser(suid, "drop")
	fmt.Println("--- looking into it")
	asUser(plain, "peek", suid)

	// Who may write the file, but is not its owner, takes the bits away.
	fmt.Println("--- written by another")
	runtime.LockOSThread()
	f := must(os.OpenFile(shared, os.O_RDWR, 0))
	var b [1]byte
	must(f.ReadAt(b[:], 0))
	setfsuid(user)
	must(f.WriteAt(b[:], 0))
	setfsuid(0)
	f.Close()
	fmt.Println(must(os.Stat(shared)).Mode())
	asUser(shared, "report")
	check(os.Chmod(shared, 0o755|fs.ModeSetuid))
	asUser(shared, "report")

	fmt.Println("--- nosuid")
	at := filepath.Join(dir, "mount")
	check(os.Mkdir(at, 0o777))
	if err := syscall.Mount("none", at, "tmpfs", syscall.MS_NOSUID, ""); err != nil {
		fmt.Println(err)
		return
	}
	asUser(copyTo(at, "both", 0o755|fs.ModeSetgid|fs.ModeSetuid), "report")
	check(syscall.Unmount(at, 0))
}

// report says who this is.
func report() {
	ruid, euid, suid := getres(syscall.SYS_GETRESUID)
	rgid, egid, sgid := getres(syscall.SYS_GETRESGID)
	fsuid, _, _ := syscall.RawSyscall(syscall.SYS_SETFSUID, ^uintptr(0), 0, 0)
	fsgid, _, _ := syscall.RawSyscall(syscall.SYS_SETFSGID, ^uintptr(0), 0, 0)
	dump, _, _ := syscall.RawSyscall(syscall.SYS_PRCTL, 3, 0, 0)
	groups, _ := syscall.Getgroups()
	fmt.Println("uid", ruid, euid, suid, fsuid, "gid", rgid, egid, sgid, fsgid, "groups", groups, "dumpable", dump)
	exe, err := os.Readlink("/proc/self/exe")
	fmt.Println("secure", auxv(23), "ids", auxv(11), auxv(12), auxv(13), auxv(14), filepath.Base(exe), err)
	fmt.Println("args", len(os.Args), "HOME", os.Getenv("HOME"))
	wd, _ := os.Getwd()
	f, err := os.CreateTemp("/tmp", "owned")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(f.Name())
	st := must(f.Stat()).Sys().(*syscall.Stat_t)
	fmt.Println("in", wd, "makes files of", st.Uid, st.Gid)
}

// setfsuid is the calling thread's alone on Linux.
func setfsuid(id uintptr) { syscall.RawSyscall(syscall.SYS_SETFSUID, id, 0, 0) }

func drop() {
	fmt.Println(syscall.Seteuid(user), os.Geteuid())
	fmt.Println(syscall.Seteuid(owner), os.Geteuid())
	fmt.Println(syscall.Seteuid(0), os.Geteuid())
	fmt.Println(syscall.Kill(1, 0))
	fmt.Println(syscall.Setresuid(user, user, user), os.Geteuid())
	fmt.Println(syscall.Seteuid(owner))
}

// peek looks at what the set-user-id program p shows of itself to its user.
func peek(p string) {
	c := exec.Command(p, "hold")
	in := must(c.StdinPipe())
	ready := must(c.StdoutPipe())
	check(c.Start())
	ready.Read(make([]byte, 1))
	dir := fmt.Sprintf("/proc/%d/", c.Process.Pid)
	for _, name := range []string{"environ", "auxv", "maps"} {
		_, err := os.ReadFile(dir + name)
		fmt.Println(name, errors.Is(err, fs.ErrPermission))
	}
	_, err := os.Readlink(dir + "exe")
	fmt.Println("exe", errors.Is(err, fs.ErrPermission))
	fmt.Println("signal", c.Process.Signal(syscall.Signal(0)))
	in.Close()
	fmt.Println(c.Wait())
}

func getres(n uintptr) (r, e, s uint32) {
	syscall.RawSyscall(n, uintptr(unsafe.Pointer(&r)), uintptr(unsafe.Pointer(&e)), uintptr(unsafe.Pointer(&s)))
	return
}

// getAuxv is the auxiliary vector: /proc/self/auxv cannot be read once the
// process is not dumpable.
//
//go:linkname getAuxv runtime.getAuxv
func getAuxv() []uintptr

func auxv(tag uintptr) uintptr {
	b := getAuxv()
	for ; len(b) >= 2; b = b[2:] {
		if b[0] == tag {
			return b[1]
		}
	}
	return 99
}

func copyTo(dir, name string, mode fs.FileMode) string {
	p := filepath.Join(dir, name)
	check(os.WriteFile(p, must(os.ReadFile("/proc/self/exe")), 0o755))
	check(os.Chown(p, owner, ownerG))
	check(os.Chmod(p, mode))
	return p
}

func asUser(p string, args ...string) {
	c := exec.Command(p, args...)
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: group, Groups: []uint32{7, 8}}}
	c.Env = []string{"HOME=/home/user", "LD_PRELOAD=/tmp/none.so"}
	out(c)
}

func run(p string, args ...string) { out(exec.Command(p, args...)) }

func out(c *exec.Cmd) {
	b, err := c.CombinedOutput()
	fmt.Print(string(b))
	if err != nil {
		s := err.Error()
		if i := strings.LastIndex(s, ": "); i >= 0 {
			s = s[i+2:]
		}
		fmt.Println(s)
	}
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
