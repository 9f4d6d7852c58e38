package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// tasks: /proc shows the threads of this process and of another.
func tasks() {
	end := make(chan bool)
	lookAt(os.Getpid(), workers(func() { <-end }))
	close(end)

	c := exec.Command("/proc/self/exe", "child", "tasks")
	in, err := c.StdinPipe()
	check(err)
	out, err := c.StdoutPipe()
	check(err)
	check(c.Start())
	b := make([]byte, 256)
	n, err := out.Read(b)
	check(err)
	var tids []int
	for _, s := range strings.Fields(string(b[:n])) {
		t, err := strconv.Atoi(s)
		check(err)
		tids = append(tids, t)
	}
	lookAt(c.Process.Pid, tids)
	in.Close()
	check(c.Wait())
}

// tasksChild shows its threads to tasks.
func tasksChild() {
	stdin := func() { os.Stdin.Read(make([]byte, 1)) }
	fmt.Println(strings.Trim(fmt.Sprint(workers(stdin)), "[]"))
	stdin()
	os.Exit(0)
}

// workers starts threads with names, which then call wait, and answers their ids.
func workers(wait func()) []int {
	tids := make([]int, 5)
	begun := make(chan bool)
	go each(len(tids), func(i int) {
		name := append([]byte(fmt.Sprint("worker ", i)), 0)
		syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0)
		tids[i] = syscall.Gettid()
		begun <- true
		wait()
	})
	for range tids {
		<-begun
	}
	return tids
}

// lookAt looks for the workers with these ids in process n.
func lookAt(n int, tids []int) {
	pid := strconv.Itoa(n)
	dir := "/proc/" + pid
	var seen []int
	for try := 0; ; try++ { // threads come and go in a Go program
		seen = seen[:0]
		l, err := os.ReadDir(dir + "/task")
		check(err)
		for _, e := range l {
			n, err := strconv.Atoi(e.Name())
			check(err)
			seen = append(seen, n)
		}
		number := field(dir+"/status", "Threads")
		if number == strconv.Itoa(len(seen)) {
			break
		}
		if try == 100 {
			fail("Threads:", number, "of", len(seen))
		}
	}
	for i, tid := range tids {
		if !slices.Contains(seen, tid) {
			fail("no", tid, "in", seen)
		}
		task := filepath.Join(dir, "task", strconv.Itoa(tid))
		name := fmt.Sprint("worker ", i)
		if b, err := os.ReadFile(task + "/comm"); err != nil || string(b) != name+"\n" {
			fail(tid, "comm", string(b), err)
		}
		b, err := os.ReadFile(task + "/stat")
		check(err)
		if want := fmt.Sprintf("%d (%s) ", tid, name); !bytes.HasPrefix(b, []byte(want)) {
			fail(tid, "stat", string(b))
		}
		if s := strings.Fields(string(b[bytes.LastIndexByte(b, ')'):])); s[1] != "S" && s[1] != "R" && s[1] != "D" {
			fail(tid, "state", s[1])
		}
		for key, want := range map[string]string{"Name": name, "Pid": strconv.Itoa(tid), "Tgid": pid} {
			if got := field(task+"/status", key); got != want {
				fail(tid, key, got)
			}
		}
		if a, b := read(task+"/cmdline"), read(dir+"/cmdline"); a != b {
			fail(tid, "cmdline", a, b)
		}
		if b := read("/proc/" + strconv.Itoa(tid) + "/comm"); b != name+"\n" {
			fail(tid, "by its id alone", b)
		}
	}
}

func read(name string) string {
	b, err := os.ReadFile(name)
	check(err)
	return string(b)
}

func field(name, key string) string {
	for _, l := range strings.Split(read(name), "\n") {
		if k, v, ok := strings.Cut(l, ":"); ok && k == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
