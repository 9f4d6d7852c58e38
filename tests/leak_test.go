package tests

import (
	"fmt"
	"testing"
	"time"

	"go42/qemu"
)

// Ten thousand processes come and go (on several CPUs some thousand: each is
// waited for by CPUs that the host runs in turn); every frame comes back: the
// second half of them leaves as much free memory as the first. A slack of 1 MiB
// for each CPU is for the servers' own heaps, which have a part for each.
func TestLeak(t *testing.T) {
	t.Parallel()
	n := 10000
	if *smp > 1 {
		n = 4000
	}
	o := boot(t, qemu.Config{
		Args:    []string{goProgram(t, "leak"), fmt.Sprint(n), "200"},
		Timeout: 9 * time.Minute,
	})
	var forks, execs, lost int
	if _, err := fmt.Sscanf(o.stdout, "forks %d execs %d lost %d KiB\n", &forks, &execs, &lost); err != nil || forks != n {
		t.Fatalf("%q %q: %v", o.stdout, o.stderr, err)
	}
	t.Logf("%d KiB less free memory after %d forks and %d execs", lost, forks, execs)
	if lost > 1024**smp {
		t.Errorf("%d KiB are lost", lost)
	}
}
