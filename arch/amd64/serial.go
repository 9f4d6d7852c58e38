package amd64

import "unsafe"

// Serial is a 16550 serial port. Not for concurrent use by several CPUs.
type Serial struct {
	Port uint16
	// Present is set by Init if something answers at the port.
	Present bool
	ier     uint8
}

var (
	COM1 = Serial{Port: 0x3f8}
	COM2 = Serial{Port: 0x2f8}
)

const (
	uartData    = 0
	uartIER     = 1
	uartFCR     = 2 // write
	uartLCR     = 3
	uartMCR     = 4
	uartLSR     = 5
	uartScratch = 7

	ierRX   = 1
	ierTX   = 2
	lsrRX   = 1
	lsrTX   = 1 << 5
	fifoLen = 16
)

// Init sets 115200 8N1, FIFOs on, the receive interrupt on (which EnableISA lets
// through).
func (u *Serial) Init() {
	p := u.Port
	Out8(p+uartScratch, 0x5a)
	u.Present = In8(p+uartScratch) == 0x5a
	if !u.Present {
		return
	}
	Out8(p+uartIER, 0)
	Out8(p+uartLCR, 0x80)
	Out8(p+uartData, 1)
	Out8(p+uartIER, 0)
	Out8(p+uartLCR, 3)
	Out8(p+uartFCR, 0x81) // FIFOs on, receive interrupt at 8 bytes or a pause
	Out8(p+uartMCR, 0x0b) // DTR, RTS, OUT2: interrupts through
	u.ier = ierRX
	Out8(p+uartIER, u.ier)
}

// Write sends as much of b as the port takes now, and returns how much.
func (u *Serial) Write(b []byte) int {
	if !u.Present {
		return len(b)
	}
	n := 0
	for n < len(b) && In8(u.Port+uartLSR)&lsrTX != 0 {
		k := min(len(b)-n, fifoLen)
		for i := range k {
			Out8(u.Port+uartData, b[n+i])
		}
		n += k
	}
	return n
}

// WriteAll sends b, spinning while the port is busy: for panics. It gives up on
// a port that stays busy.
func (u *Serial) WriteAll(b []byte) {
	for spins := 0; len(b) > 0 && spins < 1<<20; spins++ {
		if n := u.Write(b); n > 0 {
			b, spins = b[n:], 0
		}
	}
}

// Read takes one received byte; false: there is none.
func (u *Serial) Read() (byte, bool) {
	if !u.Present || In8(u.Port+uartLSR)&lsrRX == 0 {
		return 0, false
	}
	return In8(u.Port + uartData), true
}

// SetInterrupts chooses whether the port interrupts when bytes have come (rx)
// and when it can take more (tx). The interrupt is IRQCOM1 or IRQCOM2, edge
// triggered: its handler reads until nothing is left.
func (u *Serial) SetInterrupts(rx, tx bool) {
	v := uint8(0)
	if rx {
		v |= ierRX
	}
	if tx {
		v |= ierTX
	}
	if u.Present && v != u.ier {
		u.ier = v
		Out8(u.Port+uartIER, v)
	}
}

// HaveDebugConsole says whether QEMU's debug console is at port 0xe9 (it reads
// as 0xe9). The host tool's machine has four, 0xe9 to 0xec. Set by Init.
var HaveDebugConsole bool

// DebugWrite sends b to the debug console at port, in one instruction.
func DebugWrite(port uint16, b []byte) {
	if len(b) > 0 {
		outString(port, unsafe.SliceData(b), len(b))
	}
}
