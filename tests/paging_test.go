package tests

import (
	"fmt"
	"strings"
	"testing"

	"go42/qemu"
)

// pagings runs tests of tests/guest/paging in one machine with that many CPUs.
func pagings(t *testing.T, memory string, cpus int, check bool, names ...string) {
	b := &batch{cfg: qemu.Config{Debug: check, Hardware: qemu.Hardware{Mem: memory, SMP: cpus}}}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			o := b.run(t, nil, goProgram(t, "paging"), name)
			if o.status != 0 || strings.Contains(o.stdout, "FAIL") || !strings.HasSuffix(o.stdout, "done\n") {
				t.Errorf("status %d\n%s%s", o.status, tail(o.stdout, 3000), tail(o.stderr, 3000))
			}
			t.Log(o.stdout)
		})
	}
}

// Files whose pages a slow server supplies: see tests/guest/paging. On several CPUs
// what waits on one is told by another.
func TestPaging(t *testing.T) {
	t.Parallel()
	if *onLinux {
		t.Skip("the file system is Go42's")
	}
	onCPUs(t, func(t *testing.T, cpus int) {
		pagings(t, "", cpus, false, "siblings", "threads", "shared", "cache", "readahead", "killed", "errors", "buffers", "disabled",
			"fork", "private", "truncate", "stuck")
	})
}

// Processes that end while they wait leave nothing behind, and four get the right
// pages, in a kernel that checks itself.
func TestPagingChecked(t *testing.T) {
	t.Parallel()
	if *onLinux {
		t.Skip("the file system is Go42's")
	}
	onCPUs(t, func(t *testing.T, cpus int) { pagings(t, "", cpus, true, "pending", "cpus") })
}

// A file larger than memory goes through the cache.
func TestPagingReclaim(t *testing.T) {
	t.Parallel()
	if *onLinux {
		t.Skip("the file system is Go42's")
	}
	onCPUs(t, func(t *testing.T, cpus int) { pagings(t, "192M", cpus, false, "reclaim", "dirty") })
}

// Two hogs are ended, one that wants to be, and as many of twelve small ones as must
// be, with lines in the kernel's log that say how large they were; bystanders, who are
// refused nothing, and the pages of a file are not touched.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	if *onLinux {
		t.Skip("the file system is Go42's")
	}
	onCPUs(t, func(t *testing.T, cpus int) {
		o := boot(t, qemu.Config{Args: []string{goProgram(t, "paging"), "oom"}, Hardware: qemu.Hardware{Mem: "192M", SMP: cpus}})
		log := string(o.result.LogTail)
		if o.status != 0 || strings.Contains(o.stdout, "FAIL") || !strings.HasSuffix(o.stdout, "done\n") {
			t.Errorf("status %d\n%s%s\nkernel log:\n%s", o.status, tail(o.stdout, 3000), tail(o.stderr, 3000), tail(log, 2000))
		}
		t.Log(o.stdout)
		small := 0
		if _, said, ok := strings.Cut(o.stdout, "small hogs ended: "); ok {
			fmt.Sscan(said, &small)
		}
		if n := strings.Count(log, "out of memory: process"); n != 3+small {
			t.Errorf("%d processes were ended, %d of them small:\n%s", n, small, tail(log, 2000))
		}
	})
}
