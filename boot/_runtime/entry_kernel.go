//go:build go42kernel

package runtime

func outb(port uint16, v byte)
func cpuFeatures() uint32

const popcntBit = 1 << 23

// kernelMain is entered once, on the boot stack.
func kernelMain() {
	if cpuFeatures()&popcntBit == 0 {
		throw("this CPU has no POPCNT instruction")
	}
	runInits()
	main_main()
	throw("main.main returned")
}

const com1 = 0x3f8

// earlyWrite is where print goes before the kernel sets its hook: the first
// serial port, which QEMU never makes wait.
func earlyWrite(b []byte) {
	for _, c := range b {
		outb(com1, c)
	}
}

// afterInits is empty: kernelMain calls main.main itself.
func afterInits() {}
