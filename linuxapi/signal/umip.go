package signal

// UMIP makes sgdt, sidt, smsw, sldt and str fault in user mode; Linux answers
// them with made-up values for the programs that know no better. This decodes
// such an instruction.

// DescriptorOp is one of the five instructions.
type DescriptorOp int

const (
	NotUMIP DescriptorOp = iota
	SLDT
	STR
	SGDT
	SIDT
	SMSW
)

// Descriptor is a decoded instruction: its result goes to a register (by its
// number in the encoding) or to memory at Addr, Size bytes.
type Descriptor struct {
	Op    DescriptorOp
	Len   int
	IsReg bool
	Reg   int
	Addr  uint64
	Size  int
}

// DecodeDescriptor decodes the instruction in b, which lies at rip. reg gives a
// register's value by its number in the encoding (0 RAX, 1 RCX, 2 RDX, 3 RBX,
// 4 RSP, 5 RBP, 6 RSI, 7 RDI, 8..15).
func DecodeDescriptor(b []byte, rip uint64, reg *[16]uint64, fs uint64) (d Descriptor) {
	i := 0
	rex, size, seg := byte(0), 4, uint64(0)
	for ; i < len(b); i++ {
		switch b[i] {
		case 0x66:
			size = 2
			continue
		case 0x64:
			seg = fs
			continue
		}
		break
	}
	if i < len(b) && b[i]&0xf0 == 0x40 {
		rex = b[i]
		i++
	}
	if rex&8 != 0 {
		size = 8
	}
	if i+3 > len(b) || b[i] != 0x0f || b[i+1] > 1 {
		return d
	}
	modrm := b[i+2]
	op := NotUMIP
	switch group := modrm >> 3 & 7; {
	case b[i+1] == 0 && group == 0:
		op = SLDT
	case b[i+1] == 0 && group == 1:
		op = STR
	case b[i+1] == 1 && group == 0:
		op = SGDT
	case b[i+1] == 1 && group == 1:
		op = SIDT
	case b[i+1] == 1 && group == 4:
		op = SMSW
	default:
		return d
	}
	i += 3
	mod, rm := modrm>>6, int(modrm&7)
	if mod == 3 {
		if op == SGDT || op == SIDT {
			return d
		}
		return Descriptor{Op: op, Len: i, IsReg: true, Reg: rm | int(rex&1)<<3, Size: size}
	}
	addr := seg
	ripRelative := false
	switch {
	case rm == 4:
		if i >= len(b) {
			return d
		}
		sib := b[i]
		i++
		base, index := int(sib&7), int(sib>>3&7)|int(rex&2)<<2
		if index != 4 {
			addr += reg[index] << (sib >> 6)
		}
		if base == 5 && mod == 0 {
			mod = 2 // a displacement without a base
		} else {
			addr += reg[base|int(rex&1)<<3]
		}
	case rm == 5 && mod == 0:
		ripRelative = true
		mod = 2
	default:
		addr += reg[rm|int(rex&1)<<3]
	}
	switch mod {
	case 1:
		if i >= len(b) {
			return d
		}
		addr += uint64(int64(int8(b[i])))
		i++
	case 2:
		if i+4 > len(b) {
			return d
		}
		addr += uint64(int64(int32(uint32(b[i]) | uint32(b[i+1])<<8 | uint32(b[i+2])<<16 | uint32(b[i+3])<<24)))
		i += 4
	}
	if ripRelative {
		addr += rip + uint64(i)
	}
	n := 2
	if op == SGDT || op == SIDT {
		n = 10
	}
	return Descriptor{Op: op, Len: i, Addr: addr, Size: n}
}

// Value is what Linux answers: for SGDT and SIDT ten bytes, else the low ones.
func (d *Descriptor) Value() (b [10]byte) {
	var v uint64
	switch d.Op {
	case SGDT, SIDT:
		base := uint64(0xfffffffffffe0000)
		if d.Op == SIDT {
			base = 0xffffffffffff0000
		}
		for i := 0; i < 8; i++ {
			b[2+i] = byte(base >> (8 * i))
		}
		return b
	case SMSW:
		v = 0x80050033
	case STR:
		v = 0x40
	}
	for i := 0; i < 8; i++ {
		b[i] = byte(v >> (8 * i))
	}
	return b
}
