package amd64

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go42/boot/image"
)

// buildKernel builds testdata/kernel and returns the image's path.
func buildKernel(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("short")
	}
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		t.Skip("qemu-system-x86_64 is not installed")
	}
	out := filepath.Join(t.TempDir(), "test.elf")
	if err := image.Build(image.Options{Out: out, Kernel: "./arch/amd64/testdata/kernel", KernelOnly: true}); err != nil {
		t.Fatal(err)
	}
	return out
}

// watcher keeps output and closes seen when the kernel says "stress".
type watcher struct {
	out  bytes.Buffer
	seen chan struct{}
}

func (w *watcher) Write(p []byte) (int, error) {
	n, err := w.out.Write(p)
	if w.seen != nil && bytes.Contains(w.out.Bytes(), []byte("stress\n")) {
		close(w.seen)
		w.seen = nil
	}
	return n, err
}

// boot returns what the kernel printed on COM1 and QEMU's exit status.
func boot(t *testing.T, seen chan struct{}, kernel, cmdline string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	args = append([]string{"-m", "256", "-kernel", kernel, "-append", cmdline,
		"-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-serial", "stdio", "-serial", "null",
		"-display", "none", "-no-reboot", "-nic", "none"}, args...)
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", args...)
	b := watcher{seen: seen}
	cmd.Stdout, cmd.Stderr = &b, &b
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("no end within its time; output:\n%s", b.out.String())
	}
	return b.out.String(), cmd.ProcessState.ExitCode()
}

const fullCPU = "max,la57=off,pku=off"

// TestMachine runs the test kernel on processors with and without what
// the package uses where it is offered.
func TestMachine(t *testing.T) {
	kernel := buildKernel(t)
	for _, m := range []struct {
		name string
		args []string
	}{
		{"full", []string{"-accel", "tcg", "-cpu", fullCPU}},
		{"counted", []string{"-accel", "tcg", "-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm", "-seed", "1", "-cpu", fullCPU}},
		{"no XSAVE", []string{"-accel", "tcg", "-cpu", "max,la57=off,xsave=off"}},
		{"no SMAP SMEP UMIP", []string{"-accel", "tcg", "-cpu", "max,la57=off,smap=off,smep=off,umip=off,rdrand=off"}},
		{"q35", []string{"-accel", "tcg", "-cpu", fullCPU, "-machine", "q35", "-smp", "2"}},
	} {
		t.Run(m.name, func(t *testing.T) {
			out, status := boot(t, nil, kernel, "", m.args...)
			if status != 1 || !strings.Contains(out, " tests passed\n") {
				t.Errorf("status %d, output:\n%s", status, out)
			}
		})
	}
}

// TestDeath: what goes wrong in the kernel is reported with its place, and QEMU
// ends with the panic's status.
func TestDeath(t *testing.T) {
	kernel := buildKernel(t)
	const panicked = 2*ExitPanic + 1
	for _, c := range []struct {
		how    string
		status int
		want   []string
	}{
		{"nil", panicked, []string{"trap 14 (page fault)", "main.die go42/arch/amd64/testdata/kernel/tests.go:", "main.main "}},
		{"unmapped", panicked, []string{"cr2=ffffffff7ffffff8", "main.die "}},
		{"overflow", panicked, []string{"kernel panic: stack overflow", "main.deep go42/arch/amd64/testdata/kernel/tests.go:", "perhaps main.deep "}},
		{"double", panicked, []string{"trap 8 (double fault)", "main.breakStack "}},
		{"index", panicked, []string{"index out of range [9] with length 3", "main.die ", "main.main "}},
		{"reboot", 0, nil},
		{"off", 0, nil},
	} {
		t.Run(c.how, func(t *testing.T) {
			out, status := boot(t, nil, kernel, c.how, "-accel", "tcg", "-cpu", fullCPU)
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			for _, w := range c.want {
				if !strings.Contains(out, w) {
					t.Errorf("no %q", w)
				}
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

// TestSMP boots with 1 to 8 CPUs. Each answers an interrupt; then they change
// mappings that all use, and replace objects that all look at, and no CPU sees a
// page or an object that is gone.
func TestSMP(t *testing.T) {
	kernel := buildKernel(t)
	for _, n := range []string{"1", "2", "4", "8"} {
		t.Run(n, func(t *testing.T) {
			out, status := boot(t, nil, kernel, "smp", "-accel", "tcg", "-cpu", fullCPU, "-smp", n)
			if status != 1 || !strings.Contains(out, "CPUs "+n+"\n") || !strings.Contains(out, "all CPUs done\n") {
				t.Errorf("status %d, output:\n%s", status, out)
			}
			t.Log(out[strings.Index(out, "CPUs "):])
		})
	}
	t.Run("without shootdown", func(t *testing.T) {
		out, status := boot(t, nil, kernel, "smpbreak", "-accel", "tcg", "-cpu", fullCPU, "-smp", "2")
		if status != 3 || !strings.Contains(out, "stale translation") {
			t.Errorf("status %d, output:\n%s", status, out)
		}
	})
	t.Run("absent CPU", func(t *testing.T) {
		out, status := boot(t, nil, kernel, "smpabsent", "-accel", "tcg", "-cpu", fullCPU, "-smp", "2")
		if status != 1 || !strings.Contains(out, "CPU with APIC id 77 does not start\nCPUs 2\n") {
			t.Errorf("status %d, output:\n%s", status, out)
		}
	})
}

// TestPanicSMP: one report, whole, whatever the other CPUs are doing; two that
// panic report in turn.
func TestPanicSMP(t *testing.T) {
	kernel := buildKernel(t)
	for _, c := range []struct {
		how  string
		want []string // in this order
	}{
		{"smppanic", []string{"kernel panic: smppanic\n", "cpu=2\n", "backtrace:\n", "main.smpBegin ", "trap ",
			"CPU 0: in the kernel, ", "CPU 1: in ring 3, rip=00007e00100", "CPU 3: idle\n"}},
		{"smptrap", []string{"exception in the kernel\n", "trap 14 (page fault) on CPU 1\n", "cr2=ffffffff7ffffff8", "main.smpBegin ",
			"CPU 0: in the kernel, ", "CPU 2: in ring 3, ", "CPU 3: idle\n"}},
		{"smppanics", []string{"kernel panic: the first\n", "cpu=1\n", "main.smpBegin ", "CPU 0: in the kernel, ", "CPU 2: panics too\n", "CPU 3: idle\n",
			"kernel panic: the second\n", "cpu=2\n", "main.smpNMI ", "CPU 1: panics too\n", "CPU 3: idle\n"}},
	} {
		t.Run(c.how, func(t *testing.T) {
			out, status := boot(t, nil, kernel, c.how, "-accel", "tcg", "-cpu", fullCPU, "-smp", "4")
			if status != 2*ExitPanic+1 {
				t.Errorf("status %d", status)
			}
			rest := out
			for _, w := range c.want {
				i := strings.Index(rest, w)
				if i < 0 {
					t.Fatalf("no %q in its place in:\n%s", w, out)
				}
				rest = rest[i+len(w):]
			}
		})
	}
}

// TestNMI strikes NMIs at the entry and exit paths: wherever one arrives, GS base
// and registers survive it.
func TestNMI(t *testing.T) {
	kernel := buildKernel(t)
	t.Run("1 CPU", func(t *testing.T) { strike(t, kernel, "stress", 1) })
	t.Run("2 CPUs", func(t *testing.T) { strike(t, kernel, "smpnmi", 2) })
}

// strike runs the kernel in the given mode on n CPUs, which says at its end how
// many NMIs each has taken.
func strike(t *testing.T, kernel, mode string, n int) {
	sock := filepath.Join(t.TempDir(), "monitor")
	seen, stop := make(chan struct{}), make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-seen:
		case <-stop:
		}
		var c net.Conn
		for {
			select {
			case <-stop:
				return
			default:
			}
			if c == nil {
				if c, _ = net.Dial("unix", sock); c == nil {
					time.Sleep(10 * time.Millisecond)
					continue
				}
				go io.Copy(io.Discard, c)
			}
			if _, err := c.Write([]byte("nmi\n")); err != nil {
				return
			}
			time.Sleep(200 * time.Microsecond)
		}
	}()
	out, status := boot(t, seen, kernel, mode, "-accel", "tcg", "-cpu", fullCPU, "-smp", strconv.Itoa(n),
		"-monitor", "unix:"+sock+",server,nowait")
	close(stop)
	<-done
	if status != 1 {
		t.Fatalf("status %d, output:\n%s", status, out)
	}
	rest := out
	for range n {
		i := strings.Index(rest, "NMIs ")
		if i < 0 {
			t.Fatalf("a CPU does not report:\n%s", out)
		}
		rest = rest[i:]
		var nmis, reflected, natives int
		fmt.Sscanf(rest, "NMIs %d reflected %d natives %d", &nmis, &reflected, &natives)
		if nmis < 100 || reflected < 1000 {
			t.Errorf("too few:\n%s", out)
		}
		t.Logf("%d NMIs, %d reflected, %d native calls", nmis, reflected, natives)
		rest = rest[len("NMIs "):]
	}
}
