package tests

import (
	"testing"

	"go42/qemu"
)

// TestFiles compares the file side of the Linux API with Linux: descriptors,
// paths, pipes, FIFOs, polling, mappings, locks, sockets.
func TestFiles(t *testing.T) {
	t.Parallel()
	program := goProgram(t, "files")
	same(t, boot(t, qemu.Config{Args: []string{program}}), host(t, nil, "", program))
}
