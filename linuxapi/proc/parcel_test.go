package proc

import (
	"math/rand"
	"testing"
	"unsafe"
)

func parcel(b *[4096]byte) *Parcel {
	p := (*Parcel)(unsafe.Pointer(b))
	size := uint32(unsafe.Sizeof(*p))
	p.Magic, p.Len = ParcelMagic, 4096
	p.Argc, p.Envc = 2, 1
	p.StrOff, p.StrLen = size, uint32(copy(b[size:], "a\x00bc\x00X=1\x00"))
	p.FnOff, p.FnLen = size, 1
	return p
}

func TestCheckParcel(t *testing.T) {
	var b [4096]byte
	if e := CheckParcel(parcel(&b), 4096); e != 0 {
		t.Fatal(e)
	}
	for name, change := range map[string]func(p *Parcel){
		"magic":         func(p *Parcel) { p.Magic++ },
		"length":        func(p *Parcel) { p.Len = 5000 },
		"argc":          func(p *Parcel) { p.Argc++ },
		"envc":          func(p *Parcel) { p.Envc = 1 << 31 },
		"no final NUL":  func(p *Parcel) { p.StrLen-- },
		"strings":       func(p *Parcel) { p.StrOff = 4095 },
		"wrap":          func(p *Parcel) { p.FilesOff, p.FilesLen = 1<<32-1, 1<<32-1 },
		"into the head": func(p *Parcel) { p.FilesOff, p.FilesLen = 8, 8 },
	} {
		p := parcel(&b)
		change(p)
		if CheckParcel(p, 4096) == 0 {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Whatever the head says, what is accepted lies within the parcel.
func TestCheckParcelRandom(t *testing.T) {
	var b [4096]byte
	r := rand.New(rand.NewSource(1))
	for i := 0; i < 200000; i++ {
		p := parcel(&b)
		for k := r.Intn(3); k >= 0; k-- {
			b[8+r.Intn(64)] = byte(r.Intn(256))
		}
		if CheckParcel(p, 4096) != 0 {
			continue
		}
		for _, x := range [][2]uint32{{p.StrOff, p.StrLen}, {p.FnOff, p.FnLen}, {p.ExeOff, p.ExeLen}, {p.FilesOff, p.FilesLen}} {
			if uint64(x[0])+uint64(x[1]) > 4096 {
				t.Fatalf("%+v", x)
			}
			_ = p.part(x[0], x[1])
		}
	}
}
