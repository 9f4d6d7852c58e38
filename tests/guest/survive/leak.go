package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// leaks are the ways in which one process comes and goes.
var leaks = map[string]func(i int){
	"fork":    func(int) { reap(fork(nothing)) },
	"exec":    func(int) { reap(fork(execTiny)) },
	"vfork":   func(int) { reap(vfork()) },
	"thread":  func(int) { thread() },
	"files":   func(int) { reap(fork(takeFiles)) },
	"orphan":  func(int) { reap(fork(orphan)) },
	"kill":    func(i int) { killed(victims[i%len(victims)]) },
	"stopped": func(int) { stopped() },
	"grants":  func(int) { reapAny(fork(giveHandles)) },
}

func leak(kind string, n int) {
	run := leaks[kind]
	if run == nil {
		check(fmt.Errorf("no kind %q", kind))
	}
	writePrograms()
	round := func(n int) {
		for i := range n {
			run(i)
			if i%100 == 99 {
				fmt.Fprintln(os.Stderr, kind, i+1)
			}
		}
	}
	first := count().pools["handle leaves"]
	round(n/10 + len(victims)) // what is built up once
	runtime.GC()
	before := steady()
	before.own = resident()
	start := time.Now()
	round(n)
	took := time.Since(start)
	runtime.GC()
	after, lost := settled(before)
	if lost != "" {
		fail(kind, n, "lost", lost)
	}
	// A handle set that is full grows no more: the build-up counts here.
	if now := after.pools["handle leaves"]; now > first+playLeaves {
		fail(kind, n, "left", now, "handle leaves, at first", first)
	}
	verify("after " + kind)
	for name, n := range after.pools {
		if was := before.pools[name]; n != was {
			fmt.Fprintf(os.Stderr, "%s: %d, were %d\n", name, n, was)
		}
	}
	fmt.Println(kind, n, "frames", int64(before.free)-int64(after.free), "own", int64(resident())-int64(before.own), "servers", int64(after.heaps)-int64(before.heaps), "each", (took / time.Duration(n)).Round(time.Microsecond))
}

// fork runs child in a new process and returns its pid.
//
// The copy of this program has one thread, and none that would run Go's
// scheduler. But the goroutine may have been asked to yield just before the
// fork, and then the prologue of the next function enters the scheduler, which
// sleeps for ever. So child, and all that it calls, is nosplit, which has no
// such prologue, and makes raw system calls only.
func fork(child func()) int {
	runtime.LockOSThread()
	pid, _, e := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
	if e == 0 && pid == 0 {
		child()
		exit(0)
	}
	runtime.UnlockOSThread()
	if e != 0 {
		check(fmt.Errorf("fork: %w", e))
	}
	return int(pid)
}

//go:nosplit
func exit(status uintptr) {
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, status, 0, 0)
	}
}

// reap waits for a child that must end by itself with status 0.
func reap(pid int) {
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &ws, 0, nil); err != nil {
		check(fmt.Errorf("wait: %w", err))
	}
	if ws != 0 {
		check(fmt.Errorf("child ended with %#x", uint32(ws)))
	}
}

//go:nosplit
func nothing() {}

// Programs that are nothing but a few instructions.
const (
	tinyPath = "/tmp/survive-tiny"
	loopPath = "/tmp/survive-loop"
	filePath = "/tmp/survive-file"
)

var (
	tinyName = []byte(tinyPath + "\x00")
	loopName = []byte(loopPath + "\x00")
	fileName = []byte(filePath + "\x00")
	tinyArgv = [2]*byte{&tinyName[0]}
	loopArgv = [2]*byte{&loopName[0]}
	noEnv    [1]*byte
)

func writePrograms() {
	check(os.WriteFile(tinyPath, tinyELF([]byte{
		0xb8, 231, 0, 0, 0, // mov eax, exit_group
		0x31, 0xff, // xor edi, edi
		0x0f, 0x05}), 0o755))
	loop := append([]byte{
		0x48, 0x8d, 0x3d, 23, 0, 0, 0, // lea rdi, [rip+23]: the path below
		0x6a, 0x00, // push 0
		0x57,             // push rdi
		0x48, 0x89, 0xe6, // mov rsi, rsp
		0x31, 0xd2, // xor edx, edx
		0xb8, 59, 0, 0, 0, // mov eax, execve
		0x0f, 0x05, // syscall
		0xb8, 231, 0, 0, 0, // exit_group of what came
		0x0f, 0x05, 0x90,
	}, loopPath+"\x00"...)
	check(os.WriteFile(loopPath, tinyELF(loop), 0o755))
	check(os.WriteFile(filePath, make([]byte, 100_000), 0o644))
}

// tinyELF is a static program of one segment.
func tinyELF(code []byte) []byte {
	const base, head = 0x400000, 64 + 56
	var b [head]byte
	copy(b[:], "\x7fELF\x02\x01\x01")
	put := func(at int, v uint64, n int) {
		for i := range n {
			b[at+i] = byte(v >> (8 * i))
		}
	}
	put(16, 2, 2)  // ET_EXEC
	put(18, 62, 2) // EM_X86_64
	put(20, 1, 4)
	put(24, base+head, 8) // entry
	put(32, 64, 8)        // program headers
	put(52, 64, 2)
	put(54, 56, 2)
	put(56, 1, 2)
	put(64, 1, 4) // PT_LOAD
	put(68, 5, 4) // R+X
	put(80, base, 8)
	put(88, base, 8)
	put(96, uint64(head+len(code)), 8)
	put(104, uint64(head+len(code)), 8)
	put(112, 4096, 8)
	return append(b[:], code...)
}

//go:nosplit
func execTiny() { execRaw(&tinyName[0], &tinyArgv) }

//go:nosplit
func execRaw(name *byte, argv *[2]*byte) {
	syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(argv)), uintptr(unsafe.Pointer(&noEnv)))
	exit(99)
}

func vfork() int {
	pid, err := syscall.ForkExec(tinyPath, []string{"tiny"}, nil) // CLONE_VFORK|CLONE_VM
	check(err)
	return pid
}

// thread makes a thread that ends.
func thread() {
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		wg.Done()
	}()
	wg.Wait()
}

// takeFiles opens and maps all sorts of things and leaves them to exit.
//
//go:nosplit
func takeFiles() {
	var fds [2]int32
	for range 4 {
		syscall.RawSyscall(syscall.SYS_PIPE2, uintptr(unsafe.Pointer(&fds)), 0, 0)
		syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fds[1]), uintptr(unsafe.Pointer(&tinyName[0])), 8)
	}
	syscall.RawSyscall6(syscall.SYS_SOCKETPAIR, syscall.AF_UNIX, syscall.SOCK_STREAM, 0, uintptr(unsafe.Pointer(&fds)), 0, 0)
	syscall.RawSyscall(syscall.SYS_EPOLL_CREATE1, 0, 0, 0)
	syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, 0, 0)
	fd, _, e := syscall.RawSyscall(syscall.SYS_OPEN, uintptr(unsafe.Pointer(&fileName[0])), syscall.O_RDWR, 0)
	if e != 0 {
		exit(90)
	}
	syscall.RawSyscall(syscall.SYS_DUP, fd, 0, 0)
	for _, flags := range [...]uintptr{syscall.MAP_SHARED, syscall.MAP_PRIVATE} {
		touch(mmapRaw(64<<10, flags, fd), 64<<10)
	}
	for _, flags := range [...]uintptr{syscall.MAP_SHARED, syscall.MAP_PRIVATE} {
		touch(mmapRaw(256<<10, flags|syscall.MAP_ANON, ^uintptr(0)), 256<<10)
	}
}

//go:nosplit
func mmapRaw(n, flags, fd uintptr) uintptr {
	p, _, e := syscall.RawSyscall6(syscall.SYS_MMAP, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, flags, fd, 0)
	if e != 0 {
		exit(91)
	}
	return p
}

//go:nosplit
func touch(p, n uintptr) {
	for i := uintptr(0); i < n; i += 4096 {
		*(*byte)(at(p + i)) = 1
	}
}

// at makes a pointer of any address.
//
//go:nosplit
func at(va uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&va)) }

// orphan leaves a child behind, which init gets.
//
//go:nosplit
func orphan() {
	pid, _, e := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
	if e != 0 {
		exit(92)
	}
	if pid == 0 {
		syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0)
	}
}

// victims are what children do when they are killed.
var victims = []func(){forkOn, forkMemoryOn, execOn, callOn, copyOn, mapOn, openOn, readPipe, computeOn}

//go:nosplit
func forkOn() {
	for {
		pid, _, e := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
		if e == 0 && pid == 0 {
			exit(0)
		}
		syscall.RawSyscall6(syscall.SYS_WAIT4, pid, 0, 0, 0, 0, 0)
	}
}

//go:nosplit
func forkMemoryOn() {
	touch(mmapRaw(4<<20, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0)), 4<<20)
	forkOn()
}

//go:nosplit
func execOn() { execRaw(&loopName[0], &loopArgv) }

// callOn calls servers.
//
//go:nosplit
func callOn() {
	var st syscall.Stat_t
	for {
		syscall.RawSyscall(syscall.SYS_STAT, uintptr(unsafe.Pointer(&fileName[0])), uintptr(unsafe.Pointer(&st)), 0)
		syscall.RawSyscall(syscall.SYS_GETPRIORITY, 0, 0, 0)
	}
}

// copyOn moves bulk data from and to a server.
//
//go:nosplit
func copyOn() {
	p := mmapRaw(128<<10, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0))
	fd, _, _ := syscall.RawSyscall(syscall.SYS_OPEN, uintptr(unsafe.Pointer(&fileName[0])), syscall.O_RDWR, 0)
	for {
		syscall.RawSyscall6(syscall.SYS_PREAD64, fd, p, 100_000, 0, 0, 0)
		syscall.RawSyscall6(syscall.SYS_PWRITE64, fd, p, 100_000, 0, 0, 0)
	}
}

//go:nosplit
func mapOn() {
	for {
		p := mmapRaw(2<<20, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0))
		touch(p, 2<<20)
		syscall.RawSyscall6(syscall.SYS_MREMAP, p, 2<<20, 1<<20, 0, 0, 0)
		syscall.RawSyscall(syscall.SYS_MUNMAP, p, 1<<20, 0)
	}
}

//go:nosplit
func openOn() {
	for {
		fd, _, _ := syscall.RawSyscall(syscall.SYS_OPEN, uintptr(unsafe.Pointer(&fileName[0])), 0, 0)
		syscall.RawSyscall(syscall.SYS_CLOSE, fd, 0, 0)
	}
}

//go:nosplit
func readPipe() {
	var fds [2]int32
	var b [8]byte
	syscall.RawSyscall(syscall.SYS_PIPE2, uintptr(unsafe.Pointer(&fds)), 0, 0)
	syscall.RawSyscall(syscall.SYS_READ, uintptr(fds[0]), uintptr(unsafe.Pointer(&b)), 8)
}

//go:nosplit
func computeOn() {
	for {
	}
}

var dice = rand.New(rand.NewPCG(5, 6))

// killed lets a child get some way and kills it.
func killed(victim func()) {
	pid := fork(victim)
	if d := dice.IntN(4); d > 0 {
		time.Sleep(time.Duration(dice.IntN(2000)) * time.Microsecond * time.Duration(d*d))
	}
	check(syscall.Kill(pid, syscall.SIGKILL))
	var ws syscall.WaitStatus
	_, err := syscall.Wait4(pid, &ws, 0, nil)
	check(err)
	if !ws.Signaled() || ws.Signal() != syscall.SIGKILL {
		check(fmt.Errorf("killed child ended with %#x", uint32(ws)))
	}
}

// Messages of giveHandles: abi.Message and abi.ReturnMessage as words.
var (
	grantMessage [60]uint64
	grantReturn  [64]uint64
)

// giveHandles calls every method of two servers with as many handles as a call
// can carry: what a server does not ask for must not stay in its handle set.
// As nobody, who may not switch the machine off.
//
//go:nosplit
func giveHandles() {
	const (
		nInvoke           = sysNative + 4
		nGrants           = 7 // word of Message with NGrants in its lower half
		firstGrant        = 8 + 4*3
		grantCopy         = 2
		procServer, mount = 1, 2
	)
	syscall.RawSyscall(syscall.SYS_SETUID, 65534, 0, 0)
	grantMessage[nGrants] = 4
	for i := firstGrant; i < firstGrant+8; i += 2 {
		grantMessage[i], grantMessage[i+1] = grantCopy, mount
	}
	for server := uintptr(procServer); server <= mount; server++ {
		for class := uintptr(0); class < 12; class++ { // ipc/proto numbers methods by interface
			for method := uintptr(0); method < 40; method++ {
				syscall.RawSyscall6(nInvoke, server, class<<8|method, uintptr(unsafe.Pointer(&grantMessage)), uintptr(unsafe.Pointer(&grantReturn)), 0, 0)
			}
		}
	}
}

// reapAny waits for a child that may end in any way.
func reapAny(pid int) {
	_, err := syscall.Wait4(pid, nil, 0, nil)
	check(err)
}

// stopped kills a child that is stopped.
func stopped() {
	pid := fork(callOn)
	check(syscall.Kill(pid, syscall.SIGSTOP))
	var ws syscall.WaitStatus
	_, err := syscall.Wait4(pid, &ws, syscall.WUNTRACED, nil)
	check(err)
	if !ws.Stopped() {
		check(fmt.Errorf("stopped child: %#x", uint32(ws)))
	}
	check(syscall.Kill(pid, syscall.SIGKILL))
	_, err = syscall.Wait4(pid, &ws, 0, nil)
	check(err)
	if !ws.Signaled() {
		check(fmt.Errorf("killed child ended with %#x", uint32(ws)))
	}
}
