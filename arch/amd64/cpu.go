package amd64

import (
	"unsafe"

	"go42/boot/rt"
)

const (
	MaxCPU = 8

	// StackSize is the kernel stack of a CPU; istSize that of each of the
	// stacks for NMI, #DB, #MC, #DF.
	StackSize = 32 << 10
	istSize   = 8 << 10
	numIST    = 4
)

// CPU is a processor's data, behind GS base while the kernel runs. Only its own
// CPU writes it, but for flush.
type CPU struct {
	Self     *CPU
	userSP   uint64 // scratch of the system call entry
	StackTop uintptr

	// Cur is the context that the exit path returns to; nil: idle.
	Cur *UserContext

	// Set with Cur (SetDispatcher), read by the reflection path.
	// LibOSLo..LibOSHi is the libOS's text: syscall from there is native.
	LibOSLo, LibOSHi uint64
	// DispPage is the dispatcher page of Cur through the direct map (pinned),
	// DispVA the same page in ring 3, SvcEntry the libOS's Svc entry.
	DispPage unsafe.Pointer
	DispVA   uint64
	SvcEntry uint64

	ID     uint32
	APICID uint32

	armed uint64 // TSC that the timer is set to, 0: not set

	// Counters, from start.
	Reflected, Natives, Traps, IRQs, NMIs, Debugs, APICErrors uint64

	// Sched is the kernel's own.
	Sched unsafe.Pointer

	// What other CPUs read and write, on lines of its own: see epoch.go and
	// shootdown.go.
	_     [8]uint64
	epoch uint64
	flush uint32
	idle  uint32
	_     [14]uint64
}

// cpuArea is a CPU with what lies before it: the word at GS:-8 is the current g.
type cpuArea struct {
	_ [7]uint64
	g *rt.G
	CPU

	stackG rt.G
	istG   [numIST]rt.G
	gdt    [10]uint64
	tss    tss
	_      [6]uint64
}

var (
	cpus         [MaxCPU]cpuArea
	kernelStacks [MaxCPU][StackSize]byte
	istStacks    [MaxCPU][numIST][istSize]byte

	// NCPU is the number of CPUs that run, numbered 0 to NCPU-1. It changes
	// in StartCPUs only.
	NCPU = 1
)

// For assembly.
const (
	cpusSize  = unsafe.Sizeof(cpus)
	cpuOffset = unsafe.Offsetof(cpuArea{}.CPU)
	gdtOffset = unsafe.Offsetof(cpuArea{}.gdt)
	// From GS base to the kernel stack's g.
	stackGOffset = unsafe.Offsetof(cpuArea{}.stackG) - cpuOffset
	frameSize    = unsafe.Sizeof(Frame{})
)

// This returns the CPU that executes it.
func This() *CPU

// CPUByID returns CPU number i, 0 <= i < MaxCPU.
func CPUByID(i int) *CPU { return &cpus[i].CPU }

// SetDispatcher sets what the reflection path uses: call it whenever Cur comes
// to belong to another dispatcher. page is the direct-map address of the
// dispatcher page, va its user address.
func (p *CPU) SetDispatcher(page unsafe.Pointer, va uint64) {
	p.DispPage, p.DispVA = page, va
}

// SetLibOS sets the libOS's text range and its Svc entry: the same for all
// processes, called once on each CPU.
func (p *CPU) SetLibOS(lo, hi, svc uint64) {
	p.LibOSLo, p.LibOSHi, p.SvcEntry = lo, hi, svc
}

// Run leaves the start-up stack for good: exit to Cur, or idle, and handle
// events from then on.
func Run()

// setGS makes area the CPU behind GS, keeping the current g.
func setGS(base *CPU)

// end returns the top of a stack, 64-byte aligned.
func end(b []byte) uintptr {
	return (uintptr(unsafe.Pointer(unsafe.SliceData(b))) + uintptr(len(b))) &^ 63
}

func start(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// initStacks gives CPU number i its stacks and their g.
func initStacks(i int) {
	p := &cpus[i]
	p.Self = &p.CPU
	p.ID = uint32(i)
	p.epoch = 1 // in the kernel, until Run leaves it
	s := kernelStacks[i][:]
	p.StackTop = end(s)
	p.stackG.SetStack(start(s), p.StackTop)
	p.tss.rsp0 = split(uint64(p.StackTop))
	for n := range numIST {
		s := istStacks[i][n][:]
		// The last 16 bytes name the CPU and the stack's g: the entry finds
		// them at a fixed distance from where the processor starts pushing.
		top := end(s) - 64
		p.istG[n].SetStack(start(s), top)
		*(**CPU)(unsafe.Pointer(top)) = &p.CPU
		*(**rt.G)(unsafe.Pointer(top + 8)) = &p.istG[n]
		p.tss.ist[n] = split(uint64(top))
	}
}
