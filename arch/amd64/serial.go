package amd64

import "unsafe"

// UART is a 16550 serial port. Its user sees to it that one CPU at a time calls.
type UART struct {
	Port uint16
	// Present is set by Init if something answers at the port.
	Present bool
	ier     uint8
}

var (
	COM1 = UART{Port: 0x3f8}
	COM2 = UART{Port: 0x2f8}
)

const (
	uartData    = 0
	uartIER     = 1
	uartFCR     = 2 // write
	uartIIR     = 2 // read
	uartLCR     = 3
	uartMCR     = 4
	uartLSR     = 5
	uartMSR     = 6
	uartScratch = 7

	ierRX   = 1
	ierTX   = 2
	lsrRX   = 1
	lsrTX   = 1 << 5
	fifoLen = 16
)

// Init sets 115200 8N1, FIFOs on, no interrupts.
func (u *UART) Init() {
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
	u.ier = 0
}

// Write sends as much of b as the port takes now, and returns how much.
func (u *UART) Write(b []byte) int {
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
func (u *UART) WriteAll(b []byte) {
	for spins := 0; len(b) > 0 && spins < 1<<20; spins++ {
		if n := u.Write(b); n > 0 {
			b, spins = b[n:], 0
		}
	}
}

// Read moves received bytes to b and returns how many there were.
func (u *UART) Read(b []byte) int {
	if !u.Present {
		return 0
	}
	n := 0
	for n < len(b) && In8(u.Port+uartLSR)&lsrRX != 0 {
		b[n] = In8(u.Port + uartData)
		n++
	}
	return n
}

// SetInterrupts chooses whether the port interrupts when bytes have come (rx)
// and when it can take more (tx). The interrupt is IRQCOM1 or IRQCOM2, edge
// triggered: its handler must Ack and then read or write until nothing is left.
func (u *UART) SetInterrupts(rx, tx bool) {
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

// Ack takes note of the port's interrupt causes, so that the next one makes an
// edge. Receive causes go away only when the bytes are read.
func (u *UART) Ack() {
	if u.Present {
		In8(u.Port + uartIIR)
		In8(u.Port + uartMSR)
	}
}

// Debugcon is QEMU's write-only debug port device.
type Debugcon uint16

// The ports of the host tool.
const (
	DebugLog    Debugcon = 0xe9
	DebugOut    Debugcon = 0xea
	DebugErr    Debugcon = 0xeb
	DebugStatus Debugcon = 0xec
)

// Present reports whether the device is there: it reads as 0xe9, whatever its
// port.
func (d Debugcon) Present() bool { return In8(uint16(d)) == 0xe9 }

// Write sends b in one instruction, which takes turns with other CPUs' byte by
// byte: its user sees to it that there are none.
func (d Debugcon) Write(b []byte) {
	if len(b) > 0 {
		outString(uint16(d), unsafe.SliceData(b), len(b))
	}
}
