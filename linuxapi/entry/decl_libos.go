//go:build go42libos

package entry

// Keep makes the upcall entries reachable for the linker. Never called.
func Keep()

// XSave writes the whole vector state to the XSAVE area at addr.
func XSave(addr uintptr)

// XRestore loads the whole vector state from addr. The image must be valid
// (reserved header bits zero): otherwise the processor faults.
func XRestore(addr uintptr)

// Switch saves the current thread (SavedCoop) and calls SwitchFn on the
// scheduler stack. Call it disabled; it returns disabled, when resumed.
func Switch(arg, arg2, arg3 uint64)

// Resume continues t and abandons the scheduler or trap stack it is called on.
//
//go:noescape
func Resume(t *Core)

// Disable turns upcalls off and says whether they already were.
func Disable() (was uint32)

func enable() (pending uint64)

// TakePending fetches and clears the dispatcher page's event bits.
func TakePending() uint64

// Page is the dispatcher page's address.
func Page() uintptr

// Thread is the current thread, or the one whose dispatcher's scheduler runs.
func Thread() *Core

// Dispatcher is the page's word PrivDispatcher: disabled code stays there.
func Dispatcher() uintptr

// OnThread reports whether the code runs on its thread's stack, not on the
// scheduler's or the trap stack. Disabled.
func OnThread() bool

// SetFSBase and FSBase set and read the processor's FS base.
func SetFSBase(v uint64)
func FSBase() uint64

// TSC reads the time-stamp counter.
func TSC() uint64

// Range is the restartable exit range.
func Range() (exitLo, exitHi uint64)

// Enable turns upcalls on; it answers the events that came meanwhile (they
// stay pending: the caller disables again and handles them).
func Enable() uint64 { return enable() }

// UseFX selects FXSAVE where there is no XSAVE.
func UseFX() { useFX = 1 }

// Features is EDX of CPUID leaf 1, which Linux gives as AT_HWCAP.
func Features() uint32
