package tests

import (
	"testing"

	"go42/qemu"
)

// Threads of one process at the same time, in processes of one dispatcher and of
// several, on one CPU and on more; on one the holder of a lock is preempted often.
func TestThreads(t *testing.T) {
	t.Parallel()
	want := host(t, nil, "", goProgram(t, "threads"))
	if want.status != 0 {
		t.Fatalf("on the host: %d %s", want.status, want.stdout)
	}
	for name, h := range map[string]qemu.Hardware{
		"1":                       {},
		"2 dispatchers":           {Append: "go42.dispatchers=2"},
		"4 dispatchers":           {Append: "go42.dispatchers=4"},
		"2 CPUs":                  {SMP: 2},
		"4 CPUs":                  {SMP: 4},
		"counting, 1":             {ICount: true},
		"counting, 3 dispatchers": {ICount: true, Append: "go42.dispatchers=3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, boot(t, qemu.Config{Hardware: h, Args: []string{goProgram(t, "threads")}}), want)
		})
	}
}
