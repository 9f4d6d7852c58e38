package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// phase counts what the changing thread has done: it changes once a change of
// the mapping has returned, and again before the next one begins, so that who
// sees the same even number before and after a use has used the page in between.
var phase atomic.Uint64

// stale: a page is made read-only, emptied or unmapped while threads on other
// CPUs read and write it as fast as they can. A write that succeeds within a
// read-only phase, or an old value that is read after it was taken away, went
// through a translation that should have been forgotten.
func stale() {
	rounds := 200
	if runtime.NumCPU() == 1 {
		rounds = 20 // a turn of each thread for each phase
	}
	runtime.GOMAXPROCS(max(4, runtime.NumCPU()))
	// Between two pages that stay: nothing else that is mapped meanwhile, the Go
	// runtime's memory say, fits where the page is missing.
	p, _, e := syscall.RawSyscall6(syscall.SYS_MMAP, 0, 3*4096, syscall.PROT_NONE, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0), 0)
	if e != 0 {
		check(e)
	}
	p += 4096
	if _, _, e := syscall.RawSyscall(syscall.SYS_MPROTECT, p, 4096, syscall.PROT_READ|syscall.PROT_WRITE); e != 0 {
		check(e)
	}
	word := (*uint64)(*(*unsafe.Pointer)(unsafe.Pointer(&p)))
	const (
		open     = iota // may be read and written
		readOnly        // writes fault
		empty           // reads give 0 until somebody writes, which nobody does then
		gone            // every use faults
		kinds
	)
	var stop atomic.Bool
	var uses, faults, wrong atomic.Uint64
	var wg sync.WaitGroup
	for i := range max(2, runtime.NumCPU()) {
		wg.Go(func() {
			runtime.LockOSThread()
			debug.SetPanicOnFault(true)
			for n := uint64(1); !stop.Load(); n++ {
				before := phase.Load()
				kind := before / 2 % kinds
				var v uint64
				var ok bool
				if i%2 == 0 && kind != empty {
					ok = try(func() { atomic.StoreUint64(word, n) })
				} else {
					ok = try(func() { v = atomic.LoadUint64(word) })
				}
				uses.Add(1)
				if !ok {
					faults.Add(1)
				}
				if before%2 != 0 || phase.Load() != before {
					continue // it was changed meanwhile
				}
				bad := false
				switch kind {
				case open:
					bad = !ok
				case readOnly:
					bad = ok != (i%2 != 0)
				case empty:
					bad = !ok || v != 0
				case gone:
					bad = ok
				}
				if bad && wrong.Add(1) < 10 {
					fmt.Println("FAIL phase", before, "kind", kind, "thread", i, "succeeded", ok, "value", v)
				}
			}
		})
	}
	call := func(nr, a, b, c uintptr) {
		if _, _, e := syscall.RawSyscall6(nr, a, b, c, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_FIXED, ^uintptr(0), 0); e != 0 {
			fmt.Println("FAIL", nr, e)
		}
	}
	spin := func() {
		u := uses.Load()
		for uses.Load() < u+20 {
			runtime.Gosched()
		}
	}
	for range rounds {
		spin() // open
		phase.Add(1)
		call(syscall.SYS_MPROTECT, p, 4096, syscall.PROT_READ)
		phase.Add(1) // read-only
		spin()
		phase.Add(1)
		// The old contents go; it can still not be written, so it stays empty.
		call(syscall.SYS_MADVISE, p, 4096, syscall.MADV_DONTNEED)
		phase.Add(1) // empty
		spin()
		phase.Add(1)
		call(syscall.SYS_MUNMAP, p, 4096, 0)
		phase.Add(1) // gone
		spin()
		phase.Add(1)
		call(syscall.SYS_MMAP, p, 4096, syscall.PROT_READ|syscall.PROT_WRITE)
		phase.Add(1)
	}
	stop.Store(true)
	wg.Wait()
	fmt.Println("uses", uses.Load() > 0, "faults", faults.Load() > 0, "wrong", wrong.Load())
}

// try reports whether f ran without a fault.
func try(f func()) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	f()
	return true
}
