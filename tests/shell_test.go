package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/u-root/u-root/pkg/cpio"

	"go42/qemu"
)

// busybox is Debian's statically linked busybox; its shell finds its applets
// in itself.
func busybox(t *testing.T) string {
	t.Helper()
	p, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal("busybox is missing: apt-get install busybox-static")
	}
	return p
}

func TestBusybox(t *testing.T) {
	t.Parallel()
	bb := busybox(t)
	scripts, _ := filepath.Glob("testdata/sh/*.sh")
	if len(scripts) == 0 {
		t.Fatal("no scripts")
	}
	b := &batch{}
	for _, s := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(s), ".sh"), func(t *testing.T) {
			abs, _ := filepath.Abs(s)
			b.cfg.Adds = append(b.cfg.Adds, qemu.Add{Host: abs})
			got := b.run(t, []string{"PATH=/nonexistent"}, bb, "sh", abs)
			same(t, got, host(t, []string{"PATH=/bin"}, "", bb, "sh", abs))
		})
	}
}

func TestGosh(t *testing.T) {
	t.Parallel()
	script, _ := filepath.Abs("testdata/gosh/commands.sh")
	bin := uRootCommands(t)
	want := host(t, []string{"PATH=" + bin, "GREETING=hello"}, "", filepath.Join(bin, "gosh"), script)
	if want.status != 7 {
		t.Fatalf("the script does not reach its end on the host: status %d\n%s", want.status, want.stderr)
	}
	got := boot(t, qemu.Config{
		Args: []string{"gosh", "/script"},
		Env:  []string{"PATH=/bbin", "GREETING=hello"},
		Adds: []qemu.Add{{Host: script, Guest: "/script"}},
		Dir:  "/var/tmp",
	})
	same(t, got, want)
}

// uRootCommands unpacks u-root's commands for the host.
func uRootCommands(t *testing.T) string {
	t.Helper()
	file, err := project.URoot()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir := t.TempDir()
	err = cpio.ForEachRecord(cpio.Newc.Reader(f), func(r cpio.Record) error {
		if r.Name == "bbin" || strings.HasPrefix(r.Name, "bbin/") {
			return cpio.CreateFileInRoot(r, dir, false)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "bbin")
}
