package bench

import (
	"cmp"
	"context"
	"debug/elf"
	"debug/gosym"
	"fmt"
	"io"
	"slices"
	"strings"
)

// pclnSymbols reads the functions of a Go ELF whose symbol table was left out:
// the runtime's own table stays.
func pclnSymbols(file string) (*Symbols, error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	tab, text := f.Section(".gopclntab"), f.Section(".text")
	if tab == nil || text == nil {
		return nil, fmt.Errorf("%s: no .gopclntab", file)
	}
	b, err := tab.Data()
	if err != nil {
		return nil, err
	}
	t, err := gosym.NewTable(nil, gosym.NewLineTable(b, text.Addr))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	s := &Symbols{}
	for _, fn := range t.Funcs {
		s.list = append(s.list, symbol{fn.Entry, fn.End, fn.Name})
	}
	s.sort()
	return s, nil
}

// Profile says where the instructions of one operation went.
type Profile struct {
	Op      Op
	Linux   bool
	Split   *Split
	Symbols [numWho]map[string]float64 // counts
	// Measured is what one operation takes without any log, by the time stamp
	// counter; 0: not known.
	Measured float64
}

// Symbolise runs an operation and counts its instructions by symbol.
func (b *Bencher) Symbolise(ctx context.Context, op Op, linux bool, repeat int) (*Profile, error) {
	if err := b.pin(&Plan{NoLinux: !linux, OnlyLinux: linux}); err != nil {
		return nil, err
	}
	boot, err := b.run(ctx, system(linux)+", "+op.Name, linux, 1, true, nil, []Op{op})
	if err != nil {
		return nil, err
	}
	rd := boot.Rows[op.Name]
	if rd == nil || rd.Status != "" {
		why := "it has no single figure; -symbols takes operations of one row"
		if rd != nil {
			why = rd.Status
		}
		return nil, fmt.Errorf("%s on %s: %s", op.Name, system(linux), why)
	}
	p := &Profile{Op: op, Linux: linux, Measured: rd.Value() * float64(rd.Per)}
	w := &Windows{Bencher: b, Linux: linux, Repeat: repeat, Cost: func(string) float64 { return p.Measured }}
	var flags []string
	if linux {
		flags = []string{"-cat", "/proc/kallsyms"}
	}
	s, out, err := w.Run(ctx, system(linux)+", step by step", []Op{op}, flags...)
	if err != nil {
		return nil, err
	}
	p.Split = s[op.Name]
	if p.Split == nil {
		return nil, fmt.Errorf("%s did not reach its window", op.Name)
	}
	if p.Split.Sites == nil {
		return nil, fmt.Errorf("%s: %s", op.Name, p.Split.Status)
	}
	tables, err := b.tables(linux, out)
	if err != nil {
		return nil, err
	}
	for i := range p.Symbols {
		p.Symbols[i] = map[string]float64{}
	}
	for st, n := range p.Split.Sites {
		k := p.Split.known.who(st)
		name := ""
		if t := tables[k]; t != nil {
			name = t.Name(st.pc)
		}
		if k == Program && (st.pc < textLow || st.pc >= textHigh) {
			name = "(another program)"
		}
		if name == "" {
			name = "(no symbol)"
		}
		p.Symbols[k][name] += float64(n)
	}
	return p, nil
}

// tables are the symbols of each who.
func (b *Bencher) tables(linux bool, out *output) (t [numWho]*Symbols, err error) {
	if t[Program], err = ELFSymbols(b.Guest.Prog); err != nil {
		return t, err
	}
	if linux {
		t[Kernel] = Kallsyms(out.text)
		return t, nil
	}
	if t[Kernel], err = ELFSymbols(b.file("kernel.elf")); err != nil {
		return t, err
	}
	if t[LibOS], err = ELFSymbols(b.file("libos.elf")); err != nil {
		return t, err
	}
	t[ServerLibOS] = t[LibOS]
	t[Server], err = pclnSymbols(b.file("go42srv"))
	return t, err
}

// Write prints the profile: of each who the symbols that make up most.
func (p *Profile) Write(w io.Writer, lines int) {
	sum := p.Split.sum()
	ops := p.Split.Ops
	scale := 1 / ops
	fmt.Fprintf(w, "%s on %s: %s instructions for one operation\n", p.Op.Name, system(p.Linux), count(p.Measured))
	if ops == 0 {
		scale = p.Measured / sum
		fmt.Fprintf(w, "From %d samples of %.0f instructions; shares are good to about %.1f %% of the whole (two standard errors of the program's).\n",
			p.Split.Samples, sum, 100*p.Split.Error)
	} else {
		fmt.Fprintf(w, "Counted: each instruction of %.0f operations was logged, %s for one. The count differs from the figure above by what a\n"+
			"batch spreads over its operations and a window does not (timer ticks, collections in servers), by the marks, and by an\n"+
			"instruction for each page fault, which is logged again when it is repeated.\n", ops, count(sum/ops))
	}
	for k := range numWho {
		n := p.Split.Counts[k]
		if n == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%-20s %12s %6.1f %%\n", k.String(), count(n*scale), 100*n/sum)
		type entry struct {
			name string
			n    float64
		}
		var e []entry
		for name, c := range p.Symbols[k] {
			e = append(e, entry{name, c})
		}
		slices.SortFunc(e, func(a, b entry) int {
			return cmp.Or(cmp.Compare(b.n, a.n), strings.Compare(a.name, b.name))
		})
		rest := 0.0
		for i, x := range e {
			if i >= lines {
				rest += x.n
				continue
			}
			fmt.Fprintf(w, "  %12s %6.1f %%  %s\n", count(x.n*scale), 100*x.n/sum, x.name)
		}
		if rest > 0 {
			fmt.Fprintf(w, "  %12s %6.1f %%  %d others\n", count(rest*scale), 100*rest/sum, len(e)-lines)
		}
	}
}
