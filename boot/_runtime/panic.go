package runtime

import (
	"internal/abi"
	"internal/runtime/sys"
	"unsafe"
)

// Panics: the message is rendered into a buffer on the stack and handed to the
// panic hook, which must not return. No deferred call runs, nothing recovers.

var panicHook func(msg string, pc, sp uintptr)

//go:linkname rt_setPanicHook
func rt_setPanicHook(f func(msg string, pc, sp uintptr)) { panicHook = f }

// message is a fixed buffer for a panic's text; what does not fit is cut.
type message struct {
	n   int
	buf [192]byte
}

func (m *message) add(s string) { m.n += copy(m.buf[m.n:], s) }

func (m *message) addUint(v uint64, base uint64) {
	var b [24]byte
	i := formatUint(&b, v, base)
	m.n += copy(m.buf[m.n:], b[i:])
}

func (m *message) addInt(v int64, signed bool) {
	u := uint64(v)
	if signed && v < 0 {
		m.add("-")
		u = -u
	}
	m.addUint(u, 10)
}

func (m *message) raise(pc, sp uintptr) {
	b := (*[192]byte)(noescape(unsafe.Pointer(&m.buf)))
	die(unsafe.String(&b[0], m.n), pc, sp)
}

// die ends in the panic hook. A panic of the hook itself stops the CPU.
func die(msg string, pc, sp uintptr) {
	if f := panicHook; f != nil {
		f(msg, pc, sp)
	} else {
		printstring("panic: ")
		printstring(msg)
		printstring(" at ")
		name, file, line := rt_funcForPC(pc - 1)
		printstring(name)
		printsp()
		printstring(file)
		printstring(":")
		printint(int64(line))
		printnl()
	}
	stop()
}

//go:noinline
func throw(msg string) { die(msg, sys.GetCallerPC(), sys.GetCallerSP()) }

// fatal is what internal/runtime/maps and internal/sync would call.
func fatal(msg string) { throw(msg) }

type stringer interface{ String() string }

//go:noinline
func gopanic(e any) {
	pc, sp := sys.GetCallerPC(), sys.GetCallerSP()
	var m message
	switch v := e.(type) {
	case nil:
		m.add("panic called with nil argument")
	case string:
		die(v, pc, sp)
	case errorString:
		m.add("runtime error: ")
		m.add(string(v))
	case int:
		m.addInt(int64(v), true)
	case uint64:
		m.add("0x")
		m.addUint(v, 16)
	case uintptr:
		m.add("0x")
		m.addUint(uint64(v), 16)
	case unsafe.Pointer:
		m.add("0x")
		m.addUint(uint64(uintptr(v)), 16)
	case error:
		die(v.Error(), pc, sp)
	case stringer:
		die(v.String(), pc, sp)
	default:
		m.add("value of type ")
		m.add(typeString((*eface)(unsafe.Pointer(&e))._type))
	}
	m.raise(pc, sp)
}

var boundsText = [...]string{
	abi.BoundsIndex:      "index out of range [%x] with length %y",
	abi.BoundsSliceAlen:  "slice bounds out of range [:%x] with length %y",
	abi.BoundsSliceAcap:  "slice bounds out of range [:%x] with capacity %y",
	abi.BoundsSliceB:     "slice bounds out of range [%x:%y]",
	abi.BoundsSlice3Alen: "slice bounds out of range [::%x] with length %y",
	abi.BoundsSlice3Acap: "slice bounds out of range [::%x] with capacity %y",
	abi.BoundsSlice3B:    "slice bounds out of range [:%x:%y]",
	abi.BoundsSlice3C:    "slice bounds out of range [%x:%y:]",
	abi.BoundsConvert:    "cannot convert slice with length %y to array of length %x",
}

// panicBounds64 is entered from panicBounds with the integer registers saved in
// regs, in the compiler's numbering, and the PC behind the call.
func panicBounds64(pc uintptr, regs *[16]int64) {
	f := findfunc(pc - 1)
	v, _ := f.pcdata(abi.PCDATA_PanicBounds, pc-1)
	code, signed, xIsReg, yIsReg, xVal, yVal := abi.BoundsDecode(int(v))
	x, y := int64(xVal), int64(yVal)
	if xIsReg {
		x = regs[xVal]
	}
	if yIsReg {
		y = regs[yVal]
	}
	var m message
	m.add("runtime error: ")
	text := "bounds"
	if int(code) < len(boundsText) {
		text = boundsText[code]
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			m.add(text[i : i+1])
			continue
		}
		i++
		if text[i] == 'x' {
			m.addInt(x, signed)
		} else {
			m.addInt(y, true)
		}
	}
	m.raise(pc, uintptr(unsafe.Pointer(regs))+16*8)
}

//go:noinline
func panicdivide() {
	die("runtime error: integer divide by zero", sys.GetCallerPC(), sys.GetCallerSP())
}

//go:noinline
func panicoverflow() { die("runtime error: integer overflow", sys.GetCallerPC(), sys.GetCallerSP()) }

//go:noinline
func panicfloat() { die("runtime error: floating point error", sys.GetCallerPC(), sys.GetCallerSP()) }

//go:noinline
func panicshift() { die("runtime error: negative shift amount", sys.GetCallerPC(), sys.GetCallerSP()) }

//go:noinline
func panicwrap() {
	die("runtime error: value method called using nil pointer", sys.GetCallerPC(), sys.GetCallerSP())
}

//go:noinline
func panicmem() {
	die("runtime error: invalid memory address or nil pointer dereference", sys.GetCallerPC(), sys.GetCallerSP())
}

// sigpanic is referred to by the compiler's tables only: a nil dereference
// arrives as a trap in arch code.
func sigpanic() { panicmem() }

//go:noinline
func panicnil() { die("panic called with nil argument", sys.GetCallerPC(), sys.GetCallerSP()) }

//go:noinline
func throwinit() { throw("recursive call during initialization") }

func panicrangestate(state int) { throw("range function used after its loop ended") }
func panicunsafeslicelen()      { throw("unsafe.Slice: len out of range") }
func panicunsafeslicenilptr()   { throw("unsafe.Slice: ptr is nil and len is not zero") }
func panicunsafestringlen()     { throw("unsafe.String: len out of range") }
func panicunsafestringnilptr()  { throw("unsafe.String: ptr is nil and len is not zero") }
func panicType(s string, t *_type) {
	var m message
	m.add("runtime error: ")
	m.add(s)
	m.add(typeString(t))
	m.raise(sys.GetCallerPC(), sys.GetCallerSP())
}

func panicdottypeE(have, want, iface *_type) {
	var m message
	m.add("interface conversion: ")
	m.add(typeString(have))
	m.add(", not ")
	m.add(typeString(want))
	m.raise(sys.GetCallerPC(), sys.GetCallerSP())
}

func panicdottypeI(have *itab, want, iface *_type) {
	var t *_type
	if have != nil {
		t = have.Type
	}
	panicdottypeE(t, want, iface)
}

func panicnildottype(want *_type) { panicdottypeE(nil, want, nil) }

// deferprocStack queues a deferred call whose record is in the caller's frame;
// deferreturn runs those of its caller's frame at a normal return.
func deferprocStack(d *_defer) {
	gp := getg()
	d.heap, d.rangefunc = false, false
	d.sp, d.pc = sys.GetCallerSP(), sys.GetCallerPC()
	d.link = gp._defer
	gp._defer = d
}

func deferreturn() {
	gp, sp := getg(), sys.GetCallerSP()
	for {
		d := gp._defer
		if d == nil || d.sp != sp {
			return
		}
		f := d.fn
		gp._defer = d.link
		f()
	}
}

// stackOverflow runs on the emergency stack.
func stackOverflow(pc, sp uintptr) {
	die("stack overflow", pc, sp)
}

// stop never returns.
func stop()
