package image

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Options says what Build makes and where.
type Options struct {
	// Dir is a folder inside the module; empty is the current one.
	Dir string
	// Out is the image to write; empty is build/go42.elf. kernel.elf,
	// libos.elf and go42srv go beside it, with symbols and DWARF.
	Out string
	// Kernel, LibOS and Server are the packages; empty means the system's
	// own. A test gives its own.
	Kernel, LibOS, Server string
	// KernelOnly leaves libOS and server out of the image.
	KernelOnly bool
	// Debug builds with tag go42debug: lock order is asserted, and the kernel
	// verifies its memory structures on request.
	Debug bool
	// Logf, if not nil, hears what is done.
	Logf func(format string, args ...any)
}

const (
	kernelPackage = "go42/boot/kernel"
	libosPackage  = "go42/linuxapi/libos"
	serverPackage = "go42/servers/go42srv"

	// The modules' names in bootinfo.Info.
	libosModule  = "libos"
	serverModule = "go42srv"
)

// A target is one freestanding image.
type target struct {
	name, pkg, tags string
	text            string // -T
	limit           int    // stack bound in bytes
}

// Build makes the image. The error names what is missing or which check failed.
func Build(o Options) error {
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	tc, err := findToolchain(or(o.Dir, "."))
	if err != nil {
		return err
	}
	out := or(o.Out, filepath.Join(tc.root, "build", "go42.elf"))
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	dir := filepath.Dir(out)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	overlay, err := tc.writeOverlay(dir)
	if err != nil {
		return err
	}
	b := &builder{Options: o, tc: tc, dir: dir, overlay: overlay}

	kernel, err := b.freestanding(target{
		name: "kernel", pkg: or(o.Kernel, kernelPackage), tags: "freestanding,go42,go42kernel",
		text: "-0x7fe00000", limit: 32 << 10,
	})
	if err != nil {
		return err
	}
	var mods []moduleFile
	if !o.KernelOnly {
		libos, err := b.freestanding(target{
			name: "libos", pkg: or(o.LibOS, libosPackage), tags: "freestanding,go42,go42libos",
			text: "0x7e0010001000", limit: 64 << 10,
		})
		if err != nil {
			return err
		}
		srv, err := b.ordinary(serverModule, or(o.Server, serverPackage))
		if err != nil {
			return err
		}
		mods = []moduleFile{{libosModule, libos}, {serverModule, srv}}
	}
	return b.assemble(out, kernel, mods)
}

// lock keeps two builds from writing the same folder at once.
func lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

type builder struct {
	Options
	tc      *toolchain
	dir     string // of all outputs
	overlay string
}

// mainPackage checks that pkg exists and is a command.
func (b *builder) mainPackage(pkg, tags string) error {
	out, err := b.tc.run("go", "list", "-e", "-tags", tags, "-f", "{{.Name}}", pkg)
	if err != nil {
		return err
	}
	if out != "main\n" {
		return fmt.Errorf("package %s does not exist or is not a main package (tags %s)", pkg, tags)
	}
	return nil
}

// freestanding builds, patches and checks one image and returns the path of
// the result, which has symbols and DWARF.
func (b *builder) freestanding(t target) (string, error) {
	raw := filepath.Join(b.dir, "raw", t.name+".elf")
	if b.Debug {
		t.tags += ",go42debug"
	}
	_, err := b.tc.run("go", "build", "-o", raw, "-overlay", b.overlay, "-tags", t.tags, "-trimpath",
		"-gcflags=all=-wb=false", "-ldflags=-T="+t.text+" -R=0x1000", t.pkg)
	if err != nil {
		if e := b.mainPackage(t.pkg, t.tags); e != nil {
			return "", e
		}
		return "", err
	}
	return b.finish(t, raw)
}

// ordinary builds a static Go program for Go42's Linux ABI.
func (b *builder) ordinary(name, pkg string) (string, error) {
	out := filepath.Join(b.dir, name)
	if _, err := b.tc.run("go", "build", "-o", out, "-trimpath", "-ldflags=-s -w", pkg); err != nil {
		if e := b.mainPackage(pkg, ""); e != nil {
			return "", e
		}
		return "", err
	}
	return out, nil
}
