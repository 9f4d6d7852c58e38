package qemu

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/u-root/u-root/pkg/cpio"
)

// testImage is an image without u-root's commands, which take long to build.
func testImage() *Image {
	return &Image{entries: map[string]entry{}}
}

func records(t *testing.T, m *Image) map[string]cpio.Record {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	recs, err := cpio.ReadAllRecords(cpio.Newc.Reader(bytes.NewReader(b.Bytes())))
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]cpio.Record{}
	for _, r := range recs {
		for up := filepath.Dir(r.Name); up != "."; up = filepath.Dir(up) {
			if _, ok := byName[up]; !ok {
				t.Errorf("%s comes before its folder %s", r.Name, up)
			}
		}
		byName[r.Name] = r
	}
	return byName
}

func TestImage(t *testing.T) {
	host := t.TempDir()
	os.MkdirAll(filepath.Join(host, "a/b"), 0o750)
	os.WriteFile(filepath.Join(host, "a/b/f"), []byte("content"), 0o751)
	os.Symlink("b/f", filepath.Join(host, "a/l"))
	m := testImage()
	m.Dir("/", 0o755)
	m.File("/etc/passwd", 0o644, "old")
	m.File("/etc/passwd", 0o600, "new")
	if err := m.AddHost(filepath.Join(host, "a"), "/deep/down", Limit{}); err != nil {
		t.Fatal(err)
	}
	got := records(t, m)
	for name, want := range map[string]struct {
		mode    uint64
		content string
	}{
		"etc":           {cpio.S_IFDIR | 0o755, ""},
		"etc/passwd":    {cpio.S_IFREG | 0o600, "new"},
		"deep":          {cpio.S_IFDIR | 0o755, ""},
		"deep/down/b":   {cpio.S_IFDIR | 0o750, ""},
		"deep/down/b/f": {cpio.S_IFREG | 0o751, "content"},
		"deep/down/l":   {cpio.S_IFLNK | 0o777, "b/f"},
	} {
		r, ok := got[name]
		if !ok {
			t.Errorf("%s is missing", name)
			continue
		}
		if r.Mode != want.mode {
			t.Errorf("%s: mode %#o, want %#o", name, r.Mode, want.mode)
		}
		if r.UID != 0 || r.GID != 0 {
			t.Errorf("%s belongs to %d:%d", name, r.UID, r.GID)
		}
		b := make([]byte, r.FileSize)
		if len(b) > 0 {
			r.ReadAt(b, 0)
		}
		if string(b) != want.content {
			t.Errorf("%s: %q, want %q", name, b, want.content)
		}
	}
}

func TestImageLimit(t *testing.T) {
	host := t.TempDir()
	for _, n := range []string{"a", "b", "c"} {
		os.WriteFile(filepath.Join(host, n), make([]byte, 1000), 0o644)
	}
	if err := testImage().AddHost(host, "/x", Limit{Files: 3}); !errors.Is(err, errLimit) {
		t.Errorf("four entries pass a limit of three: %v", err)
	}
	if err := testImage().AddHost(host, "/x", Limit{Bytes: 2000}); !errors.Is(err, errLimit) {
		t.Errorf("3000 bytes pass a limit of 2000: %v", err)
	}
}

func TestHostProgram(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755)
	self, err := os.Executable() // static or not, as the tests were built
	if err != nil {
		t.Fatal(err)
	}
	m := testImage()
	m.File("/bin/ls", 0o755, "")
	for _, c := range []struct{ name, want string }{
		{"ls", ""},
		{"/bin/ls", ""},
		{"/no/such/file", ""},
		{script, script},
	} {
		got, err := hostProgram(c.name, m)
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
	if _, err := hostProgram("./no-such-file", m); err == nil {
		t.Error("a missing relative path is no error")
	}
	if _, err := hostProgram(dir, m); err == nil {
		t.Error("a folder is taken for a program")
	}
	if err := checkProgram(self); err != nil && !strings.Contains(err.Error(), "dynamically linked") {
		t.Error(err)
	}
}

func TestEnv(t *testing.T) {
	env := guestEnv(&Config{Env: []string{"PATH=/x", "A=1", "A=2"}})
	for _, want := range []string{"PATH=/x", "A=2", "HOME=/root"} {
		if !slices.Contains(env, want) {
			t.Errorf("%q not in %q", want, env)
		}
	}
	if slices.Contains(env, "A=1") {
		t.Errorf("the first of two values stays: %q", env)
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		r    Result
		want int
	}{
		{Result{Ended: true, Exit: 3}, 3},
		{Result{Ended: true, Signal: 11}, 139},
		{Result{TimedOut: true}, StatusTimeout},
		{Result{Ended: true, Panic: "x"}, StatusPanic},
		{Result{}, StatusPanic},
	} {
		if got := c.r.Status(); got != c.want {
			t.Errorf("%v: status %d, want %d", &c.r, got, c.want)
		}
	}
}

func TestEscape(t *testing.T) {
	for _, c := range []struct {
		in         []string
		out        string
		quit, help bool
	}{
		{[]string{"abc"}, "abc", false, false},
		{[]string{"a\x01xb"}, "a", true, false},
		{[]string{"a\x01", "X"}, "a", true, false},
		{[]string{"\x01a\x01\x01"}, "\x01\x01", false, false},
		{[]string{"\x01h\x01c"}, "\x01c", false, true},
	} {
		var e escape
		var out []byte
		var quit, help bool
		for _, s := range c.in {
			o, q, h := e.filter([]byte(s))
			out, quit, help = append(out, o...), quit || q, help || h
		}
		if string(out) != c.out || quit != c.quit || help != c.help {
			t.Errorf("%q: %q, %v, %v", c.in, out, quit, help)
		}
	}
}

func TestAnswerer(t *testing.T) {
	var b bytes.Buffer
	a := Answerer{To: &b}
	for _, s := range []string{"hello \x1b[", "6n and \x1b[6n", " end"} {
		a.Write([]byte(s))
	}
	if got := strings.Count(b.String(), "\x1b[1;1R"); got != 2 {
		t.Errorf("%d answers to two queries", got)
	}
}

func TestFresh(t *testing.T) {
	dir := t.TempDir()
	p := &Project{Root: dir, Build: filepath.Join(dir, "build")}
	src := filepath.Join(dir, "src", "x.go")
	os.MkdirAll(filepath.Dir(src), 0o755)
	os.WriteFile(src, nil, 0o644)
	built := 0
	out := filepath.Join(p.Build, "out")
	build := func(tmp string) error { built++; return os.WriteFile(tmp, nil, 0o644) }
	for want, touch := range []bool{false, false, true} {
		if touch {
			st, _ := os.Stat(out)
			later := st.ModTime().Add(1e9)
			os.Chtimes(src, later, later)
		}
		if err := p.make(out, []string{"src", "missing"}, build); err != nil {
			t.Fatal(err)
		}
		if n := max(want, 1); built != n {
			t.Errorf("round %d: built %d times, want %d", want, built, n)
		}
	}
}
