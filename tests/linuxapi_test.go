package tests

import (
	"testing"
	"time"

	"go42/qemu"
)

// TestLinuxAPI compares corners of system calls with Linux.
func TestLinuxAPI(t *testing.T) {
	t.Parallel()
	program := goProgram(t, "linuxapi")
	same(t, boot(t, qemu.Config{Args: []string{program}, Timeout: 2 * time.Minute}), host(t, nil, "", program))
}
