package tests

import (
	"fmt"
	"strings"
	"testing"

	"go42/qemu"
)

// onCPUs runs f for guests with 1, 2 and 4 CPUs.
func onCPUs(t *testing.T, f func(t *testing.T, cpus int)) {
	for _, n := range []int{1, 2, 4} {
		t.Run(fmt.Sprintf("%d", n), func(t *testing.T) {
			t.Parallel()
			f(t, n)
		})
	}
}

// smpGuest runs tests/guest/smp.
func smpGuest(t *testing.T, cpus int, cfg qemu.Config, args ...string) outcome {
	t.Helper()
	cfg.Args = append([]string{goProgram(t, "smp")}, args...)
	cfg.SMP = cpus
	o := boot(t, cfg)
	if o.status != 0 || strings.Contains(o.stdout, "FAIL") {
		t.Errorf("status %d\n%s%s\nkernel log:\n%s", o.status, tail(o.stdout, 3000), tail(o.stderr, 3000), tail(string(o.result.LogTail), 2000))
	}
	t.Log(o.stdout)
	return o
}

// Threads use a page on all CPUs while one of them makes it read-only, empties
// it and takes it away: nobody finds the page as it was before.
func TestStaleTranslations(t *testing.T) {
	t.Parallel()
	onCPUs(t, func(t *testing.T, cpus int) {
		o := smpGuest(t, cpus, qemu.Config{Debug: true}, "stale")
		if !strings.Contains(o.stdout, "uses true faults true wrong 0\n") {
			t.Error("no use, or no fault, was seen")
		}
	})
}

// Threads map and unmap more memory than the kernel does in one step: none loses
// what it has mapped where another is still unmapping.
func TestRegions(t *testing.T) {
	t.Parallel()
	onCPUs(t, func(t *testing.T, cpus int) {
		if o := smpGuest(t, cpus, qemu.Config{Debug: true}, "regions"); !strings.HasSuffix(o.stdout, "mapped 240\n") {
			t.Error("not all were mapped")
		}
	})
}

// Processes and threads on all CPUs call the same servers without a pause.
func TestCallStorm(t *testing.T) {
	t.Parallel()
	onCPUs(t, func(t *testing.T, cpus int) {
		if o := smpGuest(t, cpus, qemu.Config{Debug: true}, "storm"); !strings.HasSuffix(o.stdout, "stormed 6\n") {
			t.Error("not all came through")
		}
	})
}

// Who closes an end of a pipe or socket finds at the other end, at once, that it
// is closed, whichever CPU its server hears of it on.
func TestCloseIsSeen(t *testing.T) {
	t.Parallel()
	onCPUs(t, func(t *testing.T, cpus int) { smpGuest(t, cpus, qemu.Config{}, "closes") })
}

// Programs that compute do not delay a file call: counted in instructions on one
// CPU, it costs no more beside three of them than alone.
func TestLatency(t *testing.T) {
	t.Parallel()
	cfg := qemu.Config{}
	cfg.ICount = true
	smpGuest(t, 1, cfg, "latency")
}

// Programs share a CPU by their nice values.
func TestNice(t *testing.T) {
	t.Parallel()
	cfg := qemu.Config{}
	cfg.ICount = true
	smpGuest(t, 1, cfg, "nice")
}

// Nice values and scheduling policies are kept and inherited as on Linux.
func TestPriority(t *testing.T) {
	t.Parallel()
	args := []string{goProgram(t, "priority")}
	want := host(t, nil, "", args...)
	if want.status != 0 {
		t.Fatalf("on the host: %d %s", want.status, want.stdout)
	}
	same(t, boot(t, qemu.Config{Args: args}), want)
}

// Processes that have nothing to do with each other do not wait for each other's
// kernel locks: in one of ten rounds nobody waits for any.
func TestScaling(t *testing.T) {
	t.Parallel()
	if *onLinux {
		t.Skip("counts what Go42's kernel waits for")
	}
	for _, cpus := range []int{2, 4} {
		t.Run(fmt.Sprint(cpus), func(t *testing.T) {
			t.Parallel()
			b := &batch{cfg: qemu.Config{Debug: true, Hardware: qemu.Hardware{SMP: cpus}}}
			for _, op := range []string{"fault", "ppc", "stat", "open", "fork"} {
				t.Run(op, func(t *testing.T) {
					o := b.run(t, nil, goProgram(t, "smp"), "scale", op, fmt.Sprint(cpus))
					if o.status != 0 || strings.Contains(o.stdout, "FAIL") {
						t.Errorf("status %d\n%s%s", o.status, tail(o.stdout, 3000), tail(o.stderr, 3000))
					}
					if !strings.Contains(o.stdout, "locks waited for: none\n") {
						t.Errorf("independent processes wait for each other:\n%s", o.stdout)
					}
				})
			}
		})
	}
}

// Processes of one thread are where sched_setaffinity says, though the kernel would
// move them, and are moved again when it says so.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, cpus := range []int{2, 4} {
		t.Run(fmt.Sprint(cpus), func(t *testing.T) {
			t.Parallel()
			smpGuest(t, cpus, qemu.Config{}, "places")
		})
	}
}
