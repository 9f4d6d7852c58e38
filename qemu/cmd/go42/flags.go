package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go42/qemu"
)

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// options are the flags of `go42 run`.
type options struct {
	fs      *flag.FlagSet
	cfg     qemu.Config
	adds    list
	env     list
	qemuArg list
	log     string
	gdb     bool
	stats   bool
	quiet   bool
}

// mostCPUs is amd64.MaxCPU, which only a kernel can link.
const mostCPUs = 8

func newOptions(name string) *options {
	o := &options{fs: flag.NewFlagSet(name, flag.ContinueOnError)}
	f, c := o.fs, &o.cfg
	f.IntVar(&c.SMP, "smp", 1, "number of CPUs")
	f.StringVar(&c.Mem, "m", "1G", "memory, as QEMU's -m")
	f.Var(&o.adds, "add", "put `HOST[:GUEST]`, a file or folder, into the guest (repeatable)")
	f.Var(&o.env, "env", "set `K=V` in the guest (repeatable); K alone passes the host's value")
	f.StringVar(&c.Dir, "cwd", "", "guest working directory `DIR`")
	f.DurationVar(&c.Timeout, "timeout", 0, "end with status 124 after this time, as 90s")
	f.BoolVar(&c.ICount, "icount", false, "count instructions exactly: a virtual ns is one instruction")
	f.StringVar(&c.Append, "append", "", "kernel command line")
	f.StringVar(&c.QEMU, "qemu", "", "QEMU `PATH`, default qemu-system-x86_64")
	f.Var(&o.qemuArg, "qemu-arg", "further argument for QEMU (repeatable)")
	f.BoolVar(&o.gdb, "gdb", false, "wait for gdb; prints the command to attach")
	f.StringVar(&o.log, "log", "", "write the kernel log to `FILE`; - is standard error")
	f.BoolVar(&c.TTY, "tty", false, "run PROGRAM on the terminal, as the shell is")
	f.BoolVar(&c.Linux, "linux", false, "boot Debian's cloud kernel in the place of Go42")
	f.BoolVar(&c.Debug, "debug-kernel", false, "boot the kernel that checks itself: lock order, memory structures on request")
	f.StringVar(&c.Kernel, "kernel", "", "boot this kernel `IMAGE`")
	f.BoolVar(&o.stats, "stats", false, "print when each stage of the boot was reached")
	f.BoolVar(&o.quiet, "q", false, "do not say what is being built")
	return o
}

// parse reads the command line and completes the configuration.
func (o *options) parse(args []string) error {
	if err := o.fs.Parse(args); err != nil {
		return err
	}
	c := &o.cfg
	c.Args = o.fs.Args()
	c.Hardware.Args = o.qemuArg
	switch {
	case c.SMP < 1:
		return fmt.Errorf("-smp %d: a machine has at least one CPU", c.SMP)
	case c.SMP > mostCPUs && !c.Linux:
		return fmt.Errorf("-smp %d: Go42 uses at most %d CPUs", c.SMP, mostCPUs)
	}
	for _, kv := range o.env {
		if !strings.Contains(kv, "=") {
			v, ok := os.LookupEnv(kv)
			if !ok {
				continue
			}
			kv += "=" + v
		}
		c.Env = append(c.Env, kv)
	}
	for _, a := range o.adds {
		host, guest, _ := strings.Cut(a, ":")
		if guest != "" && !filepath.IsAbs(guest) {
			return fmt.Errorf("-add %s: the guest path is not absolute", a)
		}
		c.Adds = append(c.Adds, qemu.Add{Host: host, Guest: guest})
	}
	if c.Dir != "" && !filepath.IsAbs(c.Dir) {
		return fmt.Errorf("-cwd %s is not absolute", c.Dir)
	}
	return nil
}

// printStats shows how the boot went in time.
func printStats(r *qemu.Result, icount bool) {
	unit := "TSC"
	if icount {
		unit = "instructions"
	}
	for _, m := range r.Marks {
		fmt.Fprintf(os.Stderr, "go42: %-8s %8.1f ms  %14d %s\n", m.Stage, ms(m.Wall), m.TSC, unit)
	}
	fmt.Fprintf(os.Stderr, "go42: %-8s %8.1f ms\n", "gone", ms(r.Wall))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
