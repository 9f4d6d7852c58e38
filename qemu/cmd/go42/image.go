package main

import (
	"flag"
	"fmt"
	"path/filepath"

	"go42/qemu"
)

// image makes what a boot needs without booting.
func image(args []string) int {
	fs := flag.NewFlagSet("go42 image", flag.ContinueOnError)
	linux := fs.Bool("linux", false, "for Linux")
	out := fs.String("o", "", "write the initramfs of a shell to `FILE`, default build/initramfs.cpio")
	if err := fs.Parse(args); err != nil {
		return qemu.StatusTool
	}
	p, err := qemu.FindProject()
	if err != nil {
		return fail(err)
	}
	if *out == "" {
		*out = filepath.Join(p.Build, "initramfs.cpio")
	}
	c := qemu.Config{Linux: *linux}
	if err := p.WriteInitramfs(*out, &c); err != nil {
		return fail(err)
	}
	fmt.Printf("kernel    %s\ninitramfs %s\n", c.Kernel, *out)
	return 0
}
