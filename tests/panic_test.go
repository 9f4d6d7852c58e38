package tests

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"go42/qemu"
)

// Ways for the kernel to end: ipc/abi.DebugPanicX.
const (
	panicBounds = "0"
	panicFault  = "1"
	panicHang   = "2"
	panicTriple = "3"
)

// A kernel that panics says why and where, with file and line, and the tool has
// a status for it; one that hangs or resets is told apart.
func TestKernelEnd(t *testing.T) {
	t.Parallel()
	if *onLinux {
		t.Skip("ends Go42's kernel")
	}
	for _, c := range []struct {
		name, how string
		status    int
		reason    string // of the panic
	}{
		{"panic", panicBounds, qemu.StatusPanic, "runtime error: index out of range"},
		{"fault", panicFault, qemu.StatusPanic, "exception in the kernel"},
		{"hang", panicHang, qemu.StatusTimeout, ""},
		{"reset", panicTriple, qemu.StatusPanic, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := qemu.Config{Args: []string{goProgram(t, "survive"), "panic", c.how}, Debug: true}
			if c.how == panicHang {
				cfg.Timeout = 8 * time.Second
			}
			o, err := tryBoot(t, cfg)
			if err != nil {
				t.Fatal(err)
			}
			log := string(o.result.LogTail)
			if o.status != c.status || !strings.HasPrefix(o.result.Panic, c.reason) || c.reason == "" && o.result.Panic != "" || o.result.Ended {
				t.Errorf("%v: status %d, want %d; log:\n%s", o.result, o.status, c.status, log)
			}
			if c.reason == "" {
				return
			}
			// The backtrace leads from the defect to the native call's entry.
			for _, frame := range []string{`main\.endKernel go42/boot/kernel/debug\.go:\d+`, `main\.onNative go42/boot/kernel/natives\.go:\d+`, `rip=[0-9a-f]{16}`} {
				if !regexp.MustCompile(frame).MatchString(log) {
					t.Errorf("the log lacks %s:\n%s", frame, log)
				}
			}
		})
	}
}
