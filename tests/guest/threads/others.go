package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// comeAndGo: threads end and begin while others run.
func comeAndGo() {
	each(6, func(int) {
		for range 40 {
			done := make(chan bool)
			go func() {
				runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
				spin(100)
				close(done)
			}()
			<-done
		}
	})
}

// signals: threads that run, sleep and wait get signals from each other.
func signals() {
	c := make(chan os.Signal, 4096)
	signal.Notify(c, syscall.SIGUSR1)
	defer signal.Stop(c)
	var got atomic.Int64
	stop := make(chan bool)
	go func() {
		for {
			select {
			case <-c:
				got.Add(1)
			case <-stop:
				return
			}
		}
	}()
	const threads, rounds = 8, 60
	var tids [threads]atomic.Int64
	var ended atomic.Int64
	pid := syscall.Getpid()
	each(threads, func(i int) {
		tids[i].Store(int64(syscall.Gettid()))
		for k := range rounds {
			// All stay until the last is through: thread ids are not used again.
			if to := tids[(i+k)%threads].Load(); to != 0 {
				check(syscall.Tgkill(pid, int(to), syscall.SIGUSR1))
			}
			switch k % 3 {
			case 0:
				spin(3000)
			case 1:
				time.Sleep(20 * time.Microsecond)
			}
		}
		for ended.Add(1); ended.Load() < threads; {
			spin(1000)
			runtime.Gosched()
		}
	})
	// Instances of one signal for one thread merge; one at least must come.
	for t0 := time.Now(); got.Load() == 0; {
		if time.Since(t0) > time.Minute {
			fail("no signal has come")
		}
		time.Sleep(time.Millisecond)
	}
	close(stop)
}

// preemption: Go's collector stops threads that run without a call by signals;
// one that did not come would hold it for ever.
func preemption() {
	var end atomic.Bool
	var n atomic.Int64
	for range 6 {
		go func() {
			for !end.Load() {
				spin(100000)
			}
			n.Add(1)
		}()
	}
	for range 8 {
		t0 := time.Now()
		runtime.GC()
		if d := time.Since(t0); d > 2*time.Minute {
			fail("a collection took", d)
		}
	}
	end.Store(true)
	for n.Load() < 6 {
		time.Sleep(time.Millisecond)
	}
}

// timers: sleeps are never short, whichever dispatcher began and ended them.
func timers() {
	each(24, func(i int) {
		for k := range 30 {
			d := time.Duration(1+(i*13+k*7)%50) * 40 * time.Microsecond
			ts := syscall.NsecToTimespec(int64(d))
			t0 := time.Now()
			err := syscall.Nanosleep(&ts, nil)
			if took := time.Since(t0); err == nil && took < d {
				fail("slept", took, "instead of", d)
			} else if took > 2*time.Minute {
				fail("overslept:", took)
			}
		}
	})
}

const getcpu = 309

// affinity: a thread that asks for a CPU is there when the call returns.
func affinity() {
	var all, old uint64
	_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, 8, uintptr(unsafe.Pointer(&all)))
	if e != 0 || all == 0 {
		fail("sched_getaffinity:", e)
	}
	each(8, func(i int) {
		old = all
		for k := range 40 {
			cpu := (i + k) % 64
			for all>>cpu&1 == 0 {
				cpu = (cpu + 1) % 64
			}
			m := uint64(1) << cpu
			if _, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, 8, uintptr(unsafe.Pointer(&m))); e != 0 {
				fail("sched_setaffinity:", e)
			}
			var now uint32
			if syscall.RawSyscall(getcpu, uintptr(unsafe.Pointer(&now)), 0, 0); int(now) != cpu {
				fail("on CPU", now, "instead of", cpu)
			}
			spin(2000)
		}
		if _, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, 8, uintptr(unsafe.Pointer(&old))); e != 0 {
			fail("sched_setaffinity:", e)
		}
	})
	none := uint64(1) << 63
	if _, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, 8, uintptr(unsafe.Pointer(&none))); e != syscall.EINVAL {
		fail("a mask without a CPU:", e)
	}
}

// calls: threads call servers at the same time.
func calls() {
	each(8, func(i int) {
		name := fmt.Sprintf("/tmp/threads-%d", i)
		for k := range 20 {
			b := []byte(strings.Repeat(string(rune('a'+i)), 100+k))
			check(os.WriteFile(name, b, 0o600))
			got, err := os.ReadFile(name)
			check(err)
			if string(got) != string(b) {
				fail(name, "holds something else")
			}
			r, w, err := os.Pipe()
			check(err)
			w.Write(b[:8])
			w.Close()
			var p [16]byte
			if n, _ := r.Read(p[:]); n != 8 {
				fail("pipe gave", n, "bytes")
			}
			r.Close()
		}
		check(os.Remove(name))
	})
}

//go:nosplit
func rawFork() (pid uintptr, e syscall.Errno) {
	pid, _, e = syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
	if e == 0 && pid == 0 {
		for {
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 5, 0, 0)
		}
	}
	return pid, e
}

// forks: from eight threads at once, beside others that work. The child has one
// thread, and makes raw system calls only.
func forks() {
	var end atomic.Bool
	for range 3 {
		go func() {
			for !end.Load() {
				spin(5000)
				syscall.Getppid()
			}
		}()
	}
	each(8, func(int) {
		for range 10 {
			pid, e := rawFork()
			if e != 0 {
				fail("fork:", e)
			}
			if ws := reap(int(pid)); ws != 5<<8 {
				fail("child ended with", uint32(ws))
			}
		}
	})
	end.Store(true)
}

// execs: children with other programs, from eight threads at once.
func execs() {
	each(8, func(i int) {
		for k := range 4 {
			if ws := run("exit", fmt.Sprint(i*4+k)); ws != syscall.WaitStatus(i*4+k)<<8 {
				fail("child ended with", uint32(ws))
			}
		}
	})
}

// execBeside: exec by another thread than the first, while others work.
func execBeside() {
	each(2, func(int) {
		if ws := run("exec", "8"); ws != 7<<8 {
			fail("child ended with", uint32(ws))
		}
	})
}

// exitGroup: a process ends while its threads work.
func exitGroup() {
	each(4, func(i int) {
		for k := range 5 {
			if n := i*5 + k; run("group", fmt.Sprint(n)) != syscall.WaitStatus(n)<<8 {
				fail("exit_group")
			}
		}
	})
}
