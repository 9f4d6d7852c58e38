package qemu

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// hostProgram decides whether the program name given by a user means a file of
// the host. A name without a slash is looked up in the guest's PATH; an
// absolute path that the image has is the guest's. Otherwise a static ELF or a
// script of the host is meant and its absolute path returned; host is "" when
// the guest is to find it.
func hostProgram(name string, img *Image) (host string, err error) {
	if !strings.Contains(name, "/") || filepath.IsAbs(name) && img.Has(name) {
		return "", nil
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && filepath.IsAbs(name) {
		return "", nil // the guest says that it is not there
	}
	if err != nil {
		return "", err
	}
	if !st.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	if err := checkProgram(path); err != nil {
		return "", err
	}
	return path, nil
}

// checkProgram refuses what cannot run in the guest, with the remedy.
func checkProgram(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var magic [4]byte
	n, _ := f.ReadAt(magic[:], 0)
	if n >= 2 && string(magic[:2]) == "#!" {
		return nil
	}
	if string(magic[:]) != elf.ELFMAG {
		return nil // exec in the guest answers what Linux would
	}
	e, err := elf.NewFile(f)
	if err != nil {
		return nil // a damaged ELF: likewise
	}
	if e.Machine != elf.EM_X86_64 {
		return fmt.Errorf("%s is for %v, the guest is an x86_64", path, e.Machine)
	}
	for _, p := range e.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is dynamically linked; the guest takes static programs: build Go with CGO_ENABLED=0, C with -static", path)
		}
	}
	return nil
}

// Bounds on the package folder that is put into the guest by itself.
var packageLimit = Limit{Bytes: 64 << 20, Files: 5000}

// isPackageDir reports whether dir is a folder that `go test` runs a test
// binary in: it holds a testdata folder or Go test files.
func isPackageDir(dir string) bool {
	if st, err := os.Stat(filepath.Join(dir, "testdata")); err == nil && st.IsDir() {
		return true
	}
	tests, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
	return len(tests) > 0
}
