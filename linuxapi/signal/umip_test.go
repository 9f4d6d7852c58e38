package signal

import "testing"

func TestDecodeDescriptor(t *testing.T) {
	var r [16]uint64
	for i := range r {
		r[i] = uint64(i) * 0x1000
	}
	for _, c := range []struct {
		name  string
		b     []byte
		op    DescriptorOp
		len   int
		isReg bool
		reg   int
		addr  uint64
	}{
		{"sgdt (rax)", []byte{0x0f, 0x01, 0x00}, SGDT, 3, false, 0, 0},
		{"sgdt 8(rsp)", []byte{0x0f, 0x01, 0x44, 0x24, 0x08}, SGDT, 5, false, 0, 0x4008},
		{"sidt -16(rbp)", []byte{0x0f, 0x01, 0x4d, 0xf0}, SIDT, 4, false, 0, 0x4ff0},
		{"sgdt (rip+0x10)", []byte{0x0f, 0x01, 0x05, 0x10, 0, 0, 0}, SGDT, 7, false, 0, 0x400017},
		{"sgdt (r9)", []byte{0x41, 0x0f, 0x01, 0x01}, SGDT, 4, false, 0, 0x9000},
		{"sgdt (rcx+r9*4+0x100)", []byte{0x42, 0x0f, 0x01, 0x84, 0x89, 0, 1, 0, 0}, SGDT, 9, false, 0, 0x1000 + 0x9000*4 + 0x100},
		{"smsw eax", []byte{0x0f, 0x01, 0xe0}, SMSW, 3, true, 0, 0},
		{"smsw r10", []byte{0x49, 0x0f, 0x01, 0xe2}, SMSW, 4, true, 10, 0},
		{"str ax", []byte{0x66, 0x0f, 0x00, 0xc8}, STR, 4, true, 0, 0},
		{"sldt (rbx)", []byte{0x0f, 0x00, 0x03}, SLDT, 3, false, 0, 0x3000},
		{"lgdt (rax)", []byte{0x0f, 0x01, 0x10}, NotUMIP, 0, false, 0, 0},
		{"hlt", []byte{0xf4, 0, 0}, NotUMIP, 0, false, 0, 0},
		{"cut", []byte{0x0f, 0x01, 0x44}, NotUMIP, 0, false, 0, 0},
		{"nothing", nil, NotUMIP, 0, false, 0, 0},
	} {
		d := DecodeDescriptor(c.b, 0x400000, &r, 0)
		if d.Op != c.op || d.Len != c.len || d.IsReg != c.isReg || d.Reg != c.reg || d.Addr != c.addr {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
}

func FuzzDecodeDescriptor(f *testing.F) {
	f.Add([]byte{0x41, 0x0f, 0x01, 0x84, 0x89, 0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r [16]uint64
		if d := DecodeDescriptor(b, 0, &r, 0); d.Len > len(b) || d.Reg > 15 {
			t.Fatalf("%+v", d)
		}
	})
}
