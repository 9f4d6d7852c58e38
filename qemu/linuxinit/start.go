package main

import (
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"go42/qemu/runspec"
)

// child is the started program and what carries its streams.
type child struct {
	pid     int
	streams sync.WaitGroup
}

// drain waits until what the program wrote has gone out. All its writers are
// dead; the bound is for one in an uninterruptible sleep.
func (c *child) drain() {
	done := make(chan struct{})
	go func() { c.streams.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
	}
}

func start(path string, spec *runspec.Spec, ports *ports, control *os.File, stage func(string)) (*child, error) {
	c := &child{}
	attr := &syscall.ProcAttr{Dir: spec.Dir, Env: spec.Env, Sys: &syscall.SysProcAttr{Setsid: true}}
	var stdin *os.File // init's end
	var term *os.File
	var ends []*os.File // the program's ends
	if spec.TTY {
		f, err := os.OpenFile("/dev/ttyS0", os.O_RDWR|syscall.O_NOCTTY, 0)
		if err != nil {
			return nil, err
		}
		term = f
		attr.Files = []uintptr{f.Fd(), f.Fd(), f.Fd()}
		attr.Sys.Setctty, attr.Sys.Ctty = true, 0
	} else {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		stdin, ends = w, append(ends, r)
		for _, port := range []uint16{runspec.PortOut, runspec.PortErr} {
			r, w, err := os.Pipe()
			if err != nil {
				return nil, err
			}
			ends = append(ends, w)
			c.streams.Add(1)
			go func() {
				defer c.streams.Done()
				buf := make([]byte, 64<<10)
				for {
					n, err := r.Read(buf)
					ports.write(port, buf[:n])
					if err != nil {
						return
					}
				}
			}()
		}
		for _, f := range ends {
			attr.Files = append(attr.Files, f.Fd())
		}
	}
	go receive(control, stdin, term)
	stage(runspec.StageProgram)
	pid, err := syscall.ForkExec(path, spec.Args, attr)
	for _, f := range ends {
		f.Close()
	}
	c.pid = pid
	return c, err
}

// receive takes the tool's frames from COM2.
func receive(control, stdin, term *os.File) {
	// The program may not read its input for long; COM2 is read on all the same.
	input := make(chan []byte, 1<<16)
	if stdin != nil {
		go func() {
			defer stdin.Close()
			for b := range input {
				if _, err := stdin.Write(b); err != nil {
					for range input {
					}
					return
				}
			}
		}()
	}
	var d runspec.Decoder
	open := stdin != nil
	if _, err := io.Copy(writerFunc(func(p []byte) (int, error) {
		d.Write(p)
		for {
			kind, payload, ok, err := d.Next()
			if err != nil {
				return 0, err
			}
			if !ok {
				return len(p), nil
			}
			switch kind {
			case runspec.FrameInput:
				if open {
					input <- append([]byte(nil), payload...)
				}
			case runspec.FrameEOF:
				if open {
					close(input)
					open = false
				}
			case runspec.FrameWindow:
				if rows, cols, ok := runspec.ParseWindow(payload); ok && term != nil {
					unix.IoctlSetWinsize(int(term.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
				}
			}
		}
	}), control); err != nil {
		os.Stderr.WriteString("init: " + err.Error() + "\n")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
