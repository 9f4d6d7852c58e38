package main

// Operations with several processes or threads.

// Where the token goes out and comes back.
var (
	toPeer, fromPeer uintptr
	peer             uintptr
)

func pipePair(p *[2]int32) { need(sys(sysPipe, addr(p), 0, 0), "pipe\x00") }

func socketPair(p *[2]int32) {
	need(sys6(sysSocketpair, 1, 1, 0, addr(p), 0, 0), "socketpair\x00")
}

func fork() uintptr { return need(sys(sysFork, 0, 0, 0), "fork\x00") }

func wait(pid uintptr) (status uint32) {
	need(sys6(sysWait4, pid, addr(&status), 0, 0, 0, 0), "wait4\x00")
	return status
}

func closeFD(fd int32) { sys(sysClose, uintptr(fd), 0, 0) }

// relay passes bytes on until the end of file.
func relay(r, w uintptr) {
	for sys(sysRead, r, addr(&one1), 1) == 1 {
		if sys(sysWrite, w, addr(&one1), 1) != 1 {
			break
		}
	}
	exit(0)
}

func pipeSelf(int) {
	var p [2]int32
	pipePair(&p)
	toPeer, fromPeer = uintptr(p[1]), uintptr(p[0])
}

func pipePeer(int) {
	var there, back [2]int32
	pipePair(&there)
	pipePair(&back)
	if peer = fork(); peer == 0 {
		closeFD(there[1])
		closeFD(back[0])
		relay(uintptr(there[0]), uintptr(back[1]))
	}
	closeFD(there[0])
	closeFD(back[1])
	toPeer, fromPeer = uintptr(there[1]), uintptr(back[0])
}

func socketPeer(int) {
	var p [2]int32
	socketPair(&p)
	if peer = fork(); peer == 0 {
		closeFD(p[0])
		relay(uintptr(p[1]), uintptr(p[1]))
	}
	closeFD(p[1])
	toPeer, fromPeer = uintptr(p[0]), uintptr(p[0])
}

func pinnedPeer(int) {
	pin()
	pipePeer(0)
}

func stopPeer() {
	sys(sysClose, toPeer, 0, 0)
	if fromPeer != toPeer {
		sys(sysClose, fromPeer, 0, 0)
	}
	wait(peer)
}

func pin() {
	mask := uintptr(1)
	sys(sysSchedSetaffinity, 0, 8, addr(&mask))
}

func pingPong(n int) {
	for range n {
		if r := sys(sysWrite, toPeer, addr(&one1), 1); r != 1 {
			die(r, "write\x00")
		}
		if r := sys(sysRead, fromPeer, addr(&one1), 1); r != 1 {
			die(r, "read\x00")
		}
	}
}

// bandwidth moves 16 MiB by pieces of 64 KiB; a piece is a part.
func bandwidth() {
	const pieces = 256
	var t [maxReps]uint64
	before := look()
	for i := range reps {
		pid := writer(pieces)
		got := uintptr(0)
		start := now()
		for {
			r := sys(sysRead, fromPeer, addr(&y64k), 64<<10)
			if r == 0 {
				break
			}
			got += need(r, "read\x00")
		}
		t[i] = now() - start
		sys(sysClose, fromPeer, 0, 0)
		wait(pid)
		if got != pieces*64<<10 {
			die(0, "bytes lost\x00")
		}
	}
	after := look()
	row("", pieces, -1, t[:reps], &before, &after)
}

var stream [2]int32

// writer starts a process that writes n pieces to be read from fromPeer.
func writer(n int) uintptr {
	if current.arg == overSocket {
		socketPair(&stream)
	} else {
		pipePair(&stream)
	}
	pid := fork()
	if pid == 0 {
		closeFD(stream[0])
		for range n {
			if sys(sysWrite, uintptr(stream[1]), addr(&x64k), 64<<10) != 64<<10 {
				exit(1)
			}
		}
		exit(0)
	}
	closeFD(stream[1])
	fromPeer = uintptr(stream[0])
	return pid
}

const (
	overPipe = iota
	overSocket
)

// readPieces is what -steps looks at of bandwidth.
func readPieces(n int) {
	if fromPeer == 0 {
		writer(1 << 30)
	}
	for got := uintptr(0); got < uintptr(n)*64<<10; {
		got += need(sys(sysRead, fromPeer, addr(&y64k), 64<<10), "read\x00")
	}
}

// pipeRing connects n processes, this one included, in a ring of pipes.
func pipeRing(n int) {
	pin()
	var p [16][2]int32
	for i := range n {
		pipePair(&p[i])
	}
	for i := 1; i < n; i++ {
		if fork() != 0 {
			continue
		}
		for j := range n {
			if j != i-1 {
				closeFD(p[j][0])
			}
			if j != i {
				closeFD(p[j][1])
			}
		}
		relay(uintptr(p[i-1][0]), uintptr(p[i][1]))
	}
	for j := range n {
		if j != n-1 {
			closeFD(p[j][0])
		}
		if j != 0 {
			closeFD(p[j][1])
		}
	}
	toPeer, fromPeer = uintptr(p[0][1]), uintptr(p[n-1][0])
}

// Threads.

const (
	kindFutex = iota
	kindYield
	kindNothing

	threadFlags   = 0x7d0f00 &^ 0x80000 // as a C library makes threads, but for the thread's FS
	threadStack   = 128 << 10
	threadGuard   = 8 << 10
	futexWaitPriv = 128
	futexWakePriv = 129
)

var (
	slots   [16][16]uint32 // a cache line for each thread's futex
	threads int
	tid     uint32
)

// threadMain is what clone's thread runs.
func threadMain(kind, arg uintptr) {
	switch kind {
	case kindFutex:
		for {
			futexWait(int(arg))
			futexWake((int(arg) + 1) % threads)
		}
	case kindYield:
		for {
			sys(sysYield, 0, 0, 0)
		}
	case kindNothing:
		var mask uintptr
		sys6(sysSigprocmask, 2, addr(&mask), 0, 8, 0, 0)
	}
}

func startThread(kind, arg uintptr) {
	stack := mmap(threadStack, protRW, mapPrivate|mapAnon, noFD)
	need(clone(threadFlags&^0x300000, stack+threadStack, addr(&tid), kind, arg), "clone\x00")
}

func futexWait(i int) {
	f := &slots[i][0]
	for swap(f, 0) == 0 {
		sys6(sysFutex, addr(f), futexWaitPriv, 0, 0, 0, 0)
	}
}

func futexWake(i int) {
	f := &slots[i][0]
	swap(f, 1)
	sys6(sysFutex, addr(f), futexWakePriv, 1, 0, 0, 0)
}

func futexRing(n int) {
	pin()
	threads = n
	for i := 1; i < n; i++ {
		startThread(kindFutex, uintptr(i))
	}
}

func futexRound(n int) {
	for range n {
		futexWake(1)
		futexWait(0)
	}
}

func yielders(n int) {
	pin()
	for i := 1; i < n; i++ {
		startThread(kindYield, 0)
	}
}

// createJoin makes and ends threads by the calls of a small C library.
func createJoin(n int) {
	var mask, old uintptr
	for range n {
		stack := mmap(threadStack+threadGuard, 0, mapPrivate|mapAnon, noFD)
		need(sys(sysMprotect, stack+threadGuard, threadStack, protRW), "mprotect\x00")
		mask = ^uintptr(0)
		sys6(sysSigprocmask, 0, addr(&mask), addr(&old), 8, 0, 0)
		tid = 1 // CLONE_PARENT_SETTID writes it, CLONE_CHILD_CLEARTID clears it
		need(clone(threadFlags, stack+threadStack+threadGuard, addr(&tid), kindNothing, 0), "clone\x00")
		sys6(sysSigprocmask, 2, addr(&old), 0, 8, 0, 0)
		for v := load(&tid); v != 0; v = load(&tid) {
			sys6(sysFutex, addr(&tid), 0, uintptr(v), 0, 0, 0)
		}
		sys(sysMunmap, stack, threadStack+threadGuard, 0)
	}
}

//go:noinline
func load(p *uint32) uint32 { return *p }

// Processes.

func forkExitWait(n int) {
	for range n {
		pid := fork()
		if pid == 0 {
			exit(0)
		}
		wait(pid)
	}
}

func forkCow(n int) {
	for range n {
		pid := fork()
		if pid == 0 {
			for i := range uintptr(256) {
				poke(page+i*4096, 2)
			}
			exit(0)
		}
		wait(pid)
	}
}

func dup1000(int) {
	makeFile(0)
	limit := [2]uint64{4096, 4096}
	sys(sysSetrlimit, 7, addr(&limit), 0)
	for range 1000 {
		need(sys(sysDup, file, 0, 0), "dup\x00")
	}
}

var uses int

// makeFiles opens two files; arg says how forkUse's child uses them.
func makeFiles(arg int) {
	makeFile(0)
	uses = arg
}

// forkUse is forkExitWait with a child that reads one byte: of one inherited
// file (uses 1), of each of two (2), twice of one (-2).
func forkUse(n int) {
	for range n {
		pid := fork()
		if pid == 0 {
			sys6(sysPread, file, addr(&one1), 1, 0, 0, 0)
			switch uses {
			case 2:
				sys6(sysPread, small, addr(&one1), 1, 0, 0, 0)
			case -2:
				sys6(sysPread, file, addr(&one1), 1, 0, 0, 0)
			}
			exit(0)
		}
		wait(pid)
	}
}

var argv [8]uintptr

// runs waits for a child that shall have ended well.
func runs(pid uintptr, what string) {
	if s := wait(pid); s != 0 {
		if s == 127<<8 {
			die(^uintptr(2-1), what)
		}
		die(0, "the program failed\x00")
	}
}

const tinyName = "/bench/tiny\x00"

func forkExecTiny(n int) {
	argv = [8]uintptr{cstring(tinyName)}
	for range n {
		pid := fork()
		if pid == 0 {
			sys(sysExecve, argv[0], addr(&argv), addr(&argv)+8)
			exit(127)
		}
		runs(pid, tinyName)
	}
}

// vforkExec executes argv.
func vforkExec(n int, envp uintptr, what string) {
	for range n {
		pid := need(vfork(), "vfork\x00")
		if pid == 0 {
			sys(sysExecve, argv[0], addr(&argv), envp)
			exit(127)
		}
		runs(pid, what)
	}
}

func vforkExecTiny(n int) {
	argv = [8]uintptr{cstring(tinyName)}
	vforkExec(n, addr(&argv)+8, tinyName)
}

func vforkBusybox(n int) {
	const name = "/bin/busybox\x00"
	argv = [8]uintptr{cstring(name), cstring("true\x00")}
	vforkExec(n, environment(), name)
}

func vforkGoHello(n int) {
	const name = "/bench/gohello\x00"
	argv = [8]uintptr{cstring(name)}
	vforkExec(n, environment(), name)
}

func vforkURoot(n int) {
	const name = "/bbin/true\x00"
	argv = [8]uintptr{cstring(name)}
	vforkExec(n, environment(), name)
}
