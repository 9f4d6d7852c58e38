package tests

import (
	"os"
	"testing"

	"go42/qemu"
)

// TestInotify compares what watchers of files and directories are told with Linux.
func TestInotify(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("the host's half needs root")
	}
	program := goProgram(t, "inotify")
	same(t, boot(t, qemu.Config{Args: []string{program}}), host(t, nil, "", program))
}
