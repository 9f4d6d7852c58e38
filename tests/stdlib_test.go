package tests

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go42/qemu"
)

// stdlibPackages are the packages of Go's standard library whose own tests run
// in the guest.
var stdlibPackages = []struct {
	name  string
	short bool
	adds  []string // further folders below GOROOT that the tests read
}{
	{name: "sync"},
	{name: "sync/atomic"},
	{name: "strings"},
	{name: "bytes"},
	{name: "bufio"},
	{name: "sort"},
	{name: "time", adds: []string{"lib/time"}},
	{name: "os"},
	{name: "os/exec"},
	{name: "os/signal"},
	{name: "syscall"},
	{name: "path/filepath", adds: []string{"src/unicode"}},
	{name: "io"},
	{name: "runtime", short: true},
	{name: "internal/poll"},
}

// explained are the tests that fail or are skipped here and pass on Linux, with
// the reason. docs/stdlib-tests.md shows them.
var explained = map[string]string{
	"syscall.TestUnshareMountNameSpace":  noNamespaces,
	"syscall.TestCloneTimeNamespace":     noNamespaces,
	"syscall.TestPidFDWithUserNS":        noNamespaces,
	"syscall.TestAmbientCapsUserns":      noNamespaces,
	"os/exec.TestFindExecutableVsNoexec": noNamespaces,
	"syscall.TestAmbientCaps":            "there are no ambient capabilities",
}

const noNamespaces = "there are no namespaces: unshare and clone refuse them, and the test skips itself"

var (
	stdlibReport = flag.String("stdlib.report", "", "write the table to this `file`")
	stdlibLinux  = flag.Bool("stdlib.linux", false, "run the tests on Linux in QEMU anew and keep the results; without -stdlib.report only there")
	stdlibFull   = flag.Bool("stdlib.full", false, "without -test.short where the package allows")
	stdlibOnly   = flag.String("stdlib.only", "", "only packages that match this `regexp`")
)

// linuxResults are Linux's, kept so that make test need not boot Linux; they
// are renewed with -stdlib.linux.
const linuxResults = "testdata/stdlib-linux.json"

// tally maps a top-level test to PASS, FAIL, SKIP or DIES (took the test binary
// with it, or never ended).
type tally map[string]string

func (t tally) count(result string) int {
	n := 0
	for _, r := range t {
		if r == result {
			n++
		}
	}
	return n
}

type linuxFile struct {
	Go      string           // version of the tests
	Results map[string]tally // by package, with " (short)" if so run
}

// title names a package and the way its tests are run.
func title(name string, short bool) string {
	if short || !*stdlibFull {
		return name + " (short)"
	}
	return name
}

func TestStdlib(t *testing.T) {
	t.Parallel()
	stdlib(t, func(pkg string) bool { return pkg != "os" })
}

// TestStdlibOS is apart: package os takes longer than all the others.
func TestStdlibOS(t *testing.T) {
	t.Parallel()
	stdlib(t, func(pkg string) bool { return pkg == "os" })
}

func stdlib(t *testing.T, which func(pkg string) bool) {
	t.Helper()
	linux := linuxFile{Go: runtime.Version(), Results: map[string]tally{}}
	if b, err := os.ReadFile(linuxResults); err == nil {
		var old linuxFile
		if err := json.Unmarshal(b, &old); err != nil {
			t.Fatal(err)
		}
		if old.Go == linux.Go {
			linux = old
		}
	}
	var mu sync.Mutex
	here := map[string]tally{}
	t.Run("packages", func(t *testing.T) {
		for _, p := range stdlibPackages {
			if !which(p.name) || *stdlibOnly != "" && !regexp.MustCompile(*stdlibOnly).MatchString(p.name) {
				continue
			}
			t.Run(strings.ReplaceAll(p.name, "/", "_"), func(t *testing.T) {
				t.Parallel()
				bin, names := stdlibBinary(t, p.name)
				key := title(p.name, p.short)
				short := strings.HasSuffix(key, "(short)")
				mu.Lock()
				ref := linux.Results[key]
				mu.Unlock()
				if ref == nil || *stdlibLinux {
					ref = runStdlib(t, true, bin, p.name, short, p.adds, names)
					mu.Lock()
					linux.Results[key] = ref
					mu.Unlock()
				}
				if *stdlibLinux && *stdlibReport == "" {
					return
				}
				got := runStdlib(t, false, bin, p.name, short, p.adds, names)
				mu.Lock()
				here[key] = got
				mu.Unlock()
				for _, name := range names {
					full := p.name + "." + name
					if got[name] != ref[name] && ref[name] == "PASS" && explained[full] == "" {
						t.Errorf("%s: %s, on Linux %s", full, or(got[name], "not run"), ref[name])
					}
				}
			})
		}
	})
	if *stdlibReport != "" || *stdlibLinux {
		b, _ := json.MarshalIndent(linux, "", " ")
		if err := os.WriteFile(linuxResults, append(b, '\n'), 0o644); err != nil {
			t.Error(err)
		}
	}
	if *stdlibReport != "" {
		if err := os.WriteFile(*stdlibReport, stdlibTable(linux, here), 0o644); err != nil {
			t.Error(err)
		}
	}
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// stdlibBinary compiles the tests of a package and lists them.
func stdlibBinary(t *testing.T, pkg string) (bin string, names []string) {
	t.Helper()
	bin = filepath.Join(scratch, strings.ReplaceAll(pkg, "/", "_")+".test")
	c := exec.Command("go", "test", "-c", "-o", bin, pkg)
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go test -c %s: %v\n%s", pkg, err, out)
	}
	c = exec.Command(bin, "-test.list", "^(Test|Example)")
	c.Dir = filepath.Join(runtime.GOROOT(), "src", pkg)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return bin, strings.Fields(string(out))
}

// runStdlib runs the tests in a guest. A test that takes the binary down is
// noted, and the rest is run in a further boot.
func runStdlib(t *testing.T, linux bool, bin, pkg string, short bool, adds, names []string) tally {
	t.Helper()
	result := tally{}
	root := runtime.GOROOT()
	dir := filepath.Join(root, "src", pkg)
	for boots := 0; boots < 12; boots++ {
		var left []string
		for _, n := range names {
			if result[n] == "" {
				left = append(left, n)
			}
		}
		if len(left) == 0 {
			break
		}
		args := []string{bin, "-test.v", "-test.timeout=18m"}
		if short {
			args = append(args, "-test.short")
		}
		if len(left) < len(names) {
			args = append(args, "-test.run=^("+strings.Join(left, "|")+")$")
		}
		cfg := qemu.Config{
			Args: args, Dir: dir, Linux: linux, Timeout: 20 * time.Minute,
			Env:      []string{"GOROOT=" + root, "TMPDIR=/tmp"},
			Adds:     []qemu.Add{{Host: dir}},
			Hardware: qemu.Hardware{Mem: "2G"},
		}
		for _, a := range adds {
			cfg.Adds = append(cfg.Adds, qemu.Add{Host: filepath.Join(root, a)})
		}
		o, err := tryBoot(cfg)
		if err != nil {
			t.Fatal(err)
		}
		culprits := readTests(o.stdout, result)
		for _, n := range left {
			if result[n] == "FAIL" {
				t.Logf("%s", excerpt(o.stdout, n))
			}
		}
		ended := o.result.Ended && o.result.Signal == 0 && (o.status == 0 || o.status == 1)
		if ended {
			break
		}
		if len(culprits) == 0 {
			t.Logf("%s: %v, no test to blame; output ends with\n%s\n%s", pkg, o.result, tail(o.stdout, 1500), tail(o.stderr, 1500))
			if o.result.Panic != "" {
				t.Errorf("kernel panic: %s\n%s", o.result.Panic, tail(string(o.result.LogTail), 3000))
			}
			break
		}
		for _, c := range culprits {
			result[c] = "DIES"
		}
		t.Logf("%s: %v in %s", pkg, o.result, strings.Join(culprits, ", "))
		if o.result.Panic != "" {
			t.Errorf("kernel panic: %s\n%s", o.result.Panic, tail(string(o.result.LogTail), 3000))
		}
	}
	return result
}

var (
	testLine    = regexp.MustCompile(`(?m)^(?:.*?)(=== RUN|=== CONT|=== PAUSE|--- PASS:|--- FAIL:|--- SKIP:)\s+((?:Test|Example)[^\s/]*)(\s|$)`)
	runningLine = regexp.MustCompile(`(?m)^\t((?:Test|Example)[^\s/]*)\S* \(`)
)

// readTests notes the results in the output of -test.v and returns the tests
// to blame if the binary died: those that its own timeout names, or the one
// that was started or went on last and has no result.
func readTests(out string, into tally) (culprits []string) {
	open := map[string]bool{}
	last := ""
	for _, m := range testLine.FindAllStringSubmatch(out, -1) {
		name := m[2]
		switch m[1] {
		case "=== RUN", "=== CONT":
			open[name] = true
			last = name
		case "=== PAUSE":
			open[name] = false
		default:
			into[name] = m[1][4:8]
			delete(open, name)
		}
	}
	if i := strings.Index(out, "panic: test timed out"); i >= 0 {
		for _, m := range runningLine.FindAllStringSubmatch(out[i:], -1) {
			if into[m[1]] == "" && !slices.Contains(culprits, m[1]) {
				culprits = append(culprits, m[1])
			}
		}
	}
	if len(culprits) == 0 && last != "" && into[last] == "" {
		culprits = []string{last}
	}
	if len(culprits) == 0 {
		for name, running := range open {
			if running && into[name] == "" {
				culprits = append(culprits, name)
			}
		}
	}
	return culprits
}

// excerpt is what a failed test said: the lines up to its end and the indented
// ones after it.
func excerpt(out, name string) string {
	lines := strings.Split(out, "\n")
	var said []string
	in := false
	for _, l := range lines {
		switch {
		case strings.HasPrefix(l, "=== RUN   "+name), strings.HasPrefix(l, "=== CONT  "+name), strings.HasPrefix(l, "=== NAME  "+name):
			in = true
		case strings.HasPrefix(l, "--- FAIL: "+name+" "):
			in = true
		case strings.HasPrefix(l, "=== ") || strings.HasPrefix(l, "--- "):
			in = false
			continue
		}
		if in {
			said = append(said, l)
		}
	}
	return strings.Join(said[:min(len(said), 25)], "\n")
}

// stdlibTable is docs/stdlib-tests.md.
func stdlibTable(linux linuxFile, here map[string]tally) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Go's standard library tests in the guest\n\n"+
		"Written by `make stdlib`: the same test binaries (%s, CGO_ENABLED=0) on Go42 and on Debian's cloud kernel, in the same QEMU (TCG, one CPU, 2 GiB). "+
		"Top-level tests; *dies* counts those that took the test binary with them or never ended.\n\n"+
		"| package | Go42 pass | fail | dies | skip | not run | Linux pass | fail | dies | skip |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n", linux.Go)
	var diffs []string
	for _, p := range stdlibPackages {
		name := title(p.name, p.short)
		g, l := here[name], linux.Results[name]
		if g == nil || l == nil {
			continue
		}
		missing := 0
		for _, test := range slices.Sorted(maps.Keys(l)) {
			if g[test] == "" {
				missing++
			}
			if g[test] != l[test] {
				why := or(explained[p.name+"."+test], "open")
				diffs = append(diffs, fmt.Sprintf("| %s | %s | %s | %s | %s |", p.name, test, or(g[test], "not run"), l[test], why))
			}
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", name,
			g.count("PASS"), g.count("FAIL"), g.count("DIES"), g.count("SKIP"), missing,
			l.count("PASS"), l.count("FAIL"), l.count("DIES"), l.count("SKIP"))
	}
	if len(diffs) > 0 {
		b.WriteString("\n## Where the two differ\n\n| package | test | Go42 | Linux | why |\n|---|---|---|---|---|\n")
		b.WriteString(strings.Join(diffs, "\n") + "\n")
	}
	return []byte(b.String())
}
