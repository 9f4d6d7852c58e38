package tests

import (
	"os"
	"testing"

	"go42/qemu"
)

// TestLinuxAPI compares corners of system calls with Linux.
func TestLinuxAPI(t *testing.T) {
	t.Parallel()
	program := goProgram(t, "linuxapi")
	quiet := "GODEBUG=asyncpreemptoff=1" // no signals of Go's runtime: they end waits
	same(t, boot(t, qemu.Config{Args: []string{program}, Env: []string{quiet}}), host(t, append(os.Environ(), quiet), "", program))
}
