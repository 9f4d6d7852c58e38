package qemu

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"
)

const uRootModule = "github.com/u-root/u-root@v0.16.0"

// gosh's line editor stands on bubbletea. The release that u-root names hangs now
// and then, on any system, when a line has been typed
// (github.com/charmbracelet/bubbletea/issues/741); this is the nearest later one
// that u-root builds with, and what it needs.
var (
	uRootNewer = []string{
		"-require=github.com/charmbracelet/bubbletea@v0.25.0",
		"-require=github.com/muesli/termenv@v0.15.2",
	}
	uRootSums = `
github.com/charmbracelet/bubbletea v0.25.0 h1:bAfwk7jRz7FKFl9RzlIULPkStffg5k6pNt5dywy4TcM=
github.com/charmbracelet/bubbletea v0.25.0/go.mod h1:EN3QDR1T5ZdWmdfDzYcqOCAps45+QIJbLOBxmVNWNNg=
github.com/muesli/termenv v0.15.2 h1:GohcuySI0QmI3wN8Ok9PtKGkgkFIk7y6Vpb5PvrY+Wo=
github.com/muesli/termenv v0.15.2/go.mod h1:Epx+iuz8sNs7mNKhxzH4fWXGNpZwUaJKRS1noLXviQ8=
`
)

// URoot returns the path of a cpio archive with u-root's core commands in
// bbin/, as u-root's own builder makes it. It is built once, which takes one
// to two minutes; the module cache is read-only and the builder writes into
// its module, hence the copy.
func (p *Project) URoot() (string, error) {
	out := filepath.Join(p.Build, "u-root-v0.16.0-bubbletea-v0.25.0.cpio")
	err := p.make(out, nil, func(tmp string) error {
		p.say("building u-root's commands (once, one to two minutes)")
		dir := filepath.Join(p.Build, "u-root-v0.16.0")
		os.RemoveAll(dir)
		defer os.RemoveAll(dir)
		c := exec.Command("go", "mod", "download", "-json", uRootModule)
		c.Dir = p.Root
		b, err := c.Output()
		if err != nil {
			return fmt.Errorf("go mod download %s: %w\n%s", uRootModule, err, b)
		}
		var mod struct{ Dir string }
		if err := json.Unmarshal(b, &mod); err != nil {
			return err
		}
		if err := os.CopyFS(dir, os.DirFS(mod.Dir)); err != nil {
			return fmt.Errorf("copying %s: %w", uRootModule, err)
		}
		// bbin/bb goes by its own name. Programs run /bin/sh under the name sh,
		// so that gosh is built in a second time under that name.
		core := filepath.Join(dir, "cmds", "core")
		if err := os.CopyFS(filepath.Join(core, "sh"), os.DirFS(filepath.Join(core, "gosh"))); err != nil {
			return err
		}
		if err := newerModules(dir); err != nil {
			return err
		}
		env := []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=", "GOWORK=off"}
		if err := command(dir, env, "go", "build", "-o", "u-root-builder", "."); err != nil {
			return err
		}
		return command(dir, env, "./u-root-builder", "-o", tmp, "core")
	})
	return out, err
}

// newerModules makes the copy of u-root in dir use the modules of uRootNewer.
func newerModules(dir string) error {
	if err := command(dir, nil, "go", append([]string{"mod", "edit"}, uRootNewer...)...); err != nil {
		return err
	}
	sums, err := os.OpenFile(filepath.Join(dir, "go.sum"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = sums.WriteString(strings.TrimPrefix(uRootSums, "\n"))
	return errors.Join(err, sums.Close())
}

// uRootRecords reads bbin/ of the archive.
func uRootRecords(file string) (*os.File, []cpio.Record, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	all, err := cpio.ReadAllRecords(cpio.Newc.Reader(f))
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	var recs []cpio.Record
	for _, r := range all {
		if strings.HasPrefix(r.Name, "bbin/") {
			recs = append(recs, r)
		}
	}
	if len(recs) == 0 {
		f.Close()
		return nil, nil, fmt.Errorf("%s: no commands in bbin/", file)
	}
	return f, recs, nil
}
