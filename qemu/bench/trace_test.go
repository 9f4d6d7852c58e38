package bench

import (
	"math"
	"os"
	"strings"
	"testing"
)

// A log as QEMU 7.2 writes it, shortened: a server's Call upcall, two marks
// with a step taken back between them.
const sampleLog = `CR3 update: CR3=0000000000009000
Trace 0: 0x7f0000000100 [0000000000000000/00007e0010004f20/0040c0b3/ff000201] 
CR3 update: CR3=0000000000004000
Trace 0: 0x7f0000000100 [0000000000000000/0000000040001000/0040c0b3/ff000201] 
Trace 0: 0x7f0000000100 [0000000000000000/0000000040001010/0040c0b3/ff000201] 
Trace 0: 0x7f0000000100 [0000000000000000/0000000040001014/0040c0b3/ff000201] 
Trace 0: 0x7f0000000100 [0000000000000000/0000000040001014/0040c0b3/ff000201] 
Stopped execution of TB chain before 0x7f0000000100 [0000000040001014] 
Trace 0: 0x7f0000000100 [0000000000000000/ffffffff80200000/0040c0b0/ff000201] 
Trace 0: 0x7f0000000100 [0000000000000000/00007e0010001000/0040c0b3/ff000201] 
CR3 update: CR3=0000000000009000
Trace 0: 0x7f0000000100 [0000000000000000/0000000000401000/0040c0b3/ff000201] 
Trace 0: 0x7f0000000100 [0000000000000000/00007e0010001004/0040c0b3/ff000201] 
CR3 update: CR3=0000000000004000
Trace 0: 0x7f0000000100 [0000000000000000/0000000040001010/0040c0b3/ff000201] 
Trace 0: 0x7f0000000100 [0000000000000000/0000000040001018/0040c0b3/ff000201] 
`

func TestTrace(t *testing.T) {
	k := newSpaces(false, 0x7e0010004f20)
	tr := newTrace(0x40001010, k)
	// In pieces, as long as lines are whole.
	for l := range strings.Lines(sampleLog) {
		tr.write([]byte(l))
	}
	if tr.marks != 2 || tr.total != 6 {
		t.Errorf("%d marks, %d instructions", tr.marks, tr.total)
	}
	want := [numWho]uint64{Kernel: 1, LibOS: 1, ServerLibOS: 1, Server: 1, Program: 2}
	if got := k.split(tr); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if n := tr.sites[site{0x4000, 0x40001014, 3}]; n != 1 {
		t.Errorf("a step that was taken back counts: %d", n)
	}
	if v := cr3("CR0=80010033 CR2=0000000000000000 CR3=000000000a0b9000 CR4=00000668\r\n"); v != 0xa0b9000 {
		t.Errorf("%#x", v)
	}
	linux := newSpaces(true, 0)
	if w := linux.who(site{1, 0x7fff00001000, 3}); w != VDSO {
		t.Error(w)
	}
	if w := linux.who(site{1, 0x401000, 3}); w != Program {
		t.Error(w)
	}
}

// A space that neither a Call upcall nor the bench program's text marks is
// taken for what the operation suggests.
func TestUnknownSpace(t *testing.T) {
	k := newSpaces(false, 1)
	s := site{0x9000, 0x401000, 3}
	if k.who(s) != Server {
		t.Error(k.who(s))
	}
	if k.others = Program; k.who(s) != Program {
		t.Error(k.who(s))
	}
	k.servers[0x9000] = true
	if k.who(s) != Server {
		t.Error(k.who(s))
	}
}

func TestShareError(t *testing.T) {
	k := newSpaces(true, 0)
	sample := func(own, kernel uint64) *trace {
		tr := newTrace(0, k)
		tr.sites[site{0, 0x401000, 3}] = own
		tr.sites[site{0, 1 << 63, 0}] = kernel
		tr.total = own + kernel
		return tr
	}
	if e := shareError([]*trace{sample(30, 70), sample(60, 140), sample(3, 7)}, k); e > 1e-9 {
		t.Errorf("equal shares have error %v", e)
	}
	if e := shareError([]*trace{sample(0, 100), sample(100, 0)}, k); math.Abs(e-1) > 1e-9 { // 2*sqrt(2*50^2/2)/100
		t.Errorf("%v", e)
	}
	s := &stepper{known: k}
	sp := s.sum([]*trace{sample(30, 70), sample(60, 140)}, true)
	if own, off := sp.own(1000); math.Abs(own-300) > 1e-9 || off != 0 || sp.Status == "" {
		t.Errorf("%v %v %q", own, off, sp.Status)
	}
}

func TestSymbolNames(t *testing.T) {
	s := Kallsyms([]string{
		"ffffffff81000000 T _text", "ffffffff81000100 t do_x", "ffffffff81000080 D data", "nonsense", "0000000000000000 A zero",
	})
	for pc, want := range map[uint64]string{0xffffffff81000000: "_text", 0xffffffff810000ff: "_text", 0xffffffff81000105: "do_x", 0x1000: ""} {
		if got := s.Name(pc); got != want {
			t.Errorf("%#x is %q, want %q", pc, got, want)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(string) (*Symbols, error){"symbol table": ELFSymbols, "pclntab": pclnSymbols} {
		y, err := read(exe)
		if err != nil {
			if name == "symbol table" {
				continue // go test strips its binaries
			}
			t.Errorf("%s: %v", name, err)
			continue
		}
		a := y.Address("go42/qemu/bench.TestSymbolNames")
		if a == 0 || y.Name(a) != "go42/qemu/bench.TestSymbolNames" || y.Name(a+1) != "go42/qemu/bench.TestSymbolNames" {
			t.Errorf("%s: %#x %q", name, a, y.Name(a+1))
		}
	}
}
