package amd64

import (
	"encoding/binary"
	"math/bits"
	"testing"
	"time"
	"unsafe"

	"go42/ipc/abi"
)

func TestLayout(t *testing.T) {
	if s := unsafe.Sizeof(abi.SaveArea{}); s != 0x90 {
		t.Errorf("SaveArea is %#x bytes", s)
	}
	if s := unsafe.Sizeof(tss{}); s != 104 {
		t.Errorf("TSS is %d bytes", s)
	}
	if s := unsafe.Sizeof(Frame{}); s != 22*8 {
		t.Errorf("Frame is %d bytes", s)
	}
	// The word before CPU is GS:-8.
	if g, c := unsafe.Offsetof(cpuArea{}.g), unsafe.Offsetof(cpuArea{}.CPU); c-g != 8 {
		t.Errorf("g is %d bytes before CPU", c-g)
	}
	var c UserContext
	fs := unsafe.Offsetof(c.SetFS)
	if fs%4 != 0 || unsafe.Offsetof(c.SetGS) != fs+1 || unsafe.Offsetof(c.Vec) != fs+2 || unsafe.Offsetof(c.Fast) != fs+3 {
		t.Error("SetFS, SetGS, Vec, Fast are not one word")
	}
	if s := unsafe.Sizeof(startInfo{}); s != 56 {
		t.Errorf("startInfo is %d bytes", s)
	}
}

func TestGate(t *testing.T) {
	g := gate(0xffffffff_80212345, istNMI, gateUser)
	if g[0] != 0x8021_ee01_0010_2345 || g[1] != 0xffffffff {
		t.Errorf("gate = %#x", g)
	}
}

func TestPageTable(t *testing.T) {
	const va = uint64(0xffff_8800_1234_5678)
	for level, want := range map[int]int{4: 272, 3: 0, 2: 0x91, 1: 0x145} {
		if got := Index(va, level); got != want {
			t.Errorf("Index(%d) = %#x, want %#x", level, got, want)
		}
	}
	if i := Index(DirectMap, Levels); i < KernelSlot || i+DirectMapSize>>39 > 511 {
		t.Errorf("direct map at slot %d", i)
	}
	e := MakePTE(0x12345000, PTEPresent|PTEUser|PTENoExec)
	if e.Addr() != 0x12345000 || e.Flags() != PTEPresent|PTEUser|PTENoExec || !e.Has(PTEUser) || e.Has(PTEUser|PTEWrite) {
		t.Errorf("entry %#x", uint64(e))
	}
	for va, want := range map[uint64]bool{0: true, UserTop - 1: true, UserTop: false, 1 << 63: false, DirectMap: true, ^uint64(0): true} {
		if Canonical(va) != want {
			t.Errorf("Canonical(%#x) = %v", va, !want)
		}
	}
}

func TestTimerTicks(t *testing.T) {
	half := uint64(1) << 31 // the APIC at half the TSC's rate
	for _, c := range []struct {
		deadline, now, ratio uint64
		want                 uint32
	}{
		{100, 100, half, 1},
		{99, 100, half, 1},
		{0, 1 << 40, half, 1},
		{300, 100, half, 101},
		{1 << 40, 0, half, ^uint32(0)},
		{1 << 62, 0, 1 << 34, ^uint32(0)},
		{1 << 33, 1, half, ^uint32(0)},
	} {
		if got := timerTicks(c.deadline, c.now, c.ratio); got != c.want {
			t.Errorf("timerTicks(%#x, %#x) = %d, want %d", c.deadline, c.now, got, c.want)
		}
	}
}

func TestMultShift(t *testing.T) {
	for _, hz := range []uint64{1_000_000_000, 2_499_998_123, 3_700_000_000, 800_000_000} {
		m, s := MultShift(hz)
		const seconds = 1_000_000
		hi, lo := bits.Mul64(hz*seconds, m)
		ns := hi<<(64-s) | lo>>s
		const want = seconds * 1_000_000_000
		if ns > want || want-ns > seconds*10 {
			t.Errorf("%d Hz: %d ns in %d s", hz, ns, seconds)
		}
	}
}

func TestSnap(t *testing.T) {
	for hz, want := range map[uint64]uint64{999_900_000: 1_000_000_000, 1_000_100_000: 1_000_000_000, 998_000_000: 998_000_000, 2_500_000_123: 2_500_000_123} {
		if got := snap(hz); got != want {
			t.Errorf("snap(%d) = %d", hz, got)
		}
	}
}

func TestRTC(t *testing.T) {
	bcd := func(n int) uint8 { return uint8(n/10<<4 | n%10) }
	for _, s := range []string{"2000-01-01T00:00:00Z", "2024-02-29T23:59:59Z", "2026-01-01T12:00:01Z", "2099-12-31T00:30:00Z", "2026-11-22T11:37:13Z"} {
		w, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		f := [6]int{w.Second(), w.Minute(), w.Hour(), w.Day(), int(w.Month()), w.Year() - 2000}
		var b, d, h [6]uint8
		for i, n := range f {
			d[i], b[i], h[i] = bcd(n), uint8(n), bcd(n)
		}
		h12 := f[2] % 12
		if h12 == 0 {
			h12 = 12
		}
		h[2] = bcd(h12)
		if f[2] >= 12 {
			h[2] |= 0x80
		}
		for status, v := range map[uint8]*[6]uint8{6: &b, 2: &d, 0: &h} {
			if got := rtcSeconds(v, status); got != uint64(w.Unix()) {
				t.Errorf("%s, status %d: %d, want %d", s, status, got, w.Unix())
			}
		}
	}
	if rtcSeconds(&[6]uint8{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 6) != 0 {
		t.Error("no clock gives a time")
	}
}

func TestMADT(t *testing.T) {
	le := binary.LittleEndian
	m := make([]byte, 44)
	entry := func(kind byte, body ...byte) {
		m = append(m, kind, byte(len(body)+2))
		m = append(m, body...)
	}
	u32 := func(v uint32) []byte { return le.AppendUint32(nil, v) }
	entry(0, append([]byte{0, 4}, u32(1)...)...)
	entry(0, append([]byte{1, 5}, u32(0)...)...) // disabled
	entry(0, append([]byte{2, 6}, u32(1)...)...)
	entry(1, append(append([]byte{0, 0}, u32(0xfec00000)...), u32(0)...)...)
	entry(2, append(append([]byte{0, 9}, u32(20)...), 0xd, 0)...)
	entry(9, make([]byte, 14)...)
	m = append(m, 0, 200) // longer than the table
	parseMADT(m)
	if ACPI.NCPU != 2 || ACPI.APICIDs[0] != 4 || ACPI.APICIDs[1] != 6 {
		t.Errorf("CPUs: %d %v", ACPI.NCPU, ACPI.APICIDs)
	}
	if nIOAPIC != 1 || ioapics[0].phys != 0xfec00000 {
		t.Errorf("I/O APICs: %d %v", nIOAPIC, ioapics)
	}
	if o := override[9]; !o.set || o.gsi != 20 || o.flags != 0xd {
		t.Errorf("override: %+v", o)
	}
	for n := range m {
		parseMADT(m[:n]) // a short one is not read beyond its end
	}
}

func TestContext(t *testing.T) {
	c := UserContext{Vec: VecLow}
	c.Regs.R12 = 7
	c.Upcall(0x1000, 0x2000, 0x3000, 1, 2)
	want := abi.SaveArea{RIP: 0x1000, RSP: 0x2000, RFLAGS: InitFlags, RDI: 1, RSI: 2}
	if c.Regs != want || c.Vec != VecLow || c.SetFS || !c.SetGS || c.GSBase != 0x3000 || !c.Fast {
		t.Errorf("after Upcall: %+v", c)
	}
	c.FSBase = 5
	c.Start(0x1000, 0x2000, 0x3000, 1, 2)
	if c.Regs != want || c.Vec != VecInit || !c.SetFS || c.FSBase != 0 {
		t.Errorf("after Start: %+v", c)
	}
	c.Preempt() // everything is in memory: touches no register of the machine
	if c.Vec != VecInit {
		t.Errorf("Preempt changed %v", c.Vec)
	}
}
