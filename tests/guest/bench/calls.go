package main

import (
	"unsafe"

	"go42/ipc/abi"
)

// Operations that are one or few system calls.

var (
	sink   uint64
	buf4k  [4096]uint8
	x64k   [64 << 10]uint8
	y64k   [64 << 10]uint8
	one1   [8]uint8
	result [512]uint8 // struct stat, struct timeval, struct timespec

	file, small, zero uintptr // descriptors
	smallName         = "/tmp/bench-small\x00"
	fileName          = "/tmp/bench-file\x00"
	function          uintptr // of the vDSO
)

//go:noinline
func cpuLoop(n int) {
	p := &sink
	for range n {
		for j := range uint64(100) {
			*p += j
		}
	}
}

func memcpy64k(n int) {
	for range n {
		copy64k(addr(&x64k), addr(&y64k))
	}
}

func getppid(n int) {
	for range n {
		sys(sysGetppid, 0, 0, 0)
	}
}

func getpid(n int) {
	for range n {
		sys(sysGetpid, 0, 0, 0)
	}
}

func findGettimeofday(int) { find("__vdso_gettimeofday\x00") }
func findClockGettime(int) { find("__vdso_clock_gettime\x00") }

func find(name string) {
	if function = vdso(name); function == 0 {
		die(sysENOSYS, name)
	}
}

func gettimeofdayVDSO(n int) {
	for range n {
		callC(function, addr(&result), 0)
	}
}

func gettimeofday(n int) {
	for range n {
		sys(sysGettimeofday, addr(&result), 0, 0)
	}
}

func clockGettimeVDSO(n int) {
	for range n {
		callC(function, 1, addr(&result))
	}
}

func clockGettime(n int) {
	for range n {
		sys(sysClockGettime, 1, addr(&result), 0)
	}
}

func open(name string, flags uintptr) uintptr {
	return need(sys(sysOpen, cstring(name), flags, 0o600), "open\x00")
}

const (
	oRdonly = 0
	oWronly = 1
	oRdwr   = 2
	oCreat  = 0o100
)

func openZero(int) { zero = open("/dev/zero\x00", oRdonly) }
func openNull(int) { zero = open("/dev/null\x00", oWronly) }

func read1(n int) {
	for range n {
		if r := sys(sysRead, zero, addr(&one1), 1); r != 1 {
			die(r, "read\x00")
		}
	}
}

func write1(n int) {
	for range n {
		if r := sys(sysWrite, zero, addr(&one1), 1); r != 1 {
			die(r, "write\x00")
		}
	}
}

// makeFile makes two files of a page each.
func makeFile(int) {
	file = open(fileName, oCreat|oRdwr)
	small = open(smallName, oCreat|oRdwr)
	for _, fd := range [...]uintptr{file, small} {
		if r := sys(sysWrite, fd, addr(&buf4k), 4096); r != 4096 {
			die(r, "write\x00")
		}
	}
}

func pread1(n int) {
	for range n {
		if r := sys6(sysPread, file, addr(&one1), 1, 0, 0, 0); r != 1 {
			die(r, "pread\x00")
		}
	}
}

func pwrite1(n int) {
	for range n {
		if r := sys6(sysPwrite, file, addr(&one1), 1, 0, 0, 0); r != 1 {
			die(r, "pwrite\x00")
		}
	}
}

func lseek(n int) {
	for i := range n {
		sys(sysLseek, file, uintptr(i&1), 0)
	}
}

func seekRead(n int) {
	for range n {
		sys(sysLseek, small, 0, 0)
		if r := sys(sysRead, small, addr(&buf4k), 4096); r != 4096 {
			die(r, "read\x00")
		}
	}
}

func pwrite4k(n int) {
	for range n {
		if r := sys6(sysPwrite, small, addr(&buf4k), 4096, 0, 0, 0); r != 4096 {
			die(r, "pwrite\x00")
		}
	}
}

func openReadClose(n int) {
	for range n {
		fd := open(smallName, oRdonly)
		if r := sys(sysRead, fd, addr(&buf4k), 4096); r != 4096 {
			die(r, "read\x00")
		}
		sys(sysClose, fd, 0, 0)
	}
}

func openClose(n int) {
	for range n {
		sys(sysClose, open(smallName, oRdonly), 0, 0)
	}
}

func stat(n int) {
	for range n {
		need(sys(sysStat, cstring(smallName), addr(&result), 0), "stat\x00")
	}
}

func fstat(n int) {
	for range n {
		need(sys(sysFstat, file, addr(&result), 0), "fstat\x00")
	}
}

func creatUnlink(n int) {
	const name = "/tmp/bench-new\x00"
	for range n {
		sys(sysClose, open(name, oCreat|oRdwr), 0, 0)
		need(sys(sysUnlink, cstring(name), 0, 0), "unlink\x00")
	}
}

func dupClose(n int) {
	for range n {
		sys(sysClose, need(sys(sysDup, file, 0, 0), "dup\x00"), 0, 0)
	}
}

func yield(n int) {
	for range n {
		sys(sysYield, 0, 0, 0)
	}
}

// ppcUnknown calls the process server with a method that it has not: what a
// call to a server costs when the server does nothing.
func ppcUnknown(n int) {
	var msg abi.Message
	var reply abi.ReturnMessage
	for range n {
		if r := sys6(abi.SysNative+abi.NInvoke, abi.HandleProc, 0xffff, uintptr(unsafe.Pointer(&msg)), uintptr(unsafe.Pointer(&reply)), 0, 0); r == sysENOSYS && !look().known {
			die(r, "not a call of this system\x00")
		}
	}
}

// Signals.

type kernelSigaction struct {
	handler, flags, restorer, mask uintptr
}

const (
	saRestorer = 0x04000000
	saNodefer  = 0x40000000
	sigusr1    = 10
	sigsegv    = 11
	sigusr2    = 12
)

var (
	signals uint64
	page    uintptr
)

func setHandler(sig, handler, flags uintptr) uintptr {
	_, _, restorer := handlers()
	sa := kernelSigaction{handler, flags | saRestorer, restorer, 0}
	return sys6(sysSigaction, sig, addr(&sa), 0, 8, 0, 0)
}

func sigaction(n int) {
	h, _, restorer := handlers()
	sa := kernelSigaction{h, saRestorer, restorer, 0}
	for range n {
		sys6(sysSigaction, sigusr2, addr(&sa), 0, 8, 0, 0)
	}
}

func handleSignal(int) {
	h, _, _ := handlers()
	need(setHandler(sigusr1, h, 0), "sigaction\x00")
}

func signalSelf(n int) {
	pid := sys(sysGetpid, 0, 0, 0)
	seen := signals
	for range n {
		sys(sysKill, pid, sigusr1, 0)
	}
	if signals != seen+uint64(n) {
		die(0, "signals lost\x00")
	}
}

func handleFault(int) {
	_, h, _ := handlers()
	need(setHandler(sigsegv, h, saNodefer), "sigaction\x00")
	page = mmap(4096, protRW, mapPrivate|mapAnon, noFD)
	poke(page, 1)
}

func protFault(n int) {
	for range n {
		sys(sysMprotect, page, 4096, 1)
		poke(page, 1)
	}
}

//go:noinline
func poke(a uintptr, v uint8) { *(*uint8)(ptr(a)) = v }

// poll and select.

var (
	ends [64][2]int32
	pfds [64]struct {
		fd      int32
		events  int16
		revents int16
	}
)

func pipes64(int) {
	for i := range ends {
		need(sys(sysPipe, addr(&ends[i]), 0, 0), "pipe\x00")
	}
}

func poll64(n int) {
	for i := range pfds {
		pfds[i].fd, pfds[i].events = ends[i][0], 1
	}
	for range n {
		sys(sysPoll, addr(&pfds), 64, 0)
	}
}

func select64(n int) {
	var set [16]uint64
	var tv [2]uint64
	for range n {
		top := int32(0)
		set = [16]uint64{}
		for i := range ends {
			fd := ends[i][0]
			set[fd/64&15] |= 1 << (fd % 64)
			top = max(top, fd)
		}
		tv = [2]uint64{}
		sys6(sysSelect, uintptr(top+1), addr(&set), 0, 0, addr(&tv), 0)
	}
}
