//go:build go42kernel

// Package main is the kernel: it puts the parts together, starts the boot
// processes and from then on handles events.
//
//	main.go      start-up, in order
//	natives.go   the table of native calls
//	process.go   faults, what is told of a process (fork, exec, death: sched/lifecycle)
//	memory.go    calls on address spaces and memory objects
//	machine.go   devices, clocks, counters
//	image.go     the libOS image and the boot processes
//	smp.go       the other processors
//	random.go    the generator
//	log.go       log and panic
package main

import (
	"unsafe"

	"go42/arch/amd64"
	"go42/boot/bootinfo"
	"go42/boot/rt"
	"go42/ipc/abi"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/sched"
	"go42/sched/lifecycle"
)

// bootTable is the order in which the servers start, and their ranks.
var bootTable = [...]struct {
	name string
	role uint32
	rank uint32
}{
	{"proc", abi.RoleServer | abi.RoleProc | abi.RoleDevice, abi.RankProc},
	{"mount", abi.RoleServer, abi.RankMount},
	{"file", abi.RoleServer, abi.RankFile},
	{"pipe", abi.RoleServer, abi.RankPipe},
	{"tty", abi.RoleServer | abi.RoleDevice, abi.RankPipe},
	{"procfs", abi.RoleServer | abi.RoleSee, abi.RankDev},
	{"init", 0, abi.RankApp},
}

// arena serves the few allocations of start-up.
var arena [512 << 10]byte

func main() {
	startup()
	sched.This().Leave()
	amd64.Run()
}

//go:noinline
func startup() {
	amd64.Init(uint64(rt.StartInfo()))
	startupDirectMap()
	startupDevices()
	amd64.Handler.Report = onReport
	rt.SetPrintHook(printBytes)
	rt.SetPanicHook(amd64.Panic)
	rt.SetArena(uintptr(unsafe.Pointer(&arena)), unsafe.Sizeof(arena))
	boot := *bootinfo.Get()
	startupMemory(&boot)
	startupInfo()
	tracing = hasWord(amd64.Boot.Cmdline, "go42.trace")
	straced = hasWord(amd64.Boot.Cmdline, "go42.strace")
	seedRandom()

	// So many small ones leave memory to others; then fork is refused (EAGAIN).
	lifecycle.MaxProcesses = int(abi.MaxProcesses(info.MemTotal))
	sched.Init(lifecycle.MaxProcesses+lifecycle.DeadMost*amd64.MaxCPU, 8192)
	ppc.Init(16384, 65536, 8192)
	ppc.SetHashKey(random64())
	lifecycle.Init(infoFrame, mapImage, logServerDeath)
	loadImage(&boot)
	for i := range boot.NModules {
		m := &boot.Modules[i]
		addModule(m.Name[:], m.Phys, m.Size)
	}
	if ms := amd64.Boot.Modules; len(ms) > 0 {
		addModule([]byte("initramfs"), ms[0].Addr, ms[0].Size)
	}
	startupHandlers()
	startupDump()
	startupInject()
	startupCPUs()
	startupProcesses(&boot)
	for _, irq := range [...]uint32{amd64.IRQCOM1, amd64.IRQCOM2} {
		amd64.EnableISA(irq)
	}
	rt.Seal()
}

// startupDirectMap shows physical memory where the kernel's own tables will
// show it, so that addresses kept from here on stay valid: the boot tables'
// identity map of the first 4 GiB serves there too.
func startupDirectMap() {
	root := (*[512]uint64)(amd64.Phys(amd64.ReadCR3() &^ 0xfff))
	root[amd64.Index(amd64.DirectMap, amd64.Levels)] = root[0]
	amd64.SetDirectMap(amd64.DirectMap)
}

func startupMemory(b *bootinfo.Info) {
	var usable, reserved [64]mm.PhysRange
	nu, nr := 0, 0
	top := uint64(4 << 30)
	for i := range amd64.Boot.Memory {
		m := &amd64.Boot.Memory[i]
		if m.Type != amd64.MemRAM || nu == len(usable) {
			continue
		}
		usable[nu] = mm.PhysRange{Base: m.Addr, Size: m.Size}
		nu++
		if end := m.Addr + m.Size; end > top {
			top = end
		}
	}
	reserve := func(base, size uint64) {
		if size != 0 {
			reserved[nr] = mm.PhysRange{Base: base, Size: size}
			nr++
		}
	}
	reserve(0, 1<<20) // firmware data, and the page that application processors start in
	reserve(bootinfo.BootPhys, b.EndPhys-bootinfo.BootPhys)
	for i := range amd64.Boot.Modules {
		reserve(amd64.Boot.Modules[i].Addr, amd64.Boot.Modules[i].Size)
	}
	if err := mm.Init(&mm.Config{
		Usable: usable[:nu], Reserved: reserved[:nr], PhysToVirt: amd64.DirectMap,
		Hooks: mm.Hooks{InvalidatePage: amd64.InvalidatePage, FlushAll: amd64.FlushTLB, LoadRoot: amd64.WriteCR3, ShootDown: amd64.ShootDown},
	}); err != mm.OK {
		panic("too little memory")
	}
	mmio := [2]mm.PhysRange{{Base: 0xfec00000, Size: 1 << 20}, {Base: 0xfee00000, Size: 1 << 20}}
	root, err := mm.BuildKernelSpace(&mm.KernelSpec{
		RAMTop: top, DirectVA: amd64.DirectMap, ImageVA: bootinfo.KernelBase,
		TextLo: b.Text.Phys, TextHi: b.Text.Phys + b.Text.Size,
		RodataLo: b.ROData.Phys, RodataHi: b.ROData.Phys + b.ROData.Size,
		DataLo: b.Data.Phys, DataHi: b.Data.Phys + b.Data.Size,
		MMIO: mmio[:], GigaPages: amd64.Features.Page1G,
	})
	if err != mm.OK {
		panic("no memory for the kernel's page tables")
	}
	amd64.WriteCR3(root)
}

// startupInfo fills the page that tells processes about the machine.
func startupInfo() {
	frame, ok := mm.AllocFrame(mm.RootAccount(), mm.KindKernel)
	if !ok {
		panic("no memory for the info page")
	}
	infoFrame = frame
	info = (*abi.InfoPage)(mm.PhysToPtr(frame))
	info.Magic = abi.InfoMagic
	wall := amd64.RTC() * 1_000_000_000
	info.TSCBase, info.Mult, info.Shift = sched.InitClock()
	info.WallOffset = wall
	info.TSCHz = amd64.TSCHz
	info.NCPU = 1 // that a process may use
	info.MemTotal = uint64(mm.ReadCounters().Total) * abi.PageSize
	info.MemFree = uint64(mm.FreeFrameCount()) * abi.PageSize
	info.XSaveSize, info.XCR0 = amd64.Features.XSaveSize, amd64.Features.XCR0
	info.CmdlineLen = uint64(copy(info.Cmdline[:], amd64.Boot.Cmdline))
}

func startupHandlers() {
	amd64.Handler.Native = onNative
	amd64.Handler.Trap = onTrap
	amd64.Handler.IRQ = onIRQ
	amd64.Handler.ReflectDisabled = onReflectDisabled
	l := &image.info
	info.LibOSText = [2]uint64{l.Text.Virt, l.Text.Virt + l.Text.Size}
	setLibOS()
}

// onReflectDisabled ends a process that made a system call where no upcall
// may be made.
func onReflectDisabled(ctx *amd64.UserContext) {
	c := sched.This()
	println("process", hex(c.Current.Proc.KPid), "made a system call while disabled, rip", hex(ctx.Regs.RIP))
	lifecycle.Die(c.Current.Proc, lifecycle.Killed(lifecycle.SigILL))
	c.Leave()
}

// startupProcesses makes the boot table's processes, gives them the handles
// of the two servers that everyone may call, and lets them run in order.
func startupProcesses(b *bootinfo.Info) {
	m := b.Module("go42srv")
	if m == nil {
		panic("the image holds no servers")
	}
	var ps [len(bootTable)]*sched.Process
	for i := range bootTable {
		e := &bootTable[i]
		ps[i] = spawn(m, e.name, "", e.role, e.rank)
		bootPids[i] = ps[i].KPid
	}
	lifecycle.Manager = ps[0].KPid
	for i, p := range ps {
		for j, h := range [...]uint64{abi.HandleProc, abi.HandleMount} {
			if bootTable[i].rank > bootTable[j].rank {
				ppc.NewHandleAt(p, h, ps[j].KPid, 0)
			}
		}
		lifecycle.Run(sched.This(), p, abi.RunModule, m.Size)
	}
}
