package qemu

import (
	"os"
	"path/filepath"
)

// kernelSources are the folders whose change makes the boot image stale. The
// run file's definition is compiled into init.
var kernelSources = []string{"boot", "arch", "mm", "sched", "ipc", "linuxapi", "servers", "kernel", "qemu/runspec", "go.mod", "go.sum"}

// Kernel returns the path of Go42's boot image, built anew if it is stale.
func (p *Project) Kernel() (string, error) {
	return p.kernel(p.Build)
}

// DebugKernel is Kernel for the build that checks itself.
func (p *Project) DebugKernel() (string, error) {
	return p.kernel(filepath.Join(p.Build, "debug"), "-debug")
}

func (p *Project) kernel(dir string, flags ...string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	out := filepath.Join(dir, "go42.elf")
	err := p.make(out, kernelSources, func(tmp string) error {
		p.say("building the kernel")
		// mkimage leaves files for gdb beside its output, so it gets the real
		// name; the stamp of make goes to a copy of the image.
		if err := command(p.Root, []string{"GOFLAGS="}, "go",
			append([]string{"run", "./boot/mkimage", "-o", out}, flags...)...); err != nil {
			return err
		}
		return copyFile(out, tmp)
	})
	return out, err
}
