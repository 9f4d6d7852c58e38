package image

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"golang.org/x/arch/x86/x86asm"
)

// allocHelper matches the runtime's functions that allocate, or may.
var allocHelper = regexp.MustCompile(`^runtime\.(newobject|mallocgc|newarray|makeslice(64|copy)?|growslice\w*|moveSlice\w*|` +
	`concat(string|byte)\w*|slicebytetostring|stringtoslicebyte|stringtoslicerune|slicerunetostring|intstring|` +
	`convT\w*|makemap\w*|mapassign\w*|reflectlite_unsafe_New)$`)

// initialiser matches package initialisers and their function literals.
var initialiser = regexp.MustCompile(`\.init(\.\d+)?(\.func\d+)*$`)

// nameList is a set of function names and prefixes from a text file.
type nameList struct {
	exact  map[string]bool
	prefix []string
}

func readNames(path string) (*nameList, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	l := &nameList{exact: map[string]bool{}}
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if p, ok := strings.CutSuffix(line, "*"); ok {
			l.prefix = append(l.prefix, p)
		} else if line != "" {
			l.exact[line] = true
		}
	}
	return l, nil
}

func (l *nameList) has(name string) bool {
	if l.exact[name] {
		return true
	}
	for _, p := range l.prefix {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// branchTarget returns where a direct call or jump goes.
func branchTarget(in *x86asm.Inst, pc uint64) (uint64, bool) {
	rel, ok := in.Args[0].(x86asm.Rel)
	if !ok {
		return 0, false
	}
	return pc + uint64(in.Len) + uint64(int64(rel)), true
}

// checkAllocation lists the functions that call or jump to an allocation helper
// and are neither the runtime's own, nor initialisers, nor in allowed.
func (im *imageFile) checkAllocation(allowed *nameList) error {
	calls := map[string]map[string]bool{}
	im.each(func(f function, pc uint64, raw []byte, in *x86asm.Inst) {
		target, ok := branchTarget(in, pc)
		if !ok || strings.HasPrefix(f.name, "runtime.") {
			return
		}
		callee, ok := im.at(target)
		if !ok || callee.addr != target || !allocHelper.MatchString(callee.name) {
			return
		}
		if initialiser.MatchString(f.name) || allowed.has(f.name) {
			return
		}
		if calls[f.name] == nil {
			calls[f.name] = map[string]bool{}
		}
		calls[f.name][strings.TrimPrefix(callee.name, "runtime.")] = true
	})
	if len(calls) == 0 {
		return nil
	}
	var lines []string
	for name, helpers := range calls {
		var hs []string
		for h := range helpers {
			hs = append(hs, h)
		}
		sort.Strings(hs)
		lines = append(lines, name+": "+strings.Join(hs, ", "))
	}
	sort.Strings(lines)
	return fmt.Errorf("these functions may allocate and are not in boot/startup_funcs.txt:\n%s", list(lines))
}

func (b *builder) startupFuncs() (*nameList, error) {
	return readNames(filepath.Join(b.tc.root, "boot", "startup_funcs.txt"))
}
