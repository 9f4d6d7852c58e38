// Command selftest is a kernel that tries the language on the freestanding
// runtime, in ring 0, and prints a line a check. The Go test in boot reads them.
package main

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"
	"unsafe"

	"go42/boot/bootinfo"
	"go42/boot/rt"
)

func exit(code uint32)
func try(f func())
func escape()
func xmm15() uint64

var (
	tryG, trySP, tryBP uint64

	checks, failed int
	said           [256]byte
	saidLen        int
	saidPC         uintptr
	trace          [16]uintptr
	traceLen       int
)

func check(name string, ok bool) {
	checks++
	if ok {
		println("ok", checks, name)
		return
	}
	failed++
	println("FAIL", checks, name)
}

// panics reports whether f panics with a message that contains want.
func panics(name, want string, f func()) {
	saidLen = 0
	try(f)
	got := unsafe.String(&said[0], saidLen)
	if !strings.Contains(got, want) {
		println("got:", got)
		check(name, false)
		return
	}
	check(name, true)
}

func onPanic(msg string, pc, sp uintptr) {
	saidLen = copy(said[:], msg)
	saidPC = pc
	lo, hi := rt.CurrentG().Stack()
	traceLen = rt.Callers(pc, rt.FramePointer(), lo, hi, trace[:])
	escape()
}

type shape interface{ area() int }
type square struct{ side int }
type rect struct{ w, h int }

func (s *square) area() int   { return s.side * s.side }
func (r rect) area() int      { return r.w * r.h }
func (r rect) String() string { return "rect" }

type myError struct{ code int }

func (e *myError) Error() string { return "my error" }

var (
	shapes   = []shape{&square{3}, rect{2, 5}}
	sentinel = errors.New("sentinel")
	wrapped  = &myError{7}
	table    = initialised(41)
	backing  [64]byte
	sink     any
	zero     int
	index    = 10
	nilFunc  func()
)

//go:noinline
func initialised(n int) int { return n + 1 }

type named interface{ String() string }

//go:noinline
func kind(v any) int {
	switch v := v.(type) {
	case nil:
		return 0
	case named:
		return 1
	case shape:
		return 2
	case int:
		return v
	case string:
		return len(v)
	case error:
		return 5
	}
	return -1
}

//go:noinline
func word(s string) int {
	switch s {
	case "alpha", "beta", "gamma":
		return 1
	case "delta", "epsilon", "zeta", "eta", "theta", "iota":
		return 2
	}
	return 0
}

//go:noinline
func deferred(n int) (r int) {
	defer func() { r += 100 }()
	defer addTo(&r, n)
	return n
}

func addTo(r *int, n int) { *r += n }

// More than eight deferred calls: the compiler keeps records in the frame.
//
//go:noinline
func manyDefers(n int) (r int) {
	defer addTo(&r, n)
	defer addTo(&r, n)
	defer addTo(&r, n)
	defer addTo(&r, n)
	defer addTo(&r, n)
	defer addTo(&r, n)
	defer addTo(&r, n)
	defer addTo(&r, n)
	defer addTo(&r, n)
	return n
}

//go:noinline
func apply(f func(int) int, v int) int { return f(v) }

func sum[T ~int | ~uint8](s []T) (t T) {
	for _, v := range s {
		t += v
	}
	return t
}

//go:noinline
func deep(n int) int {
	var pad [64]int
	pad[n&63] = n
	if n == 0 {
		return pad[0]
	}
	return deep(n-1) + pad[n&63]
}

type big struct{ a [100]uint64 }

//go:noinline
func makeBig(x uint64) (b big) {
	for i := range b.a {
		b.a[i] = x + uint64(i)
	}
	return b
}

func language() {
	check("package variable initialised", table == 42)
	check("x15 is zero", xmm15() == 0)
	check("interface call", shapes[0].area()+shapes[1].area() == 19)
	check("type switch nil", kind(nil) == 0)
	check("type switch interface, dynamic", kind(rect{1, 1}) == 1)
	check("type switch interface 2", kind(shapes[0]) == 2)
	check("type switch int, small", kind(200) == 200)
	check("type switch string", kind("four") == 4)
	check("type switch error", kind(sentinel) == 5)
	_, isNamed := shapes[0].(named)
	check("assertion fails", !isNamed)
	sq, isSq := shapes[0].(*square)
	check("assertion to concrete", isSq && sq.side == 3)
	check("string switch", word("gamma") == 1 && word("theta") == 2 && word("omega") == 0)
	check("string order", cmp.Compare("abc", "abd") < 0 && "b" > "a" && strings.Compare("x", "x") == 0)
	s := append(backing[:0], "bare"...)
	s = append(s, " metal"...)
	check("append within capacity", string(s) == "bare metal" && &s[0] == &backing[0])
	s = strconv.AppendInt(backing[:0], -1234567890123, 10)
	check("strconv.AppendInt", string(s) == "-1234567890123")
	n, err := strconv.ParseUint("ffff", 16, 64)
	check("strconv.ParseUint", err == nil && n == 65535)
	check("copy overlaps", copy(s[1:], s) == len(s)-1 && s[1] == '-')
	k := 10
	check("closure", apply(func(v int) int { k += v; return k }, 5) == 15 && k == 15)
	check("defer open-coded", deferred(1) == 102)
	check("defer in a record", manyDefers(3) == 30)
	check("range over func", func() (t int) {
		for i := range func(yield func(int) bool) {
			_ = yield(1) && yield(2) && yield(3)
		} {
			t += i
		}
		return
	}() == 6)
	check("generics", sum([]int{1, 2, 3}) == 6 && sum([]uint8{250, 10}) == 4)
	check("division", -7/index == 0 && -17%index == -7 && uint64(1<<63)/uint64(index) == 922337203685477580)
	b := makeBig(7)
	check("large values", b == makeBig(7) && b != makeBig(8) && b.a[99] == 106)
	check("array compare through interface", any([2]string{"a", "b"}) == any([2]string{"a", "b"}))
	a := [...]int{5, 2, 9, 1}
	slices.Sort(a[:])
	check("slices.Sort", a == [...]int{1, 2, 5, 9})
	i := sort.Search(4, func(i int) bool { return a[i] >= 5 })
	check("sort.Search", i == 2)
	check("bits", bits.OnesCount64(0xff00ff) == 16 && bits.TrailingZeros64(1<<40) == 40)
	hi, lo := bits.Mul64(1<<63, 6)
	check("bits.Mul64", hi == 3 && lo == 0)
	check("encoding/binary", binary.LittleEndian.Uint32([]byte{1, 2, 3, 4}) == 0x04030201)
	var w atomic.Uint64
	w.Add(3)
	check("atomic", w.CompareAndSwap(3, 9) && w.Or(6) == 9 && w.Load() == 15)
	r, size := utf8.DecodeRuneInString("é")
	check("utf8", r == 'é' && size == 2)
	check("strings.Index", strings.Index("a haystack with a needle in it", "needle") == 18)
	check("errors.Is", errors.Is(sentinel, sentinel) && !errors.Is(wrapped, sentinel))
	f := 1.5
	check("float", int(f*float64(index)) == 15)
	check("deep recursion within the stack", deep(20) == 210)
	m := startupAlloc()
	check("start-up allocation", *m == 77 && rt.ArenaUsed() > 0)
}

func outerInlined(n int) { innerInlined(n + 1) }

func innerInlined(n int) {
	if n > zero {
		panic("inlined words")
	}
}

//go:noinline
func startupAlloc() *int { p := new(int); *p = 77; sink = p; return p }

var arena [4096]byte

func image() {
	in := bootinfo.Get()
	check("boot info", in != nil)
	lo, hi := rt.TextRange()
	tlo, thi := uint64(lo), uint64(hi)
	check("text range", in.Text.Virt <= tlo && thi <= in.Text.Virt+in.Text.Size)
	check("segments in order", in.Text.Virt+in.Text.Size <= in.ROData.Virt && in.ROData.Virt+in.ROData.Size <= in.Data.Virt)
	check("data segment holds variables", uint64(uintptr(unsafe.Pointer(&arena))) >= in.Data.Virt)
	check("rodata segment holds strings", uint64(uintptr(unsafe.Pointer(unsafe.StringData("text")))) >= in.ROData.Virt)
	check("start info", *(*uint32)(unsafe.Pointer(rt.StartInfo())) == 0x336ec578)
	name, file, line := rt.FuncForPC(lo + 1)
	check("symbol of the first function", name != "?" && file != "?" && line > 0)
	_, _, line = rt.FuncForPC(0x1234)
	check("no symbol", line == 0)
}

func startupFailures() {
	rt.SetPanicHook(onPanic)
	panics("panic string", "plain words", func() { panic("plain words") })
	name, file, line := rt.FuncForPC(saidPC - 1)
	check("panic's place", strings.HasPrefix(name, "main.startupFailures.func") && strings.HasSuffix(file, "selftest/main.go") && line > 0)
	found := false
	for _, pc := range trace[:traceLen] {
		if name, _, _ := rt.FuncForPC(pc - 1); name == "main.panics" {
			found = true
		}
	}
	check("backtrace reaches the caller", found)
	panics("panic in an inlined call", "inlined words", func() { outerInlined(3) })
	name, _, _ = rt.FuncForPC(saidPC - 1)
	at := rt.Outer(saidPC - 1)
	outer, _, _ := rt.FuncForPC(at)
	outmost, _, _ := rt.FuncForPC(rt.Outer(at))
	check("inlined calls by name", name == "main.innerInlined" && outer == "main.outerInlined" &&
		strings.HasPrefix(outmost, "main.startupFailures.func") && rt.Outer(rt.Outer(at)) == 0)
	panics("panic error", "my error", func() { panic(wrapped) })
	panics("panic int", "12", func() { panic(12) })
	panics("index", "index out of range [10] with length 4", func() { a := [4]int{}; s := a[:]; zero = s[index] })
	panics("negative index", "index out of range [-3]", func() { a := [4]int{}; s := a[:]; zero = s[index-13] })
	panics("slice", "slice bounds out of range [:10] with capacity 4", func() { a := [4]int{}; s := a[:]; zero = len(s[:index]) })
	panics("string slice", "slice bounds out of range [10:3]", func() { s := "abc"; zero = len(s[index:]) })
	panics("divide", "divide by zero", func() { zero = 1 / (index - 10) })
	panics("shift", "negative shift", func() { zero = 1 << (index - 11) })
	panics("assertion", "interface conversion: main.rect, not *main.square", func() { zero = shapes[1].(*square).side })
	panics("assertion to interface", "interface conversion", func() { zero = len(sink.(named).String()) })
	panics("make", "len out of range", func() { sink = make([]int, index-11) })
	panics("uncomparable", "uncomparable type", func() { var x, y any = arena[:], arena[:]; check("unreachable", x == y) })
	rt.SetArena(uintptr(unsafe.Pointer(&arena)), 64)
	panics("arena exhausted", "arena exhausted", func() { sink = make([]byte, 65+zero) })
	rt.Seal()
	panics("allocation after seal", "allocation after start-up", func() { startupAlloc() })
	panics("stack overflow", "stack overflow", func() { zero = deep(100000) })
	check("stack overflow's place", func() bool { n, _, _ := rt.FuncForPC(saidPC); return n == "main.deep" }())
}

func main() {
	language()
	image()
	startupFailures()
	println("checks:", checks, "failed:", failed)
	exit(uint32(failed))
}
