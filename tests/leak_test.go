package tests

import (
	"fmt"
	"testing"

	"go42/qemu"
)

// Ten thousand processes come and go (on several CPUs some thousand: each is
// waited for by CPUs that the host runs in turn); every frame comes back: after the
// second half of them the kernel has no more than after the first, and what
// programs had is in some process, or free.
func TestLeak(t *testing.T) {
	t.Parallel()
	n := 10000
	if *smp > 1 {
		n = 4000
	}
	o := boot(t, qemu.Config{
		Args: []string{goProgram(t, "leak"), fmt.Sprint(n), "200"},
	})
	var forks, execs, kernel, stray int
	if _, err := fmt.Sscanf(o.stdout, "forks %d execs %d kernel %d stray %d KiB\n", &forks, &execs, &kernel, &stray); err != nil || forks != n {
		t.Fatalf("%q %q: %v", o.stdout, o.stderr, err)
	}
	t.Logf("after %d forks and %d execs the kernel has %d KiB more, and %d KiB are nobody's", forks, execs, kernel, stray)
	if kernel > 256 || stray > 1024 {
		t.Errorf("kernel %d KiB, stray %d KiB: memory is lost", kernel, stray)
	}
}
