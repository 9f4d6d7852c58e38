package image

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"

	"go42/boot/bootinfo"
	"go42/ipc/abi"
)

const entryPackage = "go42/linuxapi/entry."

// entryNames are the upcall entries, in the order of ipc/abi.EntrySvc ff.
var entryNames = [abi.NumEntries]string{
	abi.EntrySvc: "Svc", abi.EntryEvent: "Event", abi.EntryRun: "Run", abi.EntryCall: "Call",
	abi.EntryReturn: "Return", abi.EntryFault: "Fault", abi.EntryTrap: "Trap",
}

// describeLibOS finds segments and entries of the libOS image and returns them
// with what of the file is to be carried (all up to its last segment; no symbols
// and DWARF), for a module that begins at phys.
func describeLibOS(data []byte, phys uint64) (d bootinfo.LibOS, module []byte, err error) {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return d, nil, err
	}
	s, err := segments(f)
	if err != nil {
		return d, nil, err
	}
	if s.text.Vaddr != abi.LibOSBase {
		return d, nil, fmt.Errorf("linked at %#x, not at abi.LibOSBase %#x", s.text.Vaddr, uint64(abi.LibOSBase))
	}
	at := func(p *elf.Prog) bootinfo.Segment {
		return bootinfo.Segment{Virt: p.Vaddr, Phys: phys + p.Off, Size: pageUp(p.Memsz)}
	}
	d.Text, d.ROData, d.Data, d.DataFile = at(s.text), at(s.rodata), at(s.data), s.data.Filesz

	syms, err := f.Symbols()
	if err != nil {
		return d, nil, err
	}
	addr := map[string]uint64{}
	for _, sym := range syms {
		addr[sym.Name] = sym.Value
	}
	// Where Go declares an assembly function too, the linker gives the plain
	// name to the wrapper and ".abi0" to the code itself.
	find := func(name string) uint64 {
		for _, n := range []string{entryPackage + name + ".abi0", entryPackage + name} {
			if a := addr[n]; a != 0 {
				return a
			}
		}
		err = fmt.Errorf("no symbol %s%s", entryPackage, name)
		return 0
	}
	for i, n := range entryNames {
		d.Entries[i] = find(n)
	}
	d.ExitLo, d.ExitHi = find("ExitLo"), find("ExitHi")
	if err == nil && d.ExitLo >= d.ExitHi {
		err = fmt.Errorf("ExitLo %#x is not before ExitHi %#x", d.ExitLo, d.ExitHi)
	}
	if err != nil {
		return d, nil, err
	}

	module = bytes.Clone(data[:s.data.Off+s.data.Filesz])
	const shoff, shnum = 40, 60 // of the ELF64 header
	binary.LittleEndian.PutUint64(module[shoff:], 0)
	binary.LittleEndian.PutUint32(module[shnum:], 0) // e_shnum, e_shstrndx
	return d, module, nil
}
