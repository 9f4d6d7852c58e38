package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// splices: calls that move data into a pipe take what it has room for.
func splices() {
	var p [2]int
	check(syscall.Pipe(p[:]))
	big := make([]byte, 128<<10)
	v := syscall.Iovec{Base: &big[0], Len: uint64(len(big))}
	vmsplice := func(flags uintptr) {
		n, e := sys(syscall.SYS_VMSPLICE, uintptr(p[1]), uintptr(unsafe.Pointer(&v)), 1, flags)
		fmt.Println("vmsplice:", n, e)
	}
	vmsplice(0)
	vmsplice(2) // SPLICE_F_NONBLOCK
	n, err := syscall.Read(p[0], big)
	fmt.Println("read:", n, err)

	f, err := os.CreateTemp("", "splices")
	check(err)
	check(os.Remove(f.Name()))
	_, err = f.Write(big)
	check(err)
	off := int64(0)
	moved, err := syscall.Splice(int(f.Fd()), &off, p[1], nil, 1<<20, 0)
	fmt.Println("splice:", moved, err, off)
	_, err = syscall.Splice(int(f.Fd()), &off, p[1], nil, 1<<20, 2)
	fmt.Println("splice:", err, off)

	// sendfile's offset has to be writable, even if nothing is sent.
	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	check(err)
	empty, err := os.CreateTemp("", "splices")
	check(err)
	check(os.Remove(empty.Name()))
	_, e := sys(syscall.SYS_SENDFILE, f.Fd(), empty.Fd(), uintptr(unsafe.Pointer(&page[0])), 1)
	fmt.Println("sendfile:", e)

	for clock := range 13 {
		var none syscall.Timespec
		if clock == 2 || clock == 8 || clock == 9 || clock == 10 || clock == 12 {
			continue // the process's time; alarms, which not every machine has; no clocks
		}
		_, e := sys(syscall.SYS_CLOCK_NANOSLEEP, uintptr(clock), 0, uintptr(unsafe.Pointer(&none)), 0)
		fmt.Println("clock_nanosleep by clock", clock, e)
	}
}
