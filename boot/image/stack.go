package image

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/arch/x86/x86asm"
)

// The stack check: the deepest static call path from each function, from the
// frame sizes in pclntab and the direct calls and jumps in the code. Indirect
// calls, recursion and panics are counted as boot/stack_bounds.txt says.

// bounds is the parsed stack_bounds.txt.
type bounds struct {
	def       int64
	calls     []callRule
	fixed     []numberRule
	recursive []numberRule
	limit     []numberRule
}

type numberRule struct {
	name string
	n    int64
}

type callRule struct {
	caller  string
	targets []string
}

func matches(pattern, name string) bool {
	if p, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, p)
	}
	return pattern == name
}

func findNumber(rules []numberRule, name string) (int64, bool) {
	for _, r := range rules {
		if matches(r.name, name) {
			return r.n, true
		}
	}
	return 0, false
}

func readBounds(path string) (*bounds, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	bs := &bounds{}
	for i, line := range strings.Split(string(b), "\n") {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		bad := fmt.Errorf("%s:%d: not understood: %s", path, i+1, line)
		if f[0] == "calls" {
			if len(f) < 4 || f[2] != "->" {
				return nil, bad
			}
			bs.calls = append(bs.calls, callRule{f[1], f[3:]})
			continue
		}
		n, err := strconv.ParseInt(f[len(f)-1], 10, 64)
		if err != nil || (f[0] == "default") != (len(f) == 2) || len(f) > 3 {
			return nil, bad
		}
		switch f[0] {
		case "default":
			bs.def = n
		case "fixed":
			bs.fixed = append(bs.fixed, numberRule{f[1], n})
		case "recursive":
			bs.recursive = append(bs.recursive, numberRule{f[1], n})
		case "limit":
			bs.limit = append(bs.limit, numberRule{f[1], n})
		default:
			return nil, bad
		}
	}
	return bs, nil
}

// edge is a call from a function: used is what the caller has on the stack
// then, return address included. A target of zero is an indirect call.
type edge struct {
	target uint64
	used   int64
}

type node struct {
	function
	frame  int64 // deepest use of its own
	edges  []edge
	called bool

	state int // 0 new, 1 being visited, 2 done
	depth int64
	next  *node // on the deepest path; nil: its own frame or an indirect call
}

type callGraph struct {
	bounds *bounds
	nodes  map[uint64]*node
	order  []*node
	errs   []string
	stack  []*node
}

func (im *imageFile) callGraph(bs *bounds) (*callGraph, error) {
	tab, err := im.pclntab()
	if err != nil {
		return nil, err
	}
	g := &callGraph{bounds: bs, nodes: map[uint64]*node{}}
	var cur *node
	var rs []spRange
	var pf pcFunc
	im.each(func(f function, pc uint64, raw []byte, in *x86asm.Inst) {
		if cur == nil || cur.addr != f.addr {
			cur = &node{function: f}
			g.nodes[f.addr] = cur
			g.order = append(g.order, cur)
			pf = tab.byPC[f.addr]
			rs = tab.depths(f.addr, pf)
			for _, r := range rs {
				cur.frame = max(cur.frame, r.bytes)
			}
		}
		var used int64
		if i := sort.Search(len(rs), func(i int) bool { return rs[i].end > pc }); i < len(rs) {
			used = rs[i].bytes
		}
		target, direct := branchTarget(in, pc)
		switch {
		case in.Op == x86asm.CALL && direct:
			cur.edges = append(cur.edges, edge{target, used + 8})
		case in.Op == x86asm.CALL:
			cur.edges = append(cur.edges, edge{0, used + 8})
		case direct && (target < f.addr || target >= f.addr+f.size):
			cur.edges = append(cur.edges, edge{target, used})
		case in.Op == x86asm.JMP && !direct && pf.asm:
			// In compiled code this is a switch's jump table.
			cur.edges = append(cur.edges, edge{0, used})
		}
	})
	for _, n := range g.order {
		for _, e := range n.edges {
			if e.target != 0 && e.target != n.addr {
				if f, ok := im.at(e.target); ok {
					if t := g.nodes[f.addr]; t != nil {
						t.called = true
					}
				}
			}
		}
	}
	// A jump into the middle of a function (Duff's devices) counts as its
	// beginning.
	for _, n := range g.order {
		for i, e := range n.edges {
			if f, ok := im.at(e.target); ok {
				n.edges[i].target = f.addr
			}
		}
	}
	return g, nil
}

// visit computes n.depth.
func (g *callGraph) visit(n *node) int64 {
	switch n.state {
	case 2:
		return n.depth
	case 1:
		// A cycle. One of its functions must be declared recursive.
		i := slices.Index(g.stack, n)
		var names []string
		for _, m := range g.stack[i:] {
			if _, ok := findNumber(g.bounds.recursive, m.name); ok {
				return 0
			}
			names = append(names, m.name)
		}
		g.errs = append(g.errs, "recursion without a declared bound: "+strings.Join(append(names, n.name), " -> "))
		return 0
	}
	if d, ok := findNumber(g.bounds.fixed, n.name); ok {
		n.state, n.depth = 2, d
		return d
	}
	n.state = 1
	g.stack = append(g.stack, n)
	n.depth = n.frame
	consider := func(used int64, t *node) {
		if d := used + g.visit(t); d > n.depth {
			n.depth, n.next = d, t
		}
	}
	for _, e := range n.edges {
		if e.target != 0 {
			if t := g.nodes[e.target]; t != nil {
				consider(e.used, t)
			}
			continue
		}
		if ts := g.indirect(n.name); ts != nil {
			for _, t := range ts {
				consider(e.used, t)
			}
		} else if d := e.used + g.bounds.def; d > n.depth {
			n.depth, n.next = d, nil
		}
	}
	if times, ok := findNumber(g.bounds.recursive, n.name); ok {
		n.depth += (times - 1) * g.loop(n, n, map[*node]int64{})
	}
	g.stack = g.stack[:len(g.stack)-1]
	n.state = 2
	return n.depth
}

// loop returns how much stack the longest way from m back to n takes, 0 if
// there is none.
func (g *callGraph) loop(n, m *node, known map[*node]int64) (longest int64) {
	if d, ok := known[m]; ok {
		return d
	}
	known[m] = 0
	if _, ok := findNumber(g.bounds.fixed, m.name); ok {
		return 0
	}
	for _, e := range m.edges {
		ts := []*node{g.nodes[e.target]}
		if e.target == 0 {
			ts = g.indirect(m.name)
		}
		for _, t := range ts {
			if t == n {
				longest = max(longest, e.used)
			} else if t != nil {
				if d := g.loop(n, t, known); d > 0 {
					longest = max(longest, e.used+d)
				}
			}
		}
	}
	known[m] = longest
	return longest
}

// indirect returns the declared targets of name's indirect calls; nil if none
// are declared.
func (g *callGraph) indirect(name string) (ts []*node) {
	for _, r := range g.bounds.calls {
		if !matches(r.caller, name) {
			continue
		}
		for _, n := range g.order {
			for _, p := range r.targets {
				if matches(p, n.name) {
					ts = append(ts, n)
				}
			}
		}
	}
	return ts
}

func (n *node) path() string {
	var parts []string
	seen := map[*node]bool{}
	for m := n; m != nil && !seen[m]; m = m.next {
		seen[m] = true
		parts = append(parts, fmt.Sprintf("%s (%d)", m.name, m.frame))
	}
	return strings.Join(parts, " > ")
}

// checkStack fails if a call path may need more than limit bytes, and reports
// the deepest entries through logf. Entries are functions that nothing calls
// directly, and those with a limit of their own.
func (im *imageFile) checkStack(bs *bounds, limit int64, logf func(string, ...any)) error {
	g, err := im.callGraph(bs)
	if err != nil {
		return err
	}
	var roots []*node
	for _, n := range g.order {
		g.visit(n)
		if _, own := findNumber(bs.limit, n.name); own || !n.called {
			roots = append(roots, n)
		}
	}
	if len(g.errs) > 0 {
		return errors.New(list(g.errs))
	}
	sort.SliceStable(roots, func(i, j int) bool { return roots[i].depth > roots[j].depth })
	var over []string
	for i, n := range roots {
		most := limit
		if l, ok := findNumber(bs.limit, n.name); ok {
			most = l
		}
		if n.depth > most {
			over = append(over, fmt.Sprintf("%d bytes of %d: %s", n.depth, most, n.path()))
		}
		if i < 3 {
			logf("stack %d of %d: %s", n.depth, most, n.path())
		}
	}
	if len(over) > 0 {
		return fmt.Errorf("the stack may overflow:\n%s", list(over))
	}
	return nil
}

func (b *builder) stackBounds() (*bounds, error) {
	return readBounds(filepath.Join(b.tc.root, "boot", "stack_bounds.txt"))
}
