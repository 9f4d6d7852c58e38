package procfs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
)

// cpuid executes the instruction.
func cpuid(leaf, sub uint32) (a, b, c, d uint32)

// Linux's names of feature bits; "" has none, or is not shown.
var (
	features1D = strings.Split("fpu vme de pse tsc msr pae mce cx8 apic  sep mtrr pge mca cmov pat pse36 pn clflush  dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe", " ")
	features1C = strings.Split("pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm  pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave osxsave avx f16c rdrand hypervisor", " ")
	featuresXD = map[int]string{11: "syscall", 20: "nx", 22: "mmxext", 25: "fxsr_opt", 26: "pdpe1gb", 27: "rdtscp", 29: "lm", 30: "3dnowext", 31: "3dnow"}
	featuresXC = map[int]string{0: "lahf_lm", 1: "cmp_legacy", 2: "svm", 4: "cr8_legacy", 5: "abm", 6: "sse4a", 7: "misalignsse", 8: "3dnowprefetch"}
	features7B = map[int]string{0: "fsgsbase", 3: "bmi1", 5: "avx2", 7: "smep", 8: "bmi2", 9: "erms", 10: "invpcid", 16: "avx512f", 18: "rdseed", 19: "adx", 20: "smap", 23: "clflushopt", 24: "clwb", 29: "sha_ni"}
	features7C = map[int]string{2: "umip", 3: "pku", 16: "la57", 22: "rdpid"}
)

// cpuinfo is /proc/cpuinfo. All processors are alike.
func cpuinfo(s *Server) []byte {
	top, b0, c0, d0 := cpuid(0, 0)
	vendor := words(b0, d0, c0)
	sig, misc, c1, d1 := cpuid(1, 0)
	family, model := sig>>8&15, sig>>4&15
	if family == 15 {
		family += sig >> 20 & 255
	}
	if family >= 6 {
		model |= sig >> 12 & 0xf0
	}
	var flags []string
	list := func(bits uint32, name func(i int) string) {
		for i := 0; i < 32; i++ {
			if n := name(i); bits>>i&1 != 0 && n != "" {
				flags = append(flags, n)
			}
		}
	}
	of := func(m map[int]string) func(int) string { return func(i int) string { return m[i] } }
	list(d1, func(i int) string { return features1D[i] })
	list(c1, func(i int) string { return features1C[i] })
	ext, _, _, _ := cpuid(0x80000000, 0)
	if ext >= 0x80000001 {
		_, _, c, d := cpuid(0x80000001, 0)
		list(d, of(featuresXD))
		list(c, of(featuresXC))
	}
	if top >= 7 {
		_, b, c, _ := cpuid(7, 0)
		list(b, of(features7B))
		list(c, of(features7C))
	}
	brand := vendor
	if ext >= 0x80000004 {
		var w []uint32
		for l := uint32(0x80000002); l <= 0x80000004; l++ {
			a, b, c, d := cpuid(l, 0)
			w = append(w, a, b, c, d)
		}
		brand = strings.TrimSpace(strings.Trim(words(w...), "\x00"))
	}
	physical, virtual := uint32(36), uint32(48)
	if ext >= 0x80000008 {
		a, _, _, _ := cpuid(0x80000008, 0)
		physical, virtual = a&255, a>>8&255
	}
	hz := s.machine.Info().TSCHz
	l := s.places()
	var b bytes.Buffer
	for i, p := range l {
		apic := s.machine.CPUInfo(i).APIC
		fmt.Fprintf(&b, "processor\t: %d\nvendor_id\t: %s\ncpu family\t: %d\nmodel\t\t: %d\nmodel name\t: %s\nstepping\t: %d\n", i, vendor, family, model, brand, sig&15)
		fmt.Fprintf(&b, "cpu MHz\t\t: %d.%03d\nphysical id\t: %d\nsiblings\t: %d\ncore id\t\t: %d\ncpu cores\t: %d\napicid\t\t: %d\ninitial apicid\t: %d\n", hz/1e6, hz/1e3%1000,
			p.pkg, bits.OnesCount64(samePackage(l, i)), p.core, coresOf(l, i), apic, apic)
		fmt.Fprintf(&b, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %d\nwp\t\t: yes\nflags\t\t: %s\nbugs\t\t:\nbogomips\t: %d.%02d\n", top, strings.Join(flags, " "), 2*hz/1e6, 2*hz/1e4%100)
		fmt.Fprintf(&b, "clflush size\t: %d\ncache_alignment\t: 64\naddress sizes\t: %d bits physical, %d bits virtual\npower management:\n\n", misc>>8&255*8, physical, virtual)
	}
	return b.Bytes()
}

// words is the text in registers.
func words(w ...uint32) string {
	var b []byte
	for _, x := range w {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return string(b)
}
