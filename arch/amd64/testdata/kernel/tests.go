package main

import (
	"unsafe"

	"go42/arch/amd64"
	"go42/ipc/abi"
)

// Functions of user_amd64.s, in the order of userAddresses.
const (
	fnSvc = iota
	fnNative
	fnReflect
	fnTraps
	fnVectors
	fnInit
	fnStep
	fnDisabled
	fnSmpSvc
	fnShoot
	fnBoth
	fnNop
	fnSpin
	numUser
)

var addresses [numUser]uintptr

// userAddresses returns where the ring-3 functions lie in the kernel's text.
func userAddresses(a *[numUser]uintptr)

// Places in the list of tests.
const (
	testNative  = 1
	testReflect = 2
)

func addTests() {
	add("idle and timer", testIdle)
	add("native call", func() { enter(&ctxA, libText, fnNative, dispA, stackA) })
	add("reflection", func() { enter(&ctxA, program, fnReflect, dispA, stackA) })
	add("reflection while disabled", testDisabled)
	add("traps", testTraps)
	add("bad RIP at exit", testBadRIP)
	add("single step", testStep)
	add("preemption", testPreempt)
	add("initial state", func() { enter(&ctxA, libText, fnInit, dispA, stackA) })
	add("serial interrupt", testSerial)
}

// state is the running test's; handlers cannot be closures over locals, which
// would be allocated.
var state struct {
	n, done        int
	wait, deadline uint64
	saved          abi.SvcSave
	nmis           uint64
	gsi            uint32
}

// testIdle: the timer wakes the idle CPU when it should.
func testIdle() {
	amd64.This().Cur = nil
	state.n = 0
	state.wait = amd64.TSCHz / 500
	state.deadline = amd64.Now() + state.wait
	onIRQ = idleIRQ
	amd64.TimerArm(state.deadline)
}

func idleIRQ(c *amd64.UserContext, n int) {
	now := amd64.Now()
	if c != nil || n != amd64.IRQTimer {
		fail("interrupt", uint64(n))
	}
	if int64(now-state.deadline) < 0 {
		// Early by the clocks' ratio at most.
		if state.deadline-now > state.wait/20 {
			fail("early by", state.deadline-now)
		}
		amd64.TimerArm(state.deadline)
		return
	}
	if now-state.deadline > 20*amd64.TSCHz { // a busy host makes it late, too
		fail("late by", now-state.deadline)
	}
	if state.n++; state.n == 5 {
		next()
		return
	}
	state.deadline = now + state.wait
	amd64.TimerArm(state.deadline)
}

func testDisabled() {
	enter(&ctxA, program, fnDisabled, dispA, stackA)
	page(dispA).Disabled = 1
	state.saved = page(dispA).Svc
	onDisabled = func(c *amd64.UserContext) {
		if c.Regs.RAX != 77 || c.Regs.R12 != 0x1212 || c.Regs.RSP != stackA || page(dispA).Svc != state.saved {
			fail("registers", c.Regs.RAX)
		}
		next()
	}
}

// leave makes c go on behind the fault that it is in (FAULT in user_amd64.s).
func leave(c *amd64.UserContext) {
	c.Regs.R14 = 1
	c.Regs.RIP = *(*uint64)(data(c.Regs.RSP)) + 2
	c.Regs.RSP += 8
}

// wants are the exceptions of userTraps.
var wants = [...]struct{ vector, err, cr2 uint64 }{
	{vector: amd64.VecUD},
	{vector: amd64.VecDE},
	{vector: amd64.VecBP},
	{vector: amd64.VecPF, err: amd64.FaultUser, cr2: 0x123456789000},
	{vector: amd64.VecPF, err: amd64.FaultUser | amd64.FaultWrite, cr2: 0x123456789008},
	{vector: amd64.VecPF, err: amd64.FaultUser | amd64.FaultWrite | amd64.FaultPresent, cr2: libText},
	{vector: amd64.VecPF, err: amd64.FaultUser | amd64.FaultPresent, cr2: amd64.KernelBase + 0x200000},
	{vector: amd64.VecPF, err: amd64.FaultUser | amd64.FaultPresent | amd64.FaultFetch, cr2: libData + 0x100},
	{vector: amd64.VecGP},                  // HLT
	{vector: amd64.VecGP},                  // load from a non-canonical address
	{vector: amd64.VecGP, err: 0x80*8 + 2}, // INT 0x80
	{vector: amd64.VecGP},                  // jump to a non-canonical address
	{vector: amd64.VecGP},                  // SIDT
	{vector: amd64.VecGP, err: 0x20},       // load of the null descriptor at 0x20
	{vector: amd64.VecGP},                  // WRMSR
	{vector: amd64.VecMF},
}

// testTraps: each exception arrives with its vector, error code and address,
// and ring 3 goes on behind it with its registers.
func testTraps() {
	state.n = 0
	enter(&ctxA, libText, fnTraps, dispA, stackA)
	onTrap = expectTrap
	onDone = func(c *amd64.UserContext) bool {
		if state.n != len(wants) {
			fail("traps seen", uint64(state.n))
		}
		onDone = nil
		return true
	}
}

func expectTrap(c *amd64.UserContext, vector, err, cr2 uint64) {
	if state.n == len(wants) {
		fail("one trap too many, vector", vector)
	}
	w := &wants[state.n]
	if err == 0x80*16+2 {
		err = 0x80*8 + 2 // QEMU's TCG counts 16 bytes a gate
	}
	if vector != w.vector || err != w.err || vector == amd64.VecPF && cr2 != w.cr2 {
		println("vector", vector, "error", hexWord(err), "cr2", hexWord(cr2))
		fail("trap", uint64(state.n))
	}
	state.n++
	leave(c)
	c.Regs.R13 = uint64(state.n)
}

// testBadRIP: a context whose RIP is not canonical traps, again and again if
// it is not mended, and the kernel lives.
func testBadRIP() {
	state.n = 0
	enter(&ctxA, libText, fnTraps, dispA, stackA)
	onTrap = func(c *amd64.UserContext, vector, err, cr2 uint64) {
		state.n++
		switch state.n {
		case 1: // the UD2
			c.Regs.RIP = 0x8000_0000_0000
		case 2:
			if vector != amd64.VecGP || err != 0 {
				fail("vector", vector)
			}
			c.Regs.RIP = 0xffff_ffff_8020_0000
		case 3:
			if vector != amd64.VecGP {
				fail("vector", vector)
			}
			// RFLAGS that would be fatal in ring 0: IOPL, VM, NT, no IF.
			c.Regs.RFLAGS = 0x3_7000
			leave(c)
		case 4: // the next trap of the code
			if c.Regs.RFLAGS&0x2_3200 != 0x200 {
				fail("rflags", c.Regs.RFLAGS)
			}
			next()
		}
	}
}

// testStep: TF in ring 3 arrives as #DB after each instruction, also across a
// native call.
func testStep() {
	state.n = 0
	enter(&ctxA, libText, fnStep, dispA, stackA)
	onTrap = func(c *amd64.UserContext, vector, err, cr2 uint64) {
		if vector != amd64.VecDB {
			fail("vector", vector)
		}
		state.n++
	}
	onDone = func(c *amd64.UserContext) bool {
		if state.n < 6 || amd64.This().Debugs != 0 {
			fail("steps", uint64(state.n))
		}
		onDone = nil
		return true
	}
}

// testPreempt: two contexts with different vector state, FS and GS bases, taken
// off the CPU by the timer and by NMIs struck at it.
func testPreempt() {
	state.n, state.done = 0, 0
	state.nmis = amd64.This().NMIs
	enter(&ctxB, libText, fnVectors, dispB, stackB)
	ctxB.Regs.RDI = 0x2222222222222222
	ctxB.Regs.RSI, ctxB.Regs.RDX = 0x1fa0, 0x27f
	enter(&ctxA, libText, fnVectors, dispA, stackA)
	ctxA.Regs.RDI = 0x1111111111111111
	ctxA.Regs.RSI, ctxA.Regs.RDX = 0x1f80, 0x37f
	*(*uint64)(data(flags)) = 0
	state.wait = amd64.TSCHz / 2000
	onIRQ = preemptIRQ
	onDone = func(c *amd64.UserContext) bool {
		state.done++
		if state.done == 1 {
			other(c)
			return false
		}
		if amd64.This().NMIs == state.nmis {
			fail("NMIs", state.nmis)
		}
		amd64.TimerStop()
		onDone = nil
		return true
	}
	amd64.TimerArm(amd64.Now() + state.wait)
}

// other makes the context that is not c current.
func other(c *amd64.UserContext) {
	cpu := amd64.This()
	if c == &ctxA {
		cpu.SetDispatcher(data(dispB), dispB)
		cpu.Cur = &ctxB
	} else {
		cpu.SetDispatcher(data(dispA), dispA)
		cpu.Cur = &ctxA
	}
}

func preemptIRQ(c *amd64.UserContext, irq int) {
	const rounds = 300
	if c == nil || irq != amd64.IRQTimer {
		fail("interrupt", uint64(irq))
	}
	state.n++
	c.Preempt()
	if c.Vec != amd64.VecFull || !c.SetFS || !c.SetGS {
		fail("not saved", uint64(c.Vec))
	}
	if state.done == 0 {
		other(c)
	}
	if state.n == rounds {
		*(*uint64)(data(flags)) = 1
	}
	amd64.TimerArm(amd64.Now() + state.wait)
	if state.n%3 == 0 {
		amd64.SendIPI(amd64.This().APICID, amd64.IPINMI, 0)
	}
}

// testSerial: the transmitter's interrupt arrives through the I/O APIC.
func testSerial() {
	amd64.This().Cur = nil
	gsi, ok := amd64.EnableISA(amd64.IRQCOM2)
	if !ok {
		fail("no such input", amd64.IRQCOM2)
	}
	if !amd64.COM2.Present {
		fail("COM2 is not there", 0)
	}
	state.gsi = gsi
	onIRQ = func(c *amd64.UserContext, irq int) {
		if c != nil || uint32(irq) != state.gsi {
			fail("interrupt", uint64(irq))
		}
		amd64.COM2.Ack()
		amd64.COM2.SetInterrupts(false, false)
		amd64.MaskIRQ(state.gsi)
		next()
	}
	amd64.COM2.SetInterrupts(false, true)
}

// die does what the command line asks for; each is to end in a report and
// ExitPanic.
func die(how string) bool {
	switch how {
	case "nil":
		unmapLow()
		println(message.Len)
	case "index":
		println(sizes[9-len(sizes)+int(amd64.In8(0x80)&0)+3])
	case "unmapped":
		*(*uint64)(unsafe.Pointer(uintptr(amd64.KernelBase) - 8)) = 1
	case "overflow":
		println(deep(1 << 20))
	case "double":
		breakStack()
	case "reboot":
		amd64.Reboot()
	case "off":
		amd64.PowerOff()
	default:
		return false
	}
	return true
}

var (
	message *abi.Message
	sizes   = []int{1, 2, 3}
)

// breakStack points SP at nothing and faults.
func breakStack()

//go:noinline
func deep(n int) int {
	var b [100]int
	b[n%100] = n
	if n == 0 {
		return 0
	}
	return deep(n-1) + b[(n+1)%100]
}
