package tests

import (
	"fmt"
	"testing"
	"time"

	"go42/qemu"
)

// Ten thousand processes come and go; every frame comes back: the second half
// of them leaves as much free memory as the first. A slack of 1 MiB, some 200
// bytes a process, is for the servers' own heaps.
func TestLeak(t *testing.T) {
	t.Parallel()
	o := boot(t, qemu.Config{
		Args:    []string{goProgram(t, "leak"), "10000", "200"},
		Timeout: 10 * time.Minute,
	})
	var forks, execs, lost int
	if _, err := fmt.Sscanf(o.stdout, "forks %d execs %d lost %d KiB\n", &forks, &execs, &lost); err != nil || forks != 10000 {
		t.Fatalf("%q %q: %v", o.stdout, o.stderr, err)
	}
	t.Logf("%d KiB less free memory after %d forks and %d execs", lost, forks, execs)
	if lost > 1024 {
		t.Errorf("%d KiB are lost", lost)
	}
}
