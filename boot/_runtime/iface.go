package runtime

import (
	"internal/abi"
	"internal/runtime/atomic"
	"unsafe"
)

// Interface tables. The compiler lays out those that it can foresee
// (itablinks); those that only a dynamic assertion to an interface asks for are
// built here in a fixed pool, so that no assertion allocates.
//
// Concurrency: a builder reserves an entry by an atomic add and publishes it by
// storing its Type last; two CPUs that build the same table make two equal ones,
// which is harmless.
const (
	dynItabs       = 64
	dynItabMethods = 8
)

type dynItab struct {
	tab  itab
	more [dynItabMethods - 1]uintptr
}

var (
	itabPool [dynItabs]dynItab
	itabUsed uint32
)

// getitab returns the table of typ for inter, nil if typ lacks a method.
func getitab(inter *interfacetype, typ *_type) *itab {
	if typ.TFlag&abi.TFlagUncommon == 0 {
		return nil
	}
	for _, t := range firstmoduledata.itablinks {
		if t.Inter == inter && t.Type == typ {
			return t
		}
	}
	n := min(atomic.Load(&itabUsed), dynItabs)
	for i := range itabPool[:n] {
		t := &itabPool[i].tab
		if atomic.Loadp(unsafe.Pointer(&t.Type)) == unsafe.Pointer(typ) && t.Inter == inter {
			return t
		}
	}
	var fun [dynItabMethods]uintptr
	if !implements(inter, typ, &fun) {
		return nil
	}
	n = atomic.Xadd(&itabUsed, 1) - 1
	if n >= dynItabs {
		throw("too many dynamic interface tables")
	}
	d := &itabPool[n]
	d.tab.Inter = inter
	*(*[dynItabMethods]uintptr)(unsafe.Pointer(&d.tab.Fun[0])) = fun
	atomic.StorepNoWB(unsafe.Pointer(&d.tab.Type), unsafe.Pointer(typ))
	return &d.tab
}

// implements matches the two method lists, both sorted by name, in lock step.
func implements(inter *interfacetype, typ *_type, fun *[dynItabMethods]uintptr) bool {
	u := typ.Uncommon()
	if u == nil {
		return false
	}
	if len(inter.Methods) > dynItabMethods {
		throw("dynamic assertion to an interface of too many methods")
	}
	methods := unsafe.Slice((*abi.Method)(add(unsafe.Pointer(u), uintptr(u.Moff))), int(u.Mcount))
	j := 0
	for k := range inter.Methods {
		want := &inter.Methods[k]
		name := nameAt(want.Name)
		wantType := typeAt(want.Typ)
		for ; ; j++ {
			if j == len(methods) {
				return false
			}
			m := &methods[j]
			mn := nameAt(m.Name)
			if typeAt(m.Mtyp) != wantType || mn.Name() != name.Name() {
				continue
			}
			if mn.IsExported() || nameAt(u.PkgPath).Name() == inter.PkgPath.Name() {
				fun[k] = uintptr(textAt(m.Ifn))
				j++
				break
			}
		}
	}
	return true
}

var emptyTypeAssertCache = abi.TypeAssertCache{}
var emptyInterfaceSwitchCache = abi.InterfaceSwitchCache{}

func typeAssert(s *abi.TypeAssert, t *_type) *itab {
	if t == nil {
		if s.CanFail {
			return nil
		}
		panicdottypeE(nil, &s.Inter.Type, nil)
	}
	tab := getitab(s.Inter, t)
	if tab == nil && !s.CanFail {
		panicdottypeE(t, &s.Inter.Type, nil)
	}
	return tab
}

func interfaceSwitch(s *abi.InterfaceSwitch, t *_type) (int, *itab) {
	cases := unsafe.Slice(&s.Cases[0], s.NCases)
	for i, c := range cases {
		if tab := getitab(c, t); tab != nil {
			return i, tab
		}
	}
	return len(cases), nil
}

func assertE2I(inter *interfacetype, t *_type) *itab {
	if t == nil {
		panicdottypeE(nil, &inter.Type, nil)
	}
	tab := getitab(inter, t)
	if tab == nil {
		panicdottypeE(t, &inter.Type, nil)
	}
	return tab
}

func assertE2I2(inter *interfacetype, t *_type) *itab {
	if t == nil {
		return nil
	}
	return getitab(inter, t)
}

//go:linkname reflectlite_ifaceE2I internal/reflectlite.ifaceE2I
func reflectlite_ifaceE2I(inter *interfacetype, e eface, dst *iface) {
	*dst = iface{assertE2I(inter, e._type), e.data}
}

//go:linkname reflectlite_resolveNameOff internal/reflectlite.resolveNameOff
func reflectlite_resolveNameOff(base unsafe.Pointer, off int32) unsafe.Pointer {
	return unsafe.Pointer(nameAt(nameOff(off)).Bytes)
}

//go:linkname reflectlite_resolveTypeOff internal/reflectlite.resolveTypeOff
func reflectlite_resolveTypeOff(base unsafe.Pointer, off int32) unsafe.Pointer {
	return unsafe.Pointer(typeAt(typeOff(off)))
}

// staticuint64s backs the interface values of small integers.
var staticuint64s = [256]uint64{
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
	0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
	0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f,
	0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f,
	0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f,
	0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f,
	0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
	0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f,
	0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f,
	0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f,
	0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,
	0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf,
	0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf,
	0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf,
	0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xef,
	0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff,
}

// Conversions of values to interface data words. They allocate: the build
// checks that only start-up code calls them.

func convT(t *_type, v unsafe.Pointer) unsafe.Pointer {
	p := mallocgc(t.Size_, t, false)
	memmove(p, v, t.Size_)
	return p
}

func convTnoptr(t *_type, v unsafe.Pointer) unsafe.Pointer { return convT(t, v) }

func convT16(val uint16) unsafe.Pointer { return convT64(uint64(val)) }
func convT32(val uint32) unsafe.Pointer { return convT64(uint64(val)) }

func convT64(val uint64) unsafe.Pointer {
	if val < uint64(len(staticuint64s)) {
		return unsafe.Pointer(&staticuint64s[val])
	}
	p := (*uint64)(mallocgc(8, nil, false))
	*p = val
	return unsafe.Pointer(p)
}

func convTstring(val string) unsafe.Pointer {
	if val == "" {
		return unsafe.Pointer(&zeroVal[0])
	}
	p := (*string)(mallocgc(unsafe.Sizeof(val), nil, false))
	*p = val
	return unsafe.Pointer(p)
}

func convTslice(val []byte) unsafe.Pointer {
	if val == nil {
		return unsafe.Pointer(&zeroVal[0])
	}
	p := (*[]byte)(mallocgc(unsafe.Sizeof(val), nil, false))
	*p = val
	return unsafe.Pointer(p)
}
