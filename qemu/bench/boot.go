package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go42/qemu"
)

// Bencher runs measurements.
type Bencher struct {
	Project *qemu.Project
	Guest   *Guest
	Config  qemu.Config // machine: Mem, QEMU, and so on
	// Silence is how long a boot may print nothing before it counts as hung.
	Silence time.Duration
	// Progress is told where a boot stands.
	Progress func(what, op string, done, all int)
	// Problem is told what went wrong without ending the measurement.
	Problem func(string)

	// Save, if not nil, is given what there is before wall time and between its
	// rounds, so that a long measurement can be ended without losing it.
	Save func(*Report) error

	linux, go42 string // kernel images
	// machine boots; a test puts another in the place of Project.Run.
	machine func(context.Context, qemu.Config) (*qemu.Result, error)
}

// pin copies Go42's image and the files with its symbols, and finds Linux's, so
// that all boots have the same ones whatever becomes of the sources meanwhile.
func (b *Bencher) pin(p *Plan) error {
	for _, linux := range p.systems() {
		if linux {
			var err error
			if b.linux, err = b.Project.LinuxKernel(); err != nil {
				return err
			}
			continue
		}
		image, err := b.Project.Kernel()
		if err != nil {
			return err
		}
		dir := filepath.Dir(b.Guest.Prog)
		for _, name := range []string{filepath.Base(image), "kernel.elf", "libos.elf", "go42srv"} {
			data, err := os.ReadFile(filepath.Join(filepath.Dir(image), name))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				return err
			}
		}
		b.go42 = filepath.Join(dir, filepath.Base(image))
	}
	return nil
}

// config is a machine of the plan's.
func (b *Bencher) config(linux bool) qemu.Config {
	c := b.Config
	c.Linux, c.Kernel, c.Dir = linux, b.go42, "/tmp"
	if linux {
		c.Kernel = b.linux
	}
	c.Adds = b.Guest.Adds
	return c
}

// file is a file that belongs to Go42's image.
func (b *Bencher) file(name string) string { return filepath.Join(filepath.Dir(b.go42), name) }

// Boot is what one boot, or several where one did not come through, told.
type Boot struct {
	*output
	Marks []qemu.Mark
	Wall  time.Duration
	Boots int
}

// run boots until all ops are through: an operation that ends the machine or
// is silent too long is noted, and the next boot goes on after it.
func (b *Bencher) run(ctx context.Context, what string, linux bool, smp int, icount bool, flags []string, ops []Op) (*Boot, error) {
	all := newOutput()
	boot := &Boot{output: all}
	var names []string
	for _, o := range ops {
		if o.Name == BootRow {
			continue
		}
		if why := b.Guest.Missing[o.Name]; why != "" {
			all.Rows[o.Name] = &Reading{Status: why}
			continue
		}
		names = append(names, o.Name)
	}
	machine := b.machine
	if machine == nil {
		machine = b.Project.Run
	}
	total, done := len(names), 0
	for len(names) > 0 || boot.Boots == 0 {
		w := &watcher{out: all, last: time.Now(), tell: func(op string) {
			if b.Progress != nil {
				b.Progress(what, op, done+endedOf(all, names), total)
			}
		}}
		c := b.config(linux)
		c.SMP, c.ICount = smp, icount
		c.Args = append(append([]string{b.Guest.Prog}, flags...), names...)
		c.Stdout = w
		// A frame with the end of input would come at some moment of the host's
		// and disturb the count: the input stays open and silent.
		silent, end := io.Pipe()
		c.Stdin = silent
		hung := false
		ctx2, cancel := context.WithCancel(ctx)
		go func() {
			for ctx2.Err() == nil {
				if w.silence() > b.Silence {
					hung = true
					cancel()
				}
				time.Sleep(200 * time.Millisecond)
			}
		}()
		r, err := machine(ctx2, c)
		cancel()
		end.Close()
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		boot.Boots++
		if boot.Boots == 1 {
			boot.Marks, boot.Wall = r.Marks, r.Wall
		}
		if all.Over {
			break
		}
		why := r.String()
		if hung {
			why = fmt.Sprintf("hangs: nothing for %v", b.Silence)
		}
		if all.Now == "" {
			return nil, fmt.Errorf("%s: the bench program did not come through: %s\n%s", what, why, last(r.LogTail, 2000))
		}
		all.Rows[all.Now] = &Reading{Status: why}
		all.Ended[all.Now] = true
		all.Now = ""
		done += endedOf(all, names)
		var rest []string
		for _, n := range names {
			if !all.Ended[n] {
				rest = append(rest, n)
			}
		}
		names = rest
	}
	// The boot's row is the system's alone: the program has not begun.
	for _, m := range boot.Marks {
		if m.Stage == "program" {
			t := m.TSC
			if !icount {
				t = uint64(m.Wall)
			}
			all.Rows[BootRow] = &Reading{Per: 1, Iters: 1, Ticks: []uint64{t}}
		}
	}
	return boot, nil
}

func endedOf(o *output, names []string) (n int) {
	for _, s := range names {
		if o.Ended[s] {
			n++
		}
	}
	return n
}

// watcher parses the program's standard output as it comes.
type watcher struct {
	mu   sync.Mutex
	out  *output
	part []byte
	last time.Time
	tell func(op string)
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = time.Now()
	w.part = append(w.part, p...)
	for {
		i := bytes.IndexByte(w.part, '\n')
		if i < 0 {
			return len(p), nil
		}
		was := w.out.Now
		w.out.line(string(w.part[:i]))
		w.part = w.part[i+1:]
		if w.out.Now != was && w.out.Now != "" {
			w.tell(w.out.Now)
		}
	}
}

func (w *watcher) silence() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.last)
}

func last(b []byte, n int) []byte { return b[max(0, len(b)-n):] }
