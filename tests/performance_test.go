package tests

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go42/qemu"
)

var performance = flag.String("performance", "", "measure, and write the table to this `file`")

// TestPerformance measures boots and single operations on both systems. Without
// -performance it only sees that Go42's can be measured.
func TestPerformance(t *testing.T) {
	t.Parallel()
	here := measure(t, false)
	if *performance == "" || t.Failed() {
		return
	}
	linux := measure(t, true)
	for name, f := range map[string]*figures{"": here, "-linux": linux} {
		args := []string{"boottime", "-n", "5"}
		if name != "" {
			args = append(args, name)
		}
		out, err := exec.Command(filepath.Join(project.Root, "bin", "go42"), args...).Output()
		if err != nil {
			t.Fatalf("go42 %s: %v", strings.Join(args, " "), err)
		}
		f.prompt = regexp.MustCompile(`median (\d+) ms, fastest (\d+)`).FindStringSubmatch(string(out))
	}
	if err := os.WriteFile(*performance, table(here, linux), 0o644); err != nil {
		t.Fatal(err)
	}
}

type figures struct {
	prompt []string // of go42 boottime: median, fastest, in ms
	stages map[string]uint64
	names  []string
	ops    map[string]string
	memory string
}

func measure(t *testing.T, linux bool) *figures {
	t.Helper()
	f := &figures{stages: map[string]uint64{}, ops: map[string]string{}}
	prog := goProgram(t, "bench")
	o := boot(t, qemu.Config{
		Args: []string{prog}, Linux: linux, Timeout: 10 * time.Minute,
		Hardware: qemu.Hardware{ICount: true},
	})
	if o.status != 0 {
		t.Fatalf("status %d\n%s%s", o.status, o.stdout, o.stderr)
	}
	for _, m := range o.result.Marks {
		f.stages[m.Stage] = m.TSC
	}
	for _, l := range strings.Split(strings.TrimSpace(o.stdout), "\n") {
		i := strings.LastIndexByte(l, ' ')
		if i < 0 {
			t.Fatalf("%q", l)
		}
		f.names = append(f.names, l[:i])
		f.ops[l[:i]] = l[i+1:]
	}
	o = boot(t, qemu.Config{Args: []string{prog, "memory"}, Linux: linux})
	f.memory = strings.TrimSpace(strings.TrimPrefix(o.stdout, "used "))
	t.Logf("%v", *f)
	return f
}

func table(here, linux *figures) []byte {
	var b strings.Builder
	b.WriteString("# Performance\n\n" +
		"Written by `make performance`, on QEMU's TCG with one CPU and 1 GiB: Go42 and Debian's cloud kernel with the same initramfs and the same binaries.\n" +
		"Instructions are exact (`-icount`) and the same in each run; wall time depends on the machine that it was taken on.\n\n")
	row := func(what, a, b2 string) { fmt.Fprintf(&b, "| %s | %s | %s |\n", what, a, b2) }
	b.WriteString("## Boot\n\n| | Go42 | Linux |\n|---|--:|--:|\n")
	row("QEMU's start to the shell's prompt, ms (median; fastest of 5)", here.prompt[1]+"; "+here.prompt[2], linux.prompt[1]+"; "+linux.prompt[2])
	for _, s := range []struct{ stage, what string }{
		{"init", "instructions to init"},
		{"program", "instructions to the start of the program"},
	} {
		val := func(f *figures) string {
			if v, ok := f.stages[s.stage]; ok {
				return fmt.Sprintf("%.1f M", float64(v)/1e6)
			}
			return ""
		}
		row(s.what, val(here), val(linux))
	}
	row("memory in use while a program runs, KiB", here.memory, linux.memory)
	b.WriteString("\nCommands: `go42 boottime`, `go42 run -icount -stats -- true`, each also with `-linux`. Memory is `MemTotal - MemFree` of /proc/meminfo: " +
		"neither system counts its kernel's image; Go42 maps the initramfs where the loader put it, and does not count it; Linux unpacks it into memory that counts.\n")
	b.WriteString("\n## Operations, in instructions\n\n| | Go42 | Linux |\n|---|--:|--:|\n")
	for _, n := range here.names {
		l := linux.ops[n]
		if strings.HasPrefix(n, "a call to a server") {
			l = "" // the number is no call of Linux's
		}
		row(n, here.ops[n], l)
	}
	b.WriteString("\nSource: `tests/guest/bench`; each includes its loop (five instructions). User and kernel mode together, and on Go42 the servers'.\n")
	return []byte(b.String())
}
