package bench

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The names here and in the guest program are the same, each once.
func TestOpsAreTheGuests(t *testing.T) {
	b, err := os.ReadFile("../../tests/guest/bench/ops.go")
	if err != nil {
		t.Fatal(err)
	}
	var guest, here []string
	for _, m := range regexp.MustCompile(`\{name: "([^"]+)"`).FindAllStringSubmatch(string(b), -1) {
		guest = append(guest, m[1])
	}
	for _, o := range Ops {
		if o.Name != BootRow {
			here = append(here, o.Name)
		}
		if o.What == "" || o.Group == "" {
			t.Errorf("%s has no text or group", o.Name)
		}
		if o.OwnOf != "" && find(o.OwnOf).What == "" {
			t.Errorf("%s: no operation %s", o.Name, o.OwnOf)
		}
	}
	slices.Sort(guest)
	slices.Sort(here)
	if !slices.Equal(guest, here) {
		t.Errorf("guest %v\nhere %v", guest, here)
	}
	if len(slices.Compact(here)) != len(Ops)-1 {
		t.Error("a name twice")
	}
}

func TestScriptHas35Commands(t *testing.T) {
	n := len(strings.Split(strings.TrimSpace(script), "\n")) - 1 // cd is the shell's own
	if n != 35 {
		t.Errorf("%d commands", n)
	}
	if a := appletsOf(script); slices.Contains(a, "cd") || !slices.Contains(a, "md5sum") {
		t.Error(a)
	}
	if n := strings.Count(string(pipeline(200)), "busybox"); n != 200 {
		t.Errorf("%d processes in the pipeline", n)
	}
	if b := lines(10 << 20); len(b) != 10<<20 || b[len(b)-1] != '\n' || !slices.Equal(b[:1000], lines(1000 << 10)[:1000]) {
		t.Error("lines")
	}
}

func TestTinyRuns(t *testing.T) {
	f := filepath.Join(t.TempDir(), "tiny")
	if err := os.WriteFile(f, tiny(), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(f).CombinedOutput(); err != nil {
		t.Errorf("%v %s", err, out)
	}
}

// The guest program, on the host.
func TestGuestProgram(t *testing.T) {
	prog := filepath.Join(t.TempDir(), "bench")
	c := exec.Command("go", "build", "-ldflags", linkFlags, "-o", prog, "../../tests/guest/bench")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(prog, "-wall", "-ms", "1", "-reps", "2", "sys_getpid", "nonsense", "fork_exit_wait", "ctx_futex_ring_2thr_hop", "shm_anon_sparse", "ppc_unknown_method").Output()
	if err != nil {
		t.Fatal(err)
	}
	o := newOutput()
	for l := range strings.Lines(string(out)) {
		o.line(strings.TrimSuffix(l, "\n"))
	}
	if !o.Over || o.CPUs < 1 || o.UsedKB < 1 || len(o.text) > 0 {
		t.Errorf("%s", out)
	}
	for _, n := range []string{"sys_getpid", "fork_exit_wait", "ctx_futex_ring_2thr_hop", "shm_anon_sparse.total"} {
		if r := o.Rows[n]; r == nil || r.Status != "" || r.Value() <= 0 || len(r.Ticks) != 2 {
			t.Errorf("%s: %+v", n, r)
		}
	}
	if r := o.Rows["nonsense"]; r == nil || r.Status != "no such operation" {
		t.Errorf("nonsense: %+v", r)
	}
	if r := o.Rows["ppc_unknown_method"]; r == nil || !strings.HasPrefix(r.Status, "ENOSYS") {
		t.Errorf("ppc: %+v", r)
	}
	// Step by step: each digit is answered, a newline ends it.
	c = exec.Command(prog, "-steps", "sys_getpid")
	c.Stdin = strings.NewReader("13\n")
	out, err = c.Output()
	if err != nil || strings.Count(string(out), "done sys_getpid") != 2 {
		t.Errorf("%v %s", err, out)
	}
	if y, err := ELFSymbols(prog); err != nil || y.Address("main.mark.abi0") < textLow || y.Address("main.mark.abi0") >= textHigh {
		t.Errorf("no mark: %v", err)
	}
}

func TestLines(t *testing.T) {
	o := newOutput()
	for _, l := range []string{
		"cpus 2", "used 1234", "Linux version 6", "begin a",
		"row a per 2 iters 10 own -1 ticks 300 100 200 idle 60 ppc 30 faults 6 switches 60", "end a 0",
		"begin b", "fail b 38 shmget", "end b 256", "begin c", "end c 11", "begin d", "end d 768",
		"begin e", "row e per 0 iters 1 own 0 ticks 5", "end e 0", "begin f",
	} {
		o.line(l)
	}
	a := o.Rows["a"]
	if a == nil || a.Value() != 9 || !a.Counted || a.PPCs != 30 || a.Own != -1 { // (200 - 60/3) / 20
		t.Errorf("a: %+v", a)
	}
	for n, want := range map[string]string{"b": "ENOSYS (shmget)", "c": "killed by SIGSEGV", "d": "exit status 3"} {
		if o.Rows[n] == nil || o.Rows[n].Status != want {
			t.Errorf("%s: %+v, want %s", n, o.Rows[n], want)
		}
	}
	if r := o.Rows["e"]; r == nil || !strings.HasPrefix(r.Status, "unreadable") {
		t.Errorf("e: %+v", r)
	}
	if o.Now != "f" || o.CPUs != 2 || o.UsedKB != 1234 || len(o.text) != 1 || o.Over {
		t.Errorf("%+v", o)
	}
}

func testReport() *Report {
	l := &Reading{Per: 1, Iters: 10, Ticks: []uint64{10000}, Own: -1}
	g := &Reading{Per: 1, Iters: 10, Ticks: []uint64{4000}, Own: -1, Counted: true, PPCs: 20}
	other := &Reading{Per: 1, Iters: 10, Ticks: []uint64{4100}, Own: -1}
	own := &Split{Ops: 2}
	own.Counts[Program] = 400
	own.Counts[Kernel] = 1600
	rows := []Row{
		{Name: "both", What: "w", Group: GroupCalls, Linux: figure([]*Reading{l, l}, own), Go42: figure([]*Reading{g, g}, own)},
		{Name: "unsteady", What: "w", Group: GroupCalls, Linux: figure([]*Reading{l, l}, own), Go42: figure([]*Reading{g, other}, nil)},
		{Name: "broken", What: "w", Group: GroupFiles, Linux: figure([]*Reading{l, l}, own), Go42: figure([]*Reading{{Status: "ENOSYS (x|y)"}, g}, own)},
		{Name: "user", What: "w", Group: GroupUser, Linux: figure([]*Reading{l, l}, &Split{Ops: 1, Counts: [numWho]float64{Program: 990, Kernel: 10}}),
			Go42: figure([]*Reading{l, l}, &Split{Ops: 1, Counts: [numWho]float64{Program: 999, Kernel: 1}})},
	}
	for i := range rows {
		rows[i].Ratio = rows[i].ratio()
	}
	rows[0].Linux.Wall = map[string]Wall{"1": wallOf([]float64{3000, 1000, 2000}, "")}
	rows[0].Go42.Wall = map[string]Wall{"1": wallOf(nil, "1 of 2 CPUs")}
	return &Report{Commit: "abc", Date: "d", Machine: "m", Versions: map[string]string{"QEMU": "7"}, Rows: rows}
}

func TestFigures(t *testing.T) {
	r := testReport().Rows
	if b := r[0]; b.Linux.Instructions != 1000 || b.Linux.Own != 200 || b.Go42.PPCs != 2 || b.Ratio != 0.25 { // (400-200)/(1000-200)
		t.Errorf("%+v", b)
	}
	if r[1].Go42.Second != 410 || r[1].Go42.OwnKnown {
		t.Errorf("%+v", r[1].Go42)
	}
	if r[2].Ratio != 0 || r[2].Go42.Instructions != 0 || r[2].Go42.Error == "" {
		t.Errorf("%+v", r[2])
	}
	noisy := &Split{Ops: 2, Counts: [numWho]float64{Program: 400, Kernel: -1600}}
	if f := figure([]*Reading{{Per: 1, Iters: 10, Ticks: []uint64{10000}, Own: -1}}, noisy); !f.OwnKnown || f.Own != 200 {
		t.Errorf("beside a window with something else in it: %+v", f)
	}
	if r[3].Ratio != 0 {
		t.Errorf("user code has a ratio: %+v", r[3])
	}
}

func TestMarkdown(t *testing.T) {
	var b strings.Builder
	if err := testReport().WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| `both` | w | 1,000 | 200 | 400 | 200 | 0.25 | 2 |\n",
		"| `unsteady` | w | 1,000 | 200 | 400 (second run 410) | ? |",
		"| `broken` | w | 1,000 | 200 | ENOSYS (x\\|y) |  | – |  |\n",
		"2.00 [1.00 – 3.00] | 1 of 2 CPUs | – |",
		"- QEMU: 7\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	b.Reset()
	only := &Report{Rows: []Row{{Name: "timed", Linux: Figure{Wall: map[string]Wall{"1": wallOf([]float64{1}, "")}}}}}
	if err := only.WriteMarkdown(&b); err != nil || strings.Contains(b.String(), "Instructions") || !strings.Contains(b.String(), "| `timed` |") {
		t.Errorf("wall time alone: %v\n%s", err, b.String())
	}
	for v, want := range map[float64]string{0.25: "0.2", 5: "5", 999: "999", 1000: "1,000", 1234567: "1,234,567", 12345678: "12.3 M"} {
		if got := count(v); got != want {
			t.Errorf("count(%v) = %s, want %s", v, got, want)
		}
	}
}

// Figures that were not measured anew are shown with the commit that they are of.
func TestKeep(t *testing.T) {
	dir := t.TempDir()
	old := testReport()
	old.Commit, old.Date, old.MemoryKB = "abc", "then", map[string]int{"linux": 1234}
	if err := old.WriteFiles(dir, ""); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is kept from one that had kept it
		back, err := ReadReport(dir)
		if err != nil {
			t.Fatal(err)
		}
		r := testReport()
		r.Commit = "def"
		for i := range r.Rows {
			r.Rows[i].Linux, r.Rows[i].Go42.Wall, r.Rows[i].Ratio = Figure{}, nil, 0
		}
		r.MemoryKB = map[string]int{"go42": 5678}
		r.KeepLinux(back)
		r.KeepWall(back)
		if err := r.WriteFiles(dir, ""); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "table.md"))
	for _, want := range []string{"Commit def", "Not measured again: of commit abc, then.", "2.00 [1.00 – 3.00]", "are of commit abc, then, with", "| 1,000 | 200 | 400 | 200 | 0.25 |", "1,234 KiB, Go42 5,678"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%v, no %q in\n%s", err, want, b)
		}
	}
	if _, err := ReadReport(t.TempDir()); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestJSONAndCSV(t *testing.T) {
	r := testReport()
	var b strings.Builder
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal([]byte(b.String()), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Rows) != 4 || back.Rows[0].Linux.Own != 200 || back.Rows[0].Linux.Wall["1"].Median != 2000 || back.Rows[2].Go42.Error != "ENOSYS (x|y)" {
		t.Errorf("%+v", back)
	}
	b.Reset()
	if err := r.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(b.String())).ReadAll() // equal numbers of fields
	if err != nil || len(lines) != 5 {
		t.Fatal(err, len(lines))
	}
	col := func(row int, name string) string { return lines[row][slices.Index(lines[0], name)] }
	if col(1, "linux_instructions") != "1000" || col(1, "ratio") != "0.25" || col(3, "go42_instructions") != "" || col(3, "go42_error") == "" || col(1, "linux_wall_ns_1") != "2000" {
		t.Error(lines)
	}
}

func TestSVG(t *testing.T) {
	for _, r := range []*Report{testReport(), {}} {
		var b strings.Builder
		if err := r.WriteSVG(&b); err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(strings.NewReader(b.String()))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if len(r.Rows) > 0 && (!strings.Contains(b.String(), "both") || strings.Contains(b.String(), "broken")) {
			t.Error("rows with a ratio, and no others, have a bar")
		}
	}
}

func TestReplaceGenerated(t *testing.T) {
	doc := "a\n" + beginMark + "\nold\n" + endMark + "\nb\n"
	got, err := replaceGenerated([]byte(doc), []byte("new\n"))
	if want := "a\n" + beginMark + "\n\nnew\n\n" + endMark + "\nb\n"; err != nil || string(got) != want {
		t.Errorf("%q %v", got, err)
	}
	if _, err := replaceGenerated([]byte("none"), nil); err == nil {
		t.Error("no markers, no error")
	}
}
