package tests

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"go42/qemu"
)

// The system boots with 1 to 8 CPUs, and starts them all.
func TestCPUs(t *testing.T) {
	if *onLinux {
		t.Skip("reads Go42's log")
	}
	for _, n := range []int{1, 2, 4, 8} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			cfg := qemu.Config{Args: []string{"/bin/busybox", "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do (ls / | wc -l) & done; wait; echo end"}}
			cfg.SMP = n
			o := boot(t, cfg)
			log := string(o.result.LogTail)
			if got := len(regexp.MustCompile(`(?m)^CPU \d APIC id \d time stamp counter agrees`).FindAllString(log, -1)); got != n-1 {
				t.Errorf("%d other CPUs started; log:\n%s", got, log)
			}
			lines := strings.Fields(o.stdout)
			if len(lines) != 9 || lines[8] != "end" || strings.Count(o.stdout, lines[0]+"\n") != 8 {
				t.Errorf("%q", o.stdout)
			}
		})
	}
}

// A panic while other CPUs are busy is one whole report, with a line on each of
// them.
func TestPanicOfFour(t *testing.T) {
	if *onLinux {
		t.Skip("ends Go42's kernel")
	}
	busy := "while :; do :; done & while :; do ls / >/dev/null; done & sleep 1; exec "
	cfg := qemu.Config{Args: []string{"/bin/busybox", "sh", "-c", busy + "/survive panic " + panicBounds}, Debug: true, Timeout: time.Minute}
	cfg.Adds = []qemu.Add{{Host: goProgram(t, "survive"), Guest: "/survive"}}
	cfg.SMP = 4
	o, err := tryBoot(cfg)
	if err != nil {
		t.Fatal(err)
	}
	log := string(o.result.LogTail)
	if o.status != qemu.StatusPanic {
		t.Errorf("%v: status %d", o.result, o.status)
	}
	_, report, _ := strings.Cut(log, "kernel panic: ")
	if !regexp.MustCompile(`(?s)^runtime error.*\nrip=.* cpu=\d\n.*backtrace:\n.*main\.onNative .*\n(CPU \d: (idle|in ring 3, rip=\w+ |in the kernel, \S+ \S+)\n){3}$`).MatchString(report) {
		t.Errorf("log:\n%s", log)
	}
	t.Log(report)
}
