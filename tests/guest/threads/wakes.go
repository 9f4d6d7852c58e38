package main

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

// wakes: a thread that sleeps beside eight that compute on its CPU does not wait
// until each of these has had a turn. Counted are the turns that begin while it
// sleeps and waits, not time: about one a sleep; otherwise some four and more.
func wakes() {
	const hogs, sleeps = 8, 40
	var all uint64
	if _, _, e := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, 8, uintptr(unsafe.Pointer(&all))); e != 0 {
		fail("sched_getaffinity:", e)
	}
	one := all & -all
	var end, ready atomic.Bool
	var begun atomic.Int32
	var last, turns atomic.Int64
	each(hogs+1, func(i int) {
		if _, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, 8, uintptr(unsafe.Pointer(&one))); e != 0 {
			fail("sched_setaffinity:", e)
		}
		if begun.Add(1) == hogs+1 {
			ready.Store(true)
		}
		if i < hogs {
			for !end.Load() {
				if last.Load() != int64(i) {
					last.Store(int64(i))
					turns.Add(1)
				}
			}
		} else {
			ts := syscall.NsecToTimespec(2_000_000)
			for !ready.Load() {
				syscall.Nanosleep(&ts, nil)
			}
			for tries := 1; ; tries++ { // what else the machine does may disturb some
				before := turns.Load()
				for range sleeps {
					rest := ts
					syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&rest)), 0, 0)
				}
				n := turns.Load() - before
				note(n, "turns began in", sleeps, "sleeps")
				if n <= 5*sleeps/2 {
					break
				}
				if tries == 10 {
					fail(n, "turns began in", sleeps, "sleeps")
				}
			}
			end.Store(true)
		}
		syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, 8, uintptr(unsafe.Pointer(&all)))
	})
}
