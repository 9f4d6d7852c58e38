package image

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

var goLine = regexp.MustCompile(`(?m)^go\s+(\S+)\s*$`)

// toolchain is the go command in use and the module that it builds.
type toolchain struct {
	root   string // module root
	goroot string
	env    []string
}

// findToolchain locates the module root from dir upwards and refuses any Go
// version but the one that go.mod names: the overlay runtime's tables belong to
// exactly that one.
func findToolchain(dir string) (*toolchain, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	var mod []byte
	for {
		mod, err = os.ReadFile(filepath.Join(root, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module go42\n")) {
			break
		}
		up := filepath.Dir(root)
		if up == root {
			return nil, errors.New("not inside the go42 module (no go.mod of it found upwards)")
		}
		root = up
	}
	m := goLine.FindSubmatch(mod)
	if m == nil {
		return nil, errors.New("go.mod has no go line")
	}
	want := "go" + string(m[1])
	tc := &toolchain{root: root, env: append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOAMD64=v1", "GOFLAGS=-buildvcs=false", "GOEXPERIMENT=", "GOWORK=off")}
	out, err := tc.run("go", "env", "GOVERSION", "GOROOT")
	if err != nil {
		return nil, err
	}
	f := strings.Fields(out)
	if len(f) != 2 {
		return nil, fmt.Errorf("go env answered %q", out)
	}
	if f[0] != want {
		return nil, fmt.Errorf("this tree needs exactly %s, but the go command is %s: the freestanding runtime in boot/_runtime follows the internals of one Go version; install %s, or set GOTOOLCHAIN=%s to have it fetched", want, f[0], want, want)
	}
	tc.goroot = f[1]
	return tc, nil
}

// run executes a go command in the module root and returns its output. An error
// ends with what the command said.
func (tc *toolchain) run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = tc.root, tc.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s %s: %w\n%s%s", name, args[0], args[len(args)-1], err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}
