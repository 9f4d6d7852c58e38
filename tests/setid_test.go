package tests

import (
	"os"
	"testing"

	"go42/qemu"
)

// TestSetID compares set-user-id and set-group-id exec with Linux: ids, AT_SECURE,
// what others see of such a process, and what keeps the bits from counting.
func TestSetID(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("the host's half needs root")
	}
	program := goProgram(t, "setid")
	same(t, boot(t, qemu.Config{Args: []string{program}}), host(t, nil, "", program))
}
