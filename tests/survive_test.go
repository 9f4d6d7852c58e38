package tests

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"go42/qemu"
)

var survivalFull = flag.Bool("survival.full", false, "ten thousand processes a leak test, and the slow hogs")

// survive runs tests/guest/survive on the kernel that checks itself.
func survive(t *testing.T, memory string, args ...string) outcome {
	t.Helper()
	if *onLinux {
		t.Skip("counts what Go42's kernel holds")
	}
	cfg := qemu.Config{Args: append([]string{goProgram(t, "survive")}, args...), Debug: true}
	if *survivalFull {
		cfg.Timeout = 60 * time.Minute
	}
	cfg.Mem = memory
	o := boot(t, cfg)
	if o.status != 0 || strings.Contains(o.stdout, "FAIL") {
		t.Errorf("status %d\n%s%s\nkernel log:\n%s", o.status, tail(o.stdout, 3000), tail(o.stderr, 3000), tail(string(o.result.LogTail), 2000))
	}
	return o
}

// Processes come and go in many ways, whole or killed in the middle; frames,
// processes, dispatchers, accounts, address spaces, call records and handle
// roots are as before, and the kernel's memory structures are sound.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	if *onLinux {
		t.Skip("counts what Go42's kernel holds")
	}
	b := &batch{cfg: qemu.Config{Debug: true}}
	for kind, n := range map[string]int{
		"fork": 1000, "exec": 150, "vfork": 150, "thread": 1000, "files": 150,
		"orphan": 200, "stopped": 100, "kill": 180, "grants": 60,
	} {
		if *survivalFull {
			n, b.limit = 10000, time.Hour
		}
		t.Run(kind, func(t *testing.T) {
			o := b.run(t, nil, goProgram(t, "survive"), "leak", kind, fmt.Sprint(n))
			if o.status != 0 || strings.Contains(o.stdout, "FAIL") || !strings.HasSuffix(o.stdout, "done\n") {
				t.Errorf("status %d\n%s%s", o.status, tail(o.stdout, 3000), tail(o.stderr, 3000))
			}
			t.Log(o.stdout)
		})
	}
}

// One process takes all it can get of one thing. It alone meets the limit: a
// witness goes on with files and pipes, and afterwards everything is free again.
func TestHogs(t *testing.T) {
	t.Parallel()
	kinds := []string{"memory", "family", "file", "hole", "memfd", "forks", "regions", "open", "pipes", "sockets"}
	if *survivalFull {
		kinds = append(kinds, "names")
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			o := survive(t, "192M", "hog", kind)
			if !strings.HasSuffix(o.stdout, "done\n") {
				t.Errorf("%q", o.stdout)
			}
			t.Log(o.stdout)
		})
	}
}

// Nobody can fill the host's disk through the kernel's log.
func TestLogFlood(t *testing.T) {
	t.Parallel()
	if o := survive(t, "", "log"); !strings.HasSuffix(o.stdout, "done\n") {
		t.Errorf("%q", o.stdout)
	}
}

// A server is killed while it is used: its users get errors, nobody hangs,
// others are unharmed, and the kernel's log names the server.
func TestServerDeath(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mount", "file", "pipe", "tty", "procfs"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := survive(t, "", "server", name)
			for _, line := range []string{"server " + name + " has ended", "survived the end of " + name} {
				if !strings.Contains(string(o.result.LogTail), line) {
					t.Errorf("the kernel log lacks %q:\n%s", line, o.result.LogTail)
				}
			}
		})
	}
}

// Without the process server there is no system: the machine stops and says so.
func TestProcessServerDeath(t *testing.T) {
	t.Parallel()
	if *onLinux {
		t.Skip("ends a server of Go42's")
	}
	o, err := tryBoot(t, qemu.Config{Args: []string{goProgram(t, "survive"), "server", "proc"}, Debug: true})
	if err != nil {
		t.Fatal(err)
	}
	if o.status == qemu.StatusTimeout || !strings.Contains(string(o.result.LogTail), "server proc has ended") {
		t.Errorf("status %d\n%s", o.status, o.result.LogTail)
	}
}
