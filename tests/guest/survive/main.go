// Command survive stresses the birth and death of processes and the death of
// servers, and tells what the system lost by it. It needs a debug kernel, whose
// NDebug call counts frames and pool entries and verifies the memory.
//
//	survive leak KIND COUNT   COUNT processes come and go; KIND is in leaks
//	survive hog KIND          takes all it can get of one thing, beside a witness
//	survive server NAME       ends that server in the middle of use
//	survive sleeps            short sleeps beside a witness: each must end
//	survive panic WAY         ends the kernel; ways as in ipc/abi
//	survive log               floods the kernel's log
//	survive witness           file and pipe work until it is killed
//
// Lines that begin with FAIL are failures; "done" is the last line.
package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	if len(os.Args) < 2 {
		os.Exit(2)
	}
	switch os.Args[1] {
	case "leak":
		n, err := strconv.Atoi(os.Args[3])
		check(err)
		leak(os.Args[2], n)
	case "hog":
		hogging(os.Args[2])
	case "server":
		server(os.Args[2])
	case "sleeps":
		sleeps()
	case "witness":
		witness()
	case "panic":
		how, err := strconv.Atoi(os.Args[2])
		check(err)
		_, err = debug(debugPanic, uintptr(how), nil)
		check(err)
	case "log":
		flood()
	case "exit":
		return
	default:
		os.Exit(2)
	}
	fmt.Println("done")
}

func check(err error) {
	if err != nil {
		fail(err)
		os.Exit(1)
	}
}

func fail(args ...any) { fmt.Println(append([]any{"FAIL"}, args...)...) }
