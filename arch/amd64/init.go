package amd64

// Init prepares the boot CPU: features, control registers, descriptor tables, system
// call entry, per-CPU data behind GS, serial ports, APICs (masked), TSC
// frequency. start is the physical address of hvm_start_info (boot/rt.StartInfo).
// It runs on the start-up stack under the boot page tables, which map all
// that it touches at its physical address.
func Init(start uint64) {
	disableInterrupts()
	detect()
	if !Features.FSGSBase || !Features.NX {
		panic("amd64: the CPU lacks FSGSBASE or NX (QEMU: use -cpu max)")
	}
	chooseXCR0()
	enable()
	initVectors()
	initStacks(0)
	initIDT()
	loadTables(0)
	COM1.Init()
	COM2.Init()
	parseStart(start)
	parseACPI(Boot.RSDP)
	maskPIC()
	initAPIC()
	initIOAPIC()
	calibrate()
}
