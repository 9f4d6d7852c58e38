package main

import (
	"sync/atomic"
	"unsafe"

	"go42/arch/amd64"
)

// Tests with several CPUs, chosen by the command line:
//
//	smp        each CPU answers an interrupt; stress of shootdown and grace periods
//	smpbreak   the same without the shootdown: must be noticed
//	smpabsent  as smp, with a processor in the table that is not there
//	smpnmi     reflected and native calls on all CPUs, while the host sends NMIs
//	smppanic   CPU 2 panics
//	smppanics  CPUs 1 and 2 panic at once
//	smptrap    CPU 1 faults in the kernel

const (
	opShoot = 5 // a step of the stress

	probes    = 0x7e00_3000_0000 // probesPer pages of each CPU
	probesPer = 4
	good, bad = 0x600d_600d_600d, 0xbad0_bad0_bad0
	stressFor = 2 // s
)

// probe frames, two a page in turn: the one that is not mapped holds bad.
var (
	frames [amd64.MaxCPU*probesPer*2 + 1][4096]byte
	ptes   *[512]amd64.PTE
)

// objects are found through slots: the one that is not, and was not when the
// grace period began, holds bad.
var objects [amd64.MaxCPU]struct {
	slot  uint32
	value [2]uint64
	_     [5]uint64
}

type cpuState struct {
	ctx      amd64.UserContext
	seed     uint64
	which    [probesPer]uint32
	grace    amd64.Grace
	waiting  bool
	answered uint32
	finished bool
	control  [8]uint64 // CR0, CR3, CR4, EFER, STAR, LSTAR, SFMASK, SYSENTER_CS at the start
	flip     bool

	shots, waits, graces, ipis uint64
	met                        [3]uint64 // targets found in ring 3, kernel, idle
	_                          [8]uint64
}

var smp struct {
	mode  string
	until uint64
	there uint32
	done  uint32
	cpu   [amd64.MaxCPU]cpuState
}

func frameOf(page int, which uint32) unsafe.Pointer {
	base := (uintptr(unsafe.Pointer(&frames)) + 4095) &^ 4095
	return unsafe.Pointer(base + uintptr(page*2+int(which))*4096)
}

func smpDisp(i uint32) uint64 { return libData + 0x6000 + uint64(i)*0x1000 }

// smpMain does not return.
func smpMain(mode string) {
	smp.mode = mode
	for i := range amd64.MaxCPU * probesPer {
		mapPage(table, probes+uint64(i)*4096, phys(frameOf(i, 0)), amd64.PTENoExec)
		*(*uint64)(frameOf(i, 0)) = good
		*(*uint64)(frameOf(i, 1)) = bad
	}
	ptes = (*[512]amd64.PTE)(unsafe.Pointer(amd64.KernelBase + uintptr(
		(*[512]amd64.PTE)(unsafe.Pointer(amd64.KernelBase + uintptr(
			(*[512]amd64.PTE)(unsafe.Pointer(amd64.KernelBase + uintptr(
				table[amd64.Index(probes, 4)].Addr())))[amd64.Index(probes, 3)].Addr())))[amd64.Index(probes, 2)].Addr())))
	for i := range smp.cpu {
		smp.cpu[i].seed = uint64(i+1) * 0x9e3779b97f4a7c15
		objects[i].value = [2]uint64{good, bad}
		p := page(smpDisp(uint32(i)))
		p.Self, p.SvcSP = smpDisp(uint32(i)), libData+0x20000+uint64(i+1)*0x1000
	}
	if mode == "smpabsent" {
		amd64.ACPI.APICIDs[amd64.ACPI.NCPU] = 77
		amd64.ACPI.NCPU++
	}
	amd64.Handler.Native = smpNative
	amd64.Handler.IRQ = smpIRQ
	amd64.StartCPUs(smpCPU)
	println("CPUs", amd64.NCPU)
	smp.until = amd64.Now() + stressFor*amd64.TSCHz
	if mode == "smpnmi" {
		println("stress")
	}
	for atomic.LoadUint32(&smp.there) != uint32(amd64.NCPU)-1 {
		amd64.Pause()
	}
	for i := range amd64.NCPU {
		amd64.Reschedule(i)
	}
	smpCPU()
}

// smpCPU idles: the interrupt begins the test.
func smpCPU() {
	p := amd64.This()
	p.SetLibOS(libText, libText+area, at(libText, fnSmpSvc))
	p.Cur = nil
	amd64.TimerStop()
	smp.cpu[p.ID].control = [...]uint64{amd64.ReadCR0(), amd64.ReadCR3(), amd64.ReadCR4(), amd64.ReadMSR(0xc0000080),
		amd64.ReadMSR(0xc0000081), amd64.ReadMSR(0xc0000082), amd64.ReadMSR(0xc0000084), amd64.ReadMSR(0x174)}
	atomic.AddUint32(&smp.there, 1)
	amd64.Run()
}

func smpEnter(fn int, base uint64) {
	p := amd64.This()
	c := &smp.cpu[p.ID].ctx
	va := smpDisp(p.ID)
	c.Start(at(base, fn), libData+0x10000+uint64(p.ID+1)*0x1000, va, 0, 0)
	c.Regs.R12, c.Regs.R13, c.Regs.R14 = probes, good, uint64(amd64.NCPU*probesPer)
	if fn == fnBoth {
		c.Regs.R12, c.Regs.R14 = va, 0
	}
	p.SetDispatcher(data(va), va)
	page(va).Disabled = 0
	p.Cur = c
}

func smpIRQ(c *amd64.UserContext, n int) {
	p := amd64.This()
	s := &smp.cpu[p.ID]
	switch {
	case n == amd64.IRQIPI:
		s.ipis++
		if atomic.SwapUint32(&s.answered, 1) == 0 {
			smpBegin(p.ID)
			return
		}
	case s.answered == 0:
		smpFail("no interrupt has come to CPU", uint64(p.ID))
	}
	if c != nil {
		return
	}
	if !s.finished {
		p.Cur = &s.ctx
		return
	}
	if p.ID == 0 {
		smpEnd()
	}
}

// What a CPU does in a test of panics.
const (
	inRing3 = iota + 1
	inGo    // loops in the kernel
	isIdle
	panics
	faults
	panicsFirst
	panicsInNMI
)

// smpRole is what CPU id does; 0: the test is not one of panics.
func smpRole(id uint32) int {
	switch smp.mode {
	case "smppanic":
		return [4]int{inGo, inRing3, panics, isIdle}[id&3]
	case "smppanics":
		return [4]int{inGo, panicsFirst, panicsInNMI, isIdle}[id&3]
	case "smptrap":
		return [4]int{inGo, faults, inRing3, isIdle}[id&3]
	}
	return 0
}

// smpBegin is what each CPU does in the chosen test.
func smpBegin(id uint32) {
	switch smpRole(id) {
	case inRing3:
		smpEnter(fnSpin, libText)
	case inGo:
		inKernel()
	case isIdle:
		amd64.TimerStop()
	case panics:
		smpArrived(id)
		panic("smppanic")
	case faults:
		smpArrived(id)
		*(*uint64)(unsafe.Pointer(uintptr(amd64.KernelBase) - 8)) = 1
	case panicsFirst:
		smpArrived(id)
		for atomic.LoadUint32(&smp.done) == 0 {
			amd64.Pause()
		}
		panic("the first")
	case panicsInNMI:
		amd64.Handler.NMI = smpNMI
		amd64.SendIPI(amd64.This().APICID, amd64.IPINMI, 0)
		inKernel()
	default:
		if smp.mode == "smpnmi" {
			smpEnter(fnBoth, program)
			return
		}
		smpEnter(fnShoot, libText)
	}
}

// smpArrived waits until every CPU but id is where the report is to find it.
func smpArrived(id uint32) {
	for i := range uint32(amd64.NCPU) {
		for i != id && !smpThere(i) {
			amd64.Pause()
		}
	}
}

// smpThere: CPU i has begun what it does, and will be found at it.
func smpThere(i uint32) bool {
	if atomic.LoadUint32(&smp.cpu[i].answered) == 0 {
		return false
	}
	p := amd64.CPUByID(int(i))
	switch smpRole(i) {
	case inRing3:
		return p.Epoch()&1 == 0 && !p.Idle()
	case isIdle:
		return p.Idle()
	}
	return true
}

// smpNMI panics while the CPU takes no further NMI: the one that has panicked
// meanwhile must wait for it.
func smpNMI(f *amd64.Frame) {
	if amd64.This().ID == 2 && smp.done == 0 {
		atomic.AddUint32(&smp.done, 1)
		for !amd64.Reporting() {
			amd64.Pause()
		}
		panic("the second")
	}
}

func smpFail(what string, cpu uint64) {
	println("FAIL", what, cpu)
	amd64.Exit(1)
}

//go:noinline
func inKernel() {
	for {
		amd64.Pause()
	}
}

func pause(ticks uint64) {
	for end := amd64.Now() + ticks; amd64.Now() < end; {
		amd64.Pause()
	}
}

func smpNative(c *amd64.UserContext) {
	p := amd64.This()
	s := &smp.cpu[p.ID]
	switch {
	case c.Regs.RAX == opFail && smp.mode == "smpnmi":
		smpFail("registers on CPU", uint64(p.ID))
	case c.Regs.RAX == opFail:
		println("address", hexWord(c.Regs.RDI))
		smpFail("stale translation on CPU", uint64(p.ID))
	case smp.mode == "smpnmi":
		smpFlip(p, s)
	case c.Regs.RAX == opShoot && s.seed != 0:
		smpStep(p, s)
	}
	if amd64.Now() > smp.until && (smp.mode != "smpnmi" || struck(p, smp.until)) {
		s.finished = true
		p.Cur = nil
		atomic.AddUint32(&smp.done, 1)
		amd64.TimerArm(amd64.Now() + amd64.TSCHz/100)
	}
}

// smpFlip lets reflected and native calls take turns.
func smpFlip(p *amd64.CPU, s *cpuState) {
	if s.flip = !s.flip; s.flip {
		smpEnter(fnNop, libText)
	} else {
		smpEnter(fnBoth, program)
	}
}

func (s *cpuState) random() uint64 {
	s.seed ^= s.seed << 13
	s.seed ^= s.seed >> 7
	s.seed ^= s.seed << 17
	return s.seed >> 8
}

func smpStep(p *amd64.CPU, s *cpuState) {
	r := s.random()
	o := &objects[r%uint64(amd64.NCPU)]
	at := atomic.LoadUint32(&o.slot)
	smpGrace(p, s)
	switch r >> 4 % 8 {
	case 0, 1, 2, 3:
		shoot(p, s)
	case 4, 5:
		s.waits++
		p.Cur = nil
		amd64.TimerArm(amd64.Now() + amd64.TSCHz/1_000_000*(10+r>>8%100))
	case 6:
		pause(amd64.TSCHz / 1_000_000 * (r >> 8 % 50))
	case 7:
		amd64.Reschedule(int(r >> 8 % uint64(amd64.NCPU)))
	}
	if v := atomic.LoadUint64(&o.value[at]); v != good {
		smpFail("object gone under CPU", uint64(p.ID))
	}
}

// smpGrace replaces this CPU's object, or destroys what it has replaced.
func smpGrace(p *amd64.CPU, s *cpuState) {
	o := &objects[p.ID]
	old := 1 - o.slot
	switch {
	case !s.waiting:
		atomic.StoreUint64(&o.value[old], good)
		atomic.StoreUint32(&o.slot, old)
		amd64.GraceStart(&s.grace)
		s.waiting = true
	case amd64.GraceOver(&s.grace):
		atomic.StoreUint64(&o.value[old], bad)
		s.waiting = false
		s.graces++
	}
}

// shoot maps some of this CPU's pages elsewhere and spoils what they were.
func shoot(p *amd64.CPU, s *cpuState) {
	r := s.random()
	var vas [amd64.MaxShootDown + 4]uint64
	n := 1 + int(r%probesPer)
	for i := range n {
		page := int(p.ID)*probesPer + i
		fresh := 1 - s.which[i]
		va := uint64(probes + page*4096)
		atomic.StoreUint64((*uint64)(frameOf(page, fresh)), good)
		atomic.StoreUint64((*uint64)(&ptes[amd64.Index(va, 1)]),
			uint64(amd64.MakePTE(phys(frameOf(page, fresh)), amd64.PTEPresent|amd64.PTEUser|amd64.PTENoExec)))
		amd64.InvalidatePage(va)
		vas[i] = va
	}
	for i := range amd64.NCPU {
		q := amd64.CPUByID(i)
		switch {
		case i == int(p.ID):
		case q.Idle():
			s.met[2]++
		case q.Epoch()&1 != 0:
			s.met[1]++
		default:
			s.met[0]++
		}
	}
	s.shots++
	if smp.mode != "smpbreak" {
		list := vas[:n]
		switch r >> 8 % 16 {
		case 0:
			list = nil
		case 1:
			list = vas[:] // too many
		}
		amd64.ShootDown(^uint64(0), list)
	}
	for i := range n {
		atomic.StoreUint64((*uint64)(frameOf(int(p.ID)*probesPer+i, s.which[i])), bad)
		s.which[i] = 1 - s.which[i]
	}
}

// smpEnd is CPU 0's, when it has finished: waits for the others.
func smpEnd() {
	if int(atomic.LoadUint32(&smp.done)) < amd64.NCPU {
		amd64.TimerArm(amd64.Now() + amd64.TSCHz/100)
		return
	}
	for i := range amd64.NCPU {
		s, p := &smp.cpu[i], amd64.CPUByID(i)
		for n, v := range s.control {
			if v != smp.cpu[0].control[n] {
				println("control register", n, hexWord(v))
				smpFail("not set up as CPU 0:", uint64(i))
			}
		}
		if smp.mode == "smpnmi" {
			println("CPU", i, "NMIs", p.NMIs, "reflected", p.Reflected, "natives", p.Natives)
			continue
		}
		println("CPU", i, "shots", s.shots, "met user", s.met[0], "kernel", s.met[1], "idle", s.met[2],
			"waits", s.waits, "graces", s.graces, "ipis", s.ipis)
	}
	println("all CPUs done")
	amd64.Exit(0)
}
