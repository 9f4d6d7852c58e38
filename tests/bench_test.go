package tests

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go42/qemu"
	"go42/qemu/bench"
)

var cBench = flag.String("cbench", "../../shared/bench", "`folder` with the C programs that TestBenchC compares with: lat.c, core.c, bench.h")

func bencher(t *testing.T) *bench.Bencher {
	t.Helper()
	g, err := bench.NewGuest(project.Root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &bench.Bencher{Project: project, Guest: g, Silence: 10 * time.Minute, Problem: func(s string) { t.Log(s) }}
}

// TestBench measures a few operations on Go42, and on Linux if its kernel has
// been fetched before.
func TestBench(t *testing.T) {
	t.Parallel()
	b := bencher(t)
	ops := bench.Select(regexp.MustCompile(`^(cpu_loop100|sys_getpid|stat|fork_exit_wait|ppc_unknown_method)$`))
	defer machine.enter(t)()
	r, err := b.Measure(context.Background(), bench.Plan{Ops: ops, Instructions: true, Runs: 2, Own: true, NoLinux: true})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bench.Row{}
	for _, row := range r.Rows {
		rows[row.Name] = row
		f := row.Go42
		t.Logf("%s: %+v", row.Name, f)
		if f.Error != "" || f.Instructions <= f.Own*0.9 || !f.OwnKnown {
			t.Errorf("%s: %+v", row.Name, f)
		}
		if f.Second != 0 {
			t.Errorf("%s: two runs differ: %v and %v", row.Name, f.Instructions, f.Second)
		}
	}
	if f := rows["sys_getpid"].Go42; f.Own < 5 || f.Own > 50 || f.PPCs != 0 {
		t.Errorf("getpid: %+v", f)
	}
	if f := rows["cpu_loop100"].Go42; f.Own < 0.9*f.Instructions {
		t.Errorf("a loop in the program is not the program's own: %+v", f)
	}
	if f := rows["ppc_unknown_method"].Go42; f.PPCs < 0.99 || f.PPCs > 1.5 {
		t.Errorf("a call to a server is %v calls", f.PPCs)
	}
	if _, err := os.Stat(filepath.Join(project.Build, "linux", "vmlinuz")); err != nil {
		t.Log("Linux's kernel has not been fetched: Go42 alone")
		return
	}
	if r, err = b.Measure(context.Background(), bench.Plan{Ops: ops, Instructions: true, Runs: 1, OnlyLinux: true}); err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		switch f := row.Linux; {
		case row.Name == "ppc_unknown_method":
			if !strings.HasPrefix(f.Error, "ENOSYS") {
				t.Errorf("a call to a server on Linux: %+v", f)
			}
		case f.Error != "" || f.Instructions < 50:
			t.Errorf("%s on Linux: %+v", row.Name, f)
		}
	}
}

// TestBenchSymbols names where stat's instructions go.
func TestBenchSymbols(t *testing.T) {
	t.Parallel()
	b := bencher(t)
	op := bench.Select(regexp.MustCompile(`^stat$`))[0]
	leave := machine.enter(t)
	p, err := b.Symbolise(context.Background(), op, false, 2)
	leave()
	if err != nil {
		t.Fatal(err)
	}
	for who, name := range map[bench.Who]string{
		bench.Kernel: "go42/ipc/ppc.Invoke", bench.LibOS: "go42/linuxapi/entry.Svc", bench.Server: "go42/ipc.(*Server).Serve", bench.Program: "main.stat",
	} {
		if p.Symbols[who][name] == 0 {
			t.Errorf("nothing of %s in %v: %v", name, who, p.Symbols[who])
		}
	}
	if n := p.Symbols[bench.Program]["(no symbol)"]; n > 0 {
		t.Errorf("%v instructions of the program without a symbol", n)
	}
}

// The same work, measured by the guest program and by the C programs on the
// same Linux, is the same but for the loops: what a C library adds to the
// system call on one side and this program's calling sequence on the other.
func TestBenchC(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(filepath.Join(*cBench, "lat.c")); err != nil {
		t.Skip("no C programs: ", err)
	}
	cc := ""
	for _, c := range []string{"musl-gcc", "gcc"} {
		if _, err := exec.LookPath(c); err == nil {
			cc = c
			break
		}
	}
	if cc == "" {
		t.Skip("no C compiler")
	}
	lat := filepath.Join(t.TempDir(), "lat")
	src := func(n string) string { return filepath.Join(*cBench, n) }
	if out, err := exec.Command(cc, "-static", "-O2", "-w", "-o", lat, src("lat.c"), src("core.c"), "-lpthread").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// Instructions that the loops may differ by: library wrappers, error checks.
	const loop = 60
	allowed := map[string]float64{
		"sys_getppid": loop, "sys_getpid": loop, "clock_gettime_syscall": loop, "read1_devzero": loop, "write1_devnull": loop,
		"pread1_file": loop, "pwrite1_file": loop, "lseek": loop, "lseek_read4k_file": 2 * loop, "pwrite4k_file": loop, "stat": 3 * loop, "fstat": 2 * loop,
		"sched_yield_alone": loop, "dup_close": 2 * loop, "poll_64": 3 * loop, "pipe_self_write1_read1": 2 * loop,
		"protfault_signal_mprotect2": 3 * loop, "fault_anon_page": loop, "fault_shared_anon_page": loop, "memcpy_64k": 2 * loop,
	}
	var names []string
	for n := range allowed {
		names = append(names, n)
	}
	o := boot(t, qemu.Config{Args: append([]string{lat, "-d", "/tmp", "-m", "2", "-r", "3"}, names...), Linux: true, Hardware: qemu.Hardware{ICount: true}})
	theirs := map[string]float64{}
	for l := range strings.Lines(o.stdout) {
		if f := strings.Fields(l); len(f) == 3 && f[2] == "ns/op" {
			theirs[f[0]], _ = strconv.ParseFloat(f[1], 64)
		}
	}
	defer machine.enter(t)()
	b := bencher(t)
	r, err := b.Measure(context.Background(), bench.Plan{
		Ops: bench.Select(regexp.MustCompile("^(" + strings.Join(names, "|") + ")$")), Instructions: true, Runs: 1, OnlyLinux: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		c, ok := theirs[row.Name]
		if !ok || row.Linux.Error != "" {
			t.Errorf("%s: %v in C, %+v here", row.Name, c, row.Linux)
			continue
		}
		d := row.Linux.Instructions - c
		line := fmt.Sprintf("%-28s C %9.1f  Go %9.1f  difference %6.1f", row.Name, c, row.Linux.Instructions, d)
		// The rest is where timer ticks fall: two in a hundred.
		if math.Abs(d) > allowed[row.Name]+0.02*c {
			t.Error(line)
		} else {
			t.Log(line)
		}
	}
}
