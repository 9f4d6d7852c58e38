package amd64

// Privileged registers and instructions, one function each.

// Model-specific registers.
const (
	msrAPICBase     = 0x1b
	msrTSCDeadline  = 0x6e0
	msrEFER         = 0xc0000080
	msrSTAR         = 0xc0000081
	msrLSTAR        = 0xc0000082
	msrCSTAR        = 0xc0000083
	msrSFMASK       = 0xc0000084
	msrGSBase       = 0xc0000101
	msrKernelGSBase = 0xc0000102
	msrSysenterCS   = 0x174
)

const (
	eferSCE = 1 << 0
	eferNXE = 1 << 11

	cr0PE = 1 << 0
	cr0MP = 1 << 1
	cr0EM = 1 << 2
	cr0TS = 1 << 3
	cr0NE = 1 << 5
	cr0WP = 1 << 16
	cr0AM = 1 << 18

	cr4TSD        = 1 << 2
	cr4PAE        = 1 << 5
	cr4MCE        = 1 << 6
	cr4PGE        = 1 << 7
	cr4PCE        = 1 << 8
	cr4OSFXSR     = 1 << 9
	cr4OSXMMEXCPT = 1 << 10
	cr4UMIP       = 1 << 11
	cr4FSGSBASE   = 1 << 16
	cr4PCIDE      = 1 << 17
	cr4OSXSAVE    = 1 << 18
	cr4SMEP       = 1 << 20
	cr4SMAP       = 1 << 21
	cr4PKE        = 1 << 22

	// What syscall clears of RFLAGS: TF, IF, DF, NT, AC.
	sysFlags = 1<<8 | 1<<9 | 1<<10 | 1<<14 | 1<<18
)

func ReadCR0() uint64
func WriteCR0(v uint64)
func ReadCR2() uint64

// ReadCR3 and WriteCR3 access the page-table root; writing flushes this CPU's
// TLB but for global entries.
func ReadCR3() uint64
func WriteCR3(v uint64)
func ReadCR4() uint64
func WriteCR4(v uint64)
func ReadMSR(msr uint32) uint64
func WriteMSR(msr uint32, v uint64)
func setXCR0(v uint64)

// CPUID executes the instruction.
func CPUID(leaf, sub uint32) (a, b, c, d uint32)

// InvalidatePage drops this CPU's translations of the page at va.
func InvalidatePage(va uint64)

// FlushTLB drops all of this CPU's translations but global ones.
func FlushTLB() { WriteCR3(ReadCR3()) }

// FlushGlobal drops all of this CPU's translations, global ones too.
func FlushGlobal() {
	v := ReadCR4()
	WriteCR4(v &^ cr4PGE)
	WriteCR4(v)
}

// TSC reads the time stamp counter.
func TSC() uint64

// tscAfter is TSC, read after all loads before it.
func tscAfter() uint64

// Pause is the spin-wait hint.
func Pause()

// rdrand tries once.
func rdrand() (v uint64, ok bool)

// RDRAND returns a hardware random number; false if there is none to be had.
func RDRAND() (uint64, bool) {
	if !Features.RDRAND {
		return 0, false
	}
	for range 16 {
		if v, ok := rdrand(); ok {
			return v, true
		}
	}
	return 0, false
}

// Port input and output.
func In8(port uint16) uint8
func In16(port uint16) uint16
func In32(port uint16) uint32
func Out8(port uint16, v uint8)
func Out16(port uint16, v uint16)
func Out32(port uint16, v uint32)

// OutString writes n bytes at p to an 8-bit port in one instruction.
func outString(port uint16, p *byte, n int)

func loadGDT(base *uint64, limit uint16)
func loadIDT(base *[2]uint64, limit uint16)

// loadSelectors sets CS, SS to the kernel's, DS, ES, FS to null, the task
// register to tr; GS is left alone, for its base.
func loadSelectors(tr uint16)

func disableInterrupts()
func stop()
