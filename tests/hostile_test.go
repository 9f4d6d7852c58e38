package tests

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"go42/qemu"
)

// survives runs the hostile program and fails unless it reaches its end, which
// says that the kernel lives and still gives it children.
func survives(t *testing.T, adds []qemu.Add, args ...string) outcome {
	t.Helper()
	o := boot(t, qemu.Config{
		Args: append([]string{goProgram(t, "hostile")}, args...),
		Adds: adds,
	})
	if o.status != 0 || !strings.HasSuffix(o.stdout, "alive\n") || strings.Contains(o.stdout, "FAIL") {
		t.Errorf("status %d\n%s%s", o.status, tail(o.stdout, 3000), tail(o.stderr, 3000))
	}
	if t.Failed() || testing.Verbose() {
		t.Log(tail(o.stderr, 3000))
	}
	return o
}

// Every Linux call number, and some beyond, with wild arguments.
func TestHostileCalls(t *testing.T) {
	t.Parallel()
	for _, r := range [][2]int{{0, 160}, {160, 335}, {335, 600}} {
		t.Run(fmt.Sprint(r[0]), func(t *testing.T) {
			t.Parallel()
			survives(t, nil, "calls", fmt.Sprint(r[0]), fmt.Sprint(r[1]))
		})
	}
}

// Every native call, by its reflected number, with forged handles, records and
// process numbers: the program has no more rights that way than Linux's calls
// give it.
func TestHostileNative(t *testing.T) {
	t.Parallel()
	survives(t, nil, "calls", "0x41f0", "0x4260")
}

// Sequences of native calls past the library, with arguments that are nearly
// right, and a dispatcher page that is not.
func TestHostileRaw(t *testing.T) {
	t.Parallel()
	if *onLinux {
		t.Skip("Linux has no native calls")
	}
	survives(t, nil, "raw", "0", "60")
}

// Privileged instructions, wild jumps and stacks, wild segment bases: each
// child's end is Linux's.
func TestHostileInstructions(t *testing.T) {
	t.Parallel()
	o := survives(t, nil, "instructions")
	b, err := os.ReadFile("testdata/instructions.txt")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.TrimSuffix(o.stdout, "alive\n")
	if *onLinux {
		return // TCG before 9.1 never ends an iretq in ring 3 under SMAP
	}
	if got != string(b) {
		t.Errorf("a child's end differs from Linux's:\n%s", diff(string(b), got))
	}
}

// A program may spoil the library in its own address space; that is its own
// loss only.
func TestHostileLibOS(t *testing.T) {
	t.Parallel()
	survives(t, nil, "libos")
}

func TestHostileELF(t *testing.T) {
	t.Parallel()
	bb := busybox(t)
	survives(t, []qemu.Add{{Host: bb}}, "elf", bb, "2000")
}

func TestForkBomb(t *testing.T) {
	t.Parallel()
	o := survives(t, nil, "forkbomb")
	if !strings.Contains(o.stdout, "forking ends with resource temporarily unavailable within the limit: true") {
		t.Error(o.stdout)
	}
}

func TestMemoryHog(t *testing.T) {
	t.Parallel()
	o := survives(t, nil, "hog")
	if !strings.Contains(o.stdout, "mapping ends with cannot allocate memory within the limit: true") {
		t.Error(o.stdout)
	}
}
