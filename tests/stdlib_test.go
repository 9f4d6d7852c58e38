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
	name string
	adds []string // further folders below GOROOT that the tests read
	full bool     // with -stdlib.full also without -test.short
}{
	{name: "sync", full: true},
	{name: "sync/atomic"},
	{name: "strings"},
	{name: "bytes"},
	{name: "bufio"},
	{name: "sort"},
	{name: "time", adds: []string{"lib/time"}, full: true},
	{name: "os", full: true},
	{name: "os/exec", full: true},
	{name: "os/signal", full: true},
	{name: "syscall"},
	{name: "path/filepath", adds: []string{"src/unicode"}},
	{name: "io"},
	{name: "runtime", full: true},
	{name: "internal/poll"},
}

// explained says why tests do not pass. One that passes on Linux, is not
// named here and does not pass on Go42 is an error.
var explained = map[string]string{
	"syscall.TestUnshareMountNameSpace": noNamespaces,
	"syscall.TestCloneTimeNamespace":    noNamespaces,
	"syscall.TestPidFDWithUserNS":       noNamespaces,
	"syscall.TestAmbientCapsUserns":     noNamespaces,
	"syscall.TestAmbientCaps":           "there are no ambient capabilities",

	// On both.
	"syscall.TestGroupCleanup":              "u-root's `id` prints no names of groups",
	"syscall.TestGroupCleanupUserNamespace": noNamespaces + "; on Linux, u-root's `id` prints no names of groups",
	"runtime.TestUsingVDSO":                 "u-root's `strace` is not the one that the test wants",
	"runtime.TestMemmoveOverflow":           "Linux refuses to map 3 GiB of private memory in a machine of 2 GiB (ENOMEM); here memory is charged when it is touched",
	"time.TestLongAdjustTimers":             "a million operations on channels within a minute are too many for QEMU on a busy host",
}

const noNamespaces = "there are no namespaces: unshare and clone refuse them, and the test skips itself"

var (
	stdlibReport = flag.String("stdlib.report", "", "keep the results and write all that are kept as tables to this `file`")
	stdlibLinux  = flag.Bool("stdlib.linux", false, "run the tests on Linux in QEMU anew and keep the results")
	stdlibFull   = flag.Bool("stdlib.full", false, "also in full, where the list says so")
	stdlibOnly   = flag.String("stdlib.only", "", "only what matches this `regexp`, as \"^time .short.$\"")
)

// keptResults are those of Linux, with which make test compares and which it
// need not boot therefore (-stdlib.linux renews them), and those of Go42 that
// the tables show.
const keptResults = "testdata/stdlib.json"

// A tally maps a top-level test to PASS, FAIL, SKIP or DIES (took the test
// binary with it, or never ended).
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

type stdlibResults struct {
	Go          string           // version of the tests
	Linux, Go42 map[string]tally // by title
}

// title names a package, the way its tests are run, and the machine.
func title(name string, short bool, cpus int) string {
	if short {
		name += " (short)"
	}
	if cpus > 1 {
		name += fmt.Sprintf(", %d CPUs", cpus)
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
	kept := stdlibResults{Go: runtime.Version(), Linux: map[string]tally{}, Go42: map[string]tally{}}
	if b, err := os.ReadFile(keptResults); err == nil {
		var old stdlibResults
		if err := json.Unmarshal(b, &old); err != nil {
			t.Fatal(err)
		}
		if old.Go == kept.Go {
			maps.Copy(kept.Linux, old.Linux)
			maps.Copy(kept.Go42, old.Go42)
		}
	}
	only := regexp.MustCompile(*stdlibOnly)
	var mu sync.Mutex
	t.Run("packages", func(t *testing.T) {
		for _, p := range stdlibPackages {
			for _, short := range []bool{true, false} {
				key := title(p.name, short, *smp)
				if !which(p.name) || !only.MatchString(key) || !short && !(p.full && *stdlibFull) {
					continue
				}
				t.Run(strings.ReplaceAll(key, "/", "_"), func(t *testing.T) {
					t.Parallel()
					bin, names := stdlibBinary(t, p.name)
					mu.Lock()
					ref := kept.Linux[key]
					mu.Unlock()
					if ref == nil || *stdlibLinux {
						ref = runStdlib(t, true, bin, p.name, short, p.adds, names, false)
					}
					got := runStdlib(t, false, bin, p.name, short, p.adds, names, false)
					if failed := lost(got, ref); len(failed) > 0 {
						t.Logf("once more: %s", strings.Join(failed, " "))
						maps.Copy(got, runStdlib(t, false, bin, p.name, short, p.adds, failed, true))
					}
					for _, name := range names {
						full := p.name + "." + name
						if got[name] != ref[name] && ref[name] == "PASS" && explained[full] == "" {
							t.Errorf("%s: %s, on Linux %s", full, or(got[name], "not run"), ref[name])
						}
					}
					mu.Lock()
					defer mu.Unlock()
					kept.Linux[key], kept.Go42[key] = ref, got
					if *stdlibReport != "" {
						keep(t, kept)
					}
				})
			}
		}
	})
}

// lost are the tests that fail, but pass on Linux. Many of Go's have limits of time
// that a busy host exceeds now and then, so they have a second try. Those that took
// the binary with them or hung have none.
func lost(got, ref tally) (names []string) {
	for name, r := range got {
		if r == "FAIL" && ref[name] == "PASS" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// keep writes the results to their file and, as tables, to the report.
func keep(t *testing.T, results stdlibResults) {
	t.Helper()
	b, err := json.MarshalIndent(results, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keptResults, append(b, '\n'), 0o644); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(*stdlibReport, stdlibDoc(results), 0o644); err != nil {
		t.Error(err)
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
	defer work.enter(t)()
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

// runStdlib runs the tests in a guest: all that there are, or some, the named ones
// only. A test that takes the binary down is noted, and the rest is run in a further
// boot.
func runStdlib(t *testing.T, linux bool, bin, pkg string, short bool, adds, names []string, some bool) tally {
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
		limit := 4 * time.Hour // package runtime computes hashes for more than one
		if short {
			limit = 40 * time.Minute
		}
		args := []string{bin, "-test.v", fmt.Sprintf("-test.timeout=%v", limit-2*time.Minute)}
		if short {
			args = append(args, "-test.short")
		}
		if some || boots > 0 {
			args = append(args, "-test.run=^("+strings.Join(left, "|")+")$")
		}
		cfg := qemu.Config{
			Args: args, Dir: dir, Linux: linux, Timeout: limit,
			Env:      []string{"GOROOT=" + root, "TMPDIR=/tmp"},
			Adds:     []qemu.Add{{Host: dir}},
			Hardware: qemu.Hardware{Mem: "2G"},
		}
		for _, a := range adds {
			cfg.Adds = append(cfg.Adds, qemu.Add{Host: filepath.Join(root, a)})
		}
		o, err := tryBoot(t, cfg)
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

// stdlibDoc is docs/stdlib-tests.md.
func stdlibDoc(results stdlibResults) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Go's standard library tests in the guest\n\n"+
		"Written by `make stdlib`: the same test binaries (%s, CGO_ENABLED=0) on Go42 and on Debian's cloud kernel, in the same QEMU (TCG, 2 GiB). "+
		"Top-level tests; *dies* counts those that took the test binary with them or never ended.\n", results.Go)
	for _, cpus := range []int{1, 2, 4, 8} {
		stdlibTable(&b, results, cpus)
	}
	return []byte(b.String())
}

// stdlibTable appends what was run on that many CPUs.
func stdlibTable(b *strings.Builder, results stdlibResults, cpus int) {
	var rows, diffs, both strings.Builder
	for _, p := range stdlibPackages {
		for _, short := range []bool{true, false} {
			key := title(p.name, short, cpus)
			g, l := results.Go42[key], results.Linux[key]
			if g == nil {
				continue
			}
			name := title(p.name, short, 1)
			if l == nil { // it takes hours
				for _, test := range slices.Sorted(maps.Keys(g)) {
					if g[test] != "PASS" && g[test] != "SKIP" {
						fmt.Fprintf(&diffs, "| %s | %s | %s | not run | %s |\n", name, test, g[test], or(explained[p.name+"."+test], "open"))
					}
				}
				fmt.Fprintf(&rows, "| %s | %d | %d | %d | %d | 0 | not run | | | |\n", name, g.count("PASS"), g.count("FAIL"), g.count("DIES"), g.count("SKIP"))
				continue
			}
			missing := 0
			for _, test := range slices.Sorted(maps.Keys(l)) {
				if g[test] == "" {
					missing++
				}
				why := or(explained[p.name+"."+test], "open")
				if g[test] != l[test] {
					fmt.Fprintf(&diffs, "| %s | %s | %s | %s | %s |\n", name, test, or(g[test], "not run"), l[test], why)
				} else if l[test] != "PASS" && l[test] != "SKIP" {
					fmt.Fprintf(&both, "| %s | %s | %s | %s |\n", name, test, l[test], why)
				}
			}
			fmt.Fprintf(&rows, "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", name,
				g.count("PASS"), g.count("FAIL"), g.count("DIES"), g.count("SKIP"), missing,
				l.count("PASS"), l.count("FAIL"), l.count("DIES"), l.count("SKIP"))
		}
	}
	if rows.Len() == 0 {
		return
	}
	heading := "One CPU"
	if cpus > 1 {
		heading = fmt.Sprintf("%d CPUs", cpus)
	}
	fmt.Fprintf(b, "\n## %s\n\n"+
		"| package | Go42 pass | fail | dies | skip | not run | Linux pass | fail | dies | skip |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n%s", heading, &rows)
	if diffs.Len() > 0 {
		fmt.Fprintf(b, "\nWhere the two differ:\n\n| package | test | Go42 | Linux | why |\n|---|---|---|---|---|\n%s", &diffs)
	}
	if both.Len() > 0 {
		fmt.Fprintf(b, "\nWhat passes on neither:\n\n| package | test | result | why |\n|---|---|---|---|\n%s", &both)
	}
}
