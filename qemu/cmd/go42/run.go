package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/term"

	"go42/qemu"
)

func run(args []string) int {
	o := newOptions("go42 run")
	if err := o.parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return fail(err)
	}
	p, err := qemu.FindProject()
	if err != nil {
		return fail(err)
	}
	if o.quiet {
		p.Progress = nil
	}
	c := &o.cfg
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	closeLog, err := openLog(o)
	if err != nil {
		return fail(err)
	}
	defer closeLog()
	if o.gdb {
		if err := setGDB(p, c); err != nil {
			return fail(err)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()

	// A shell whose input is no terminal reads it as a script.
	if len(c.Args) == 0 && term.IsTerminal(int(os.Stdin.Fd())) {
		c.TTY = true
	}
	interactive := len(c.Args) == 0 && c.TTY
	s := qemu.NewSession(os.Stdin, os.Stdout)
	if c.TTY {
		c.Attach, c.Window = s.Attach, s.Windows()
		// The terminal goes raw once QEMU runs: until then ^C is the tool's.
		c.Started = func(m *qemu.Machine) {
			if err := s.Start(); err != nil {
				fmt.Fprintln(os.Stderr, "go42:", err)
				m.Kill()
			}
		}
	}
	r, err := p.Run(ctx, *c)
	s.Restore()
	if err != nil {
		return fail(err)
	}
	if o.stats {
		printStats(r, c.ICount)
	}
	return report(r, interactive)
}

// report says on standard error what a status alone does not, and returns it.
func report(r *qemu.Result, interactive bool) int {
	if r.Error != "" {
		fmt.Fprintln(os.Stderr, "go42:", r.Error)
	}
	switch {
	case r.Panic != "":
		fmt.Fprintln(os.Stderr, "go42: kernel panic:", r.Panic)
		os.Stderr.Write(panicLog(r.LogTail))
	case r.TimedOut:
		fmt.Fprintln(os.Stderr, "go42: time limit reached")
	case r.Killed:
		return qemu.StatusSignal + int(syscall.SIGINT)
	case !r.Ended && interactive:
		return 0 // poweroff or Ctrl-A X
	case !r.Ended:
		fmt.Fprintln(os.Stderr, "go42: the machine ended without the program's status; the kernel log ends with:")
		os.Stderr.Write(lastLines(r.LogTail, 20))
	}
	return r.Status()
}

// panicLog cuts the kernel log to what belongs to the panic.
func panicLog(log []byte) []byte {
	if i := bytes.LastIndex(log, []byte("panic")); i >= 0 {
		return log[bytes.LastIndexByte(log[:i], '\n')+1:]
	}
	return lastLines(log, 40)
}

func lastLines(b []byte, n int) []byte {
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] == '\n' && i != len(b)-1 {
			if n--; n == 0 {
				return b[i+1:]
			}
		}
	}
	return b
}

// openLog opens the file of -log.
func openLog(o *options) (func(), error) {
	switch o.log {
	case "":
		return func() {}, nil
	case "-":
		o.cfg.Log = os.Stderr
		return func() {}, nil
	}
	f, err := os.Create(o.log)
	if err != nil {
		return nil, err
	}
	o.cfg.Log = f
	return func() { f.Close() }, nil
}

// setGDB picks a free port and says how to attach.
func setGDB(p *qemu.Project, c *qemu.Config) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addr := l.Addr().String()
	l.Close()
	c.GDB = "tcp:" + addr
	var out io.Writer = os.Stderr
	fmt.Fprintf(out, "go42: waiting for gdb; in another terminal:\n\n  gdb %s -ex 'add-symbol-file %s' -ex 'target remote %s'\n\n",
		filepath.Join(p.Build, "kernel.elf"), filepath.Join(p.Build, "libos.elf"), addr)
	return nil
}
