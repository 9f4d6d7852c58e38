package loader

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"testing"
)

// self is the test's own binary: a static ELF of Go's.
func self(t testing.TB) []byte {
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Skip(err)
	}
	return b
}

func parse(b []byte) (*Image, error) {
	im := new(Image)
	head := b[:min(len(b), HeadSize)]
	off, n, e := Phdrs(head)
	if e == 0 && off+uint64(n) <= uint64(len(b)) {
		e = Parse(im, head, b[off:off+uint64(n)], uint64(len(b)))
	} else if e == 0 {
		e = 8
	}
	if e != 0 {
		return nil, os.ErrInvalid
	}
	return im, nil
}

func TestParseAgreesWithDebugELF(t *testing.T) {
	b := self(t)
	im, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if im.Entry != f.Entry || im.Dyn != (f.Type == elf.ET_DYN) || im.PhNum != len(f.Progs) {
		t.Errorf("%+v", im)
	}
	n := 0
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		s := im.Segments[n]
		if s.Addr != p.Vaddr&^4095 || s.Addr+s.MemLen != p.Vaddr+p.Memsz || s.Off != p.Off&^4095 || s.Addr+s.FileLen != p.Vaddr+p.Filesz {
			t.Errorf("segment %d: %+v against %+v", n, s, p.ProgHeader)
		}
		n++
	}
	if n != im.NSegments {
		t.Errorf("%d segments, want %d", im.NSegments, n)
	}
}

func TestRefuses(t *testing.T) {
	good := self(t)[:HeadSize]
	if _, _, e := Phdrs(good); e != 0 {
		t.Skip("headers elsewhere")
	}
	phoff := binary.LittleEndian.Uint64(good[32:])
	load := -1
	for i := 0; i < int(good[56]); i++ {
		if binary.LittleEndian.Uint32(good[int(phoff)+i*56:]) == ptLoad {
			load = int(phoff) + i*56
			break
		}
	}
	for name, change := range map[string]func(b []byte){
		"magic":            func(b []byte) { b[1] = 'F' },
		"32 bit":           func(b []byte) { b[4] = 1 },
		"big endian":       func(b []byte) { b[5] = 2 },
		"machine":          func(b []byte) { b[18] = 3 },
		"relocatable":      func(b []byte) { b[16] = 1 },
		"no headers":       func(b []byte) { b[56], b[57] = 0, 0 },
		"too many headers": func(b []byte) { b[56], b[57] = 0xff, 0xff },
		"far headers":      func(b []byte) { b[39] = 0x7f },
		"wrapping size":    func(b []byte) { put(b[load+40:], ^uint64(0)) },
		"file beyond mem":  func(b []byte) { put(b[load+40:], 1) },
		"kernel address":   func(b []byte) { put(b[load+16:], 0xffff_8000_0000_0000) },
		"libOS address":    func(b []byte) { put(b[load+16:], 0x7e00_1000_0000) },
		"beyond the file":  func(b []byte) { put(b[load+32:], 1<<40); put(b[load+40:], 1<<40) },
		"offset":           func(b []byte) { put(b[load+8:], 1<<50) },
		"skew":             func(b []byte) { b[load+8]++ },
		"alignment":        func(b []byte) { put(b[load+48:], 3) },
	} {
		b := bytes.Clone(good)
		change(b)
		im := new(Image)
		off, n, e := Phdrs(b)
		if e == 0 && off+uint64(n) <= uint64(len(b)) {
			e = Parse(im, b, b[off:off+uint64(n)], 1<<30)
		}
		if e == 0 && (off+uint64(n) <= uint64(len(b))) {
			t.Errorf("%s: accepted", name)
		}
	}
}

func put(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }

// Whatever the bytes, a plan that is accepted stays in the program half and
// within the file.
func FuzzParse(f *testing.F) {
	f.Add(self(f)[:HeadSize], uint64(1<<24))
	f.Fuzz(func(t *testing.T, b []byte, size uint64) {
		size &= 1<<40 - 1
		off, n, e := Phdrs(b)
		if e != 0 || off+uint64(n) > uint64(len(b)) {
			return
		}
		im := new(Image)
		if Parse(im, b, b[off:off+uint64(n)], size) != 0 {
			return
		}
		last := uint64(0)
		for _, s := range im.Segments[:im.NSegments] {
			if s.Addr%4096 != 0 || s.Off%4096 != 0 || s.FileLen > s.MemLen || s.Addr+s.MemLen > maxAddr || s.Addr < last ||
				s.FileLen != 0 && s.Off+s.FileLen > size {
				t.Fatalf("%+v", s)
			}
			last = s.Addr + s.MemLen
		}
		if im.Align&(im.Align-1) != 0 || im.Hi > maxAddr || im.Lo >= im.Hi {
			t.Fatalf("%+v", im)
		}
	})
}

func TestScript(t *testing.T) {
	for _, c := range []struct{ in, interp, arg string }{
		{"#!/bin/sh\n", "/bin/sh", ""},
		{"#! /bin/sh -e \nx", "/bin/sh", "-e"},
		{"#!/usr/bin/env a b\n", "/usr/bin/env", "a b"},
		{"#!/bin/sh", "/bin/sh", ""},
	} {
		i, a, e := Script([]byte(c.in))
		if e != 0 || string(i) != c.interp || string(a) != c.arg {
			t.Errorf("%q: %q %q %v", c.in, i, a, e)
		}
	}
	for _, in := range []string{"", "#!", "#!\n", "#! \n", "#x", "#!/bin/\x00sh\n"} {
		if _, _, e := Script([]byte(in)); e == 0 {
			t.Errorf("%q accepted", in)
		}
	}
}

// fake is memory for a stack.
type fake struct {
	lo uint64
	b  []byte
}

func (f *fake) Bytes(addr uint64, b []byte) bool {
	if addr < f.lo || addr+uint64(len(b)) > f.lo+uint64(len(f.b)) {
		return false
	}
	copy(f.b[addr-f.lo:], b)
	return true
}

func (f *fake) Word(addr, v uint64) bool {
	var b [8]byte
	put(b[:], v)
	return addr%8 == 0 && f.Bytes(addr, b[:])
}

func (f *fake) word(addr uint64) uint64 { return binary.LittleEndian.Uint64(f.b[addr-f.lo:]) }

func (f *fake) str(addr uint64) string {
	b := f.b[addr-f.lo:]
	return string(b[:bytes.IndexByte(b, 0)])
}

func TestStack(t *testing.T) {
	for _, c := range []struct{ args, env []string }{
		{[]string{"prog"}, nil},
		{[]string{"prog", "", "x y"}, []string{"A=1", "B="}},
		{nil, []string{"A=1"}},
		{nil, nil},
	} {
		m := &fake{lo: 0x10000, b: make([]byte, 0x4000)}
		s := &Stack{Top: 0x14000, Argc: len(c.args), Envc: len(c.env), ExecFn: []byte("/bin/prog"), Aux: new(Aux)}
		for _, x := range append(append([]string{}, c.args...), c.env...) {
			s.Strs = append(append(s.Strs, x...), 0)
		}
		copy(s.Random[:], "0123456789abcdef")
		s.Aux.Add(AT_PAGESZ, 4096)
		if e := s.Build(m); e != 0 {
			t.Fatal(e)
		}
		if s.SP%16 != 0 || s.Top-s.SP > s.Size() {
			t.Errorf("sp %#x, size %d", s.SP, s.Size())
		}
		p := s.SP
		next := func() uint64 { v := m.word(p); p += 8; return v }
		if n := next(); n != uint64(len(c.args)) {
			t.Fatalf("argc %d", n)
		}
		for _, want := range [][]string{c.args, c.env} {
			for _, w := range want {
				if got := m.str(next()); got != w {
					t.Errorf("%q, want %q", got, w)
				}
			}
			if next() != 0 {
				t.Error("no NULL")
			}
		}
		aux := map[uint64]uint64{}
		for {
			k, v := next(), next()
			if k == AT_NULL {
				break
			}
			aux[k] = v
		}
		if aux[AT_PAGESZ] != 4096 || m.str(aux[AT_EXECFN]) != "/bin/prog" || m.str(aux[AT_PLATFORM]) != "x86_64" {
			t.Errorf("%v", aux)
		}
		if r := aux[AT_RANDOM] - m.lo; string(m.b[r:r+16]) != "0123456789abcdef" {
			t.Error("AT_RANDOM")
		}
		if len(c.args) > 0 && m.str(s.ArgLo) != c.args[0] || len(c.env) > 0 && m.str(s.EnvLo) != c.env[0] {
			t.Error("bounds of the strings")
		}
	}
}
