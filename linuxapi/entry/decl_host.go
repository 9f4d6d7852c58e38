//go:build !go42libos

package entry

import "time"

// On a host there is no dispatcher: what touches the machine does nothing, so
// that the libOS's logic can be tested there.

func Keep()                         {}
func XSave(addr uintptr)            {}
func XRestore(addr uintptr)         {}
func Switch(arg, arg2, arg3 uint64) { panic("entry: no thread switch on a host") }
func Resume(t *Core)                { panic("entry: no thread switch on a host") }
func Disable() (was uint32)         { return 1 }
func Enable() uint64                { return 0 }
func TakePending() uint64           { return 0 }
func Page() uintptr                 { return 0 }
func Dispatcher() uintptr           { return 0 }
func OnThread() bool                { return false }

// HostThread stands in for the current thread in tests.
var HostThread *Core

func Thread() *Core                  { return HostThread }
func SetFSBase(v uint64)             {}
func FSBase() uint64                 { return 0 }
func TSC() uint64                    { return uint64(time.Now().UnixNano()) }
func Range() (exitLo, exitHi uint64) { return 0, 0 }
func UseFX()                         {}
func Features() uint32               { return 0 }
