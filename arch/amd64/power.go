package amd64

// ExitPanic is the code that a kernel panic gives Exit.
const ExitPanic = 0x42

// Exit ends QEMU through isa-debug-exit at port 0xf4 with status 2*code+1; if that device is
// not there, it powers off; if that fails, it stops the CPU. code 0..127.
func Exit(code uint8) {
	disableInterrupts()
	Out8(0xf4, code)
	PowerOff()
}

// PowerOff turns the machine off through ACPI (soft-off type 0, which is what
// QEMU's and most firmware's _S5 says) and does not return.
func PowerOff() {
	disableInterrupts()
	const slpEnable = 1 << 13
	if ACPI.PM1aControl != 0 {
		Out16(ACPI.PM1aControl, slpEnable)
	}
	Out16(0x604, slpEnable) // QEMU pc and q35
	stop()
}

// Reboot resets the machine and does not return.
func Reboot() {
	disableInterrupts()
	Out8(0xcf9, 2)
	Out8(0xcf9, 6)
	for range 1000 {
		if In8(0x64)&2 == 0 {
			break
		}
	}
	Out8(0x64, 0xfe) // keyboard controller: pulse reset
	// No reset came.
	TripleFault()
}

// TripleFault has the processor shut down, which resets a PC.
func TripleFault() {
	loadIDT(&idt[0], 0)
	trigger()
	stop()
}

// trigger raises #UD.
func trigger()
