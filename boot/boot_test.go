package boot

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go42/boot/image"
)

// run builds pkg as the kernel, boots it and returns what it printed and QEMU's
// exit status (2*code+1 from isa-debug-exit).
func run(t *testing.T, pkg string) (string, int) {
	t.Helper()
	qemu, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		t.Skip("qemu-system-x86_64 is not installed")
	}
	out := filepath.Join(t.TempDir(), "test.elf")
	if err := image.Build(image.Options{Out: out, Kernel: pkg, KernelOnly: true, Logf: t.Logf}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, qemu, "-accel", "tcg", "-cpu", "max,la57=off,pku=off", "-m", "256",
		"-kernel", out, "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-serial", "stdio",
		"-display", "none", "-no-reboot", "-nic", "none")
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("no end within its time; output:\n%s", b.String())
	}
	return b.String(), cmd.ProcessState.ExitCode()
}

func TestHello(t *testing.T) {
	out, status := run(t, "./boot/testdata/hello")
	if !strings.Contains(out, "hello from ring 0\n") || status != 1 {
		t.Errorf("status %d, output:\n%s", status, out)
	}
}

// TestLanguage runs the checks of testdata/selftest in ring 0.
func TestLanguage(t *testing.T) {
	out, status := run(t, "./boot/testdata/selftest")
	for _, line := range strings.Split(out, "\n") {
		if strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "got:") {
			t.Error(line)
		}
	}
	m := regexp.MustCompile(`(?m)^checks: (\d+) failed: 0$`).FindStringSubmatch(out)
	if m == nil || status != 1 {
		t.Fatalf("status %d, output:\n%s", status, out)
	}
	t.Logf("%s checks passed", m[1])
}

// TestRefusals builds kernels that break a rule: the build must fail and name
// the reason.
func TestRefusals(t *testing.T) {
	for _, c := range []struct{ pkg, want string }{
		{"./boot/testdata/refused/goroutine", "runtime.newproc"},
		{"./boot/testdata/refused/channel", "runtime.makechan"},
		{"./boot/testdata/refused/growmap", "runtime.makemap"},
		{"./boot/testdata/refused/recovers", "runtime.gorecover"},
		{"./boot/testdata/refused/allocates", "main.grow"},
		{"./boot/testdata/refused/fs", "main.touch"},
		{"./boot/testdata/refused/deep", "main.heavy"},
		{"./boot/testdata/refused/recursion", "main.down"},
		{"./boot/testdata/refused/missing", "does not exist"},
	} {
		t.Run(filepath.Base(c.pkg), func(t *testing.T) {
			err := image.Build(image.Options{Out: filepath.Join(t.TempDir(), "x.elf"), Kernel: c.pkg, KernelOnly: true})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that contains %q", err, c.want)
			}
		})
	}
}

// TestToolchainPinned builds a copy of the module file with another version.
func TestToolchainPinned(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module go42\n\ngo 1.20.0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := image.Build(image.Options{Dir: dir, KernelOnly: true})
	if err == nil || !strings.Contains(err.Error(), "needs exactly go1.20.0") {
		t.Errorf("error %v", err)
	}
}
