package tests

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"go42/qemu"
)

// console is a user at a terminal in which `go42 run` runs.
type console struct {
	t    *testing.T
	pty  interface{ Write([]byte) (int, error) }
	cmd  *exec.Cmd
	done chan struct{}
	// close ends the machine.
	close func()

	mu   sync.Mutex
	text []byte // what the user sees, escape sequences included
	read int    // up to here expect has looked
	news chan struct{}
}

// open starts `go42 run` on a pseudo-terminal of 24 lines and 80 columns.
func open(t *testing.T, args ...string) *console {
	t.Helper()
	leave := machine.enter(t)
	if *onLinux {
		args = append([]string{"-linux"}, args...)
	}
	c := &console{t: t, done: make(chan struct{}), news: make(chan struct{}, 1)}
	c.cmd = exec.Command(filepath.Join(project.Root, "bin", "go42"), append([]string{"run", "-timeout", "10m"}, args...)...)
	f, err := pty.StartWithSize(c.cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	c.pty = f
	// gosh waits for its terminal's answers; busybox's shell does without.
	answers := io.Discard
	if !slices.Contains(args, "--") {
		answers = io.Writer(&qemu.Answerer{To: f})
	}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := f.Read(buf)
			c.mu.Lock()
			c.text = append(c.text, buf[:n]...)
			c.mu.Unlock()
			answers.Write(buf[:n])
			select {
			case c.news <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	go func() { c.cmd.Wait(); close(c.done) }()
	c.close = sync.OnceFunc(func() {
		c.cmd.Process.Kill()
		<-c.done
		f.Close()
		leave()
	})
	t.Cleanup(func() {
		c.close()
		if t.Failed() {
			t.Logf("the session:\n%s", c.tail())
		}
	})
	return c
}

// tail is the end of what has been printed.
func (c *console) tail() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return tail(string(c.text), 6000)
}

// escapes are what a terminal would act on and not show.
var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b[=>]|\x0f`)

// shown returns what a terminal shows of raw, and where in raw each byte of it is.
func shown(raw []byte) (plain []byte, at []int) {
	add := func(from, to int) {
		for i := from; i < to; i++ {
			plain, at = append(plain, raw[i]), append(at, i)
		}
	}
	end := 0
	for _, e := range escapes.FindAllIndex(raw, -1) {
		add(end, e[0])
		end = e[1]
	}
	add(end, len(raw))
	return plain, at
}

// expect waits until text appears after what earlier calls matched.
func (c *console) expect(text string, limit time.Duration) {
	c.t.Helper()
	if c.appears(limit, text) < 0 {
		c.t.Fatalf("%q does not appear", text)
	}
}

// appears waits until one of texts appears, and returns which; -1: none did.
func (c *console) appears(limit time.Duration, texts ...string) int {
	end := time.After(limit)
	for {
		c.mu.Lock()
		plain, at := shown(c.text[c.read:])
		for k, text := range texts {
			if i := bytes.Index(plain, []byte(text)); i >= 0 {
				c.read += at[i+len(text)-1] + 1
				c.mu.Unlock()
				return k
			}
		}
		c.mu.Unlock()
		select {
		case <-c.news:
		case <-time.After(100 * time.Millisecond):
		case <-end:
			return -1
		}
	}
}

func (c *console) send(keys string) {
	c.t.Helper()
	if _, err := c.pty.Write([]byte(keys)); err != nil {
		c.t.Fatal(err)
	}
}

// status waits for go42's end.
func (c *console) status(limit time.Duration) int {
	c.t.Helper()
	if !c.ends(limit) {
		c.t.Fatal("go42 does not end")
	}
	return c.cmd.ProcessState.ExitCode()
}

// ends waits for go42's end; false: that does not come.
func (c *console) ends(limit time.Duration) bool {
	select {
	case <-c.done:
		return true
	case <-time.After(limit):
		return false
	}
}

// Limits, that only a hang is beyond.
const (
	soon = 2 * time.Minute
	slow = 4 * time.Minute // the first prompt
)

// sendUntil sends keys again and again until text appears: what they are for may
// not have come to where they mean something. Where it has, they do no harm.
func (c *console) sendUntil(keys, text string) {
	c.t.Helper()
	for end := time.Now().Add(soon); time.Now().Before(end); {
		c.send(keys)
		if c.appears(3*time.Second, text) == 0 {
			return
		}
	}
	c.t.Fatalf("%q does not appear", text)
}

// A session in gosh: prompt, line editing, history, ^C, and the end by poweroff.
//
// gosh's line editor hangs, or loses what is typed, once in some hundred lines on a
// busy host, on Linux as on Go42: when ^C's signal is handled as the next line
// begins, and when more comes than it has read at a line's end. A session that stops
// is tried again. Whether the terminal keeps what is typed is TestPtyKeys' matter,
// which has one try.
func TestPtyGosh(t *testing.T) {
	t.Parallel()
	steps := []struct {
		keys string
		then []string // what appears, one after the other
	}{
		{"", []string{"> "}},
		{"echo one-$((40+2))\r", []string{"one-42", "> "}},

		// Editing: a letter too many is taken out, the cursor moves, a word is put in.
		{"echo wwrong\x7f\x7f\x7f\x7f\x7ford-$((1+1))\r", []string{"word-2", "> "}},
		{"cho moved-$((2+3))\x01e\r", []string{"moved-5", "> "}},
		{"\x10\r", []string{"moved-5", "> "}}, // the line before

		// ^C kills what runs: cat, once it has answered.
		{"echo begin-$((1+1)); cat\r", []string{"begin-2"}},
		{"a line\r", []string{"a line", "a line"}},
		{"\x03", []string{"> "}},
		{"echo after-$((3*3))\r", []string{"after-9", "> "}},

		{"stty\r", []string{"rows:24 cols:80", "> "}},
		{"poweroff\r", nil},
	}
	session := func() error {
		c := open(t)
		defer c.close()
		limit := slow
		for _, s := range steps {
			c.send(s.keys)
			for _, text := range s.then {
				if c.appears(limit, text) < 0 {
					return fmt.Errorf("%q does not appear after %q; the session:\n%s", text, s.keys, c.tail())
				}
			}
			limit = soon
		}
		if !c.ends(soon) {
			return fmt.Errorf("go42 does not end; the session:\n%s", c.tail())
		}
		if s := c.cmd.ProcessState.ExitCode(); s != 0 {
			t.Fatalf("status %d after poweroff", s)
		}
		return nil
	}
	for try := 1; ; try++ {
		err := session()
		if err == nil {
			return
		}
		if try == 3 {
			t.Fatal(err)
		}
		t.Log(err)
	}
}

// No key is lost where a program reads in raw mode by epoll, line after line, and
// runs others in between, whether keys come when it asks or before, in one piece or
// in several.
func TestPtyKeys(t *testing.T) {
	t.Parallel()
	const lines = 60
	c := open(t, "-tty", "--", goProgram(t, "keys"), strconv.Itoa(lines))
	r := rand.New(rand.NewPCG(1, 2))
	said := func(i int, line string) string { return fmt.Sprintf("said %d %s\r\n", i, line) }
	early := "" // what has been typed of the next line
	for i := range lines {
		line := strings.Repeat(string(rune('a'+i%26)), 1+r.IntN(60))
		if len(early) > len(line) {
			line = early
		}
		if r.IntN(4) > 0 {
			c.expect(fmt.Sprintf("line %d> ", i), slow)
		}
		keys := line[len(early):] + "\r"
		early = ""
		if i+1 < lines && r.IntN(4) == 0 {
			early = strings.Repeat(string(rune('a'+(i+1)%26)), 1+r.IntN(9))
		}
		keys += early
		for keys != "" {
			n := len(keys)
			if r.IntN(2) == 0 {
				n = 1 + r.IntN(n)
			}
			c.send(keys[:n])
			keys = keys[n:]
			// Some pieces come apart, some together: nothing is waited for.
			time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
		}
		c.expect(said(i, line), soon)
	}
	if s := c.status(soon); s != 0 {
		t.Errorf("status %d", s)
	}
}

// Job control in busybox's shell.
func TestPtyJobControl(t *testing.T) {
	t.Parallel()
	bb := busybox(t)
	c := open(t, "-tty", "-add", bb, "--", bb, "sh")
	c.expect("# ", slow)
	c.send("export PATH=/nonexistent; stty -echo; PS1='p''> '\r")
	c.expect("p> ", soon)
	c.send("echo begin-$((2+1)); sleep 600\r")
	c.expect("begin-3", soon)
	c.sendUntil("\x03", "p> ")
	c.send("echo status $?\r")
	c.expect("status 130", soon)

	c.send("echo begin-$((3+1)); sleep 601\r")
	c.expect("begin-4", soon)
	c.sendUntil("\x1a", "Stopped")
	c.expect("p> ", soon)
	c.send("jobs\r")
	c.expect("Stopped", soon)
	c.expect("sleep 601", soon)
	c.send("bg\r")
	c.expect("p> ", soon)
	c.send("jobs\r")
	c.expect("Running", soon)
	c.expect("p> ", soon)
	// fg names the job before it gives it the terminal: a ^C in between is the
	// shell's own, and the job goes on.
	for try := 1; ; try++ {
		c.send("fg\r")
		c.expect("sleep 601", soon)
		c.sendUntil("\x03", "p> ")
		c.send("jobs >/tmp/jobs; grep -q sleep /tmp/jobs && echo job goes on || echo no more jobs\r")
		if i := c.appears(soon, "no more jobs", "job goes on"); i == 0 {
			break
		} else if i < 0 || try == 20 {
			t.Fatal("no end of the job")
		}
	}

	// A background reader of the terminal is stopped.
	// In one line: a shell that is told of that while it reads the next one takes
	// the interrupted read for the end of its input.
	c.send("cat & until jobs >/tmp/jobs; grep -q tty /tmp/jobs; do sleep 0.1; done; cat /tmp/jobs\r")
	c.expect("Stopped (tty input)", soon)
	c.send("kill -9 %1; wait; echo cleared\r")
	c.expect("cleared", soon)

	// End of file at the line's start ends a reader, ^\ kills with SIGQUIT.
	c.send("echo begin-$((5+1)); cat; echo read to the end\r")
	c.expect("begin-6", soon) // the shell has done with the terminal
	c.send("a line\r\x04")
	c.expect("read to the end", soon)
	c.send("echo begin-$((4+1)); sleep 602; echo quit status $?\r")
	c.expect("begin-5", soon)
	c.sendUntil("\x1c", "quit status 131")

	c.send("exit 7\r")
	if s := c.status(soon); s != 7 {
		t.Errorf("status %d after exit 7", s)
	}
}

// The guest's terminal has the size of the host's and follows it.
func TestPtyResize(t *testing.T) {
	t.Parallel()
	bb := busybox(t)
	c := open(t, "-tty", "-add", bb, "--", bb, "sh")
	c.expect("# ", slow)
	c.send("export PATH=/nonexistent; stty -echo; PS1='p''> '\r")
	c.expect("p> ", soon)
	c.send("stty size\r")
	c.expect("24 80", soon)
	c.send("sh -c \"trap 'echo resized' WINCH; echo begin-$((1+1)); while :; do sleep 0.1; done\"\r")
	c.expect("begin-2", soon)
	f := c.pty.(interface{ Fd() uintptr })
	if err := unix.IoctlSetWinsize(int(f.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 111}); err != nil {
		t.Fatal(err)
	}
	c.expect("resized", soon)
	c.sendUntil("\x03", "p> ")
	c.send("stty size\r")
	c.expect("33 111", soon)
	c.send("\x01x")
	if s := c.status(soon); s != 0 && s != qemu.StatusPanic {
		t.Errorf("status %d after Ctrl-A X", s)
	}
}

// The terminal's modes are the old ones after every kind of end.
func TestPtyTerminalRestored(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*console){
		"ctrl-a x": func(c *console) { c.send("\x01x") },
		"sigterm":  func(c *console) { c.cmd.Process.Signal(syscall.SIGTERM) },
		"timeout":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{}
			if end == nil {
				args = []string{"-timeout", "10s"}
			}
			c := open(t, args...)
			fd := int(c.pty.(interface{ Fd() uintptr }).Fd())
			state := func() *unix.Termios {
				s, err := unix.IoctlGetTermios(fd, unix.TCGETS)
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			if end != nil {
				c.expect("> ", slow)
			}
			for state().Lflag&unix.ECHO != 0 {
				select {
				case <-time.After(10 * time.Millisecond):
				case <-c.done:
					t.Fatal("the terminal echoed during the session")
				}
			}
			if end != nil {
				end(c)
			}
			c.status(soon)
			cooked := state()
			if cooked.Lflag&unix.ECHO == 0 || cooked.Lflag&unix.ICANON == 0 || cooked.Oflag&unix.OPOST == 0 {
				t.Errorf("the terminal is left raw: %s", modes(cooked))
			}
		})
	}
}

func modes(t *unix.Termios) string {
	return strings.TrimSpace(fmt.Sprintf("iflag %#x oflag %#x lflag %#x", t.Iflag, t.Oflag, t.Lflag))
}
