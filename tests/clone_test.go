package tests

import (
	"testing"

	"go42/qemu"
)

// TestClone compares clone3 and process descriptors with Linux.
func TestClone(t *testing.T) {
	t.Parallel()
	program := goProgram(t, "clone")
	same(t, boot(t, qemu.Config{Args: []string{program}}), host(t, nil, "", program))
}
