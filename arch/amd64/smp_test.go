package amd64

import (
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"
)

// The trampoline is decoded in each of its modes: instructions end where the
// next mode begins, and jumps go there.
func TestTrampoline(t *testing.T) {
	if lowPage&0xfff != 0 || lowPage >= 1<<20 || lowEnd != lowPT+PageSize {
		t.Error("the pages lie wrong")
	}
	if len(trampoline) > lowGDT {
		t.Errorf("%d bytes run into the descriptor table", len(trampoline))
	}
	for _, part := range []struct {
		mode, from, to int
		want           []string // instructions that must be there, in this order
	}{
		{16, 0, at32, []string{"CLI", "CLD", "MOV AX, CS", "MOV DS, AX", "DATA32 LGDT [+0x120]", "MOV EAX, CR0", "OR AL, 0x1", "MOV CR0, EAX", "NOP"}},
		{32, at32, at64, []string{"MOV EAX, 0x10", "MOV DS", "MOV EAX, 0x620", "MOV CR4, EAX", "MOV EAX, 0x9000", "MOV CR3, EAX",
			"MOV ECX, -0x3fffff80", "XOR EDX, EDX", "MOV EAX, 0x901", "WRMSR", "MOV EAX, -0x7ffeffcd", "MOV CR0, EAX", "NOP"}},
		{64, at64, len(trampoline), []string{"XOR EAX, EAX", "MOV DS", "MOV ES", "MOV SS", "MOV FS", "MOV GS", "MOV EDI, 0x8200", "JMP [RDI]"}},
	} {
		var text []string
		pc := part.from
		for pc < part.to {
			code := trampoline[pc:]
			n := 0
			switch {
			case part.mode == 16 && code[0] == 0x66 && code[1] == 0xea: // far jumps are not in the decoder
				jump(t, code[2:], lowPage+at32, lowCode32)
				n = 8
			case part.mode == 32 && code[0] == 0xea:
				jump(t, code[1:], lowPage+at64, lowCode64)
				n = 7
			default:
				in, err := x86asm.Decode(code, part.mode)
				if err != nil {
					t.Fatalf("%#x, %d bits: %v", pc, part.mode, err)
				}
				n = in.Len
				text = append(text, in.String())
			}
			pc += n
		}
		if pc != part.to {
			t.Errorf("%d bits: an instruction ends at %#x, not %#x", part.mode, pc, part.to)
		}
		i := 0
		for _, s := range text {
			if i < len(part.want) && strings.HasPrefix(s, part.want[i]) {
				i++
			}
		}
		if i < len(part.want) {
			t.Errorf("%d bits: no %s in its place in %q", part.mode, part.want[i], text)
		}
	}
}

// jump checks a far jump's operand: 32-bit offset, selector.
func jump(t *testing.T, b []byte, to uint32, sel uint16) {
	t.Helper()
	if le.Uint32(b) != to || le.Uint16(b[4:]) != sel {
		t.Errorf("jump to %#x:%#x, want %#x:%#x", le.Uint16(b[4:]), le.Uint32(b), sel, to)
	}
}

func TestOffset(t *testing.T) {
	for _, c := range []struct {
		readings [][3]uint64 // here, there, here
		agrees   bool
	}{
		{[][3]uint64{{100, 150, 200}}, true},
		{[][3]uint64{{100, 100, 100}}, true},
		{[][3]uint64{{100, 90, 200}}, false},  // behind by 10 at least
		{[][3]uint64{{100, 201, 200}}, false}, // ahead
		{[][3]uint64{{0, 500, 1000}, {2000, 2400, 2500}, {3000, 2990, 3100}}, false},
		{[][3]uint64{{^uint64(0) - 10, 3, 20}}, true}, // the counter comes round
	} {
		o := unknown
		for _, r := range c.readings {
			o.narrow(r[0], r[1], r[2])
		}
		if o.agrees() != c.agrees {
			t.Errorf("%v: %v", c.readings, o)
		}
	}
}
