package qemu

import "path/filepath"

// kernelSources are the folders whose change makes the boot image stale. The
// run file's definition is compiled into init.
var kernelSources = []string{"boot", "arch", "mm", "sched", "ipc", "linuxapi", "servers", "kernel", "qemu/runspec", "go.mod", "go.sum"}

// Kernel returns the path of Go42's boot image, built anew if it is stale.
func (p *Project) Kernel() (string, error) {
	out := filepath.Join(p.Build, "go42.elf")
	err := p.make(out, kernelSources, func(tmp string) error {
		p.say("building the kernel")
		// mkimage leaves files for gdb beside its output, so it gets the real
		// name; the stamp of make goes to a copy of the image.
		if err := command(p.Root, []string{"GOFLAGS="}, "go", "run", "./boot/mkimage", "-o", out); err != nil {
			return err
		}
		return copyFile(out, tmp)
	})
	return out, err
}
