package main

import (
	"go/format"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const dir = "../proto"

// TestUpToDate: the generated files are what the declarations say.
func TestUpToDate(t *testing.T) {
	ifaces, err := parse(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range outputs {
		want, err := format.Source(out.gen(ifaces))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, out.path))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is out of date: go generate ./ipc/proto", out.path)
		}
	}
}

// TestRefused: declarations that could not travel are errors.
func TestRefused(t *testing.T) {
	for decl, want := range map[string]string{
		"M(a, b, c, d, e, f, g uint64) (st Status)": "argument words",
		"M(a *T, b *T) (st Status)":                 "structs",
		"M(a, b, c, d string, e In) (st Status)":    "ranges",
		"M() (n uint64)":                            "not a Status",
		"M() (s string, st Status)":                 "cannot be a result",
		"M(a map[int]int) (st Status)":              "cannot travel",
		"M(f float64) (st Status)":                  "cannot travel",
		"M(h Handle) (st Status)":                   "cannot be a parameter",
		"M(uint64) (st Status)":                     "without a name",
	} {
		tmp := t.TempDir()
		src := "package p\n\n//ipc:base 1\ntype I interface {\n" + decl + "\n}\n"
		if err := os.WriteFile(filepath.Join(tmp, "p.go"), []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := parse(tmp)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error about %q", decl, err, want)
		}
	}
}
