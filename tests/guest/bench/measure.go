package main

import (
	"unsafe"

	"go42/ipc/abi"
)

const maxReps = 16

// op is one operation.
type op struct {
	name   string
	run    func(n int) // makes it n times
	arg    int         // of setup
	setup  func(arg int)
	stop   func()
	per    int        // parts of one operation that a figure is for; 0: 1
	slow   bool       // one operation is a batch
	phases func()     // measures by itself
	own    func() int // the program's own instructions in one operation, where -steps would take too long
}

// batches finds how many operations take minTime and measures reps batches.
func batches() {
	o := current
	n := 1
	if o.slow {
		if !wall {
			o.run(1)
		}
	} else {
		for {
			t := now()
			o.run(n)
			t = now() - t
			if t >= minTime/2 {
				if t < minTime {
					n = int(uint64(n)*minTime/t) + 1
				}
				break
			}
			if t < 1e5 {
				n *= 8
			} else {
				n = 2*n + 1
			}
		}
	}
	var t [maxReps]uint64
	count := reps
	if o.slow {
		count = 1
	}
	before := look()
	for i := range count {
		t0 := now()
		o.run(n)
		t[i] = now() - t0
	}
	after := look()
	own := -1
	if o.own != nil && !wall {
		own = o.own()
	}
	row("", n, own, t[:count], &before, &after)
}

// counters are what the system tells of itself.
type counters struct {
	idle                   uint64 // ns
	ppcs, faults, switches uint64
	known                  bool // the last line is Go42's
}

func look() (c counters) {
	var si abi.SysInfo
	if sys(abi.SysNative+abi.NSysInfo, addr(&si), 0, 0) == 0 {
		return counters{si.IdleNS, si.PPCs, si.Faults, si.Switches, true}
	}
	c.idle = linuxIdle()
	return c
}

var scratch [64 << 10]uint8

// linuxIdle adds up the idle_sleeptime of /proc/timer_list.
func linuxIdle() (sum uint64) {
	fd := sys(sysOpen, cstring("/proc/timer_list\x00"), 0, 0)
	if bad(fd) {
		return 0
	}
	n := 0
	for n < len(scratch) {
		got := sys(sysRead, fd, uintptr(unsafe.Pointer(&scratch[n])), uintptr(len(scratch)-n))
		if bad(got) || got == 0 {
			break
		}
		n += int(got)
	}
	sys(sysClose, fd, 0, 0)
	const key = ".idle_sleeptime"
	for i := 0; i+len(key) < n; i++ {
		j := 0
		for j < len(key) && scratch[i+j] == key[j] {
			j++
		}
		if j < len(key) {
			continue
		}
		for i += j; i < n && (scratch[i] < '0' || scratch[i] > '9'); i++ {
		}
		var v uint64
		for ; i < n && scratch[i] >= '0' && scratch[i] <= '9'; i++ {
			v = v*10 + uint64(scratch[i]-'0')
		}
		sum += v
	}
	return sum
}

// row prints what was measured.
func row(suffix string, iters, own int, t []uint64, before, after *counters) {
	out.str("row ").str(current.name).str(suffix).str(" per ").num(max(current.per, 1)).str(" iters ").num(iters).str(" own ").num(own).str(" ticks")
	for _, v := range t {
		out.str(" ").num(int(v))
	}
	if before != nil {
		out.str(" idle ").num(int(after.idle - before.idle))
		if after.known {
			out.str(" ppc ").num(int(after.ppcs - before.ppcs)).str(" faults ").num(int(after.faults - before.faults)).
				str(" switches ").num(int(after.switches - before.switches))
		}
	}
	out.end()
}

// steps runs operations for a host that logs each instruction. For each digit
// on standard input it makes that many operations between two marks. The host
// switches its log on before it sends the digit, and off at done.
func steps() {
	o := current
	if o.run == nil {
		die(sysENOSYS, "no single operation to step through\x00")
	}
	if !o.slow {
		o.run(4)
	}
	out.str("vdso ").num(int(auxiliary(33))).end()
	out.str("ready ").str(o.name).end()
	var c [8]uint8
	for sys(sysRead, 0, addr(&c), 1) == 1 && c[0] != '\n' {
		n := int(c[0] - '0')
		mark()
		o.run(n)
		mark()
		out.str("done ").str(o.name).end()
	}
}
