package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"
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

const page = 4096

// holes: what is written by way of a mapping is data; a hole as large as no memory is
// punched, and read, without filling memory.
func holes() {
	f, err := os.CreateTemp("/dev/shm", "holes")
	if err != nil {
		f, err = os.CreateTemp("", "holes")
	}
	check(err)
	check(os.Remove(f.Name()))
	const size = 8 << 30
	check(f.Truncate(size))
	m, err := syscall.Mmap(int(f.Fd()), 5<<30, 4*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	check(err)
	m[page] = 1
	seek := func(off int64, how int) {
		at, err := f.Seek(off, how)
		fmt.Println(at, err != nil)
	}
	const data, hole = 3, 4
	seek(0, data)
	seek(5<<30+page, hole)
	seek(0, hole)
	var st syscall.Stat_t
	check(syscall.Fstat(int(f.Fd()), &st))
	fmt.Println("blocks:", st.Blocks)
	b := make([]byte, 1<<20)
	for off := int64(5<<30 - 8<<20); off < 5<<30+8<<20; off += int64(len(b)) {
		_, err := f.ReadAt(b, off)
		check(err)
		for i, c := range b {
			if c != 0 && off+int64(i) != 5<<30+page {
				fmt.Println("byte", off+int64(i), c)
			}
		}
	}
	fmt.Println(syscall.Fallocate(int(f.Fd()), 3, 0, size))
	seek(0, data)
	fmt.Println(m[page])
	m[page] = 2
	seek(0, data)
	fmt.Println(syscall.Fallocate(int(f.Fd()), 0, 0, 1<<45) != nil)
	check(syscall.Fstat(int(f.Fd()), &st))
	fmt.Println("size:", st.Size)
}

// advice: what madvise, msync and mlock answer where they cannot be followed.
func advice() {
	m, err := syscall.Mmap(-1, 0, 4*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	check(err)
	at := func(p int) uintptr { return uintptr(unsafe.Pointer(&m[p*page])) }
	check(syscall.Mprotect(m[page:2*page], syscall.PROT_READ))
	check(syscall.Mprotect(m[2*page:3*page], syscall.PROT_NONE))
	const populateRead, populateWrite = 22, 23
	for p := range 3 {
		_, r := sys(syscall.SYS_MADVISE, at(p), page, populateRead)
		_, w := sys(syscall.SYS_MADVISE, at(p), page, populateWrite)
		_, l := sys(syscall.SYS_MLOCK, at(p), page)
		fmt.Println("page", p, r, w, l)
	}
	_, s := sys(325, at(0), page, 99) // mlock2
	fmt.Println("mlock2:", s)
	_, s = sys(syscall.SYS_MMAP, 0, 1<<46, 3, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0), 0)
	if b, _ := os.ReadFile("/proc/sys/vm/overcommit_memory"); string(b) != "0\n" {
		s = "cannot allocate memory" // a host that is told to refuse nothing
	}
	fmt.Println("more than memory:", s)
	_, s = sys(syscall.SYS_MMAP, 0, 1<<45, 3, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE, ^uintptr(0), 0)
	fmt.Println("not reserved:", s)
	_, s = sys(syscall.SYS_MMAP, 0, 1<<45, 0, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0), 0)
	fmt.Println("no access:", s)
}

// locked: what mlock and its kin count, and what RLIMIT_MEMLOCK refuses to one who is
// not privileged.
func locked() {
	const rlimitMemlock = 8
	lim := syscall.Rlimit{Cur: 16 * page, Max: 1 << 20}
	check(syscall.Setrlimit(rlimitMemlock, &lim))
	if os.Geteuid() == 0 {
		check(syscall.Setuid(1000))
	}
	said := func(name string, e string) {
		b, err := os.ReadFile("/proc/self/status")
		check(err)
		_, lck, _ := strings.Cut(string(b), "VmLck:")
		lck, _, _ = strings.Cut(lck, "\n")
		fmt.Println(name, e, strings.TrimSpace(lck))
	}
	mmap := func(n, flags uintptr) (uintptr, string) {
		return sys(syscall.SYS_MMAP, 0, n*page, 3, syscall.MAP_PRIVATE|syscall.MAP_ANON|flags, ^uintptr(0), 0)
	}
	resident := func(at, n uintptr) (c int) {
		var v [512]byte
		if _, e := sys(syscall.SYS_MINCORE, at, n*page, uintptr(unsafe.Pointer(&v))); e != "ok" {
			fmt.Println("mincore", e)
		}
		for _, x := range v[:n] {
			c += int(x & 1)
		}
		return c
	}
	m, _ := mmap(64, 0)
	try := func(name string, nr uintptr, a ...uintptr) {
		_, e := sys(nr, a...)
		said(name, e)
	}
	try("mlock", syscall.SYS_MLOCK, m, 8*page)
	try("more, half of it again", syscall.SYS_MLOCK, m+4*page, 8*page)
	try("beyond the limit", syscall.SYS_MLOCK, m+12*page, 5*page)
	try("munlock", syscall.SYS_MUNLOCK, m, 2*page)
	try("munmap", syscall.SYS_MUNMAP, m+2*page, page)
	try("up to a hole", syscall.SYS_MLOCK, m+page, 4*page)
	try("munlock up to a hole", syscall.SYS_MUNLOCK, m, 4*page)
	try("MADV_DONTNEED", syscall.SYS_MADVISE, m+4*page, page, syscall.MADV_DONTNEED)
	try("MADV_DONTNEED_LOCKED", syscall.SYS_MADVISE, m+4*page, page, 24)
	try("MADV_FREE", syscall.SYS_MADVISE, m+4*page, page, 8)
	try("MADV_COLD", syscall.SYS_MADVISE, m+4*page, page, 20)
	try("MS_INVALIDATE", syscall.SYS_MSYNC, m+4*page, page, syscall.MS_INVALIDATE)
	try("mprotect", syscall.SYS_MPROTECT, m+4*page, page, syscall.PROT_READ)
	try("mlockall of what there is", syscall.SYS_MLOCKALL, 1)
	try("mlockall of nothing", syscall.SYS_MLOCKALL, 4)
	try("munlockall", syscall.SYS_MUNLOCKALL)
	_, e := mmap(17, syscall.MAP_LOCKED)
	said("MAP_LOCKED beyond the limit", e)
	l, e := mmap(4, syscall.MAP_LOCKED)
	said("MAP_LOCKED", e)
	fmt.Println("resident", resident(l, 4))
	_, e = sys(syscall.SYS_MREMAP, l, 4*page, 17*page, 1)
	said("grown beyond the limit", e)
	l, e = sys(syscall.SYS_MREMAP, l, 4*page, 16*page, 1)
	said("grown", e)
	fmt.Println("resident", resident(l, 16))
	try("munmap", syscall.SYS_MUNMAP, l, 16*page)
	o, _ := mmap(8, 0)
	try("on fault", 325, o, 8*page, 1)
	fmt.Println("resident", resident(o, 8))
	try("munlockall", syscall.SYS_MUNLOCKALL)
	// Nothing that the language does may come between: it would be locked, too.
	_, e1 := sys(syscall.SYS_MLOCKALL, 2)
	f, e2 := mmap(8, 0)
	_, e3 := mmap(17, 0)
	_, e4 := sys(syscall.SYS_MUNLOCKALL)
	fmt.Println("from now on", e1, e2, e3, e4, "resident", resident(f, 8))
	p, _ := mmap(300, syscall.MAP_POPULATE)
	fmt.Println("populated", resident(p, 300))
	lim.Cur = 0
	check(syscall.Setrlimit(rlimitMemlock, &lim))
	try("mlock without a limit", syscall.SYS_MLOCK, m, page)
	try("mlockall", syscall.SYS_MLOCKALL, 1)
	_, e = mmap(1, syscall.MAP_LOCKED)
	said("MAP_LOCKED", e)
	try("munlock", syscall.SYS_MUNLOCK, m, page)
}
