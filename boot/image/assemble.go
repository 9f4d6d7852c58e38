package image

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
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
	chunks := []chunk{{}} // the boot segment's place
	var end uint64
	for _, p := range k.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		if p.Vaddr%page != 0 || p.Vaddr < bootinfo.KernelBase+bootinfo.BootEnd {
			return fmt.Errorf("%s: segment at %#x is out of place", kernel, p.Vaddr)
		}
		phys := p.Vaddr - bootinfo.KernelBase
		if phys < end {
			return fmt.Errorf("%s: segments overlap at %#x", kernel, p.Vaddr)
		}
		end = pageUp(phys + p.Memsz)
		seg := bootinfo.Segment{Virt: p.Vaddr, Phys: phys, Size: pageUp(p.Memsz)}
		switch p.Flags {
		case elf.PF_R | elf.PF_X:
			info.Text = seg
		case elf.PF_R:
			info.ROData = seg
		case elf.PF_R | elf.PF_W:
			info.Data = seg
			info.BSS = bootinfo.Segment{Virt: p.Vaddr + p.Filesz, Phys: phys + p.Filesz, Size: p.Memsz - p.Filesz}
		default:
			return fmt.Errorf("%s: segment at %#x has rights %v", kernel, p.Vaddr, p.Flags)
		}
		chunks = append(chunks, chunk{p.Vaddr, phys, p.Memsz, p.Flags, kdata[p.Off : p.Off+p.Filesz]})
	}
	if info.Text.Size == 0 || info.ROData.Size == 0 || info.Data.Size == 0 {
		return fmt.Errorf("%s: a segment of text, rodata and data is missing", kernel)
	}
	if len(mods) > bootinfo.MaxModules {
		return fmt.Errorf("%d modules, but at most %d fit", len(mods), bootinfo.MaxModules)
	}
	for i, m := range mods {
		data, err := os.ReadFile(m.path)
		if err != nil {
			return err
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
