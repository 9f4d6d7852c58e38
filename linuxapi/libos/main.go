// Command libos is the image that the kernel maps into every process: the Linux
// API as a library. The kernel enters it at the upcalls of package entry; nothing
// starts at main. Its data is mapped pristine at every exec.
package main

import (
	"unsafe"

	"go42/boot/rt"
	"go42/ipc/abi"
	"go42/linuxapi/entry"
	"go42/linuxapi/fs"
	"go42/linuxapi/futex"
	"go42/linuxapi/hook"
	"go42/linuxapi/native"
	"go42/linuxapi/proc"
	"go42/linuxapi/sigcall"
	"go42/linuxapi/table"
	"go42/linuxapi/thread"
	"go42/linuxapi/time"
	"go42/sched/user"
)

// main keeps the upcalls reachable for the linker; it is run by rt.RunInits.
func main() {}

func init() { entry.RunFn = start }

// start is the Run upcall until the image is set up: the first upcall of every
// pristine image comes here. A forked child's image is set up already.
func start(reason, arg uint64) {
	rt.SetPanicHook(panicked)
	rt.SetPrintHook(printed)
	user.Init()
	user.Setup()
	user.SvcHook = table.Serve
	user.WorkHook = work
	user.BootHook = proc.Start
	user.FatalHook = fatal
	hook.Info = fs.Info()
	table.Setup()
	sigcall.Setup()
	time.Setup()
	proc.AfterFork = afterFork
	rt.Seal()
	entry.RunFn(reason, arg)
}

// work is what the exit path does when there is some.
func work(u *user.Thread) {
	t := thread.From(u)
	if t.HasWork(user.WorkBegin) {
		t.ClearWork(user.WorkBegin)
		user.Restore(0)
		proc.Begin(t)
		user.Disable()
	}
	sigcall.Work(t)
}

// afterFork makes the copied state of all layers the child's.
func afterFork(t *thread.Thread) {
	sigcall.AfterFork(t)
	futex.AfterFork()
	time.AfterFork()
}

// Ends.

func printed(b []byte) { native.Log(b) }

// panicked reports a panic of the libOS itself and ends the process.
func panicked(msg string, pc, sp uintptr) {
	print("libOS panic: process ", at().KPid, ": ", msg, "\n")
	trace(pc-1, rt.FramePointer())
	native.Exit(6) // SIGABRT
}

// fatal reports an exception in the libOS itself and ends the process.
func fatal(ts *abi.TrapSave, t *user.Thread) {
	print("libOS fault: process ", at().KPid, ", vector ", ts.Vector, ", why ", ts.Why, ", disabled ", ts.WasDisabled)
	hex(" error ", ts.Error)
	hex(" address ", ts.Addr)
	hex(" rip ", ts.RIP)
	hex(" rsp ", ts.RSP)
	print("\n")
	if t != nil {
		hex("    thread ", uint64(uintptr(unsafe.Pointer(t))))
		hex(" ctx rip ", t.Ctx.RIP)
		hex(" cs ", t.Ctx.CS)
		hex(" flags ", t.Ctx.RFLAGS)
		hex(" rsp ", t.Ctx.RSP)
		hex(" ss ", t.Ctx.SS)
		hex(" frame rip ", t.Frame.RIP)
		print("\n")
	}
	trace(uintptr(ts.RIP), uintptr(ts.RBP))
	native.Exit(11) // SIGSEGV
}

func at() *abi.DispatcherPage {
	p := entry.Page()
	return *(**abi.DispatcherPage)(unsafe.Pointer(&p))
}

// trace prints a backtrace by frame pointers, as far as they make sense.
func trace(pc, bp uintptr) {
	for n := 0; n < 24 && pc != 0; n++ {
		for at := pc; at != 0; at = rt.Outer(at) {
			name, file, line := rt.FuncForPC(at)
			print("    ", name, " ", file, ":", line, "\n")
		}
		if bp < abi.LibOSLo || bp >= abi.LibOSHi-16 || bp&7 != 0 {
			return
		}
		f := *(**[2]uintptr)(unsafe.Pointer(&bp))
		next := f[0]
		pc = f[1] - 1
		if next <= bp {
			return
		}
		bp = next
	}
}

// hex prints a label and a number in hexadecimal.
func hex(label string, v uint64) {
	var b [18]byte
	i := len(b)
	for {
		i--
		b[i] = "0123456789abcdef"[v&15]
		if v >>= 4; v == 0 {
			break
		}
	}
	i--
	b[i] = 'x'
	i--
	b[i] = '0'
	print(label)
	native.Log(b[i:])
}
