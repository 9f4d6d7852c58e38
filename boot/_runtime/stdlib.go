package runtime

import _ "unsafe" // for go:linkname

// Names that standard packages compile or link against although freestanding
// code never calls them with effect.

func KeepAlive(x any) {}

type Func struct{ opaque struct{} }

func (f *Func) Name() string { return "" }
func (f *Func) FileLine(pc uintptr) (string, int) {
	_, file, line := rt_funcForPC(pc)
	return file, line
}

func FuncForPC(pc uintptr) *Func { return nil }

func Caller(skip int) (pc uintptr, file string, line int, ok bool) { return 0, "", 0, false }

func Callers(skip int, pc []uintptr) int { return 0 }

type Frame struct {
	PC       uintptr
	Func     *Func
	Function string
	File     string
	Line     int
	Entry    uintptr
}

type Frames struct{ unused int }

func (*Frames) Next() (frame Frame, more bool) { return }

func CallersFrames(callers []uintptr) *Frames { return nil }

func GC()                                 {}
func GOMAXPROCS(n int) int                { return 1 }
func Goexit()                             { throw("Goexit") }
func SetFinalizer(obj any, finalizer any) {}

type TypeAssertionError struct{ text string }

func (*TypeAssertionError) RuntimeError()   {}
func (e *TypeAssertionError) Error() string { return e.text }

//go:linkname sync_runtime_registerPoolCleanup sync.runtime_registerPoolCleanup
func sync_runtime_registerPoolCleanup(f func()) {}

//go:linkname sync_runtime_notifyListCheck sync.runtime_notifyListCheck
func sync_runtime_notifyListCheck(sz uintptr) {}
