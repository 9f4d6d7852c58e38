package image

import (
	"encoding/json"
	"os"
	"path/filepath"
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
	b, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, writeIfChanged(path, append(b, '\n'), 0o644)
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
