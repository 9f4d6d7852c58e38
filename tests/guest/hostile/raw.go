package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// raw makes native calls past the library: it jumps to the syscall instruction
// in the library's text, so that nothing but the kernel looks at the arguments.
// Each child makes a sequence of calls that a seed decides, and does not live
// long.

// callCode is the end of the library's function for a call with two results:
// syscall; mov [rsp+64], rax; mov [rsp+72], rdx; ret.
var callCode = []byte{0x0f, 0x05, 0x48, 0x89, 0x44, 0x24, 0x40, 0x48, 0x89, 0x54, 0x24, 0x48, 0xc3}

const libOSText = 0x7e00_1000_0000

// native calls code, which reads the registers that args names (RAX, RDI, RSI,
// RDX, R10, R8, R9) and leaves RAX and RDX there.
func native(code uintptr, args *[7]uint64)

func findCall() uintptr {
	text := unsafe.Slice((*byte)(where(libOSText)), 1<<20)
	for i := range text[:len(text)-len(callCode)] {
		if text[i] == callCode[0] && string(text[i:i+len(callCode)]) == string(callCode) {
			return libOSText + uintptr(i)
		}
	}
	fmt.Println("FAIL: no native call in the library")
	os.Exit(1)
	return 0
}

func where(a uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&a)) }

// rawCalls lets children run, seed by seed.
func rawCalls(from, to int) {
	ends := map[string]int{}
	for s := from; s < to; s++ {
		c := exec.Command("/proc/self/exe", "rawprobe", strconv.Itoa(s))
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := c.Start(); err != nil {
			fmt.Println("FAIL: no more children:", err)
			os.Exit(1)
		}
		late := time.AfterFunc(2*time.Second, func() { syscall.Kill(-c.Process.Pid, syscall.SIGKILL) })
		err := c.Wait()
		late.Stop()
		ends[fmt.Sprint(err)]++
		// A debug kernel looks at its memory structures when asked.
		if _, _, e := syscall.Syscall(0x4200+68, 1, 0, 0); e != 0 && e != syscall.ENOSYS {
			fmt.Println("FAIL: after seed", s, "the kernel's check:", e)
			os.Exit(1)
		}
	}
	for e, k := range ends {
		fmt.Fprintf(os.Stderr, "%d children ended by %s\n", k, e)
	}
}

// Numbers of native calls that end the caller or leave it without its context
// come late.
var rawOften = []uint64{6, 7, 8, 9, 10, 11, 13, 14, 20, 20, 20, 21, 22 + 1, 27, 31, 40, 40, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50}

func rawProbe(seed int) {
	code := findCall()
	buf, err := syscall.Mmap(-1, 0, 16*4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		panic(err)
	}
	r := rand.New(rand.NewPCG(7, uint64(seed)))
	base := uint64(uintptr(unsafe.Pointer(&buf[0])))
	page := uint64(0x7e00_2000_1000) // the dispatcher's
	self := *(*uint64)(where(uintptr(page + 0x50)))
	regions := []uint64{base, base + 4096, base + 8*4096, base + 15*4096, libOSText, page, page - 4096, 0x7e00_0800_0000,
		0x7e10_0000_0000, 0x7eff_ffff_0000, 0x7e00_4000_0000, 0x10000, 0x400000, 0x7dff_ffff_f000}
	known := []uint64{0, 1, 2, 3, 8, 9, 10, 11, 12, 64, 8191, 8192, self, self + 1, self + 2, self + 1<<32, self + 1<<33, self &^ 0xffffffff,
		4096, 8192, 3 * 4096, 64 * 4096, 1 << 21, 1 << 30, 1 << 39, 1 << 46, 1 << 62, 1 << 63, ^uint64(0), ^uint64(4095)}
	word := func() uint64 {
		switch r.IntN(4) {
		case 0:
			return regions[r.IntN(len(regions))]
		case 1:
			return regions[r.IntN(len(regions))] + uint64(r.IntN(8192))
		case 2:
			return uint64(r.IntN(24))
		}
		return known[r.IntN(len(known))]
	}
	calls := 60 + r.IntN(200)
	for i := range calls {
		// Arguments in memory: MapArgs, Message, handles.
		for o := 0; o < 640; o += 8 {
			binary.LittleEndian.PutUint64(buf[8192+o:], word())
		}
		if r.IntN(2) == 0 { // a message that is nearly right
			binary.LittleEndian.PutUint32(buf[8192+48:], uint32(r.IntN(300)))
			binary.LittleEndian.PutUint32(buf[8192+52:], uint32(r.IntN(6)))
			binary.LittleEndian.PutUint32(buf[8192+56:], uint32(r.IntN(6)))
		} else { // a mapping that is nearly right
			binary.LittleEndian.PutUint32(buf[8192+16:], uint32(r.IntN(8)))
			binary.LittleEndian.PutUint32(buf[8192+20:], uint32(r.IntN(256)))
			binary.LittleEndian.PutUint32(buf[8192+40:], uint32(r.IntN(5)))
		}
		var a [7]uint64
		for j := range a {
			a[j] = word()
		}
		a[0] = rawOften[r.IntN(len(rawOften))]
		if i > calls/2 && r.IntN(8) == 0 {
			if a[0] = uint64(r.IntN(80)); a[0] == 64 {
				continue // NPower
			}
		}
		if r.IntN(3) != 0 {
			a[1+r.IntN(3)] = base + 8192
		}
		if a[0] == 4 && r.IntN(2) == 0 {
			a[1], a[3] = 1+uint64(r.IntN(12)), base+8192
		}
		if r.IntN(10) == 0 {
			*(*uint64)(where(uintptr(page + 8*uint64(2+r.IntN(8))))) = word() // Pending .. Runnable
		}
		native(code, &a)
	}
}
