// Command linuxapi checks corners of Linux's system calls that programs of other
// people's rest on. It prints what it finds, the same on Linux and on Go42.
package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
)

var sections = []struct {
	name string
	fn   func()
}{
	{"futex", futexes},
	{"waits", waits},
	{"entries", entries},
	{"priorities", func() { start(nil, "priorities").Wait() }},
	{"locks", locks},
	{"names", names},
	{"splices", splices},
	{"maps", maps},
	{"holes", holes},
	{"advice", advice},
	{"locked", func() { start(nil, "locked").Wait() }},
}

func main() {
	runtime.LockOSThread()
	if len(os.Args) > 1 && os.Args[1] == "child" {
		child(os.Args[2:])
		return
	}
	for _, s := range sections {
		if len(os.Args) > 1 && os.Args[1] != s.name {
			continue
		}
		fmt.Println("==", s.name)
		s.fn()
	}
}

// child runs a part that needs a process of its own.
func child(args []string) {
	switch args[0] {
	case "futex":
		futexChild(args[1])
	case "priorities": // a child leads no session, so it can lead a group
		priorities()
	case "locked":
		locked()
	case "lock":
		lockChild()
	case "names":
		namesChild(args[1])
	}
}

// start runs this program as a child; files become its descriptors from 3 on.
func start(files []*os.File, args ...string) *os.Process {
	p, err := os.StartProcess("/proc/self/exe", append([]string{os.Args[0], "child"}, args...),
		&os.ProcAttr{Files: append([]*os.File{os.Stdin, os.Stdout, os.Stderr}, files...)})
	check(err)
	return p
}

func check(err error) {
	if err != nil {
		fmt.Println("unexpected:", err)
		os.Exit(1)
	}
}

// sys makes a call and answers its result and errno's name.
func sys(nr uintptr, a ...uintptr) (uintptr, string) {
	var b [6]uintptr
	copy(b[:], a)
	r, _, e := syscall.Syscall6(nr, b[0], b[1], b[2], b[3], b[4], b[5])
	if e != 0 {
		return 0, e.Error()
	}
	return r, "ok"
}
