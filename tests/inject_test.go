package tests

import (
	"debug/elf"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"

	"go42/qemu"
)

// Programs are interrupted at random places a few instructions after each
// return to ring 3, and get an event, are asked to yield, or are preempted. They
// do not notice; and where instructions are counted, among those places is every
// boundary between two instructions of the libOS's exit range (DESIGN section 5).
func TestInjectedPreemption(t *testing.T) {
	t.Parallel()
	if *onLinux {
		t.Skip("needs Go42's debug kernel")
	}
	shell := func(rounds int) []string {
		return []string{"/bin/busybox", "sh", "-c", fmt.Sprintf(`i=0; while [ $i -lt %d ]; do
		echo x$i > /tmp/f; read y < /tmp/f; [ "$y" = x$i ] || echo lost $y
		(echo a | cat) > /tmp/g; read z < /tmp/g; [ "$z" = a ] || echo lost $z
		trap 'echo -n' USR1; kill -USR1 $$
		i=$((i+1)); done; echo done`, rounds)}
	}
	threads := []string{goProgram(t, "gofeatures"), "threads", "signals", "preemption"}
	for _, c := range []struct {
		name  string
		cpus  int
		count bool
		args  []string
	}{
		{"shell", 1, true, shell(40)},
		{"threads", 1, true, threads},
		{"shell of 2, in turns", 2, true, shell(10)}, // two that take turns are slow
		{"shell", 2, false, shell(40)},
		{"shell", 4, false, shell(40)},
		{"threads", 2, false, threads},
		{"threads", 4, false, threads},
	} {
		name := c.name
		if !c.count {
			name += fmt.Sprint(" ", c.cpus)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := qemu.Config{Args: c.args, Debug: true}
			cfg.ICount, cfg.SMP, cfg.Append = c.count, c.cpus, "go42.inject"
			o := boot(t, cfg)
			want := "done\n"
			if strings.HasPrefix(c.name, "threads") {
				want = "ok threads\nok preemption\nok signals\n"
			}
			if o.status != 0 || o.stdout != want {
				t.Errorf("status %d, output %q, errors %q", o.status, tail(o.stdout, 500), tail(o.stderr, 500))
			}
			log := string(o.result.LogTail)
			_, line, ok := strings.Cut(log, "exit range interrupted at")
			if !ok {
				t.Fatalf("no word of where it was interrupted: %q", log)
			}
			line, _, _ = strings.Cut(line, "\n")
			got := strings.Fields(line)
			if want := exitBoundaries(t); c.count && strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("interrupted at %v of the exit range, not at all of %v", got, want)
			}
		})
	}
}

// exitBoundaries returns the offsets of the instructions in the exit range.
func exitBoundaries(t *testing.T) []string {
	f, err := elf.Open(filepath.Join(project.Root, "build", "debug", "libos.elf"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	syms, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	var lo, hi uint64
	for _, s := range syms {
		switch s.Name {
		case "go42/linuxapi/entry.ExitLo":
			lo = s.Value
		case "go42/linuxapi/entry.ExitHi":
			hi = s.Value
		}
	}
	text := f.Section(".text")
	code := make([]byte, hi-lo)
	if _, err := text.ReadAt(code, int64(lo-text.Addr)); err != nil {
		t.Fatal(err)
	}
	var out []string
	for at := 0; at < len(code); {
		in, err := x86asm.Decode(code[at:], 64)
		if err != nil {
			t.Fatal(err)
		}
		// Between the functions there is padding, which nobody executes.
		if in.Op == x86asm.INT {
			break
		}
		out = append(out, fmt.Sprint(at))
		at += in.Len
	}
	return out
}
