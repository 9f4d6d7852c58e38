package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Plan says what to measure.
type Plan struct {
	Ops          []Op
	Instructions bool
	Runs         int // of instructions, 1 or 2
	Own          bool
	WallBoots    int // for each system and number of CPUs; 0: no wall time
	// WallMS is the length of a batch in wall time, ms.
	WallMS int
	// At most one of these; the other system's columns stay empty.
	NoLinux, OnlyLinux bool
}

// systems are what is booted, Linux first.
func (p *Plan) systems() []bool {
	if p.NoLinux {
		return []bool{false}
	}
	if p.OnlyLinux {
		return []bool{true}
	}
	return []bool{true, false}
}

// Measure carries out a plan.
func (b *Bencher) Measure(ctx context.Context, p Plan) (*Report, error) {
	r := &Report{Date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), MemoryKB: map[string]int{}}
	b.versions(r)
	if err := b.pin(&p); err != nil {
		return nil, err
	}
	runs := map[bool][]*Boot{}
	splits := map[bool]map[string]*Split{}
	if p.Instructions {
		for i := range p.Runs {
			for _, linux := range p.systems() {
				boot, err := b.run(ctx, fmt.Sprintf("%s, instructions, run %d of %d", system(linux), i+1, p.Runs), linux, 1, true, []string{"-cat", "/proc/version"}, p.Ops)
				if err != nil {
					return nil, err
				}
				runs[linux] = append(runs[linux], boot)
				r.MemoryKB[strings.ToLower(system(linux))] = boot.UsedKB
				if len(boot.text) > 0 {
					r.Versions[system(linux)] = boot.text[0]
				}
			}
		}
	}
	if p.Instructions && p.Own {
		for _, linux := range p.systems() {
			var ops []Op
			for _, o := range p.Ops {
				if rd := runs[linux][0].Rows[o.Name]; rd != nil && rd.Status == "" && rd.Own < 0 && o.OwnOf == "" {
					ops = append(ops, o)
				}
			}
			w := &Windows{Bencher: b, Linux: linux, Cost: func(name string) float64 {
				rd := runs[linux][0].Rows[name]
				return rd.Value() * float64(rd.Per)
			}}
			s, _, err := w.Run(ctx, system(linux)+", the program's own part", ops)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil && b.Problem != nil {
				b.Problem(err.Error()) // the rest of the table is worth having
			}
			splits[linux] = s
			if w.Fork != nil {
				r.Fork = w.Fork
			}
		}
	}
	for _, o := range p.Ops {
		for _, name := range o.rows() {
			row := Row{Name: name, What: o.What, Group: o.Group}
			if part, ok := strings.CutPrefix(name, o.Name+"."); ok {
				row.What += ": " + part
			}
			if p.Instructions {
				row.Linux = figure(readings(runs[true], o.Name, name), ownSplit(splits[true], &o))
				row.Go42 = figure(readings(runs[false], o.Name, name), ownSplit(splits[false], &o))
				row.Ratio = row.ratio()
			}
			r.Rows = append(r.Rows, row)
		}
	}
	if b.Save != nil && p.Instructions && p.WallBoots > 0 {
		if err := b.Save(r); err != nil {
			return nil, err
		}
	}
	return r, b.walls(ctx, p, r)
}

func system(linux bool) string {
	if linux {
		return "Linux"
	}
	return "Go42"
}

// readings are the runs' readings of a row; an operation that failed as a whole
// fails each of its rows.
func readings(runs []*Boot, op, row string) (r []*Reading) {
	for _, b := range runs {
		rd := b.Rows[row]
		if whole := b.Rows[op]; whole != nil && whole.Status != "" {
			rd = whole
		}
		r = append(r, rd)
	}
	return r
}

func ownSplit(s map[string]*Split, o *Op) *Split {
	if o.OwnOf != "" {
		return s[o.OwnOf]
	}
	return s[o.Name]
}

// walls measures wall time: boots of both systems take turns.
func (b *Bencher) walls(ctx context.Context, p Plan, r *Report) error {
	if p.WallBoots == 0 {
		return nil
	}
	type key struct {
		linux bool
		cpus  int
		row   string
	}
	values, why := map[key][]float64{}, map[key]string{}
	fill := func() {
		for i := range r.Rows {
			row := &r.Rows[i]
			for _, linux := range []bool{true, false} {
				f := &row.Go42
				if linux {
					f = &row.Linux
				}
				f.Wall = map[string]Wall{}
				for n, cpus := range wallCPUs {
					k := key{linux, n + 1, row.Name}
					f.Wall[cpus] = wallOf(values[k], why[k])
				}
			}
		}
	}
	flags := []string{"-wall", "-ms", fmt.Sprint(p.WallMS)}
	for i := range p.WallBoots {
		for _, cpus := range []int{1, 2} {
			for _, linux := range p.systems() {
				what := fmt.Sprintf("%s, wall time, %d CPU, boot %d of %d", system(linux), cpus, i+1, p.WallBoots)
				boot, err := b.run(ctx, what, linux, cpus, false, flags, p.Ops)
				if err != nil {
					return err
				}
				for _, o := range p.Ops {
					for _, name := range o.rows() {
						k := key{linux, cpus, name}
						rd := readings([]*Boot{boot}, o.Name, name)[0]
						switch {
						case boot.CPUs < cpus:
							why[k] = fmt.Sprintf("%d of %d CPUs", boot.CPUs, cpus)
						case rd == nil:
							why[k] = "not measured"
						case rd.Status != "":
							why[k] = rd.Status
						default:
							rd.Idle = 0 // it is part of the wall time
							values[k] = append(values[k], rd.Value())
						}
					}
				}
			}
		}
		fill()
		if b.Save != nil && i+1 < p.WallBoots {
			if err := b.Save(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// versions fills in what was measured with.
func (b *Bencher) versions(r *Report) {
	first := func(name string, args ...string) string {
		c := exec.Command(name, args...)
		c.Dir = b.Project.Root
		out, _ := c.CombinedOutput()
		l, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return l
	}
	qemu := b.Config.QEMU
	if qemu == "" {
		qemu = "qemu-system-x86_64"
	}
	mem := b.Config.Mem
	if mem == "" {
		mem = "1G"
	}
	r.Commit = first("git", "rev-parse", "--short=12", "HEAD")
	if first("git", "status", "--porcelain", "-uno", "--", ".", ":!docs") != "" {
		r.Commit += "+"
	}
	r.Machine = "QEMU's machine pc with " + mem + " of memory, TCG; instructions by -icount shift=0, seed 1, one CPU"
	r.Versions = map[string]string{"QEMU": first(qemu, "--version"), "Go": runtime.Version(), "host": cpuName()}
	if _, err := os.Stat(busyboxPath); err == nil {
		r.Versions["busybox"] = first(busyboxPath)
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			switch d.Path {
			case "github.com/u-root/u-root":
				r.Versions["u-root"] = d.Version
			case "gonum.org/v1/plot":
				r.Versions["gonum plot"] = d.Version
			}
		}
	}
}

func cpuName() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for _, l := range strings.Split(string(b), "\n") {
		if k, v, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(k) == "model name" {
			return fmt.Sprintf("%s, %d CPUs", strings.TrimSpace(v), runtime.NumCPU())
		}
	}
	return fmt.Sprintf("%d CPUs", runtime.NumCPU())
}
