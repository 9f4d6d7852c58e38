package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// enter calls machine code; DI is arg.
func enter(code, arg uintptr)

func imm64(op []byte, v uint64) []byte {
	return binary.LittleEndian.AppendUint64(op, v)
}

func cat(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

var (
	movRAX   = []byte{0x48, 0xb8}
	movRSP   = []byte{0x48, 0xbc}
	jmpRAX   = []byte{0xff, 0xe0}
	syscall_ = []byte{0x0f, 0x05}
	ud2      = []byte{0x0f, 0x0b}
	ret      = []byte{0xc3}
	// mov eax, 39 (getpid)
	getpid = []byte{0xb8, 39, 0, 0, 0}
)

// deeds are run in order; each in a child whose end is printed. What is done
// to a child that does it is the same on Linux.
var deeds = []struct {
	name string
	code []byte
}{
	{"hlt", cat([]byte{0xf4}, ret)},
	{"cli", cat([]byte{0xfa}, ret)},
	{"sti", cat([]byte{0xfb}, ret)},
	{"in", cat([]byte{0xe4, 0x60}, ret)},
	{"out to the status port", cat([]byte{0xb0, 'x', 0xe6, 0xec}, ret)},
	{"out to debug exit", cat([]byte{0xb0, 0, 0xe6, 0xf4}, ret)},
	{"mov cr0", cat([]byte{0x0f, 0x20, 0xc0}, ret)},
	{"mov to cr3", cat([]byte{0x31, 0xc0, 0x0f, 0x22, 0xd8}, ret)},
	{"mov to cr4", cat([]byte{0x31, 0xc0, 0x0f, 0x22, 0xe0}, ret)},
	{"mov to dr7", cat([]byte{0x31, 0xc0, 0x0f, 0x23, 0xf8}, ret)},
	{"rdmsr", cat([]byte{0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32}, ret)},
	{"wrmsr", cat([]byte{0xb9, 0x82, 0, 0, 0xc0, 0x0f, 0x30}, ret)},
	{"lgdt", cat([]byte{0x0f, 0x01, 0x14, 0x24}, ret)},
	{"lidt", cat([]byte{0x0f, 0x01, 0x1c, 0x24}, ret)},
	{"sgdt", cat([]byte{0x48, 0x83, 0xec, 0x10, 0x0f, 0x01, 0x04, 0x24, 0x48, 0x83, 0xc4, 0x10}, ret)},
	{"ltr", cat([]byte{0x31, 0xc0, 0x0f, 0x00, 0xd8}, ret)},
	{"lmsw", cat([]byte{0x31, 0xc0, 0x0f, 0x01, 0xf0}, ret)},
	{"invlpg", cat([]byte{0x0f, 0x01, 0x3c, 0x24}, ret)},
	{"wbinvd", cat([]byte{0x0f, 0x09}, ret)},
	{"clts", cat([]byte{0x0f, 0x06}, ret)},
	{"swapgs", cat([]byte{0x0f, 0x01, 0xf8}, ret)},
	{"sysretq", cat([]byte{0x48, 0x0f, 0x07}, ret)},
	{"xsetbv", cat([]byte{0x31, 0xc9, 0x31, 0xc0, 0x31, 0xd2, 0x0f, 0x01, 0xd1}, ret)},
	{"rdpmc", cat([]byte{0x31, 0xc9, 0x0f, 0x33}, ret)},
	{"stac", cat([]byte{0x0f, 0x01, 0xcb}, ret)},
	{"ud2", ud2},
	{"int 3", cat([]byte{0xcc}, ret)},
	{"int 0", cat([]byte{0xcd, 0x00}, ret)},
	{"int 2", cat([]byte{0xcd, 0x02}, ret)},
	{"int 8", cat([]byte{0xcd, 0x08}, ret)},
	{"int 14", cat([]byte{0xcd, 0x0e}, ret)},
	{"int 18", cat([]byte{0xcd, 0x12}, ret)},
	{"int 32", cat([]byte{0xcd, 0x20}, ret)},
	{"int 239", cat([]byte{0xcd, 0xef}, ret)},
	{"int 255", cat([]byte{0xcd, 0xff}, ret)},
	{"jump to the kernel", cat(imm64(movRAX, 0xffffffff80200000), jmpRAX)},
	{"jump to the direct map", cat(imm64(movRAX, 0xffff800000100000), jmpRAX)},
	{"jump to the last page", cat(imm64(movRAX, 0xfffffffffffff000), jmpRAX)},
	{"jump to no canonical address", cat(imm64(movRAX, 0x0000800000000000), jmpRAX)},
	{"jump to no canonical address either", cat(imm64(movRAX, 0x1234567890abcdef), jmpRAX)},
	{"jump to 0", cat(imm64(movRAX, 0), jmpRAX)},
	{"read of the kernel", cat(imm64(movRAX, 0xffffffff80200000), []byte{0x48, 0x8b, 0x00}, ret)},
	{"write of the kernel", cat(imm64(movRAX, 0xffffffff80200000), []byte{0x48, 0x89, 0x00}, ret)},
	{"read of no canonical address", cat(imm64(movRAX, 0x8000000000000000), []byte{0x48, 0x8b, 0x00}, ret)},
	{"push without a stack", cat(imm64(movRSP, 0), []byte{0x50}, ud2)},
	{"push onto the kernel", cat(imm64(movRSP, 0xffffffff80201000), []byte{0x50}, ud2)},
	{"push onto no canonical address", cat(imm64(movRSP, 0x0000800000000800), []byte{0x50}, ud2)},
	{"ud2 without a stack", cat(imm64(movRSP, 0x10), ud2)},
	{"call without a stack", cat(imm64(movRSP, 0x0000900000000000), getpid, syscall_, ud2)},
	{"call with the kernel's stack", cat(imm64(movRSP, 0xffffffff80210000), getpid, syscall_, ud2)},
	{"iretq to ring 0", cat(
		[]byte{0x6a, 0x10},                              // push ss
		[]byte{0x54},                                    // push rsp
		[]byte{0x9c},                                    // pushfq
		[]byte{0x6a, 0x08},                              // push cs
		imm64(movRAX, 0xffffffff80200000), []byte{0x50}, // push rip
		[]byte{0x48, 0xcf})},
	{"iretq with I/O privilege", cat(
		[]byte{0x48, 0x89, 0xe3},                   // mov rbx, rsp
		[]byte{0x6a, 0x2b, 0x53},                   // push ss; push rbx
		[]byte{0x68, 0x02, 0x32, 0x00, 0x00},       // push rflags, IOPL 3
		[]byte{0x6a, 0x33},                         // push cs
		[]byte{0x48, 0x8d, 0x05, 3, 0, 0, 0, 0x50}, // lea rax, [rip+3]; push rax
		[]byte{0x48, 0xcf},
		[]byte{0xfa}, ret)}, // cli
	{"far return to ring 0", cat([]byte{0x6a, 0x08}, []byte{0x6a, 0x00}, []byte{0x48, 0xcb})},
	{"far jump to 32-bit code", cat([]byte{0x6a, 0x23}, []byte{0x68, 0, 0, 0x40, 0}, []byte{0x48, 0xcb})},
	{"load of a kernel data segment", cat([]byte{0xb8, 0x10, 0, 0, 0, 0x8e, 0xd0}, ret)},
	{"divide", cat([]byte{0x31, 0xc9, 0x31, 0xd2, 0xf7, 0xf1}, ret)},
	{"single step through a call", cat(
		[]byte{0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d}, // pushfq; or TF; popfq
		getpid, syscall_, ret)},
	{"alignment check", cat(
		[]byte{0x9c, 0x81, 0x0c, 0x24, 0, 0, 4, 0, 0x9d}, // pushfq; or AC; popfq
		[]byte{0x48, 0x8b, 0x44, 0x24, 0xf1}, ret)},
	{"direction flag in a call", cat([]byte{0xfd}, getpid, syscall_, []byte{0xfc}, ret)},
	{"wild GS base and a call", cat(imm64(movRAX, 0xdead000), []byte{0xf3, 0x48, 0x0f, 0xae, 0xd8}, getpid, syscall_, ret)},
	{"wild GS base and a trap", cat(imm64(movRAX, 0xdead000), []byte{0xf3, 0x48, 0x0f, 0xae, 0xd8}, ud2)},
	{"kernel's GS base and a call", cat(imm64(movRAX, 0xffff800000000000), []byte{0xf3, 0x48, 0x0f, 0xae, 0xd8}, getpid, syscall_, ret)},
	{"wrong FS base and a call", cat([]byte{0xf3, 0x48, 0x0f, 0xae, 0xc3, // rdfsbase rbx
		0x31, 0xc0, 0xf3, 0x48, 0x0f, 0xae, 0xd0}, getpid, syscall_, []byte{0xf3, 0x48, 0x0f, 0xae, 0xd3}, ret)},
	{"sysenter", cat([]byte{0x0f, 0x34}, ret)},
	{"vector registers full of noise", cat([]byte{
		0x66, 0x0f, 0x76, 0xc0, // pcmpeqd xmm0, xmm0
		0x66, 0x45, 0x0f, 0x76, 0xff}, // pcmpeqd xmm15, xmm15
		getpid, syscall_, []byte{0x66, 0x45, 0x0f, 0xef, 0xff}, ret)},
	{"execute data", nil},
}

func instructions() {
	for _, d := range deeds {
		fmt.Printf("%s: %s\n", d.name, childEnd(time.Minute, "instruction", d.name))
	}
}

// childEnd runs this program with args in a child and says how it ended, if within
// limit.
func childEnd(limit time.Duration, args ...string) string {
	c := exec.Command("/proc/self/exe", args...)
	if err := c.Start(); err != nil {
		return "cannot start: " + err.Error()
	}
	t := time.AfterFunc(limit, func() { c.Process.Kill() })
	err := c.Wait()
	if !t.Stop() {
		return "hangs"
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		ws := exit.Sys().(syscall.WaitStatus)
		if ws.Signaled() {
			return "signal " + ws.Signal().String()
		}
	}
	if err != nil {
		return err.Error()
	}
	return "returned"
}

// defaultSignals takes Go's handlers out of the way: the child's end is then
// the kernel's word.
func defaultSignals() {
	for _, s := range []syscall.Signal{syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGILL, syscall.SIGFPE, syscall.SIGTRAP, syscall.SIGSYS} {
		var sa [4]uint64
		syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&sa)), 0, 8, 0, 0)
	}
}

func instruction(name string) {
	runtime.LockOSThread()
	for _, d := range deeds {
		if d.name != name {
			continue
		}
		page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err != nil {
			panic(err)
		}
		copy(page, d.code)
		if d.code != nil {
			if err := syscall.Mprotect(page, syscall.PROT_READ|syscall.PROT_EXEC); err != nil {
				panic(err)
			}
		} else {
			page[0] = ret[0]
		}
		defaultSignals()
		enter(uintptr(unsafe.Pointer(&page[0])), 0)
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
	}
	os.Exit(3)
}

// libOS lets children overwrite what the library half holds at well-known
// places. They may die of it or not.
func libOS() {
	for _, va := range []uintptr{
		0x7e00_0800_0000, // info page
		0x7e00_1000_0000, // library image
		0x7e00_1000_1000,
		0x7e00_1010_0000,
		0x7e00_1020_0000,
		0x7e00_2000_0000, // the dispatcher's own page
		0x7e00_2000_1000, // dispatcher page
		0x7e00_4000_0000, // parcel
		0x7e10_0000_0000, // heap
		0x7e10_0001_0000,
	} {
		fmt.Fprintf(os.Stderr, "%#x: %s\n", va, childEnd(10*time.Second, "scribble", fmt.Sprint(va)))
	}
}

// at makes a pointer of any address.
func at(va uintptr) *byte { return *(**byte)(unsafe.Pointer(&va)) }

// scribble fills a page with noise and goes on calling the system.
func scribble(va uintptr) {
	runtime.LockOSThread()
	defaultSignals()
	for _, v := range []byte{0x41, 0xff, 0x00} {
		for i := uintptr(0); i < 4096; i++ {
			*at(va + i) = v
		}
		for range 100 {
			syscall.RawSyscall(syscall.SYS_GETPPID, 0, 0, 0)
			syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0)
		}
	}
	syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
}
