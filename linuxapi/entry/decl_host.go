//go:build !go42libos

package entry

import "time"

// On a host there is no dispatcher: what touches the machine does nothing, so
// that the libOS's logic can be tested there, unless a test brings a Machine.

// Machine stands in for the dispatchers' pages and stacks in tests of several.
type Machine interface {
	Switch(arg, arg2, arg3 uint64)
	Resume(t *Core)
	Disable() (was uint32)
	Enable() (pending uint64)
	TakePending() uint64
	Page() uintptr
	OnThread() bool
	Thread() *Core
}

// Host is the machine; nil: none.
var Host Machine

func Keep()                {}
func XSave(uintptr)        {}
func XRestore(uintptr)     {}
func SetFSBase(uint64)     {}
func FSBase() uint64       { return 0 }
func TSC() uint64          { return uint64(time.Now().UnixNano()) }
func UseFX()               {}
func Features() uint32     { return 0 }
func Range() (_, _ uint64) { return 0, 0 }

func Switch(arg, arg2, arg3 uint64) {
	if Host == nil {
		panic("entry: no thread switch on a host")
	}
	Host.Switch(arg, arg2, arg3)
}

func Resume(t *Core) {
	if Host == nil {
		panic("entry: no thread switch on a host")
	}
	Host.Resume(t)
}

func Disable() (was uint32) {
	if Host == nil {
		return 1
	}
	return Host.Disable()
}

func Enable() uint64 {
	if Host == nil {
		return 0
	}
	return Host.Enable()
}

func TakePending() uint64 {
	if Host == nil {
		return 0
	}
	return Host.TakePending()
}

func Page() uintptr {
	if Host == nil {
		return 0
	}
	return Host.Page()
}

func OnThread() bool { return Host != nil && Host.OnThread() }

// HostThread stands in for the current thread in tests.
var HostThread *Core

func Thread() *Core {
	if Host == nil {
		return HostThread
	}
	return Host.Thread()
}
