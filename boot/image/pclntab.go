package image

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// pclntab reads the linker's function tables (runtime/symtab.go in the Go
// tree): here, how deep the stack is at each instruction.
type pclntab struct {
	text  uint64 // address that offsets are relative to
	pctab []byte
	byPC  map[uint64]pcFunc // by entry address
}

type pcFunc struct {
	pcsp    uint32
	asm     bool
	spWrite bool
}

const pclntabMagic = 0xfffffff1

func (im *imageFile) pclntab() (*pclntab, error) {
	s := im.elf.Section(".gopclntab")
	if s == nil {
		return nil, errors.New("no .gopclntab")
	}
	d := im.data[s.Offset : s.Offset+s.Size]
	le := binary.LittleEndian
	if le.Uint32(d) != pclntabMagic {
		return nil, fmt.Errorf("pclntab of unknown version %#x", le.Uint32(d))
	}
	nfunc := le.Uint64(d[8:])
	pctab, pcln := le.Uint64(d[56:]), le.Uint64(d[64:])
	t := &pclntab{text: im.text.Addr, pctab: d[pctab:pcln], byPC: map[uint64]pcFunc{}}
	for i := range nfunc {
		e := d[pcln+i*8:]
		f := d[pcln+uint64(le.Uint32(e[4:])):]
		const pcsp, flag, flagSPWrite, flagAsm = 16, 41, 1 << 1, 1 << 2
		t.byPC[t.text+uint64(le.Uint32(e))] = pcFunc{
			pcsp: le.Uint32(f[pcsp:]), asm: f[flag]&flagAsm != 0, spWrite: f[flag]&flagSPWrite != 0,
		}
	}
	return t, nil
}

// spRange is how many bytes of stack are in use up to pc end.
type spRange struct {
	end   uint64
	bytes int64
}

// depths returns the stack use inside the function at entry, by ascending pc.
func (t *pclntab) depths(entry uint64, f pcFunc) (rs []spRange) {
	if f.pcsp == 0 {
		return nil
	}
	p, pc, val := t.pctab[f.pcsp:], entry, int64(-1)
	for first := true; ; first = false {
		d, n := binary.Uvarint(p)
		if n <= 0 || d == 0 && !first {
			return rs
		}
		val += int64(int32(-(uint32(d) & 1) ^ (uint32(d) >> 1)))
		p = p[n:]
		d, n = binary.Uvarint(p)
		p = p[n:]
		pc += d
		rs = append(rs, spRange{pc, val})
	}
}
