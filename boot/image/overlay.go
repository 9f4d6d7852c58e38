package image

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// keptRuntime lists the files of the standard package runtime that stay as they
// are: leaf routines and headers without policy.
var keptRuntime = map[string]bool{
	"memmove_amd64.s": true,
	"memclr_amd64.s":  true,
	"duff_amd64.s":    true,
	"utf8.go":         true,
	"textflag.h":      true,
	"funcdata.h":      true,
	"go_tls.h":        true,
	"asm_amd64.h":     true,
}

// writeOverlay writes the -overlay file that replaces package runtime by
// boot/_runtime, and returns its path.
func (tc *toolchain) writeOverlay(dir string) (string, error) {
	replace := map[string]string{}
	std := filepath.Join(tc.goroot, "src", "runtime")
	entries, err := os.ReadDir(std)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if n := e.Name(); !e.IsDir() && !keptRuntime[n] && !strings.HasSuffix(n, "_test.go") {
			replace[filepath.Join(std, n)] = ""
		}
	}
	own := filepath.Join(tc.root, "boot", "_runtime")
	entries, err = os.ReadDir(own)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if n := e.Name(); strings.HasSuffix(n, ".go") || strings.HasSuffix(n, ".s") {
			replace[filepath.Join(std, n)] = filepath.Join(own, n)
		}
	}
	tables := filepath.Join(tc.goroot, "src", "unicode", "tables.go")
	trimmed := filepath.Join(dir, "raw", "unicode_tables.txt") // not .go: the output folder may be inside the module
	if err := trimUnicode(tables, trimmed); err != nil {
		return "", err
	}
	replace[tables] = trimmed
	b, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, writeIfChanged(path, append(b, '\n'), 0o644)
}

var foldMaps = regexp.MustCompile(`(?ms)^var Fold(Category|Script) = map\[.*?^}\n`)

// trimUnicode copies package unicode's tables without its two small maps. The
// package's initialiser builds those (the large ones are left to the linker,
// which drops them), and maps do not link here. Only regular expressions use
// them.
func trimUnicode(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if n := len(foldMaps.FindAllIndex(b, -1)); n != 2 {
		return fmt.Errorf("%s: %d fold maps found instead of 2", from, n)
	}
	return writeIfChanged(to, foldMaps.ReplaceAll(b, nil), 0o644)
}

// writeIfChanged leaves an equal file alone, so that its time does not change.
func writeIfChanged(path string, data []byte, mode os.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, data, mode); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
