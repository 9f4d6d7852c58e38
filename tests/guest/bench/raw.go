package main

import "unsafe"

// Numbers of system calls.
const (
	sysRead             = 0
	sysWrite            = 1
	sysOpen             = 2
	sysClose            = 3
	sysStat             = 4
	sysFstat            = 5
	sysPoll             = 7
	sysLseek            = 8
	sysMmap             = 9
	sysMprotect         = 10
	sysMunmap           = 11
	sysBrk              = 12
	sysSigaction        = 13
	sysSigprocmask      = 14
	sysPread            = 17
	sysPwrite           = 18
	sysPipe             = 22
	sysSelect           = 23
	sysYield            = 24
	sysMadvise          = 28
	sysShmget           = 29
	sysShmat            = 30
	sysShmctl           = 31
	sysDup              = 32
	sysDup2             = 33
	sysGetpid           = 39
	sysSocketpair       = 53
	sysFork             = 57
	sysExecve           = 59
	sysWait4            = 61
	sysKill             = 62
	sysShmdt            = 67
	sysFtruncate        = 77
	sysMkdir            = 83
	sysUnlink           = 87
	sysGettimeofday     = 96
	sysGetppid          = 110
	sysSetrlimit        = 160
	sysFutex            = 202
	sysSchedSetaffinity = 203
	sysSchedGetaffinity = 204
	sysClockGettime     = 228
	sysExitGroup        = 231

	sysENOSYS = ^uintptr(38 - 1)
	eintr     = 4
)

func ptr(a uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&a)) }
func addr[T any](p *T) uintptr     { return uintptr(unsafe.Pointer(p)) }

// bad reports whether a system call's result is an error.
func bad(r uintptr) bool { return r > ^uintptr(4095) }

// need ends the process unless r is a success.
func need(r uintptr, what string) uintptr {
	if bad(r) {
		die(r, what)
	}
	return r
}

// die says that the operation cannot be done. what ends in a NUL.
func die(r uintptr, what string) {
	if current == nil {
		exit(1)
	}
	failed(r, what)
}

func failed(r uintptr, what string) {
	e := 0
	if bad(r) {
		e = int(-r)
	}
	out.str("fail ")
	if current != nil {
		out.str(current.name)
	} else {
		out.str("?")
	}
	out.str(" ").num(e).str(" ").str(what[:len(what)-1]).end()
	exit(1)
}

func exit(status int) {
	sys(sysExitGroup, uintptr(status), 0, 0)
	for {
	}
}

// cstring is the address of a string that ends in a NUL.
func cstring(s string) uintptr { return uintptr(unsafe.Pointer(unsafe.StringData(s))) }

// arg is the address of argument i.
func arg(i int) uintptr { return *(*uintptr)(ptr(initial + 8 + uintptr(i)*8)) }

// environment is the address of envp.
func environment() uintptr { return initial + 16 + *(*uintptr)(ptr(initial))*8 }

// auxiliary looks in the auxiliary vector.
func auxiliary(key uintptr) uintptr {
	p := environment()
	for *(*uintptr)(ptr(p)) != 0 {
		p += 8
	}
	for p += 8; *(*uintptr)(ptr(p)) != 0; p += 16 {
		if *(*uintptr)(ptr(p)) == key {
			return *(*uintptr)(ptr(p + 8))
		}
	}
	return 0
}

// same compares the C string at p with s.
func same(p uintptr, s string) bool {
	for i := range len(s) {
		if *(*uint8)(ptr(p + uintptr(i))) != s[i] {
			return false
		}
	}
	return *(*uint8)(ptr(p + uintptr(len(s)))) == 0
}

func number(p uintptr) (n int) {
	for ; *(*uint8)(ptr(p)) != 0; p++ {
		n = n*10 + int(*(*uint8)(ptr(p))-'0')
	}
	return n
}

// line is an output line in the making. What does not fit is cut.
type line struct {
	n int
	b [1024]uint8
}

var out line

func (l *line) byte(c uint8) {
	if l.n < len(l.b)-1 {
		l.b[l.n] = c
		l.n++
	}
}

func (l *line) str(s string) *line {
	for i := range len(s) {
		l.byte(s[i])
	}
	return l
}

func (l *line) cstr(p uintptr) *line {
	for ; *(*uint8)(ptr(p)) != 0; p++ {
		l.byte(*(*uint8)(ptr(p)))
	}
	return l
}

func (l *line) num(v int) *line {
	if v < 0 {
		l.byte('-')
		v = -v
	}
	var d [20]uint8
	i := len(d)
	for {
		i--
		d[i] = '0' + uint8(v%10)
		if v /= 10; v == 0 {
			break
		}
	}
	for ; i < len(d); i++ {
		l.byte(d[i])
	}
	return l
}

// end writes the line.
func (l *line) end() {
	l.b[l.n] = '\n'
	sys(sysWrite, 1, addr(&l.b), uintptr(l.n+1))
	l.n = 0
}
