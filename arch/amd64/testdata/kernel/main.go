// Command kernel tests package amd64 in ring 0 and ring 3: each test runs
// hand-made ring-3 code (user_amd64.s) in place of libOS and program, with
// this package's handlers in place of the kernel's. It prints a line a test and
// ends QEMU with status 1 if all is well. The command line chooses a death
// instead: nil, overflow, double, unmapped; or what smp.go offers.
package main

import (
	"unsafe"

	"go42/arch/amd64"
	"go42/boot/rt"
	"go42/ipc/abi"
)

// The ring-3 address space of all tests: one large page each for the libOS's
// text, its data, the program's text; ring 3's page tables are static memory.
const (
	libText = 0x7e00_1000_0000
	libData = 0x7e00_2000_0000 // dispatcher page A, B; flag; stacks
	program = 0x0100_0000_0000

	dispA   = libData + 0x1000
	dispB   = libData + 0x3000
	flags   = libData + 0x5000
	stackA  = libData + 0x18000
	stackB  = libData + 0x28000
	svcSP   = libData + 0x38000
	area    = 0x40000
	perFunc = 1024
)

// Native calls of the test code.
const (
	opDone = 1
	opFail = 2 // RDI: which check
	opEcho = 3 // result 0x1234 in RAX, 0x5678 in RDX
	opMark = 4 // RDI is kept in mark
)

var (
	tables [16][512]amd64.PTE
	memory [2*area + 4096]byte // libOS text, libOS data, page aligned within
	xsaves [2*4096 + 64]byte

	ctxA, ctxB amd64.UserContext
	mark       uint64
)

func phys(p unsafe.Pointer) uint64 { return uint64(uintptr(p)) - amd64.KernelBase }

var nextTable int

func newTable() *[512]amd64.PTE {
	base := (uintptr(unsafe.Pointer(&tables)) + 4095) &^ 4095
	t := (*[512]amd64.PTE)(unsafe.Pointer(base + uintptr(nextTable)*4096))
	nextTable++
	if nextTable == len(tables) {
		panic("out of tables")
	}
	return t
}

func mapPage(root *[512]amd64.PTE, va, pa uint64, flags amd64.PTE) {
	t := root
	for level := 4; level > 1; level-- {
		e := &t[amd64.Index(va, level)]
		if *e == 0 {
			*e = amd64.MakePTE(phys(unsafe.Pointer(newTable())), amd64.PTEPresent|amd64.PTEWrite|amd64.PTEUser)
		}
		t = (*[512]amd64.PTE)(unsafe.Pointer(uintptr(e.Addr() + amd64.KernelBase)))
	}
	t[amd64.Index(va, 1)] = amd64.MakePTE(pa, flags|amd64.PTEPresent|amd64.PTEUser)
}

// data returns the kernel's pointer to va in the libOS's data.
func data(va uint64) unsafe.Pointer {
	base := (uintptr(unsafe.Pointer(&memory)) + 4095) &^ 4095
	return unsafe.Pointer(base + area + uintptr(va-libData))
}

func page(va uint64) *abi.DispatcherPage { return (*abi.DispatcherPage)(data(va)) }

func setup() {
	root := newTable()
	boot := (*[512]amd64.PTE)(amd64.Phys(amd64.ReadCR3()))
	root[0], root[511] = boot[0], boot[511]
	root[amd64.Index(amd64.DirectMap, 4)] = boot[0]
	base := (uintptr(unsafe.Pointer(&memory)) + 4095) &^ 4095
	code := unsafe.Slice((*byte)(unsafe.Pointer(base)), area)
	userAddresses(&addresses)
	for i, f := range addresses {
		copy(code[i*perFunc:], unsafe.Slice((*byte)(unsafe.Pointer(f)), perFunc))
	}
	for off := uint64(0); off < area; off += 4096 {
		pa := phys(unsafe.Pointer(base)) + off
		mapPage(root, libText+off, pa, 0)
		mapPage(root, program+off, pa, 0)
		mapPage(root, libData+off, pa+area, amd64.PTEWrite|amd64.PTENoExec)
	}
	amd64.WriteCR3(phys(unsafe.Pointer(root)))
	table = root
	amd64.SetDirectMap(amd64.DirectMap)

	x := (uintptr(unsafe.Pointer(&xsaves)) + 63) &^ 63
	ctxA.XSave, ctxB.XSave = x, x+4096
	for _, va := range [...]uint64{dispA, dispB} {
		p := page(va)
		p.Self, p.SvcSP = va, svcSP
	}
	if amd64.Features.AVX {
		*(*uint64)(data(flags + 8)) = 1
	}
	cpu := amd64.This()
	cpu.SetLibOS(libText, libText+area, at(libText, fnSvc))
}

// table is the page-table root.
var table *[512]amd64.PTE

// unmapLow takes the boot page tables' identity map away.
func unmapLow() {
	table[0] = 0
	amd64.FlushGlobal()
}

// at is the address of function n in the copy at base.
func at(base uint64, n int) uint64 { return base + uint64(n)*perFunc }

// enter makes c begin with function n as a dispatcher whose page is at va.
func enter(c *amd64.UserContext, base uint64, n int, va, sp uint64) {
	c.Start(at(base, n), sp, va, 0, 0)
	cpu := amd64.This()
	cpu.SetDispatcher(data(va), va)
	page(va).Disabled = 0
	cpu.Cur = c
}

type test struct {
	name string
	run  func()
}

var (
	tests   [16]test
	ntests  int
	current = -1
)

func add(name string, run func()) {
	tests[ntests] = test{name, run}
	ntests++
}

// stress, if not zero, is until when the tests of system calls are to be
// repeated: "stress" on the command line, while the host sends NMIs.
var stress uint64

// struck tells whether it is later than until and p has taken NMIs enough: the host
// may be stopped, and sends none then. It does not wait for them for ever.
func struck(p *amd64.CPU, until uint64) bool {
	late := amd64.Now() > until
	return late && (p.NMIs >= 100 && p.Reflected >= 1000 || amd64.Now() > until+60*amd64.TSCHz)
}

// next ends the running test and begins another.
func next() {
	if current >= 0 && stress == 0 {
		println("ok", tests[current].name)
	}
	if stress != 0 && current >= testNative {
		if struck(amd64.This(), stress) {
			println("NMIs", amd64.This().NMIs, "reflected", amd64.This().Reflected, "natives", amd64.This().Natives)
			amd64.Exit(0)
		}
		current = testNative + testReflect - current
		tests[current].run()
		return
	}
	current++
	if current == ntests {
		println("all", ntests, "tests passed")
		amd64.Exit(0)
	}
	onTrap, onIRQ, onDisabled = nil, nil, nil
	tests[current].run()
}

func fail(what string, v uint64) {
	println("FAIL", tests[current].name, what, hexWord(v))
	if c := amd64.This().Cur; c != nil {
		amd64.DumpRegs(c)
	}
	amd64.Exit(1)
}

// hexWord makes println show a word in base 16: as it shows pointers.
func hexWord[T uint16 | uint64](v T) unsafe.Pointer { return unsafe.Pointer(uintptr(v)) }

var (
	onTrap     func(c *amd64.UserContext, vector, err, cr2 uint64)
	onIRQ      func(c *amd64.UserContext, irq int)
	onDisabled func(c *amd64.UserContext)
)

func native(c *amd64.UserContext) {
	switch c.Regs.RAX {
	case opDone:
		if onDone != nil && !onDone(c) {
			return
		}
		next()
	case opFail:
		fail("in ring 3, check", c.Regs.RDI)
	case opEcho:
		c.Regs.RAX, c.Regs.RDX = 0x1234, 0x5678
	case opMark:
		mark = c.Regs.RDI
	default:
		fail("unknown native call", c.Regs.RAX)
	}
}

// onDone, if set, says whether a context's end ends the test.
var onDone func(c *amd64.UserContext) bool

func trap(c *amd64.UserContext, vector, err, cr2 uint64) {
	if onTrap == nil {
		println("vector", vector, "error", hexWord(err), "cr2", hexWord(cr2))
		fail("unexpected trap at", c.Regs.RIP)
	}
	onTrap(c, vector, err, cr2)
}

func irq(c *amd64.UserContext, n int) {
	if onIRQ == nil {
		if n == amd64.IRQTimer {
			return // it had struck before the last test stopped it
		}
		fail("unexpected interrupt", uint64(n))
	}
	onIRQ(c, n)
}

func disabled(c *amd64.UserContext) {
	if onDisabled == nil {
		fail("reflected while disabled at", c.Regs.RIP)
	}
	onDisabled(c)
}

func main() {
	began := amd64.Now()
	amd64.Init(uint64(rt.StartInfo()))
	println("Init took", amd64.Now()-began, "ticks")
	rt.SetPanicHook(amd64.Panic)
	setup()
	amd64.Handler.Native = native
	amd64.Handler.Trap = trap
	amd64.Handler.IRQ = irq
	amd64.Handler.ReflectDisabled = disabled
	println("tsc", amd64.TSCHz, "Hz, xcr0", hexWord(amd64.Features.XCR0), "size", amd64.Features.XSaveSize,
		"smap", amd64.Features.SMAP, "rtc", amd64.RTC(), "cpus", amd64.ACPI.NCPU, "pm1a", hexWord(amd64.ACPI.PM1aControl))
	addTests()
	if die(word(amd64.Boot.Cmdline)) {
		amd64.Exit(2)
	}
	if w := word(amd64.Boot.Cmdline); len(w) >= 3 && w[:3] == "smp" {
		smpMain(w)
	}
	if word(amd64.Boot.Cmdline) == "stress" {
		println("stress")
		stress = amd64.Now() + 3*amd64.TSCHz
		current = testNative - 1
	}
	amd64.This().Cur = nil
	amd64.TimerArm(amd64.Now())
	onIRQ = func(c *amd64.UserContext, n int) { next() }
	amd64.Run()
}

// word is the first word of b, without an allocation.
func word(b []byte) string {
	n := 0
	for n < len(b) && b[n] != ' ' {
		n++
	}
	return unsafe.String(unsafe.SliceData(b), n)
}
