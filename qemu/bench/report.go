package bench

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strconv"
)

// Report is everything that was measured. Its JSON is docs/bench/bench.json.
type Report struct {
	Commit   string            `json:"commit"` // of the source tree; "+" after it: with changes
	Date     string            `json:"date"`
	Versions map[string]string `json:"versions"`
	Machine  string            `json:"machine"`
	// MemoryKB is MemTotal - MemFree when the first operation starts.
	MemoryKB map[string]int `json:"memory_kb"`
	Rows     []Row          `json:"rows"`
	Fork     *ForkCosts     `json:"fork,omitempty"`
	// WallOf says of which commit the wall time is, and when it was taken, if it was
	// kept from an earlier report.
	WallOf string `json:"wall_of,omitempty"`
	// LinuxOf is the same for Linux's figures.
	LinuxOf string `json:"linux_of,omitempty"`
}

// of says which commit r is of, and when it was taken.
func (r *Report) of() string { return "commit " + r.Commit + ", " + r.Date }

// KeepWall takes over the wall time of an earlier report, for rows that this one has.
func (r *Report) KeepWall(old *Report) {
	r.WallOf = old.WallOf
	if r.WallOf == "" {
		r.WallOf = old.of()
	}
	for i := range r.Rows {
		if o := old.row(r.Rows[i].Name); o != nil {
			r.Rows[i].Linux.Wall, r.Rows[i].Go42.Wall = o.Linux.Wall, o.Go42.Wall
		}
	}
}

// Row is an operation or a part of it.
type Row struct {
	Name  string `json:"name"`
	What  string `json:"what"`
	Group string `json:"group"`
	Linux Figure `json:"linux"`
	Go42  Figure `json:"go42"`
	// Ratio is the system's instructions on Go42 by those on Linux; 0: there is
	// none, since a system has no figure, the row is the program's own work, or
	// the system's part is not known well enough.
	Ratio float64 `json:"ratio,omitempty"`
}

// Figure is one system's part of a row, for one operation.
type Figure struct {
	// Error says why there are no instructions: an errno or how it crashed.
	Error        string  `json:"error,omitempty"`
	Instructions float64 `json:"instructions,omitempty"`
	// Second is what the second run gave, if that was another figure; Runs
	// how many runs there were.
	Second float64 `json:"second,omitempty"`
	Runs   int     `json:"runs,omitempty"`
	// Own is how many of Instructions are the program's, OwnOff how far off
	// that may be (samples; 0: counted).
	Own      float64 `json:"own"`
	OwnOff   float64 `json:"own_off,omitempty"`
	OwnKnown bool    `json:"own_known"`
	// Idle is idle time in virtual ns that was taken off Instructions.
	Idle float64 `json:"idle,omitempty"`
	// By Go42's kernel, if Counted.
	Counted  bool    `json:"counted,omitempty"`
	PPCs     float64 `json:"ppcs,omitempty"`
	Faults   float64 `json:"faults,omitempty"`
	Switches float64 `json:"switches,omitempty"`
	// Wall is wall time by the number of CPUs.
	Wall map[string]Wall `json:"wall,omitempty"`
}

// Wall is wall time of one operation in several boots, ns.
type Wall struct {
	Error  string  `json:"error,omitempty"`
	Median float64 `json:"median,omitempty"`
	Low    float64 `json:"low,omitempty"`
	High   float64 `json:"high,omitempty"`
	Boots  int     `json:"boots,omitempty"`
}

// System is what of the figure is not the program's own.
func (f *Figure) System() float64 { return max(f.Instructions-f.Own, 0) }

// KeepLinux takes over Linux's figures of an earlier report.
func (r *Report) KeepLinux(old *Report) {
	r.LinuxOf = old.LinuxOf
	if r.LinuxOf == "" {
		r.LinuxOf = old.of()
	}
	r.Versions["Linux"], r.MemoryKB["linux"] = old.Versions["Linux"], old.MemoryKB["linux"]
	for i := range r.Rows {
		row := &r.Rows[i]
		if o := old.row(row.Name); o != nil {
			row.Linux = o.Linux
		}
		row.Ratio = row.ratio()
	}
}

// row finds a row; nil: it was not measured.
func (r *Report) row(name string) *Row {
	for i := range r.Rows {
		if r.Rows[i].Name == name {
			return &r.Rows[i]
		}
	}
	return nil
}

// figure makes a Figure of the readings of one or two runs.
func figure(runs []*Reading, s *Split) Figure {
	var f Figure
	var got []*Reading
	for _, r := range runs {
		if r == nil {
			continue
		}
		if r.Status != "" {
			f.Error = r.Status
			return f
		}
		got = append(got, r)
	}
	if len(got) == 0 {
		f.Error = "not measured"
		return f
	}
	r := got[0]
	f.Runs = len(got)
	f.Instructions = r.Value()
	if len(got) > 1 && !r.same(got[1]) {
		f.Second = got[1].Value()
	}
	f.Idle = float64(r.Idle) / r.parts()
	if r.Counted {
		f.Counted = true
		f.PPCs, f.Faults, f.Switches = float64(r.PPCs)/r.parts(), float64(r.Faults)/r.parts(), float64(r.Switches)/r.parts()
	}
	switch {
	case r.Own >= 0:
		f.Own, f.OwnKnown = float64(r.Own)/float64(r.Per), true
	case s != nil && s.Status == "" && (s.Ops > 0 || s.sum() > 0):
		// Counted: what else fell into one of two windows may make the sum of their
		// difference negative, but not the program's part.
		own, off := s.own(f.Instructions * float64(r.Per))
		f.Own, f.OwnOff, f.OwnKnown = own/float64(r.Per), off/float64(r.Per), true
	}
	return f
}

// userOnly is the share of the system below which a row is the program's own
// work and has no ratio.
const userOnly = 0.05

// vague is how far off, by the system's part, own may be in a row with a ratio.
const vague = 0.25

// ratio compares the systems' parts.
func (r *Row) ratio() float64 {
	l, g := &r.Linux, &r.Go42
	if l.Error != "" || g.Error != "" || !l.OwnKnown || !g.OwnKnown || l.Instructions == 0 {
		return 0
	}
	if l.OwnOff > vague*l.System() || g.OwnOff > vague*g.System() {
		return 0
	}
	if l.System() < userOnly*l.Instructions && g.System() < userOnly*g.Instructions || l.System() == 0 {
		return 0
	}
	return g.System() / l.System()
}

// wallOf sums up the boots of one row.
func wallOf(v []float64, why string) Wall {
	if len(v) == 0 {
		return Wall{Error: why}
	}
	slices.Sort(v)
	return Wall{Median: v[len(v)/2], Low: v[0], High: v[len(v)-1], Boots: len(v)}
}

// WriteJSON writes the report.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// WriteCSV writes one line for each row, without wall time's errors.
func (r *Report) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	head := []string{"operation", "what", "group"}
	for _, s := range []string{"linux", "go42"} {
		head = append(head, s+"_instructions", s+"_second_run", s+"_own", s+"_own_off", s+"_error")
	}
	head = append(head, "ratio", "go42_ppcs", "go42_faults", "go42_switches")
	for _, s := range []string{"linux", "go42"} {
		for _, n := range wallCPUs {
			head = append(head, s+"_wall_ns_"+n, s+"_wall_low_"+n, s+"_wall_high_"+n)
		}
	}
	c.Write(head)
	num := func(v float64, known bool) string {
		if !known {
			return ""
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		l := []string{row.Name, row.What, row.Group}
		for _, f := range []*Figure{&row.Linux, &row.Go42} {
			ok := f.Error == ""
			l = append(l, num(f.Instructions, ok), num(f.Second, ok && f.Second != 0), num(f.Own, ok && f.OwnKnown), num(f.OwnOff, ok && f.OwnKnown), f.Error)
		}
		g := &row.Go42
		l = append(l, num(row.Ratio, row.Ratio != 0), num(g.PPCs, g.Counted), num(g.Faults, g.Counted), num(g.Switches, g.Counted))
		for _, f := range []*Figure{&row.Linux, &row.Go42} {
			for _, n := range wallCPUs {
				w := f.Wall[n]
				ok := w.Boots > 0
				l = append(l, num(w.Median, ok), num(w.Low, ok), num(w.High, ok))
			}
		}
		c.Write(l)
	}
	c.Flush()
	return c.Error()
}

// wallCPUs are the numbers of CPUs that wall time is taken with.
var wallCPUs = []string{"1", "2"}
