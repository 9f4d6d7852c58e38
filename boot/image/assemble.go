package image

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"go42/boot/bootinfo"
)

const page = 4096

func pageUp(n uint64) uint64 { return (n + page - 1) &^ (page - 1) }

// moduleFile is a file to be carried in the image.
type moduleFile struct{ name, path string }

// chunk is one PT_LOAD of the image.
type chunk struct {
	virt, phys, mem uint64
	flags           elf.ProgFlag
	data            []byte
}

// assemble writes the PVH image: boot segment, kernel segments, modules.
func (b *builder) assemble(out, kernel string, mods []moduleFile) error {
	kdata, err := os.ReadFile(kernel)
	if err != nil {
		return err
	}
	k, err := elf.NewFile(bytes.NewReader(kdata))
	if err != nil {
		return fmt.Errorf("%s: %w", kernel, err)
	}
	info := bootinfo.Info{Magic: bootinfo.Magic}
	info.Size = uint64(binary.Size(&info))
	ks, err := segments(k)
	if err != nil {
		return fmt.Errorf("%s: %w", kernel, err)
	}
	chunks := []chunk{{}} // the boot segment's place
	var end uint64
	for _, p := range []*elf.Prog{ks.text, ks.rodata, ks.data} {
		if p.Vaddr < bootinfo.KernelBase+bootinfo.BootEnd {
			return fmt.Errorf("%s: segment at %#x is out of place", kernel, p.Vaddr)
		}
		phys := p.Vaddr - bootinfo.KernelBase
		chunks = append(chunks, chunk{p.Vaddr, phys, p.Memsz, p.Flags, kdata[p.Off : p.Off+p.Filesz]})
		end = pageUp(phys + p.Memsz)
	}
	at := func(p *elf.Prog) bootinfo.Segment {
		return bootinfo.Segment{Virt: p.Vaddr, Phys: p.Vaddr - bootinfo.KernelBase, Size: pageUp(p.Memsz)}
	}
	info.Text, info.ROData, info.Data = at(ks.text), at(ks.rodata), at(ks.data)
	d := ks.data
	info.BSS = bootinfo.Segment{Virt: d.Vaddr + d.Filesz, Phys: info.Data.Phys + d.Filesz, Size: d.Memsz - d.Filesz}
	if len(mods) > bootinfo.MaxModules {
		return fmt.Errorf("%d modules, but at most %d fit", len(mods), bootinfo.MaxModules)
	}
	for i, m := range mods {
		data, err := os.ReadFile(m.path)
		if err != nil {
			return err
		}
		if m.name == libosModule {
			if info.LibOS, data, err = describeLibOS(data, end); err != nil {
				return fmt.Errorf("%s: %w", m.path, err)
			}
		}
		mod := &info.Modules[i]
		copy(mod.Name[:len(mod.Name)-1], m.name)
		mod.Phys, mod.Size = end, uint64(len(data))
		chunks = append(chunks, chunk{bootinfo.KernelBase + end, end, pageUp(mod.Size), elf.PF_R, data})
		end += pageUp(mod.Size)
		b.Logf("module %s: %d bytes at %#x", m.name, mod.Size, mod.Phys)
	}
	info.NModules, info.EndPhys = uint64(len(mods)), end

	var ib bytes.Buffer
	if err := binary.Write(&ib, binary.LittleEndian, &info); err != nil {
		return err
	}
	boot := bootSegment(k.Entry, ib.Bytes())
	chunks[0] = chunk{bootinfo.BootPhys, bootinfo.BootPhys, bootSize, elf.PF_R | elf.PF_W | elf.PF_X, boot}
	return writeIfChanged(out, encodeELF(chunks), 0o755)
}

// loadSegments are the three PT_LOADs of a freestanding image.
type loadSegments struct{ text, rodata, data *elf.Prog }

// segments finds them and checks that they are page-aligned, in this order, and
// share no page.
func segments(f *elf.File) (s loadSegments, err error) {
	var end uint64
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		if p.Vaddr%page != 0 || p.Off%page != 0 || p.Vaddr < end {
			return s, fmt.Errorf("segment at %#x is not aligned or overlaps the previous one", p.Vaddr)
		}
		end = pageUp(p.Vaddr + p.Memsz)
		switch p.Flags {
		case elf.PF_R | elf.PF_X:
			s.text = p
		case elf.PF_R:
			s.rodata = p
		case elf.PF_R | elf.PF_W:
			s.data = p
		default:
			return s, fmt.Errorf("segment at %#x has rights %v", p.Vaddr, p.Flags)
		}
	}
	if s.text == nil || s.rodata == nil || s.data == nil {
		return s, errors.New("a segment of text, rodata and data is missing")
	}
	return s, nil
}

// encodeELF lays the chunks out in an ELF64 executable whose note names the
// PVH entry.
func encodeELF(chunks []chunk) []byte {
	const ehSize, phSize = 64, 56
	hdr := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1,
		Entry: bootStart, Phoff: ehSize, Ehsize: ehSize, Phentsize: phSize,
		Phnum: uint16(len(chunks) + 1), Shentsize: 64,
	}
	copy(hdr.Ident[:], elf.ELFMAG)
	hdr.Ident[elf.EI_CLASS], hdr.Ident[elf.EI_DATA] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB)
	hdr.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)

	offs := make([]uint64, len(chunks))
	off := pageUp(uint64(ehSize + phSize*(len(chunks)+1)))
	for i, c := range chunks {
		offs[i] = off
		off += pageUp(uint64(len(c.data)))
	}
	var b bytes.Buffer
	w := func(v any) { binary.Write(&b, binary.LittleEndian, v) } // a bytes.Buffer does not fail
	w(&hdr)
	w(&elf.Prog64{
		Type: uint32(elf.PT_NOTE), Flags: uint32(elf.PF_R), Align: 4,
		Off: offs[0] + bootNote - bootStart, Vaddr: bootNote, Paddr: bootNote,
		Filesz: noteSize, Memsz: noteSize,
	})
	for i, c := range chunks {
		w(&elf.Prog64{
			Type: uint32(elf.PT_LOAD), Flags: uint32(c.flags), Align: page,
			Off: offs[i], Vaddr: c.virt, Paddr: c.phys,
			Filesz: uint64(len(c.data)), Memsz: c.mem,
		})
	}
	img := make([]byte, off)
	copy(img, b.Bytes())
	for i, c := range chunks {
		copy(img[offs[i]:], c.data)
	}
	return img
}
