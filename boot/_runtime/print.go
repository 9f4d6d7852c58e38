package runtime

import "unsafe"

// print and println end in the print hook. Lines of different CPUs may mix:
// they are for diagnosis only.
var printHook func(b []byte)

//go:linkname rt_setPrintHook
func rt_setPrintHook(f func(b []byte)) { printHook = f }

func gwrite(data []byte) {
	b := unsafe.Slice((*byte)(noescape(unsafe.Pointer(unsafe.SliceData(data)))), len(data))
	if f := printHook; f != nil {
		f(b)
		return
	}
	earlyWrite(b)
}

func printlock()   {}
func printunlock() {}

func printnl() { printstring("\n") }
func printsp() { printstring(" ") }

func printstring(s string) { gwrite(unsafe.Slice(unsafe.StringData(s), len(s))) }

func printbool(v bool) {
	if v {
		printstring("true")
		return
	}
	printstring("false")
}

// formatUint writes v in the given base at the end of buf and returns where
// it begins.
func formatUint(buf *[24]byte, v uint64, base uint64) int {
	i := len(buf)
	for {
		i--
		buf[i] = "0123456789abcdef"[v%base]
		v /= base
		if v == 0 {
			return i
		}
	}
}

func printuint(v uint64) {
	var buf [24]byte
	gwrite(buf[formatUint(&buf, v, 10):])
}

func printint(v int64) {
	var buf [24]byte
	u := uint64(v)
	if v < 0 {
		u = -u
	}
	i := formatUint(&buf, u, 10)
	if v < 0 {
		i--
		buf[i] = '-'
	}
	gwrite(buf[i:])
}

func printhex(v uint64) {
	var buf [24]byte
	i := formatUint(&buf, v, 16)
	i--
	buf[i] = 'x'
	i--
	buf[i] = '0'
	gwrite(buf[i:])
}

func printpointer(p unsafe.Pointer) { printhex(uint64(uintptr(p))) }
func printuintptr(p uintptr)        { printhex(uint64(p)) }

// printfloat64 prints the integer part and six decimals; the freestanding code
// has no use for more.
func printfloat64(v float64) {
	if v < 0 {
		printstring("-")
		v = -v
	}
	if !(v < 1<<63) {
		printstring("(large float)")
		return
	}
	n := uint64(v)
	printuint(n)
	printstring(".")
	frac := uint64((v - float64(n)) * 1e6)
	var buf [24]byte
	i := formatUint(&buf, frac+1000000, 10)
	gwrite(buf[i+1:])
}

func printfloat32(v float32)       { printfloat64(float64(v)) }
func printcomplex128(c complex128) { printfloat64(real(c)); printsp(); printfloat64(imag(c)) }
func printeface(e eface)           { printstring("("); printpointer(unsafe.Pointer(e._type)); printstring(")") }
func printiface(i iface)           { printstring("("); printpointer(unsafe.Pointer(i.tab)); printstring(")") }
func printslice(s []byte)          { printpointer(unsafe.Pointer(unsafe.SliceData(s))) }
func printquoted(s string)         { printstring(s) }
