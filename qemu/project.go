package qemu

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Project is Go42's source tree with its build folder.
type Project struct {
	Root     string    // folder of go.mod
	Build    string    // folder for what is built
	Progress io.Writer // what is being made, one line each
}

// FindProject looks for the source tree: the environment variable GO42_ROOT,
// the folders above the running executable, the folders above the working
// directory.
func FindProject() (*Project, error) {
	var from []string
	if r := os.Getenv("GO42_ROOT"); r != "" {
		from = append(from, r)
	}
	if exe, err := os.Executable(); err == nil {
		if exe, err = filepath.EvalSymlinks(exe); err == nil {
			from = append(from, filepath.Dir(exe))
		}
	}
	if wd, err := os.Getwd(); err == nil {
		from = append(from, wd)
	}
	for _, dir := range from {
		for {
			b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
			if err == nil && strings.HasPrefix(string(b), "module go42\n") {
				return &Project{Root: dir, Build: filepath.Join(dir, "build"), Progress: os.Stderr}, nil
			}
			up := filepath.Dir(dir)
			if up == dir {
				break
			}
			dir = up
		}
	}
	return nil, errors.New("cannot find Go42's source tree: set GO42_ROOT to it")
}

func (p *Project) say(format string, args ...any) {
	if p.Progress != nil {
		fmt.Fprintf(p.Progress, "go42: "+format+"\n", args...)
	}
}

// locked runs f while this process holds the build folder's lock name.
func (p *Project) locked(name string, f func() error) error {
	if err := os.MkdirAll(p.Build, 0o755); err != nil {
		return err
	}
	l, err := os.OpenFile(filepath.Join(p.Build, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer l.Close()
	for {
		err = unix.Flock(int(l.Fd()), unix.LOCK_EX)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return err
	}
	return f()
}

// make brings the file out up to date: if it is missing or older than any of
// sources (files or folders, relative to Root), build runs with a temporary
// name that then replaces out, so that a reader sees the old or the new file.
func (p *Project) make(out string, sources []string, build func(tmp string) error) error {
	if p.fresh(out, sources) {
		return nil
	}
	return p.locked(filepath.Base(out), func() error {
		if p.fresh(out, sources) {
			return nil // another process made it meanwhile
		}
		start := time.Now()
		tmp := fmt.Sprintf("%s.%d.tmp", out, os.Getpid())
		defer os.Remove(tmp)
		if err := build(tmp); err != nil {
			return err
		}
		// A source saved during the build is newer than start: build again then.
		if err := os.Chtimes(tmp, start, start); err != nil {
			return err
		}
		return os.Rename(tmp, out)
	})
}

func (p *Project) fresh(out string, sources []string) bool {
	st, err := os.Stat(out)
	if err != nil {
		return false
	}
	newer := errors.New("newer")
	for _, s := range sources {
		if !filepath.IsAbs(s) {
			s = filepath.Join(p.Root, s)
		}
		err := filepath.WalkDir(s, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				if os.IsNotExist(err) {
					return nil
				}
				return err
			}
			if d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return nil
			}
			if info.ModTime().After(st.ModTime()) {
				return newer
			}
			return nil
		})
		if err != nil {
			return false
		}
	}
	return true
}

// command runs a program in dir; its output appears in the error only.
func command(dir string, env []string, name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// goBuild compiles package pkg of this module as a static Linux program.
func (p *Project) goBuild(out, pkg string) error {
	return command(p.Root, []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS="},
		"go", "build", "-trimpath", "-o", out, pkg)
}
