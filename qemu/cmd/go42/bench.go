package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"go42/qemu"
	"go42/qemu/bench"
)

const benchUsage = `go42 bench [flags]

Boots Debian's cloud kernel and Go42 in the same machine with the same programs
and prints one table: what each operation takes on either, in instructions (two
boots each, which agree to the digit or the row says so) and, with -wall, in
time. docs/performance.md says how and what it means.

  go42 bench                       all operations, in instructions
  go42 bench -wall 3               also in time, 3 boots of each kind
  go42 bench -run 'fork|stat'      some operations
  go42 bench -run stat -runs 1 -own=false   quickly
  go42 bench -symbols stat         where the instructions of one operation went
  go42 bench -list                 the operations

Flags:
`

// benchmark is `go42 bench`.
func benchmark(args []string) int {
	fs := flag.NewFlagSet("go42 bench", flag.ContinueOnError)
	fs.Usage = func() { fmt.Fprint(fs.Output(), benchUsage); fs.PrintDefaults() }
	var (
		run     = fs.String("run", "", "only operations whose name matches `REGEXP`")
		list    = fs.Bool("list", false, "list the operations and end")
		runs    = fs.Int("runs", 2, "boots of each system for instructions, 0, 1 or 2")
		own     = fs.Bool("own", true, "tell the program's own instructions apart (one more boot of each system)")
		wall    = fs.Int("wall", 0, "boots of each system for wall time, with 1 CPU and with 2; 0: none, but what DIR of -o has is kept")
		wallMS  = fs.Int("wallms", 20, "length of a batch in wall time, ms")
		out     = fs.String("o", "", "also write table.md, bench.csv, bench.json and ratios.svg into `DIR`")
		doc     = fs.String("doc", "", "also put the tables between the markers in `FILE`")
		noLinux = fs.Bool("nolinux", false, "measure Go42 alone; with -o Linux's figures in DIR are kept")
		symbols = fs.String("symbols", "", "count the instructions of operation `OP` by symbol")
		linux   = fs.Bool("linux", false, "with -symbols: on Linux")
		lines   = fs.Int("lines", 20, "with -symbols: lines for each of kernel, libOS, servers, program")
		repeat  = fs.Int("repeat", 4, "with -symbols: operations to log, 1 to 9")
		silence = fs.Duration("silence", 2*time.Minute, "a guest that prints nothing for so long hangs: the operation is noted and left out")
		cfg     qemu.Config
	)
	fs.StringVar(&cfg.Mem, "m", "1G", "memory, as QEMU's -m")
	fs.StringVar(&cfg.QEMU, "qemu", "", "QEMU `PATH`, default qemu-system-x86_64")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return qemu.StatusTool
	}
	if fs.NArg() > 0 {
		return fail(fmt.Errorf("bench takes no arguments, only flags: -run %s?", fs.Arg(0)))
	}
	if *runs < 0 || *runs > 2 || *wall < 0 || *repeat < 1 || *repeat > 9 {
		return fail(errors.New("-runs is 0, 1 or 2; -wall at least 0; -repeat 1 to 9"))
	}
	re, err := regexp.Compile(*run)
	if err != nil {
		return fail(fmt.Errorf("-run: %w", err))
	}
	ops := bench.Select(re)
	if *list {
		for _, o := range ops {
			fmt.Printf("%-30s %s\n", o.Name, o.What)
		}
		return 0
	}
	if len(ops) == 0 {
		return fail(fmt.Errorf("no operation matches %q; go42 bench -list names them", *run))
	}
	p, err := qemu.FindProject()
	if err != nil {
		return fail(err)
	}
	g, err := bench.NewGuest(p.Root, filepath.Join(p.Build, "bench"))
	if err != nil {
		return fail(err)
	}
	show := &progress{terminal: term.IsTerminal(int(os.Stderr.Fd())), start: time.Now()}
	b := &bench.Bencher{Project: p, Guest: g, Config: cfg, Silence: *silence, Progress: show.tell, Problem: show.problem}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if *symbols != "" {
		ops = bench.Select(regexp.MustCompile("^" + regexp.QuoteMeta(*symbols) + "$"))
		if len(ops) != 1 {
			return fail(fmt.Errorf("no operation %q; go42 bench -list names them", *symbols))
		}
		prof, err := b.Symbolise(ctx, ops[0], *linux, *repeat)
		show.end()
		if err != nil {
			return fail(err)
		}
		prof.Write(os.Stdout, *lines)
		return 0
	}
	keep := func(*bench.Report) {}
	if *out != "" {
		switch old, err := bench.ReadReport(*out); {
		case err == nil:
			keep = func(r *bench.Report) {
				if *noLinux {
					r.KeepLinux(old)
				}
				if *wall == 0 {
					r.KeepWall(old)
				}
			}
		case !errors.Is(err, os.ErrNotExist) || *noLinux:
			return fail(err)
		}
		b.Save = func(r *bench.Report) error { keep(r); return r.WriteFiles(*out, *doc) }
	}
	r, err := b.Measure(ctx, bench.Plan{Ops: ops, Instructions: *runs > 0, Runs: *runs, Own: *own, WallBoots: *wall, WallMS: *wallMS, NoLinux: *noLinux})
	show.end()
	if err != nil {
		return fail(err)
	}
	keep(r)
	if err := r.WriteMarkdown(os.Stdout); err != nil {
		return fail(err)
	}
	if *out != "" {
		if err := r.WriteFiles(*out, *doc); err != nil {
			return fail(err)
		}
		fmt.Fprintln(os.Stderr, "go42: the table is in", *out, "too: table.md, bench.csv, bench.json, ratios.svg")
	}
	return 0
}

// progress shows where a measurement stands: in place on a terminal, else a
// line for each boot and every fifteen seconds.
type progress struct {
	terminal bool
	start    time.Time
	what     string
	told     time.Time
	width    int
}

func (s *progress) tell(what, op string, done, all int) {
	l := fmt.Sprintf("%3.0f s  %s: %d of %d, %s", time.Since(s.start).Seconds(), what, done+1, all, op)
	switch {
	case s.terminal:
		fmt.Fprintf(os.Stderr, "\r%s%s", l, strings.Repeat(" ", max(s.width-len(l), 0)))
		s.width = len(l)
	case what != s.what || time.Since(s.told) > 15*time.Second:
		fmt.Fprintln(os.Stderr, l)
		s.told = time.Now()
	}
	s.what = what
}

func (s *progress) problem(text string) {
	s.end()
	fmt.Fprintln(os.Stderr, "go42:", text)
	s.width = 0
}

func (s *progress) end() {
	if s.terminal && s.width > 0 {
		fmt.Fprintln(os.Stderr)
	}
}
