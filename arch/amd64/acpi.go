package amd64

import (
	"encoding/binary"
	"unsafe"
)

// ACPI is what the static tables say (ACPI 6.5, chapter 5); zero: not known.
// Nothing of AML is interpreted.
var ACPI struct {
	PM1aControl, PMTimer uint16
	// APICIDs are the usable processors' local APICs, NCPU many.
	NCPU    int
	APICIDs [MaxCPU]uint32
	// MCFG is the physical address of the PCI configuration space of segment 0.
	MCFG uint64
}

// The boot page tables reach the first 4 GiB.
const acpiLimit = 4 << 30

// physBytes returns n bytes of physical memory; nil if out of reach.
func physBytes(pa, n uint64) []byte {
	if pa == 0 || pa >= acpiLimit || n > 1<<20 || pa+n > acpiLimit {
		return nil
	}
	return unsafe.Slice((*byte)(Phys(pa)), n)
}

var le = binary.LittleEndian

// table returns the ACPI table at pa, header included, if its checksum is right.
func table(pa uint64) []byte {
	h := physBytes(pa, 36)
	if h == nil {
		return nil
	}
	t := physBytes(pa, uint64(le.Uint32(h[4:])))
	if len(t) < 36 || !sumZero(t) {
		return nil
	}
	return t
}

func sumZero(b []byte) bool {
	s := byte(0)
	for _, c := range b {
		s += c
	}
	return s == 0
}

// parseACPI reads the tables behind the RSDP; 0: looks for it where a PC's
// firmware puts it.
func parseACPI(rsdp uint64) {
	if rsdp == 0 {
		rsdp = findRSDP()
	}
	r := physBytes(rsdp, 36)
	if r == nil || string(r[:8]) != "RSD PTR " || !sumZero(r[:20]) {
		return
	}
	root, width := uint64(le.Uint32(r[16:])), 4
	if r[15] >= 2 && le.Uint64(r[24:]) != 0 {
		root, width = le.Uint64(r[24:]), 8
	}
	t := table(root)
	if t == nil {
		return
	}
	for t = t[36:]; len(t) >= width; t = t[width:] {
		pa := uint64(le.Uint32(t))
		if width == 8 {
			pa = le.Uint64(t)
		}
		switch s := table(pa); {
		case s == nil:
		case string(s[:4]) == "APIC":
			parseMADT(s)
		case string(s[:4]) == "FACP" && len(s) >= 80:
			ACPI.PM1aControl = uint16(le.Uint32(s[64:]))
			ACPI.PMTimer = uint16(le.Uint32(s[76:]))
		case string(s[:4]) == "MCFG" && len(s) >= 60:
			ACPI.MCFG = le.Uint64(s[44:])
		}
	}
}

func findRSDP() uint64 {
	const lo, hi = 0xe0000, 0x100000
	b := physBytes(lo, hi-lo)
	for i := 0; i+36 <= len(b); i += 16 {
		if string(b[i:i+8]) == "RSD PTR " && sumZero(b[i:i+20]) {
			return lo + uint64(i)
		}
	}
	return 0
}

// parseMADT takes processors, I/O APICs and ISA overrides from the table.
func parseMADT(t []byte) {
	if len(t) < 44 {
		return
	}
	for e := t[44:]; len(e) >= 2 && e[1] >= 2 && int(e[1]) <= len(e); e = e[e[1]:] {
		switch n := e[1]; {
		case e[0] == 0 && n >= 8: // local APIC
			if le.Uint32(e[4:])&1 != 0 && ACPI.NCPU < MaxCPU {
				ACPI.APICIDs[ACPI.NCPU] = uint32(e[3])
				ACPI.NCPU++
			}
		case e[0] == 1 && n >= 12: // I/O APIC
			if nIOAPIC < len(ioapics) {
				ioapics[nIOAPIC] = ioapic{phys: uint64(le.Uint32(e[4:])), gsi: le.Uint32(e[8:])}
				nIOAPIC++
			}
		case e[0] == 2 && n >= 10: // interrupt source override
			if e[3] < 16 {
				override[e[3]] = isaOverride{gsi: le.Uint32(e[4:]), flags: le.Uint16(e[8:]), set: true}
			}
		}
	}
}
