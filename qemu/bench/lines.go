package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Reading is what one boot says of one row.
type Reading struct {
	Status   string // why there are no figures; empty: there are
	Per      int    // parts of an operation
	Iters    int    // operations of a batch
	Ticks    []uint64
	Own      int    // the program's own instructions of one operation; -1: not known
	Idle     uint64 // ns in all batches
	Counted  bool   // the next three are known
	PPCs     uint64
	Faults   uint64
	Switches uint64
}

// parts is the number of parts in all batches.
func (r *Reading) parts() float64 { return float64(r.Iters * r.Per * len(r.Ticks)) }

// Value is the median batch's ticks for one part, idle time taken off evenly.
func (r *Reading) Value() float64 {
	t := slices.Clone(r.Ticks)
	slices.Sort(t)
	v := float64(t[len(t)/2]) / float64(r.Iters*r.Per)
	return max(v-float64(r.Idle)/r.parts(), 0)
}

// same reports whether two readings agree to the digit.
func (r *Reading) same(o *Reading) bool {
	return r.Status == o.Status && r.Per == o.Per && r.Iters == o.Iters && r.Idle == o.Idle && slices.Equal(r.Ticks, o.Ticks)
}

// output collects the lines of the bench program.
type output struct {
	CPUs   int
	UsedKB int
	VDSO   uint64 // where the current operation's process has it; 0: none
	Rows   map[string]*Reading
	Ended  map[string]bool // operations that are through
	Now    string          // operation that has begun and not ended
	Over   bool
	text   []string // other lines: what -cat printed
}

func newOutput() *output {
	return &output{Rows: map[string]*Reading{}, Ended: map[string]bool{}}
}

// line takes one line without its newline.
func (o *output) line(l string) {
	f := strings.Fields(l)
	if len(f) == 0 {
		return
	}
	num := func(i int) int {
		if i >= len(f) {
			return 0
		}
		n, _ := strconv.Atoi(f[i])
		return n
	}
	switch {
	case f[0] == "cpus" && len(f) == 2:
		o.CPUs = num(1)
	case f[0] == "used" && len(f) == 2:
		o.UsedKB = num(1)
	case f[0] == "begin" && len(f) == 2:
		o.Now = f[1]
	case f[0] == "row" && len(f) > 2:
		r, err := parseRow(f)
		if err != nil {
			r = &Reading{Status: "unreadable: " + err.Error()}
		}
		o.Rows[f[1]] = r
	case f[0] == "fail" && len(f) >= 3:
		what := strings.Join(f[3:], " ")
		if e := num(2); e != 0 {
			what = errnoName(e) + " (" + what + ")"
		}
		o.Rows[f[1]] = &Reading{Status: what}
	case f[0] == "end" && len(f) == 3:
		o.Ended[f[1]], o.Now = true, ""
		if s := num(2); s != 0 && (o.Rows[f[1]] == nil || o.Rows[f[1]].Status == "") {
			o.Rows[f[1]] = &Reading{Status: waitStatus(s)}
		}
	case f[0] == "over" && len(f) == 1:
		o.Over = true
	case f[0] == "vdso" && len(f) == 2:
		o.VDSO = uint64(num(1))
	case f[0] == "ready" || f[0] == "done":
	default:
		o.text = append(o.text, l)
	}
}

// parseRow reads "row NAME key value...".
func parseRow(f []string) (*Reading, error) {
	r := &Reading{Own: -1}
	for i := 2; i < len(f); {
		key := f[i]
		i++
		var v []uint64
		for i < len(f) && (f[i][0] >= '0' && f[i][0] <= '9' || f[i][0] == '-') {
			if key == "own" && f[i] == "-1" {
				v = append(v, ^uint64(0))
			} else if n, err := strconv.ParseUint(f[i], 10, 64); err == nil {
				v = append(v, n)
			} else {
				return nil, err
			}
			i++
		}
		if len(v) == 0 {
			return nil, fmt.Errorf("no value for %q", key)
		}
		switch key {
		case "per":
			r.Per = int(v[0])
		case "iters":
			r.Iters = int(v[0])
		case "own":
			r.Own = int(v[0])
		case "ticks":
			r.Ticks = v
		case "idle":
			r.Idle = v[0]
		case "ppc":
			r.Counted, r.PPCs = true, v[0]
		case "faults":
			r.Faults = v[0]
		case "switches":
			r.Switches = v[0]
		default:
			return nil, fmt.Errorf("unknown key %q", key)
		}
	}
	if r.Per < 1 || r.Iters < 1 || len(r.Ticks) == 0 {
		return nil, fmt.Errorf("incomplete: %s", strings.Join(f, " "))
	}
	return r, nil
}

func errnoName(e int) string {
	if n := unix.ErrnoName(unix.Errno(e)); n != "" {
		return n
	}
	return fmt.Sprintf("errno %d", e)
}

func waitStatus(s int) string {
	if sig := s & 0x7f; sig != 0 {
		if n := unix.SignalName(unix.Signal(sig)); n != "" {
			return "killed by " + n
		}
		return fmt.Sprintf("killed by signal %d", sig)
	}
	return fmt.Sprintf("exit status %d", s>>8)
}
