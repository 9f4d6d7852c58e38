package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// names: what readlink says of no name, and getcwd of a directory outside the root.
func names() {
	dir, err := os.MkdirTemp("", "names")
	check(err)
	defer os.RemoveAll(dir)
	check(os.Chdir(dir))
	var b [4096]byte
	empty := []byte{0}
	for _, d := range []int{-100, -1} {
		_, e := sys(syscall.SYS_READLINKAT, uintptr(d), uintptr(unsafe.Pointer(&empty[0])), uintptr(unsafe.Pointer(&b[0])), 100)
		fmt.Println("readlink of nothing:", e)
	}
	check(os.Mkdir("root", 0o755))
	if os.Getuid() != 0 {
		return // both systems run this as root
	}
	start(nil, "names", dir).Wait()
}

func namesChild(dir string) {
	check(os.Chdir(dir))
	fmt.Println("chroot:", syscall.Chroot("root"))
	var b [4096]byte
	n, e := sys(syscall.SYS_GETCWD, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	prefix := "(unreachable)/"
	fmt.Println("getcwd:", e, n > 1 && string(b[:len(prefix)]) == prefix)
	fmt.Println("chdir:", syscall.Chdir("/"))
	n, e = sys(syscall.SYS_GETCWD, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	fmt.Println("getcwd:", e, string(b[:n]))
}
