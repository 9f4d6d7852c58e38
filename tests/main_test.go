// Package tests holds the tests that boot Go42 and run unmodified Linux
// programs in it. Each compares what a program did in the guest with what the
// same binary does on Linux: on the host where that is fair, else on Debian's
// kernel in the same QEMU.
//
// Guest programs are in tests/guest (Go) and tests/testdata/c; the tests
// compile them.
package tests

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go42/qemu"
)

// onLinux runs all guests on Linux in the place of Go42, which shows whether
// the tests themselves are right.
var onLinux = flag.Bool("linux", false, "boot Linux in the place of Go42, to check the tests themselves")

// smp is how many CPUs every guest has that does not ask for a number itself.
var smp = flag.Int("smp", 1, "number of CPUs of the guests")

var (
	project *qemu.Project
	scratch string // folder for compiled guest programs
)

func TestMain(m *testing.M) {
	flag.Parse()
	machine.room, work.room = *machines, runtime.NumCPU()
	if p := flag.Lookup("test.parallel"); p.Value.String() == p.DefValue {
		p.Value.Set("1000") // machines and work are what is bounded
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	var err error
	if project, err = qemu.FindProject(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if !*onLinux && flag.Lookup("test.list").Value.String() == "" {
		if _, err := project.Kernel(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if scratch, err = os.MkdirTemp("", "go42-tests-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	if len(pending) > 0 && !withPending && flag.Lookup("test.run").Value.String() == "" {
		names := slices.Sorted(mapsKeys(pending))
		flag.Set("test.skip", "^("+strings.Join(names, "|")+")$")
		fmt.Printf("pending, run by make test-all only: %s\n", strings.Join(names, " "))
	}
	if *smp > 1 && flag.Lookup("test.run").Value.String() == "" {
		flag.Set("test.skip", strings.TrimPrefix(flag.Lookup("test.skip").Value.String()+"|"+ownCPUs, "|"))
	}
	return m.Run()
}

// ownCPUs are the tests that are not run again for other numbers of CPUs: those
// that choose it themselves, those in which one program asks one thing after
// the other, and those that take minutes (run them by -run with -smp).
const ownCPUs = "^(TestBench.*|TestLatency|TestNice|TestInjectedPreemption|TestStaleTranslations|TestCallStorm|TestScaling|" +
	"TestCPUs|TestPanicOfFour|TestPaging.*|TestOutOfMemory|TestCloseIsSeen|TestPlaces|TestThreads|" +
	"TestKernelEnd|TestTimeout|TestPty.*|TestHostileELF|TestHostileCalls|TestHostileRaw|TestHostileInstructions|TestHostileLibOS|TestLogFlood|" +
	"TestStdlib.*)$"

func mapsKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// outcome is what a run of a program showed.
type outcome struct {
	stdout, stderr string
	status         int
	result         *qemu.Result // of a boot
}

// boot runs one program in a guest. The machine is Go42's unless cfg says
// Linux. A test with a guest that panics fails.
func boot(t *testing.T, cfg qemu.Config) outcome {
	t.Helper()
	o, err := tryBoot(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if p := o.result.Panic; p != "" {
		t.Fatalf("kernel panic: %s\n%s", p, o.result.LogTail)
	}
	if !o.result.Ended {
		t.Fatalf("%v after %v; output:\n%s%s\nend of the kernel log:\n%s", o.result, o.result.Wall.Round(time.Millisecond),
			tail(o.stdout, 2000), tail(o.stderr, 2000), tail(string(o.result.LogTail), 3000))
	}
	return o
}

func tryBoot(t *testing.T, cfg qemu.Config) (outcome, error) {
	defer machine.enter(t)()
	var out, errs, log bytes.Buffer
	if cfg.Stdout == nil {
		cfg.Stdout = &out
	}
	if cfg.Stderr == nil {
		cfg.Stderr = &errs
	}
	cfg.Log = &log
	cfg.Linux = cfg.Linux || *onLinux
	if cfg.SMP == 0 && !cfg.ICount {
		cfg.SMP = *smp
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Minute // only a hang takes as long, on slow machines too
	}
	if cfg.Dir == "" {
		cfg.Dir = "/tmp"
	}
	r, err := project.Run(context.Background(), cfg)
	if err != nil {
		return outcome{}, err
	}
	return outcome{out.String(), errs.String(), r.Status(), r}, nil
}

// host runs a program on the host's Linux in an empty folder.
func host(t *testing.T, env []string, stdin string, args ...string) outcome {
	t.Helper()
	defer work.enter(t)()
	c := exec.Command(args[0], args[1:]...)
	c.Dir = t.TempDir()
	c.Env = env
	c.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{stdout: out.String(), stderr: errs.String(), status: c.ProcessState.ExitCode()}
}

// same compares standard output and status of a guest run with Linux's.
func same(t *testing.T, got, want outcome) {
	t.Helper()
	if got.status != want.status {
		t.Errorf("status %d, on Linux %d", got.status, want.status)
	}
	if got.stdout != want.stdout {
		t.Errorf("output differs from Linux's:\n%s\nstandard error:\n%s", diff(want.stdout, got.stdout), tail(got.stderr, 2000))
		if got.result != nil {
			t.Logf("kernel log:\n%s", tail(string(got.result.LogTail), 2000))
		}
	}
}

// diff shows the lines that differ, by position: enough to find the place.
func diff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var b strings.Builder
	shown := 0
	for i := 0; i < max(len(w), len(g)) && shown < 10; i++ {
		var wl, gl string
		if i < len(w) {
			wl = w[i]
		}
		if i < len(g) {
			gl = g[i]
		}
		if wl != gl {
			fmt.Fprintf(&b, "line %d\n  Linux %.200q\n  guest %.200q\n", i+1, wl, gl)
			shown++
		}
	}
	return b.String()
}

func tail(s string, n int) string {
	if len(s) > n {
		return "..." + s[len(s)-n:]
	}
	return s
}

// built compiles each guest program once.
var built sync.Map

type build struct {
	once sync.Once
	path string
	err  error
}

// goProgram compiles tests/guest/NAME and returns the path of the binary.
func goProgram(t *testing.T, name string) string {
	t.Helper()
	v, _ := built.LoadOrStore(name, &build{})
	b := v.(*build)
	b.once.Do(func() {
		defer work.enter(t)()
		b.path = filepath.Join(scratch, name)
		c := exec.Command("go", "build", "-o", b.path, "./guest/"+name)
		c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
		if out, err := c.CombinedOutput(); err != nil {
			b.err = fmt.Errorf("go build %s: %w\n%s", name, err, out)
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.path
}
