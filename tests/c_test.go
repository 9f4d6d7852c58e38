package tests

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go42/qemu"
)

// C programs, linked statically against glibc and musl, built where a compiler
// is present, on one CPU and on two.
func TestC(t *testing.T) {
	t.Parallel()
	sources, _ := filepath.Glob("testdata/c/*.c")
	if len(sources) == 0 {
		t.Fatal("no sources")
	}
	for _, cc := range []struct {
		name string
		args []string
		cpus int
	}{
		{"glibc", []string{"gcc", "-static"}, 1},
		{"glibc-pie", []string{"gcc", "-static-pie", "-fPIE"}, 2},
		{"musl", []string{"musl-gcc", "-static"}, 1},
	} {
		t.Run(cc.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(cc.args[0]); err != nil {
				t.Skip("no compiler: ", cc.args[0])
			}
			b := &batch{cfg: qemu.Config{Hardware: qemu.Hardware{SMP: cc.cpus}}}
			for _, src := range sources {
				prog := strings.TrimSuffix(filepath.Base(src), ".c")
				t.Run(prog, func(t *testing.T) {
					bin := filepath.Join(scratch, cc.name+"-"+prog)
					compile(t, append(append([]string(nil), cc.args...), "-O1", "-pthread", "-o", bin, src))
					got := b.run(t, nil, bin)
					same(t, got, host(t, []string{"PATH=/bin:/usr/bin"}, "", bin))
				})
			}
		})
	}
}

func compile(t *testing.T, args []string) {
	t.Helper()
	defer work.enter(t)()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
