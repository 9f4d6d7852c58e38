package tests

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go42/qemu"
)

func TestHello(t *testing.T) {
	t.Parallel()
	prog := goProgram(t, "echo")
	o := boot(t, qemu.Config{Args: []string{prog}})
	same(t, o, host(t, nil, "", prog))
	if o.stderr != "" {
		t.Errorf("standard error: %q", o.stderr)
	}
}

func TestArgsEnvDir(t *testing.T) {
	t.Parallel()
	prog := goProgram(t, "echo")
	args := []string{prog, "args", "", "a b", "ü\n", strings.Repeat("x", 100000)}
	same(t, boot(t, qemu.Config{Args: args}), host(t, nil, "", args...))
	o := boot(t, qemu.Config{Args: []string{prog, "env", "A", "B", "HOME"}, Env: []string{"A=1 2", "B="}})
	if want := "A=\"1 2\" true\nB=\"\" true\nHOME=\"/root\" true\n"; o.stdout != want {
		t.Errorf("environment %q, want %q", o.stdout, want)
	}
	o = boot(t, qemu.Config{Args: []string{prog, "cwd"}, Dir: "/etc"})
	if want := "/etc <nil>\n"; o.stdout != want {
		t.Errorf("working directory %q, want %q", o.stdout, want)
	}
}

func TestProgramsPlace(t *testing.T) {
	t.Parallel()
	o := boot(t, qemu.Config{Args: []string{goProgram(t, "echo"), "who"}})
	want := "uid 0 root false child of init true\n/proc/self/stat <nil>\n/dev/null <nil>\n/tmp <nil>\n<nil>\n"
	if o.stdout != want {
		t.Errorf("%q, want %q", o.stdout, want)
	}
}

// Every byte value reaches the guest and comes back, and the two output
// streams do not mix.
func TestStreams(t *testing.T) {
	t.Parallel()
	prog := goProgram(t, "echo")
	data := make([]byte, 300_000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	o := boot(t, qemu.Config{Args: []string{prog, "cat"}, Stdin: strings.NewReader(string(data))})
	if o.stdout != string(data) {
		t.Errorf("%d bytes came back (sum %x), want %d (%x)", len(o.stdout), sha256.Sum256([]byte(o.stdout)), len(data), sha256.Sum256(data))
	}
	if want := fmt.Sprintln(len(data), nil); o.stderr != want {
		t.Errorf("standard error %q, want %q", o.stderr, want)
	}
	o = boot(t, qemu.Config{Args: []string{prog, "both"}})
	ref := host(t, nil, "", prog, "both")
	same(t, o, ref)
	if o.stderr != ref.stderr {
		t.Errorf("standard error differs:\n%s", diff(ref.stderr, o.stderr))
	}
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	prog := goProgram(t, "echo")
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{prog, "exit", "0"}, 0},
		{[]string{prog, "exit", "77"}, 77},
		{[]string{prog, "exit", "255"}, 255},
		{[]string{prog, "kill", "9"}, 128 + 9},
		{[]string{prog, "kill", "15"}, 128 + 15},
		{[]string{prog, "panic"}, 2},
		{[]string{prog, "nil"}, 2},
		{[]string{"no-such-program"}, 127},
		{[]string{"/no/such/program"}, 127},
		{[]string{"/etc/passwd"}, 126},
	} {
		t.Run(strings.Join(c.args[1:], " "), func(t *testing.T) {
			t.Parallel()
			if o := boot(t, qemu.Config{Args: c.args}); o.status != c.want {
				t.Errorf("%q: status %d, want %d", c.args, o.status, c.want)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	o, err := tryBoot(t, qemu.Config{Args: []string{goProgram(t, "echo"), "sleep"}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if o.status != qemu.StatusTimeout {
		t.Errorf("%v: status %d, want %d", o.result, o.status, qemu.StatusTimeout)
	}
	if w := o.result.Wall; w > 2*time.Minute {
		t.Errorf("took %v", w)
	}
}
