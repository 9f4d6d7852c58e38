// Command bench measures operations of the Linux API for `go42 bench`, on
// Linux and on Go42.
//
// It is Go without the Go runtime's start: the linker's -E names start
// (start_amd64.s) as the entry, so that a measured process has one thread, a
// small address space and no collector, as a C program's has. In exchange the
// code allocates nothing, starts no goroutine, and must not panic. What it
// runs are raw system calls. `go42 bench` builds it with
//
//	go build -ldflags "-E main.start -T 0x40001000"
//
// where -T puts its text where no server's or other program's is.
//
// Usage: bench [-wall] [-steps] [-ms N] [-reps N] [-cat FILE] NAME...
//
// Each operation runs in a process of its own, executed anew, so that none
// sees what another left and a crash is one operation's. Time is the time
// stamp counter (with QEMU's -icount shift=0: instructions), with -wall
// CLOCK_MONOTONIC. With -steps nothing is timed: see steps.go.
//
// Lines on standard output:
//
//	cpus N                          CPUs that programs can use
//	used N                          memory in use, KiB: MemTotal - MemFree
//	begin NAME                      the operation's process starts
//	row NAME per P iters N own O ticks T... [idle I] [ppc C faults F switches S]
//	vdso N, ready NAME, done NAME   with -steps; N is the vDSO's address
//	fail NAME ERRNO WHAT            the operation cannot be done
//	end NAME STATUS                 as wait(2) reports it
//	over                            all are through
//
// T counts a batch of N operations of P parts each. I is idle time in all
// batches together, in nanoseconds: with -icount the clock jumps over it. C, F
// and S are calls to servers, page faults and dispatcher switches in all
// batches, by Go42's kernel. O is the number of the program's own
// instructions in one operation where the program knows it, else -1.
package main

import "unsafe"

// main is reached only when the program was linked without -E.
func main() { panic("bench: build with -ldflags '-E main.start -T 0x40001000'") }

// Set by start.
var (
	initial uintptr    // stack pointer at the entry: argc, argv, envp, auxv
	fakeG   [512]uint8 // what compiled Go takes for its goroutine
	tls     [4]uintptr // FS points at tls[1]
)

func sys(nr, a, b, c uintptr) uintptr
func sys6(nr, a, b, c, d, e, f uintptr) uintptr
func vfork() uintptr
func clone(flags, stack, tid, kind, arg uintptr) uintptr
func ticks() uint64
func mark()
func callC(fn, a, b uintptr) uintptr
func copy64k(dst, src uintptr)
func swap(p *uint32, v uint32) uint32
func handlers() (onSignal, onFault, restorer uintptr)

// Options, and the operation that this process is for.
var (
	wall    bool
	stepped bool
	minTime uint64 = 2e6 // ticks of a batch
	reps           = 3
	current *op
)

// entry is called by start.
func entry() {
	argc := int(*(*uintptr)(ptr(initial)))
	if argc > 2 && same(arg(1), "-op") {
		parse(argc, 2, false)
		one()
	}
	first := parse(argc, 1, true)
	var mask [16]uintptr
	n := 0
	if int(sys(sysSchedGetaffinity, 0, unsafe.Sizeof(mask), addr(&mask))) > 0 {
		for _, w := range mask {
			for ; w != 0; w &= w - 1 {
				n++
			}
		}
	}
	out.str("cpus ").num(n).end()
	used()
	for i := first; i < argc; i++ {
		drive(i, first)
	}
	out.str("over").end()
	exit(0)
}

// parse reads the options from argument i on and returns the index of the
// first name.
func parse(argc, i int, first bool) int {
	for ; i < argc; i++ {
		switch a := arg(i); {
		case same(a, "-wall"):
			wall = true
		case same(a, "-steps"):
			stepped = true
		case same(a, "-ms"):
			i++
			minTime = uint64(number(arg(i))) * 1e6
		case same(a, "-cat"):
			i++
			if first {
				cat(arg(i))
			}
		case same(a, "-reps"):
			i++
			reps = min(number(arg(i)), maxReps)
		default:
			return i
		}
	}
	return i
}

// args is what execve gets.
var args [16]uintptr

// drive runs the operation named by argument i in a process.
func drive(i, first int) {
	out.str("begin ").cstr(arg(i)).end()
	n := 0
	put := func(p uintptr) { args[n] = p; n++ }
	put(arg(0))
	put(cstring("-op\x00"))
	for j := 1; j < first; j++ {
		put(arg(j))
	}
	put(arg(i))
	put(0)
	pid := sys(sysFork, 0, 0, 0)
	if pid == 0 {
		e := sys(sysExecve, arg(0), addr(&args), environment())
		failed(e, "execve of itself\x00")
	}
	var status uint32
	for {
		got := sys6(sysWait4, pid, addr(&status), 0, 0, 0, 0)
		if got == pid {
			break
		}
		if bad(got) && got != ^uintptr(eintr-1) {
			status = 0xffff
			break
		}
	}
	out.str("end ").cstr(arg(i)).str(" ").num(int(status)).end()
}

// one is a process that measures the operation named by the last argument.
func one() {
	argc := int(*(*uintptr)(ptr(initial)))
	name := arg(argc - 1)
	for i := range ops {
		if !same(name, ops[i].name) {
			continue
		}
		current = &ops[i]
		if current.setup != nil {
			current.setup(current.arg)
		}
		switch {
		case stepped:
			steps()
		case current.phases != nil:
			current.phases()
		default:
			batches()
		}
		if current.stop != nil {
			current.stop()
		}
		exit(0)
	}
	out.str("fail ").cstr(name).str(" 0 no such operation").end()
	exit(1)
}

// now is the time in ticks.
func now() uint64 {
	if !wall {
		return ticks()
	}
	var ts [2]uint64
	sys(sysClockGettime, 1, addr(&ts), 0)
	return ts[0]*1e9 + ts[1]
}

// cat prints a file.
func cat(name uintptr) {
	fd := sys(sysOpen, name, 0, 0)
	if bad(fd) {
		return
	}
	for {
		n := sys(sysRead, fd, addr(&scratch), uintptr(len(scratch)))
		if bad(n) || n == 0 {
			break
		}
		sys(sysWrite, 1, addr(&scratch), n)
	}
	sys(sysClose, fd, 0, 0)
}

// used reads the first two lines of /proc/meminfo, MemTotal and MemFree.
func used() {
	fd := sys(sysOpen, cstring("/proc/meminfo\x00"), 0, 0)
	if bad(fd) {
		return
	}
	n := sys(sysRead, fd, addr(&scratch), 4096)
	sys(sysClose, fd, 0, 0)
	if bad(n) {
		return
	}
	var v [2]int
	at, line := 0, 0
	for ; at < int(n) && line < 2; at++ {
		switch c := scratch[at]; {
		case c == '\n':
			line++
		case c >= '0' && c <= '9':
			v[line] = v[line]*10 + int(c-'0')
		}
	}
	out.str("used ").num(v[0] - v[1]).end()
}
