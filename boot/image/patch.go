package image

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"golang.org/x/arch/x86/x86asm"
)

// An imageFile is a linked freestanding image, in memory, with its functions.
type imageFile struct {
	data  []byte
	elf   *elf.File
	text  *elf.Section
	funcs []function // sorted by address, without gaps but padding
}

type function struct {
	name       string
	addr, size uint64
}

func openImage(path string) (*imageFile, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	im := &imageFile{data: data, elf: f, text: f.Section(".text")}
	if im.text == nil {
		return nil, fmt.Errorf("%s: no .text", path)
	}
	syms, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, s := range syms {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Size > 0 && s.Value >= im.text.Addr && s.Value < im.text.Addr+im.text.Size {
			im.funcs = append(im.funcs, function{s.Name, s.Value, s.Size})
		}
	}
	sort.Slice(im.funcs, func(i, j int) bool { return im.funcs[i].addr < im.funcs[j].addr })
	return im, nil
}

// code returns f's bytes, as a window into the image.
func (im *imageFile) code(f function) []byte {
	off := im.text.Offset + (f.addr - im.text.Addr)
	return im.data[off : off+f.size]
}

// at returns the function that holds addr.
func (im *imageFile) at(addr uint64) (function, bool) {
	i := sort.Search(len(im.funcs), func(i int) bool { return im.funcs[i].addr > addr })
	if i == 0 || addr >= im.funcs[i-1].addr+im.funcs[i-1].size {
		return function{}, false
	}
	return im.funcs[i-1], true
}

// each decodes every instruction. Bytes that x86asm does not know are passed
// over one by one: bad counts them.
func (im *imageFile) each(visit func(f function, pc uint64, raw []byte, in *x86asm.Inst)) (bad []uint64) {
	for _, f := range im.funcs {
		c := im.code(f)
		for i := 0; i < len(c); {
			in, err := x86asm.Decode(c[i:], 64)
			if err != nil || in.Len == 0 {
				bad = append(bad, f.addr+uint64(i))
				i++
				continue
			}
			visit(f, f.addr+uint64(i), c[i:i+in.Len], &in)
			i += in.Len
		}
	}
	return bad
}

// usesFS reports whether a memory operand of in goes through FS.
func usesFS(in *x86asm.Inst) bool {
	for _, a := range in.Args {
		if m, ok := a.(x86asm.Mem); ok && m.Segment == x86asm.FS {
			return true
		}
	}
	return false
}

// patchTLS turns the toolchain's accesses to g, MOVs between a register and
// FS:-8, into GS ones by changing the prefix byte. It returns how many, and
// where another FS access is left.
func (im *imageFile) patchTLS() (patched int, left []string) {
	im.each(func(f function, pc uint64, raw []byte, in *x86asm.Inst) {
		if !usesFS(in) {
			return
		}
		if len(raw) == 9 && raw[0] == 0x64 && raw[1]&^0x04 == 0x48 && (raw[2] == 0x8b || raw[2] == 0x89) &&
			raw[3]&0xc7 == 0x04 && raw[4] == 0x25 && int32(binary.LittleEndian.Uint32(raw[5:])) == -8 {
			raw[0] = 0x65
			patched++
			return
		}
		left = append(left, fmt.Sprintf("%s+%#x: %s", f.name, pc-f.addr, x86asm.GoSyntax(*in, pc, nil)))
	})
	return patched, left
}

// finish patches raw, runs the checks and writes the result beside the image.
func (b *builder) finish(t target, raw string) (string, error) {
	im, err := openImage(raw)
	if err != nil {
		return "", err
	}
	n, left := im.patchTLS()
	if len(left) > 0 {
		return "", fmt.Errorf("%s: FS is accessed, but freestanding code keeps everything behind GS:\n%s", t.name, list(left))
	}
	allowed, err := b.startupFuncs()
	if err != nil {
		return "", err
	}
	if err := im.checkAllocation(allowed); err != nil {
		return "", fmt.Errorf("%s: %w", t.name, err)
	}
	bs, err := b.stackBounds()
	if err != nil {
		return "", err
	}
	if err := im.checkStack(bs, int64(t.limit), func(f string, a ...any) { b.Logf(t.name+": "+f, a...) }); err != nil {
		return "", fmt.Errorf("%s: %w", t.name, err)
	}
	out := filepath.Join(b.dir, t.name+".elf")
	b.Logf("%s: %d bytes of text, %d accesses to g through GS", t.name, im.text.Size, n)
	return out, writeIfChanged(out, im.data, 0o755)
}

func list(lines []string) string {
	var b bytes.Buffer
	for _, l := range lines {
		fmt.Fprintf(&b, "\t%s\n", l)
	}
	return b.String()
}
