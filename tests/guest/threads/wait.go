package main

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	futexWait    = 0 | 128
	futexWake    = 1 | 128
	futexRequeue = 4 | 128 // FUTEX_CMP_REQUEUE
)

func wait(p *uint32, v uint32, d time.Duration) syscall.Errno {
	var ts *syscall.Timespec
	if d > 0 {
		t := syscall.NsecToTimespec(int64(d))
		ts = &t
	}
	_, _, e := syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(p)), futexWait, uintptr(v), uintptr(unsafe.Pointer(ts)), 0, 0)
	return e
}

func wake(p *uint32, n int) int {
	r, _, e := syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(p)), futexWake, uintptr(n), 0, 0, 0)
	if e != 0 {
		fail("futex wake:", e)
	}
	return int(r)
}

// pingpong: 32 pairs of threads hand a word to and fro.
func pingpong() {
	const rounds = 300
	words := make([][16]uint32, 32)
	each(64, func(i int) {
		p := &words[i/2][0]
		me := uint32(i % 2)
		for range rounds {
			for {
				v := atomic.LoadUint32(p)
				if v == me {
					break
				}
				if e := wait(p, v, 0); e != 0 && e != syscall.EAGAIN && e != syscall.EINTR {
					fail("futex wait:", e)
				}
			}
			atomic.StoreUint32(p, 1-me)
			wake(p, 1)
		}
	})
}

// lock is a mutex on a futex, as C libraries have it: 2 if somebody may wait.
type lock struct{ v uint32 }

func (l *lock) lock() {
	if atomic.CompareAndSwapUint32(&l.v, 0, 1) {
		return
	}
	for atomic.SwapUint32(&l.v, 2) != 0 {
		if e := wait(&l.v, 2, 0); e != 0 && e != syscall.EAGAIN && e != syscall.EINTR {
			fail("futex wait:", e)
		}
	}
}

func (l *lock) unlock() {
	if atomic.SwapUint32(&l.v, 0) == 2 {
		wake(&l.v, 1)
	}
}

// mutexes: many threads, few locks, counters that only hold if they exclude.
func mutexes() {
	const threads, rounds = 24, 400
	var locks [4]lock
	var counts [4]int
	each(threads, func(i int) {
		for k := range rounds {
			j := (i + k) % len(locks)
			locks[j].lock()
			counts[j]++
			if k%16 == 0 {
				spin(500)
			}
			locks[j].unlock()
		}
	})
	if n := counts[0] + counts[1] + counts[2] + counts[3]; n != threads*rounds {
		fail("mutexes:", n, "of", threads*rounds)
	}
}

// conditions: waiters with timeouts beside wakes and requeues: every wake reaches
// somebody, and every waiter ends.
func conditions() {
	var a, b uint32
	var woken, timedOut, ended int32
	const waiters = 16
	stop := make(chan bool)
	go func() {
		for {
			select {
			case <-stop:
				close(stop)
				return
			default:
			}
			v := atomic.AddUint32(&a, 1)
			wake(&a, 2)
			syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(&a)), futexRequeue, 1, 1, uintptr(unsafe.Pointer(&b)), uintptr(v))
			wake(&b, 1)
			spin(300)
		}
	}()
	each(waiters, func(i int) {
		for k := range 100 {
			switch wait(&a, atomic.LoadUint32(&a), time.Duration(1+(i*7+k)%40)*20*time.Microsecond) {
			case 0:
				atomic.AddInt32(&woken, 1)
			case syscall.ETIMEDOUT:
				atomic.AddInt32(&timedOut, 1)
			}
		}
		atomic.AddInt32(&ended, 1)
	})
	stop <- true
	<-stop
	if ended != waiters {
		fail("conditions:", ended, woken, timedOut)
	}
}
