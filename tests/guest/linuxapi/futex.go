package main

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	futexWait       = 0
	futexWake       = 1
	futexCmpRequeue = 4
	futexWaitBitset = 9
	futexWakeBitset = 10
)

// Words of the page that parent and children share.
const (
	wGate   = iota // what is waited for
	wSecond        // where waiters are moved to
	wRobust        // a robust mutex
	wWords
)

func mapWords(fd uintptr) *[wWords]uint32 {
	b, err := syscall.Mmap(int(fd), 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	check(err)
	return (*[wWords]uint32)(unsafe.Pointer(&b[0]))
}

func futex(w *uint32, op, val uintptr, timeout *syscall.Timespec, w2 *uint32, val3 uintptr) (uintptr, string) {
	for {
		r, e := sys(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(w)), op, val, uintptr(unsafe.Pointer(timeout)), uintptr(unsafe.Pointer(w2)), val3)
		if e != syscall.EINTR.Error() { // by the end of a child
			return r, e
		}
	}
}

// wakeUntil wakes until n have been woken in all, and says so.
func wakeUntil(w *uint32, op uintptr, n int, mask uintptr) {
	total := 0
	for end := time.Now().Add(100 * time.Second); total < n && time.Now().Before(end); {
		r, e := futex(w, op, 1, nil, nil, mask)
		if e != "ok" {
			fmt.Println("wake:", e)
			return
		}
		total += int(r)
		time.Sleep(time.Millisecond)
	}
	fmt.Println("woken:", total)
}

// futexes: words in shared memory, and the counts that a wake answers.
func futexes() {
	f, err := os.CreateTemp("", "futex")
	check(err)
	check(os.Remove(f.Name()))
	check(f.Truncate(4096))
	w := mapWords(f.Fd())
	done := func(ps ...*os.Process) {
		for _, p := range ps {
			s, err := p.Wait()
			check(err)
			fmt.Println("child:", s)
		}
	}
	r, e := futex(&w[wGate], futexWake, 5, nil, nil, 0)
	fmt.Println("wake nobody:", r, e)
	_, e = futex(&w[wGate], futexWait, 1, nil, nil, 0)
	fmt.Println("wait for another value:", e)
	_, e = futex(&w[wGate], futexWait, 0, &syscall.Timespec{Nsec: 3e6}, nil, 0)
	fmt.Println("wait with timeout:", e)

	files := []*os.File{f}
	a, b, c := start(files, "futex", "gate"), start(files, "futex", "gate"), start(files, "futex", "gate")
	wakeUntil(&w[wGate], futexWake, 3, 0)
	done(a, b, c)

	a = start(files, "futex", "bit")
	r, e = futex(&w[wGate], futexWakeBitset, 5, nil, nil, 1)
	fmt.Println("other bit:", r, e)
	wakeUntil(&w[wGate], futexWakeBitset, 1, 2)
	done(a)

	// One is moved: a wake of the first word finds nobody any more.
	a = start(files, "futex", "gate")
	for {
		// How many are to be moved stands where the timeout does.
		r, _, errno := syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(&w[wGate])), futexCmpRequeue, 0, 1, uintptr(unsafe.Pointer(&w[wSecond])), 0)
		if errno != 0 {
			fmt.Println("requeue:", errno)
			return
		}
		if r == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	r, e = futex(&w[wGate], futexWake, 1, nil, nil, 0)
	fmt.Println("first word:", r, e)
	r, e = futex(&w[wSecond], futexWake, 1, nil, nil, 0)
	fmt.Println("second word:", r, e)
	done(a)

	// A child that ends while it holds a robust mutex.
	done(start(files, "futex", "robust"))
	fmt.Printf("owner died: %v\n", atomic.LoadUint32(&w[wRobust])&0x40000000 != 0)
	done(start(files, "futex", "killed"))
	fmt.Printf("owner died: %v\n", atomic.LoadUint32(&w[wRobust])&0x40000000 != 0)
}

func futexChild(what string) {
	w := mapWords(3)
	switch what {
	case "gate":
		if _, e := futex(&w[wGate], futexWait, 0, nil, nil, 0); e != "ok" {
			fmt.Println("waited:", e)
		}
	case "bit":
		if _, e := futex(&w[wGate], futexWaitBitset, 0, nil, nil, 2); e != "ok" {
			fmt.Println("waited:", e)
		}
	case "robust", "killed":
		var list struct {
			next    *uintptr
			offset  uintptr
			pending uintptr
		}
		node := new(uintptr)
		*node = uintptr(unsafe.Pointer(&list))
		list.next = node
		list.offset = uintptr(unsafe.Pointer(&w[wRobust])) - uintptr(unsafe.Pointer(node))
		atomic.StoreUint32(&w[wRobust], uint32(syscall.Gettid()))
		_, e := sys(syscall.SYS_SET_ROBUST_LIST, uintptr(unsafe.Pointer(&list)), 24)
		fmt.Println("robust list:", e)
		if what == "killed" { // Go's runtime restores what SIGTERM does by default, and raises it
			syscall.Kill(syscall.Getpid(), syscall.SIGTERM)
			time.Sleep(time.Minute)
		}
		syscall.Exit(3)
	}
}
