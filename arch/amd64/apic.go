package amd64

import (
	"sync/atomic"
	"unsafe"
)

// The local APIC in xAPIC mode (Intel SDM volume 3, chapter 10), through the
// direct map; x2APIC is not used. The I/O APIC routes all inputs to the boot
// CPU.

const (
	apicDefault = 0xfee00000

	apicID       = 0x20
	apicTPR      = 0x80
	apicEOIReg   = 0xb0
	apicSVR      = 0xf0
	apicESR      = 0x280
	apicIRR      = 0x200
	apicICRLo    = 0x300
	apicICRHi    = 0x310
	apicLVTTimer = 0x320
	apicLVTPerf  = 0x340
	apicLVT0     = 0x350
	apicLVT1     = 0x360
	apicLVTError = 0x370
	apicInit     = 0x380
	apicCount    = 0x390
	apicDivide   = 0x3e0

	lvtMasked      = 1 << 16
	lvtTSCDeadline = 2 << 17
	lvtNMI         = 4 << 8
	divide1        = 0xb
	svrEnable      = 1 << 8
	icrPending     = 1 << 12
	apicBaseEnable = 1 << 11
	apicBaseX2     = 1 << 10

	// IPI delivery modes.
	IPIFixed   = 0 << 8
	IPINMI     = 4 << 8
	IPIInit    = 5 << 8
	IPIStartup = 6 << 8
)

var apicPhys uint64 = apicDefault

func apicReg(r uint32) *uint32 { return (*uint32)(Phys(apicPhys + uint64(r))) }

func apicRead(r uint32) uint32     { return atomic.LoadUint32(apicReg(r)) }
func apicWrite(r uint32, v uint32) { *(*volatile)(unsafe.Pointer(apicReg(r))) = volatile(v) }

// volatile is a device register. A store to memory that Go cannot see through
// is neither merged nor left out by the compiler.
type volatile uint32

func apicEOI() { apicWrite(apicEOIReg, 0) }

// initAPIC sets up the local APIC of the CPU that executes it. All have theirs
// at the same address.
func initAPIC() {
	base := ReadMSR(msrAPICBase)
	if This().ID == 0 {
		apicPhys = base & 0xf_ffff_f000
	}
	WriteMSR(msrAPICBase, base&^apicBaseX2|apicBaseEnable)
	apicWrite(apicTPR, 0)
	apicWrite(apicLVTTimer, lvtMasked)
	apicWrite(apicLVTPerf, lvtMasked)
	apicWrite(apicLVT0, lvtMasked)
	apicWrite(apicLVT1, lvtNMI)
	apicWrite(apicLVTError, vecError)
	apicWrite(apicESR, 0)
	apicWrite(apicDivide, divide1)
	apicWrite(apicInit, 0)
	apicWrite(apicSVR, svrEnable|vecSpurious)
	This().APICID = apicRead(apicID) >> 24
	apicEOI()
}

// Reschedule makes CPU number cpu, 0 <= cpu < NCPU, take Handler.IRQ with IRQIPI
// as soon as it is in ring 3 or idle. Several that it has not taken yet are one.
func Reschedule(cpu int) { SendIPI(cpus[cpu].APICID, IPIFixed, vecIPI) }

// InterruptPending reports whether an interrupt waits for this CPU to take it
// that ends in Handler.IRQ.
func InterruptPending() bool {
	// All such vectors are 32..63: one register.
	return apicRead(apicIRR+vecIRQ/32*0x10) != 0
}

// SendIPI sends an interprocessor interrupt to the CPU with that APIC id.
// IPIFixed brings vector, IPIStartup takes the page number of the start code
// there. It waits for the previous one to leave, not for this one to arrive.
func SendIPI(apic uint32, mode uint32, vector uint8) {
	for apicRead(apicICRLo)&icrPending != 0 {
		Pause()
	}
	apicWrite(apicICRHi, apic<<24)
	apicWrite(apicICRLo, mode|1<<14|uint32(vector))
}

// ioapic is one I/O APIC: inputs gsi .. gsi+n-1.
type ioapic struct {
	phys uint64
	gsi  uint32
	n    uint32
}

// isaOverride routes an ISA interrupt elsewhere (MADT).
type isaOverride struct {
	gsi   uint32
	flags uint16
	set   bool
}

var (
	ioapicLock DeviceLock

	ioapics  [4]ioapic
	nIOAPIC  int
	override [16]isaOverride
)

const (
	ioapicDefault = 0xfec00000

	redirMasked = 1 << 16
	redirLevel  = 1 << 15
	redirLow    = 1 << 13
)

// read and write need ioapicLock: a register is chosen and accessed.
func (a *ioapic) read(r uint32) uint32 {
	sel, win := (*volatile)(Phys(a.phys)), (*uint32)(Phys(a.phys+0x10))
	*sel = volatile(r)
	return atomic.LoadUint32(win)
}

func (a *ioapic) write(r, v uint32) {
	sel, win := (*volatile)(Phys(a.phys)), (*volatile)(Phys(a.phys+0x10))
	*sel = volatile(r)
	*win = volatile(v)
}

// initIOAPIC masks every input.
func initIOAPIC() {
	ioapicLock.Init()
	if nIOAPIC == 0 {
		ioapics[0] = ioapic{phys: ioapicDefault}
		nIOAPIC = 1
	}
	for i := range nIOAPIC {
		a := &ioapics[i]
		a.n = a.read(1)>>16&0xff + 1
		for n := range a.n {
			a.write(0x10+2*n, redirMasked)
		}
	}
}

// find returns the I/O APIC and input for gsi.
func findIOAPIC(gsi uint32) (*ioapic, uint32) {
	for i := range nIOAPIC {
		a := &ioapics[i]
		if gsi >= a.gsi && gsi-a.gsi < a.n {
			return a, gsi - a.gsi
		}
	}
	return nil, 0
}

// EnableIRQ routes input gsi (0..23) to the boot CPU as Handler.IRQ number gsi
// and unmasks it. ISA inputs (below 16) are edge-triggered, active high, unless
// the MADT says otherwise; the others level-triggered, active low. It reports
// whether there is such an input.
func EnableIRQ(gsi uint32) bool {
	a, n := findIOAPIC(gsi)
	if a == nil || gsi >= NumIRQ {
		return false
	}
	lo := vecIRQ + gsi
	if gsi >= 16 {
		lo |= redirLevel | redirLow
	}
	for i := range override {
		if o := &override[i]; o.set && o.gsi == gsi {
			if o.flags&3 == 3 {
				lo |= redirLow
			}
			if o.flags>>2&3 == 3 {
				lo |= redirLevel
			}
		}
	}
	ioapicLock.Acquire()
	a.write(0x11+2*n, CPUByID(0).APICID<<24)
	a.write(0x10+2*n, lo)
	ioapicLock.Release()
	return true
}

// EnableISA is EnableIRQ for an ISA interrupt number; it returns the number
// that Handler.IRQ will get.
func EnableISA(irq uint32) (gsi uint32, ok bool) {
	gsi = irq
	if irq < 16 && override[irq].set {
		gsi = override[irq].gsi
	}
	return gsi, EnableIRQ(gsi)
}

// MaskIRQ stops input gsi; EnableIRQ lets it through again.
func MaskIRQ(gsi uint32) {
	a, n := findIOAPIC(gsi)
	if a == nil {
		return
	}
	ioapicLock.Acquire()
	a.write(0x10+2*n, a.read(0x10+2*n)|redirMasked)
	ioapicLock.Release()
}

// maskPIC silences the legacy interrupt controllers, with their spurious
// interrupts moved off the exceptions (vectors 48..63).
func maskPIC() {
	for _, p := range [...]struct {
		port uint16
		v    uint8
	}{
		{0x20, 0x11}, {0xa0, 0x11}, // initialise, ICW4 follows
		{0x21, 48}, {0xa1, 56}, // vectors
		{0x21, 4}, {0xa1, 2}, // cascade
		{0x21, 1}, {0xa1, 1}, // 8086 mode
		{0x21, 0xff}, {0xa1, 0xff},
	} {
		Out8(p.port, p.v)
	}
}
