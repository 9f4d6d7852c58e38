package qemu

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go42/qemu/runspec"
)

// Statuses of `go42 run` that are not the program's own.
const (
	StatusTool    = 123 // the tool or QEMU failed before or beside the guest
	StatusTimeout = 124 // the time limit passed
	StatusPanic   = 125 // the kernel panicked, or the machine ended without a word
	StatusSignal  = 128 // plus the number of the signal that killed the program
)

// powerOffGrace is how long a guest that has reported its end may take to
// switch the machine off.
const powerOffGrace = 10 * time.Second

// Add is a file or folder of the host for the initramfs.
type Add struct {
	Host  string
	Guest string // absolute; default: the host's absolute path
}

// Config describes one boot.
type Config struct {
	Hardware          // Kernel and Initrd are filled in when empty
	Linux    bool     // boot Linux in the place of Go42
	Debug    bool     // boot the kernel that checks itself (NDebug)
	Args     []string // program and arguments; empty: the shell
	Env      []string // added to the guest's environment
	Dir      string   // guest working directory; default see Run
	TTY      bool     // the program runs on the terminal, else on the streams below
	Adds     []Add
	Timeout  time.Duration // 0: none

	Stdin          io.Reader // of the program; nil: empty
	Stdout, Stderr io.Writer // of the program; nil: discarded
	Log            io.Writer // kernel log; may be nil

	// Attach is called with the running machine when TTY is set, and connects
	// its Terminal; it must return when the machine is done.
	Attach func(*Machine)
	// Window, if not nil, yields window sizes (rows, columns) for the guest.
	Window <-chan [2]uint16
	// Started, if not nil, is called once QEMU runs.
	Started func(*Machine)
}

// Mark says when a stage of the boot was reached.
type Mark struct {
	Stage string
	TSC   uint64        // guest's time stamp; instructions since QEMU's start with ICount
	Wall  time.Duration // since QEMU's start, as seen on the host
}

// Result is how a boot ended.
type Result struct {
	Ended    bool   // the guest reported the program's end
	Exit     int    // exit status, if Ended and Signal is 0
	Signal   int    // signal that killed the program, or 0
	Error    string // why the program could not be started
	Panic    string // the kernel's panic
	TimedOut bool
	Killed   bool // ended by the context
	Marks    []Mark
	Wall     time.Duration
	LogTail  []byte // the last 64 KiB of the kernel log
}

// Status is the exit status of `go42 run` for r.
func (r *Result) Status() int {
	switch {
	case r.Panic != "":
		return StatusPanic
	case r.TimedOut:
		return StatusTimeout
	case r.Signal != 0:
		return StatusSignal + r.Signal
	case r.Ended:
		return r.Exit
	}
	return StatusPanic
}

// String says in a few words how the boot ended.
func (r *Result) String() string {
	switch {
	case r.Panic != "":
		return "kernel panic: " + r.Panic
	case r.TimedOut:
		return "timed out"
	case r.Signal != 0:
		return fmt.Sprintf("killed by signal %d", r.Signal)
	case r.Ended:
		return fmt.Sprintf("exit status %d", r.Exit)
	case r.Killed:
		return "stopped"
	}
	return "the machine ended without a word"
}

// Run makes what is missing, boots, waits for the end and returns how it
// ended. An error means that there was no boot to speak of.
//
// Without Dir the working directory is the host's if that is a package folder
// (see isPackageDir), which is then put into the guest, so that `go test -exec`
// finds its test data; else /root for the shell and / for programs.
func (p *Project) Run(ctx context.Context, c Config) (*Result, error) {
	if c.Initrd == "" {
		f, err := os.CreateTemp("", "go42-*.cpio")
		if err != nil {
			return nil, err
		}
		f.Close()
		defer os.Remove(f.Name())
		if err := p.WriteInitramfs(f.Name(), &c); err != nil {
			return nil, err
		}
	}
	return boot(ctx, &c)
}

// WriteInitramfs makes what a boot with configuration c needs and completes c;
// the initramfs goes to file.
func (p *Project) WriteInitramfs(file string, c *Config) error {
	img, err := p.prepare(c)
	if err != nil {
		return err
	}
	defer img.Close()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	c.Initrd = file
	if _, err := img.WriteTo(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// prepare makes the image and completes c.
func (p *Project) prepare(c *Config) (*Image, error) {
	var err error
	switch {
	case c.Kernel != "":
	case c.Linux:
		c.Kernel, err = p.LinuxKernel()
	case c.Debug:
		c.Kernel, err = p.DebugKernel()
	default:
		c.Kernel, err = p.Kernel()
	}
	if err != nil {
		return nil, err
	}
	img, err := p.NewImage()
	if err != nil {
		return nil, err
	}
	if err := p.fill(c, img); err != nil {
		img.Close()
		return nil, err
	}
	return img, nil
}

func (p *Project) fill(c *Config, img *Image) error {
	c.Terminal = c.TTY
	for _, a := range c.Adds {
		host, err := filepath.Abs(a.Host)
		if err != nil {
			return err
		}
		if err := img.AddHost(host, or(a.Guest, host), Limit{}); err != nil {
			return err
		}
	}
	args := append([]string(nil), c.Args...)
	if len(args) > 0 {
		host, err := hostProgram(args[0], img)
		if err != nil {
			return err
		}
		if host != "" {
			if err := img.AddHost(host, host, Limit{}); err != nil {
				return err
			}
			args[0] = host
		}
	}
	dir := c.Dir
	if dir == "" {
		dir = "/"
		if len(args) == 0 {
			dir = "/root"
		} else if wd, err := os.Getwd(); err == nil && isPackageDir(wd) {
			if err := img.AddHost(wd, wd, packageLimit); err != nil {
				return fmt.Errorf("working directory: %w; -cwd DIR runs the program elsewhere", err)
			}
			dir = wd
		}
	}
	spec := runspec.Spec{Args: args, Dir: dir, TTY: c.TTY, Env: guestEnv(c)}
	b, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	img.File(runspec.Path, 0o644, string(b)+"\n")
	if !c.Linux {
		return nil
	}
	c.Serial3 = true
	c.Append = strings.TrimSpace("console=ttyS2 panic=-1 rdinit=/init " + c.Append)
	init, err := p.LinuxInit()
	if err != nil {
		return err
	}
	img.CharDev("/dev/console", 0o600, 5, 1)
	return img.AddHost(init, "/init", Limit{})
}

// guestEnv is the program's environment: a small one of root's, then the
// user's additions, of which the last wins.
func guestEnv(c *Config) []string {
	termName := "dumb"
	if c.TTY {
		termName = or(os.Getenv("TERM"), "vt100")
	}
	env := []string{"PATH=" + runspec.DefaultPath, "HOME=/root", "USER=root", "SHELL=/bin/sh", "TERM=" + termName}
	for _, kv := range c.Env {
		key, _, _ := strings.Cut(kv, "=")
		kept := env[:0]
		for _, e := range env {
			if !strings.HasPrefix(e, key+"=") {
				kept = append(kept, e)
			}
		}
		env = append(kept, kv)
	}
	return env
}

// boot runs the prepared machine to its end.
func boot(ctx context.Context, c *Config) (*Result, error) {
	start := time.Now()
	m, err := c.Hardware.Start()
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if c.Started != nil {
		c.Started(m)
	}
	r := &Result{}
	ended := make(chan struct{}) // the guest said how the program ended
	var readers sync.WaitGroup
	read := func(f func()) {
		readers.Add(1)
		go func() { defer readers.Done(); f() }()
	}
	tail := &tailWriter{max: 64 << 10}
	read(func() { drain(m.Log, tee(tail, c.Log)) })
	read(func() { drain(m.Out, c.Stdout) })
	read(func() { drain(m.Err, c.Stderr) })
	read(func() { r.follow(m, start, ended) })
	if c.TTY {
		if c.Attach != nil {
			read(func() { c.Attach(m) })
		}
	}
	go feed(m, c)

	var limit <-chan time.Time
	if c.Timeout > 0 {
		t := time.NewTimer(c.Timeout)
		defer t.Stop()
		limit = t.C
	}
	var grace <-chan time.Time
	for running := true; running; {
		select {
		case <-m.Done():
			running = false
		case <-ended:
			ended = nil
			grace = time.After(powerOffGrace)
		case <-grace:
			m.Kill()
		case <-limit:
			r.TimedOut = true
			m.Kill()
		case <-ctx.Done():
			r.Killed = true
			m.Kill()
			ctx = context.Background()
		}
	}
	err = m.Wait()
	readers.Wait()
	r.Wall = time.Since(start)
	r.LogTail = tail.b
	if r.Panic != "" || m.ExitCode() == panicExit {
		r.Panic = panicReason(r.LogTail)
	}
	if r.Ended {
		r.TimedOut = false // it came through in the last moment
	} else if err != nil && r.Panic == "" && !r.TimedOut && !r.Killed {
		return nil, err
	}
	return r, nil
}

// panicExit is QEMU's status after the kernel's report of a panic
// (arch/amd64.ExitPanic through isa-debug-exit).
const panicExit = 2*0x42 + 1

// panicReason finds the kernel's own words in its log.
func panicReason(log []byte) string {
	_, s, ok := bytes.Cut(log, []byte("kernel panic: "))
	if !ok {
		return "the kernel's log does not say why"
	}
	s, _, _ = bytes.Cut(s, []byte("\n"))
	return string(s)
}

// follow reads the status lines.
func (r *Result) follow(m *Machine, start time.Time, ended chan struct{}) {
	var once, began, over sync.Once
	sc := bufio.NewScanner(m.Status)
	for sc.Scan() {
		s, err := runspec.ParseStatus(sc.Text())
		if err != nil {
			continue // a guest program with access to ports can write anything there
		}
		switch s.Kind {
		case runspec.LineBoot:
			r.Marks = append(r.Marks, Mark{s.Stage, s.TSC, time.Since(start)})
			switch s.Stage {
			case runspec.StageInit:
				once.Do(func() { close(m.ready) })
			case runspec.StageProgram:
				once.Do(func() { close(m.ready) })
				began.Do(func() { close(m.began) })
			}
		case runspec.LineError:
			r.Error = s.Text
		case runspec.LineExit:
			r.Ended, r.Exit = true, s.Value&0xff
		case runspec.LineSignal:
			r.Ended, r.Signal = true, s.Value&0x7f
		case runspec.LinePanic:
			r.Panic = or(s.Text, "?") // boot finds the reason in the log
		}
		if r.Ended || r.Panic != "" {
			over.Do(func() { close(ended) })
		}
	}
}

// feed sends window sizes and standard input once init listens.
func feed(m *Machine, c *Config) {
	select {
	case <-m.Ready():
	case <-m.Done():
		return
	}
	var mu sync.Mutex // frames stay whole
	send := func(b []byte) error {
		mu.Lock()
		defer mu.Unlock()
		_, err := m.Control.Write(b)
		return err
	}
	if c.Window != nil {
		go func() {
			for {
				select {
				case w, ok := <-c.Window:
					if !ok || send(runspec.AppendWindow(nil, w[0], w[1])) != nil {
						return
					}
				case <-m.Done():
					return
				}
			}
		}()
	}
	if c.TTY {
		return
	}
	if c.Stdin != nil {
		buf := make([]byte, runspec.MaxPayload)
		for {
			n, err := c.Stdin.Read(buf)
			if n > 0 && send(runspec.AppendInput(nil, buf[:n])) != nil {
				return
			}
			if err != nil {
				break
			}
		}
	}
	send(runspec.AppendFrame(nil, runspec.FrameEOF, nil))
}

// drain copies until the end; a writer that fails must not stop the guest.
func drain(r io.Reader, w io.Writer) {
	if w != nil {
		if _, err := io.Copy(w, r); err == nil {
			return
		}
	}
	io.Copy(io.Discard, r)
}

func tee(a, b io.Writer) io.Writer {
	if b == nil {
		return a
	}
	return io.MultiWriter(a, b)
}

// tailWriter keeps the last max bytes.
type tailWriter struct {
	b   []byte
	max int
}

func (t *tailWriter) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > 2*t.max {
		t.b = bytes.Clone(t.b[len(t.b)-t.max:])
	}
	return len(p), nil
}
