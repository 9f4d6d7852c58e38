package main

import (
	"fmt"
	"os"
	"syscall"
)

// maps: flags that mmap has to refuse.
func maps() {
	f, err := os.CreateTemp("/dev/shm", "maps")
	if err != nil {
		f, err = os.CreateTemp("", "maps")
	}
	check(err)
	check(os.Remove(f.Name()))
	check(f.Truncate(4096))
	const validate, unknown = 3, 1 << 22
	try := func(name string, flags, fd uintptr) {
		_, e := sys(syscall.SYS_MMAP, 0, 4096, syscall.PROT_READ, flags, fd, 0)
		fmt.Println(name, e)
	}
	try("shared:", syscall.MAP_SHARED, f.Fd())
	try("shared, with a flag that does not exist:", syscall.MAP_SHARED|unknown, f.Fd())
	try("validated:", validate, f.Fd())
	try("validated, with old flags:", validate|syscall.MAP_POPULATE|syscall.MAP_NORESERVE, f.Fd())
	try("validated, with a flag that does not exist:", validate|unknown, f.Fd())
	try("validated, of no file:", validate|syscall.MAP_ANON, ^uintptr(0))
}
