package tests

import (
	"strings"
	"testing"

	"go42/qemu"
)

// Processes that take all the handles that they can get, in their own sets and in
// a server's, are refused; others do not notice, and all comes back.
func TestHandleHogs(t *testing.T) {
	t.Parallel()
	if *onLinux {
		t.Skip("root may have any number of descriptors in flight there")
	}
	o := boot(t, qemu.Config{Args: []string{goProgram(t, "handles")}})
	if o.status != 0 || strings.Contains(o.stdout, "FAIL") || !strings.HasSuffix(o.stdout, "done\n") {
		t.Errorf("status %d\n%s%s", o.status, tail(o.stdout, 3000), tail(o.stderr, 3000))
	}
	t.Log(o.stdout)
}
