package main

import (
	"fmt"
	"math/rand"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

// regions: threads map memory, fill it and unmap it, some of it so large that the
// kernel needs several steps. Each finds its own as it has left it: what one step
// has freed may become another thread's, and the next step must leave that alone.
func regions() {
	const threads, rounds = 4, 60
	runtime.GOMAXPROCS(threads)
	var wg sync.WaitGroup
	for id := range threads {
		wg.Go(func() {
			runtime.LockOSThread()
			r := rand.New(rand.NewSource(int64(id)))
			for range rounds {
				pages := 1 + r.Intn(800)
				if r.Intn(2) == 0 {
					pages = 800 + r.Intn(1500)
				}
				n := uintptr(pages) * 4096
				p, _, e := syscall.Syscall6(syscall.SYS_MMAP, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0), 0)
				if e != 0 {
					check(e)
				}
				words := unsafe.Slice((*uint64)(*(*unsafe.Pointer)(unsafe.Pointer(&p))), n/8)
				mine := func(i int) uint64 { return uint64(id)<<32 | uint64(i) }
				for i := range pages {
					words[i*512] = mine(i)
				}
				for i := range pages {
					if x := words[i*512]; x != mine(i) {
						fmt.Printf("FAIL thread %d, page %d of %d: %#x\n", id, i, pages, x)
					}
				}
				if _, _, e := syscall.Syscall(syscall.SYS_MUNMAP, p, n, 0); e != 0 {
					check(e)
				}
			}
		})
	}
	wg.Wait()
	fmt.Println("mapped", threads*rounds)
}
