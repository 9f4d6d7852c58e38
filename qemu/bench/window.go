package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"go42/qemu"
)

// Windows looks at operations instruction by instruction. For each it gives the
// guest digits; see -steps of tests/guest/bench. Limits on a window's length
// are in instructions of the machine.
type Windows struct {
	*Bencher
	Linux bool
	// Cost estimates the instructions of one operation; 0: not known.
	Cost func(name string) float64
	// Repeat, if not 0, is the number of operations in a window; the counts are
	// then also by instruction (Split.Sites).
	Repeat int
	// Fork is filled in when fork_exit_wait is looked at on Go42.
	Fork *ForkCosts

	libos, kernel *Symbols // Go42's
}

// Split is what the windows of one operation showed.
type Split struct {
	Status string
	again  bool            // the machine and the tool went out of step
	Ops    float64         // operations that the counts are for; 0: samples, of which only shares mean something
	Counts [numWho]float64 // instructions
	// Error bounds |the error| of each count's share of the sum, where it is
	// known only by sampling (two standard errors); 0: counted.
	Error   float64
	Samples int
	// Sites are the counts by instruction, for symbols.
	Sites map[site]uint64
	known *spaces
}

// sum of all counts.
func (s *Split) sum() (n float64) {
	for _, c := range s.Counts {
		n += c
	}
	return n
}

// own is the program's own part of one operation of total instructions, and
// how far off it may be.
func (s *Split) own(total float64) (own, off float64) {
	if s.Ops > 0 {
		return max(s.Counts[Program], 0) / s.Ops, 0
	}
	return total * s.Counts[Program] / s.sum(), total * s.Error
}

// Bounds on what is logged, in instructions: a million lines take QEMU and the
// tool a second or two.
const (
	differenceBelow = 0.5e6 // by the difference of two windows
	countedBelow    = 8e6   // one window of one operation; above: samples
	sampledAbove    = 400e6 // so much is run for samples
	minSamples      = 8
	enoughSamples   = 100
	sampleTime      = 10 * time.Second
)

// Run returns a Split for each operation. Where a window goes wrong, another
// boot tries that operation once more and goes on behind it.
func (w *Windows) Run(ctx context.Context, what string, ops []Op, flags ...string) (map[string]*Split, *output, error) {
	splits := map[string]*Split{}
	out := newOutput()
	tries := map[string]int{}
	for len(ops) > 0 {
		got, o, err := w.boot(ctx, what, ops, flags...)
		if err != nil {
			return nil, nil, err
		}
		out = o
		failed := ""
		for name, s := range got {
			splits[name] = s
			if s.again {
				failed = name
			}
		}
		if failed == "" {
			break
		}
		tries[failed]++
		i := slices.IndexFunc(ops, func(o Op) bool { return o.Name == failed })
		ops = ops[i:]
		if tries[failed] > 1 {
			ops = ops[1:]
		}
	}
	return splits, out, nil
}

// boot boots once and makes windows until one goes wrong.
func (w *Windows) boot(ctx context.Context, what string, ops []Op, flags ...string) (map[string]*Split, *output, error) {
	sym, err := ELFSymbols(w.Guest.Prog)
	if err != nil {
		return nil, nil, err
	}
	mark := sym.Address("main.mark.abi0")
	if mark == 0 {
		return nil, nil, fmt.Errorf("%s has no symbol main.mark.abi0", w.Guest.Prog)
	}
	var call, startFork uint64
	if !w.Linux {
		if w.libos, err = ELFSymbols(w.file("libos.elf")); err != nil {
			return nil, nil, err
		}
		if w.kernel, err = ELFSymbols(w.file("kernel.elf")); err != nil {
			return nil, nil, err
		}
		p, err := newPhaser(mark, w.libos, w.kernel)
		if err != nil {
			return nil, nil, err
		}
		call, startFork = p.call, p.startFork
	}
	t, err := newTracer()
	if err != nil {
		return nil, nil, err
	}
	defer t.close()
	s := &stepper{tracer: t, mark: mark, known: newSpaces(w.Linux, call), lines: make(chan string, 64)}
	s.known.startFork = startFork
	var names []string
	for _, o := range ops {
		if w.Guest.Missing[o.Name] == "" && o.Parts == nil && o.Name != BootRow {
			names = append(names, o.Name)
		}
	}
	out := newOutput()
	if len(names) == 0 {
		return nil, out, nil
	}
	in, send := io.Pipe()
	defer send.Close()
	c := w.config(w.Linux)
	c.SMP, c.ICount = 1, true
	c.Args = append(append([]string{w.Guest.Prog, "-steps"}, flags...), names...)
	c.Stdin = in
	c.Hardware.Args = append(append([]string(nil), c.Hardware.Args...), t.args()...)
	c.Stdout = &lineWriter{f: func(l string) { s.lines <- l }}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var r *qemu.Result
	ended := make(chan error, 1)
	go func() {
		var err error
		r, err = w.Project.Run(ctx, c)
		close(s.lines)
		ended <- err
	}()
	splits := map[string]*Split{}
	done := 0
	for l := range s.lines {
		out.line(l)
		f := strings.Fields(l)
		if len(f) != 2 || f[0] != "ready" {
			continue
		}
		name := f[1]
		op := find(name)
		if w.Progress != nil {
			w.Progress(what, name, done, len(names))
		}
		done++
		s.known.vdso = out.VDSO
		split, err := w.look(s, send, op)
		if err != nil {
			split = &Split{Status: err.Error(), again: true}
			splits[name] = split
			if w.Problem != nil {
				w.Problem(fmt.Sprintf("%s: %s: %v", what, name, err))
			}
			break // the machine and the tool are out of step
		}
		splits[name] = split
		if name == forkOp && !w.Linux && w.Repeat == 0 {
			if w.Fork, err = w.fork(s, send, mark); err != nil {
				split.again = true
				break
			}
		}
		if _, err := send.Write([]byte("\n")); err != nil {
			break
		}
	}
	if !out.Over {
		cancel()
		go func() {
			for range s.lines {
			}
		}()
	}
	err = <-ended
	if err != nil {
		return nil, nil, err
	}
	if now := out.Now; !out.Over && now != "" && (splits[now] == nil || !splits[now].again) {
		splits[now] = &Split{Status: r.String(), again: true}
		if w.Problem != nil {
			w.Problem(fmt.Sprintf("%s: %s: %v", what, now, r))
		}
	}
	return splits, out, nil
}

// look makes the windows of one operation.
func (w *Windows) look(s *stepper, send io.Writer, op *Op) (*Split, error) {
	cost := 0.0
	if w.Cost != nil {
		cost = w.Cost(op.Name)
	}
	s.known.others = Server
	if op.Work || cost > countedBelow {
		s.known.others = Program
	}
	n := 1
	switch {
	case op.Work || cost > countedBelow:
		return s.sample(send, max(1, min(9, int(sampledAbove/max(cost, 1)))), w.Repeat > 0)
	case w.Repeat > 0:
		n = min(w.Repeat, 9)
	case cost < differenceBelow:
		one, err := s.window(send, 1)
		if err != nil {
			return nil, err
		}
		three, err := s.window(send, 3)
		if err != nil {
			return nil, err
		}
		r := &Split{Ops: 2}
		a, b := s.known.split(one), s.known.split(three)
		for i := range a {
			r.Counts[i] = float64(b[i]) - float64(a[i])
		}
		return r, nil
	}
	t, err := s.window(send, n)
	if err != nil {
		return nil, err
	}
	r := &Split{Ops: float64(n), Sites: t.sites, known: s.known}
	for i, c := range s.known.split(t) {
		r.Counts[i] = float64(c)
	}
	return r, nil
}

// forkOp is the operation that ForkCosts takes apart.
const forkOp = "fork_exit_wait"

// fork follows single forks and keeps the shortest: no timer tick, no
// collection in a server fell into it.
func (w *Windows) fork(s *stepper, send io.Writer, mark uint64) (*ForkCosts, error) {
	var best *ForkCosts
	for range 5 {
		p, err := newPhaser(mark, w.libos, w.kernel)
		if err != nil {
			return nil, err
		}
		s.watch = func(at site) { p.step(at, s.known.who(at)) }
		_, err = s.window(send, 1)
		s.watch = nil
		if err != nil {
			return nil, err
		}
		p.costs.Ops = 1
		if best == nil || p.costs.sum() < best.sum() {
			best = &p.costs
		}
	}
	return best, nil
}

// stepper makes windows in a running machine.
type stepper struct {
	*tracer
	mark  uint64
	known *spaces
	lines chan string
	watch func(site) // of the next windows' traces
}

// windowLimit bounds the wall time of a window.
const windowLimit = 3 * time.Minute

// window logs n operations.
func (s *stepper) window(send io.Writer, n int) (*trace, error) {
	r, err := s.start(s.mark, s.known, s.watch)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(send, "%d", n); err != nil {
		return nil, err
	}
	err = s.await(windowLimit)
	t, err2 := r.stop()
	if err == nil {
		err = err2
	}
	if err != nil {
		return nil, err
	}
	if t.marks != 2 {
		return nil, fmt.Errorf("%d marks in the log, not 2", t.marks)
	}
	return t, nil
}

// await waits for the guest's word that the window is over.
func (s *stepper) await(limit time.Duration) error {
	timeout := time.After(limit)
	for {
		select {
		case l, ok := <-s.lines:
			switch {
			case !ok:
				return fmt.Errorf("the machine ended in the window")
			case strings.HasPrefix(l, "done "):
				return nil
			case strings.HasPrefix(l, "fail "), strings.HasPrefix(l, "end "):
				return fmt.Errorf("in the window: %s", l)
			}
		case <-timeout:
			return fmt.Errorf("the window did not end in %v", limit)
		}
	}
}

// sample runs operations, n at a time, and logs short stretches of them, until
// there are enough or sampleTime has passed.
func (s *stepper) sample(send io.Writer, n int, sites bool) (*Split, error) {
	var traces []*trace
	for start := time.Now(); len(traces) < enoughSamples && (len(traces) == 0 || time.Since(start) < sampleTime); {
		more, err := s.round(send, n)
		if err != nil {
			return nil, err
		}
		traces = append(traces, more...)
	}
	return s.sum(traces, sites), nil
}

// round samples n operations.
func (s *stepper) round(send io.Writer, n int) (traces []*trace, err error) {
	over := make(chan error, 1)
	if _, err := fmt.Fprintf(send, "%d", n); err != nil {
		return nil, err
	}
	go func() { over <- s.await(windowLimit) }()
	for {
		// Uneven pauses: samples shall not keep step with the operation.
		select {
		case err := <-over:
			return traces, err
		case <-time.After(time.Duration(5+rand.IntN(20)) * time.Millisecond):
		}
		rec, err := s.start(0, s.known, nil)
		if err != nil {
			return nil, err
		}
		time.Sleep(5 * time.Millisecond)
		t, err := rec.stop()
		if err != nil {
			return nil, err
		}
		if t.total > 0 {
			traces = append(traces, t)
		}
	}
}

// sum makes a Split of samples. Its counts have no scale: Ops is 0.
func (s *stepper) sum(traces []*trace, sites bool) *Split {
	r := &Split{known: s.known, Error: shareError(traces, s.known), Samples: len(traces)}
	if sites {
		r.Sites = map[site]uint64{}
	}
	for _, t := range traces {
		for i, c := range s.known.split(t) {
			r.Counts[i] += float64(c)
		}
		if sites {
			for k, c := range t.sites {
				r.Sites[k] += c
			}
		}
	}
	if len(traces) < minSamples {
		r.Status = fmt.Sprintf("only %d samples", len(traces))
	}
	return r
}

// lineWriter calls f for each line.
type lineWriter struct {
	mu   sync.Mutex
	part []byte
	f    func(string)
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.part = append(w.part, p...)
	for {
		i := bytes.IndexByte(w.part, '\n')
		if i < 0 {
			return len(p), nil
		}
		w.f(string(w.part[:i]))
		w.part = w.part[i+1:]
	}
}
