package vdso

import (
	"bytes"
	"debug/elf"
	"testing"
)

// The image must be found through by the ways that libcs and Go's runtime take:
// PT_DYNAMIC, the hash table, versions.
func TestImage(t *testing.T) {
	var b [Size]byte
	Build(&b)
	f, err := elf.NewFile(bytes.NewReader(b[:]))
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != elf.ET_DYN || f.Machine != elf.EM_X86_64 {
		t.Fatalf("%v %v", f.Type, f.Machine)
	}
	syms, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"__vdso_clock_gettime": true, "__vdso_gettimeofday": true, "__vdso_time": true, "__vdso_getcpu": true}
	for _, s := range syms {
		if !want[s.Name] {
			t.Errorf("symbol %q", s.Name)
		}
		delete(want, s.Name)
		if s.Version != "LINUX_2.6" {
			t.Errorf("%s: version %q", s.Name, s.Version)
		}
		if s.Value < uint64(textOff) || s.Value+s.Size > uint64(secOff) || s.Size == 0 {
			t.Errorf("%s: %#x+%#x", s.Name, s.Value, s.Size)
		}
		if elf.ST_TYPE(s.Info) != elf.STT_FUNC || s.Section == elf.SHN_UNDEF {
			t.Errorf("%s: %v %v", s.Name, elf.ST_TYPE(s.Info), s.Section)
		}
	}
	if len(want) != 0 {
		t.Errorf("missing: %v", want)
	}
	if so, err := f.DynString(elf.DT_SONAME); err != nil || len(so) != 1 || so[0] != "linux-vdso.so.1" {
		t.Errorf("soname %v %v", so, err)
	}
	// Walk the hash chain as a dynamic linker does.
	u32 := func(off int) int { return int(b[off]) | int(b[off+1])<<8 | int(b[off+2])<<16 | int(b[off+3])<<24 }
	seen := 0
	for i := u32(hashOff + 8); i != 0; i = u32(hashOff + 12 + 4*i) {
		seen++
	}
	if seen != nsym-1 {
		t.Errorf("chain has %d symbols", seen)
	}
	if hash("LINUX_2.6") != 0x3ae75f6 {
		t.Errorf("hash %#x", hash("LINUX_2.6"))
	}
	if textOff+len(strings) > secOff {
		t.Error("no room")
	}
}
