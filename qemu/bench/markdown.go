package bench

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// WriteMarkdown writes the tables.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Commit %s, %s. %s.\n\n", r.Commit, r.Date, r.Machine)
	if r.LinuxOf != "" {
		fmt.Fprintf(&b, "Linux was not measured again: its figures are of %s, with the same kernel and programs.\n\n", r.LinuxOf)
	}
	for _, k := range slices.Sorted(maps.Keys(r.Versions)) {
		fmt.Fprintf(&b, "- %s: %s\n", k, r.Versions[k])
	}
	if len(r.MemoryKB) > 0 {
		fmt.Fprintf(&b, "- memory in use when the first operation starts (MemTotal - MemFree): Linux %s KiB, Go42 %s KiB\n",
			count(float64(r.MemoryKB["linux"])), count(float64(r.MemoryKB["go42"])))
	}
	if slices.ContainsFunc(r.Rows, func(row Row) bool { return row.Linux.Runs+row.Go42.Runs > 0 }) {
		r.instructionTables(&b)
	}
	r.forkTable(&b)
	r.wallTable(&b)
	_, err := w.Write(b.Bytes())
	return err
}

// instructionTables are a table for each group of operations.
func (r *Report) instructionTables(b *bytes.Buffer) {
	b.WriteString("\n### Instructions\n\nFor one operation; **own** is what the program itself executed of them. The ratio is Go42's by Linux's of the rest, the system's part: below 1, Go42 executes less. " +
		"No ratio: a row that is at least 95 % the program's own, that has no figure on one side, or whose own part (sampled) is not known well enough. ± is two standard errors of a share found by sampling; the others are counted. " +
		"PPCs are calls to servers.\n\n")
	group := ""
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Group != group {
			group = row.Group
			fmt.Fprintf(b, "\n**%s**\n\n| operation | | Linux | own | Go42 | own | ratio | PPCs |\n|---|---|--:|--:|--:|--:|--:|--:|\n", group)
		}
		ratio, ppcs := "–", ""
		if row.Ratio != 0 {
			ratio = fmt.Sprintf("%.2f", row.Ratio)
		}
		if row.Go42.Counted {
			ppcs = trim(row.Go42.PPCs)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s | %s | %s |\n", row.Name, row.What,
			total(&row.Linux), own(&row.Linux), total(&row.Go42), own(&row.Go42), ratio, ppcs)
	}
}

func total(f *Figure) string {
	if f.Error != "" {
		return escape(f.Error)
	}
	s := count(f.Instructions)
	switch {
	case f.Second != 0:
		s += " (second run " + count(f.Second) + ")"
	case f.Runs == 1:
		s += " (one run)"
	}
	return s
}

func own(f *Figure) string {
	switch {
	case f.Error != "":
		return ""
	case !f.OwnKnown:
		return "?"
	case f.OwnOff > 0:
		return count(f.Own) + " ± " + count(f.OwnOff)
	}
	return count(f.Own)
}

// forkTable shows where a fork's instructions go on Go42, and what inherited
// files cost.
func (r *Report) forkTable(b *bytes.Buffer) {
	f := r.Fork
	if f == nil {
		return
	}
	fmt.Fprintf(b, "\n### A fork on Go42, taken apart\n\nOne `%s` of %s instructions, logged instruction by instruction. Kernel is without page faults, which have columns of their own.\n\n"+
		"| phase | program | libOS | kernel | servers | page faults | kernel for these | sum |\n|---|--:|--:|--:|--:|--:|--:|--:|\n", forkOp, count(float64(f.sum())))
	n := func(v uint64) string { return count(float64(v)) }
	for i := range f.Phases {
		p := &f.Phases[i]
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", p.Name, n(p.User), n(p.LibOS), n(p.Kernel), n(p.Server), n(p.Faults), n(p.FaultKernel), n(p.sum()))
	}
	fork, one, again, two, pread, many := r.row(forkOp), r.row("fork_pread1_exit_wait"), r.row("fork_pread1x2_exit_wait"), r.row("fork_pread2_exit_wait"), r.row("pread1_file"), r.row("fork_exit_wait_1000fd")
	if fork == nil || one == nil || again == nil || two == nil || pread == nil || many == nil {
		return
	}
	b.WriteString("\n| descriptors and fork | Linux | Go42 |\n|---|--:|--:|\n")
	for _, d := range []struct {
		what string
		a, b *Row
	}{
		{"1,000 more descriptors (none used)", many, fork},
		{"the child's first pread of an inherited file", one, fork},
		{"its second pread of the same", again, one},
		{"its first pread of another", two, one},
	} {
		fmt.Fprintf(b, "| %s | %s | %s |\n", d.what, difference(&d.a.Linux, &d.b.Linux), difference(&d.a.Go42, &d.b.Go42))
	}
	fmt.Fprintf(b, "| to compare: pread without fork | %s | %s |\n", total(&pread.Linux), total(&pread.Go42))
	b.WriteString("\nDifferences of rows above: as good as the batches are even, which is some thousand instructions for forks.\n")
}

func difference(a, b *Figure) string {
	if a.Error != "" || b.Error != "" {
		return "–"
	}
	d := a.Instructions - b.Instructions
	if d < 0 {
		return "−" + count(-d)
	}
	return count(d)
}

// wallTable is written if there is any wall time.
func (r *Report) wallTable(b *bytes.Buffer) {
	var n []string
	boots := 0
	for _, c := range wallCPUs {
		for i := range r.Rows {
			if _, ok := r.Rows[i].Linux.Wall[c]; ok {
				n = append(n, c)
				boots = max(boots, r.Rows[i].Linux.Wall[c].Boots)
				break
			}
		}
	}
	if len(n) == 0 {
		return
	}
	b.WriteString("\n### Wall time\n\n")
	if r.WallOf != "" {
		fmt.Fprintf(b, "Not measured again: of %s.\n\n", r.WallOf)
	}
	fmt.Fprintf(b, "Microseconds for one operation under TCG: the median of %d interleaved boots [the lowest and highest]. It says what this host's TCG makes of the instructions, not what a processor would. "+
		"A ratio that lies within the spread of its own row says nothing.\n\n| operation |", boots)
	for _, c := range n {
		fmt.Fprintf(b, " Linux, %s CPU | Go42, %s CPU | ratio |", c, c)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|--:|--:|", len(n)) + "\n")
	for i := range r.Rows {
		row := &r.Rows[i]
		fmt.Fprintf(b, "| `%s` |", row.Name)
		for _, c := range n {
			l, g := row.Linux.Wall[c], row.Go42.Wall[c]
			ratio := "–"
			if l.Boots > 0 && g.Boots > 0 && l.Median > 0 {
				ratio = fmt.Sprintf("%.2f", g.Median/l.Median)
			}
			fmt.Fprintf(b, " %s | %s | %s |", wall(l), wall(g), ratio)
		}
		b.WriteString("\n")
	}
}

func wall(w Wall) string {
	if w.Boots == 0 {
		return escape(w.Error)
	}
	us := func(v float64) string { return micro(v / 1e3) }
	return fmt.Sprintf("%s [%s – %s]", us(w.Median), us(w.Low), us(w.High))
}

func micro(v float64) string {
	switch {
	case v < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 1000:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return count(v)
}

func escape(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

// count writes an instruction count: a decimal below 1,000, thousands apart,
// millions from 10 million on.
func count(v float64) string {
	switch {
	case v >= 1e7:
		return strconv.FormatFloat(v/1e6, 'f', 1, 64) + " M"
	case v < 1000:
		return trim(v)
	}
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// trim writes one decimal, and none of a whole number.
func trim(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

// Markers of the generated part of a document.
const (
	beginMark = "<!-- go42 bench: begin -->"
	endMark   = "<!-- go42 bench: end -->"
)

// replaceGenerated puts text between the markers of doc.
func replaceGenerated(doc, text []byte) ([]byte, error) {
	i, j := bytes.Index(doc, []byte(beginMark)), bytes.Index(doc, []byte(endMark))
	if i < 0 || j < i {
		return nil, fmt.Errorf("no markers %q and %q", beginMark, endMark)
	}
	var b bytes.Buffer
	b.Write(doc[:i+len(beginMark)])
	b.WriteString("\n\n")
	b.Write(bytes.TrimSpace(text))
	b.WriteString("\n\n")
	b.Write(doc[j:])
	return b.Bytes(), nil
}
