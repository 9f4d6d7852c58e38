package tty

import "encoding/binary"

// termios is Linux's struct termios (asm-generic); termios2 has two speeds
// behind it.
type termios struct {
	iflag, oflag, cflag, lflag uint32
	line                       byte
	cc                         [19]byte
}

// c_iflag.
const (
	iPARMRK = 0o10
	iISTRIP = 0o40
	iINLCR  = 0o100
	iIGNCR  = 0o200
	iICRNL  = 0o400
	iIUCLC  = 0o1000
	iIXON   = 0o2000
	iIXANY  = 0o4000
	iIUTF8  = 0o40000
)

// c_oflag.
const (
	oOPOST  = 0o1
	oOLCUC  = 0o2
	oONLCR  = 0o4
	oOCRNL  = 0o10
	oONOCR  = 0o20
	oONLRET = 0o40
	oTABDLY = 0o14000 // XTABS: tabs to spaces
)

// c_cflag.
const (
	cB38400  = 0o17
	cB115200 = 0o10002
	cCBAUD   = 0o10017
	cCS8     = 0o60
	cCSIZE   = 0o60
	cCREAD   = 0o200
	cPARENB  = 0o400
	cHUPCL   = 0o2000
	cCLOCAL  = 0o4000
)

// c_lflag.
const (
	lISIG    = 0o1
	lICANON  = 0o2
	lECHO    = 0o10
	lECHOE   = 0o20
	lECHOK   = 0o40
	lECHONL  = 0o100
	lNOFLSH  = 0o200
	lTOSTOP  = 0o400
	lECHOCTL = 0o1000
	lECHOPRT = 0o2000
	lECHOKE  = 0o4000
	lIEXTEN  = 0o100000
	lEXTPROC = 0o200000
)

// c_cc.
const (
	vINTR = iota
	vQUIT
	vERASE
	vKILL
	vEOF
	vTIME
	vMIN
	vSWTC
	vSTART
	vSTOP
	vSUSP
	vEOL
	vREPRINT
	vDISCARD
	vWERASE
	vLNEXT
	vEOL2
)

// standard is what a terminal starts with.
var standard = termios{
	iflag: iICRNL | iIXON,
	oflag: oOPOST | oONLCR,
	cflag: cB38400 | cCS8 | cCREAD | cHUPCL,
	lflag: lISIG | lICANON | lECHO | lECHOE | lECHOK | lECHOCTL | lECHOKE | lIEXTEN,
	cc: [19]byte{vINTR: 'C' - 64, vQUIT: '\\' - 64, vERASE: 127, vKILL: 'U' - 64, vEOF: 'D' - 64, vMIN: 1,
		vSTART: 'Q' - 64, vSTOP: 'S' - 64, vSUSP: 'Z' - 64, vREPRINT: 'R' - 64, vDISCARD: 'O' - 64,
		vWERASE: 'W' - 64, vLNEXT: 'V' - 64},
}

const (
	termiosSize  = 36
	termios2Size = 44
	termioSize   = 18
)

// encode is struct termios2, of which struct termios is the beginning.
func (t *termios) encode() []byte {
	b := make([]byte, termios2Size)
	for i, v := range []uint32{t.iflag, t.oflag, t.cflag, t.lflag} {
		binary.LittleEndian.PutUint32(b[4*i:], v)
	}
	b[16] = t.line
	copy(b[17:], t.cc[:])
	s := speed(t.cflag)
	binary.LittleEndian.PutUint32(b[36:], s)
	binary.LittleEndian.PutUint32(b[40:], s)
	return b
}

// decode takes the speeds from c_cflag alone: the port has one that counts.
func (t *termios) decode(b []byte) {
	for i, v := range []*uint32{&t.iflag, &t.oflag, &t.cflag, &t.lflag} {
		*v = binary.LittleEndian.Uint32(b[4*i:])
	}
	t.line = b[16]
	copy(t.cc[:], b[17:])
}

// encodeOld and decodeOld are System V's struct termio: the low halves of the
// flags and the first eight control characters.
func (t *termios) encodeOld() []byte {
	b := make([]byte, termioSize)
	for i, v := range []uint32{t.iflag, t.oflag, t.cflag, t.lflag} {
		binary.LittleEndian.PutUint16(b[2*i:], uint16(v))
	}
	b[8] = t.line
	copy(b[9:17], t.cc[:])
	return b
}

func (t *termios) decodeOld(b []byte) {
	for i, v := range []*uint32{&t.iflag, &t.oflag, &t.cflag, &t.lflag} {
		*v = *v&^0xffff | uint32(binary.LittleEndian.Uint16(b[2*i:]))
	}
	t.line = b[8]
	copy(t.cc[:8], b[9:17])
}

var speeds = [...]uint32{0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400}

// speed is the bit rate that CBAUD names.
func speed(cflag uint32) uint32 {
	n := cflag & cCBAUD
	if n < uint32(len(speeds)) {
		return speeds[n]
	}
	switch n {
	case 0o10001:
		return 57600
	case 0o10003:
		return 230400
	}
	return 115200
}
