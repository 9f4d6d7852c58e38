package tests

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go42/qemu"
)

// paging runs one test of tests/guest/paging. It returns what it said, and the end of
// the kernel's log.
func paging(t *testing.T, name, memory string, cpus int, check bool) (out, log string) {
	t.Helper()
	if *onLinux {
		t.Skip("the file system is Go42's")
	}
	cfg := qemu.Config{Args: []string{goProgram(t, "paging"), name}, Debug: check, Timeout: 3 * time.Minute}
	cfg.Mem, cfg.SMP = memory, cpus
	o := boot(t, cfg)
	if o.status != 0 || strings.Contains(o.stdout, "FAIL") || !strings.HasSuffix(o.stdout, "done\n") {
		t.Errorf("status %d\n%s%s\nkernel log:\n%s", o.status, tail(o.stdout, 3000), tail(o.stderr, 3000), tail(string(o.result.LogTail), 2000))
	}
	t.Log(o.stdout)
	return o.stdout, string(o.result.LogTail)
}

// Files whose pages a slow server supplies: see tests/guest/paging. On several CPUs
// what waits on one is told by another.
func TestPaging(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"siblings", "threads", "shared", "cache", "readahead", "killed", "errors", "buffers", "disabled", "fork", "private", "truncate", "stuck"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onCPUs(t, func(t *testing.T, cpus int) { paging(t, name, "", cpus, false) })
		})
	}
}

// Processes that end while they wait leave nothing behind, and four get the right
// pages, in a kernel that checks itself.
func TestPagingChecked(t *testing.T) {
	t.Parallel()
	t.Run("pending", func(t *testing.T) {
		t.Parallel()
		paging(t, "pending", "", 0, true)
	})
	t.Run("cpus", func(t *testing.T) {
		t.Parallel()
		onCPUs(t, func(t *testing.T, cpus int) { paging(t, "cpus", "", cpus, true) })
	})
}

// A file larger than memory goes through the cache.
func TestPagingReclaim(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"reclaim", "dirty"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onCPUs(t, func(t *testing.T, cpus int) { paging(t, name, "192M", cpus, false) })
		})
	}
}

// Two hogs are ended, one that wants to be, and as many of twelve small ones as must
// be, with lines in the kernel's log that say how large they were; bystanders, who are
// refused nothing, and the pages of a file are not touched.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	onCPUs(t, func(t *testing.T, cpus int) {
		out, log := paging(t, "oom", "192M", cpus, false)
		small := 0
		if _, said, ok := strings.Cut(out, "small hogs ended: "); ok {
			fmt.Sscan(said, &small)
		}
		if n := strings.Count(log, "out of memory: process"); n != 3+small {
			t.Errorf("%d processes were ended, %d of them small:\n%s", n, small, tail(log, 2000))
		}
	})
}
